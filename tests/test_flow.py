"""The main job from end to end: ask, two answers stream, vote, reveal, go on, restart, and it is all still there."""

from contextlib import aclosing
from itertools import pairwise
from pathlib import Path

from bot.app import App, OpenLineup
from bot.ballots import Choice
from bot.settings import Settings
from bot.views import DuelView
from engine.backends.base import Prompt
from engine.backends.scripted import Script, ScriptedBackend
from engine.duel import Side
from engine.lineup import Lineup
from tests.bot.scripted import ask, cast, is_tuned, lineup_over


def script(prompt: Prompt) -> Script:
    """Each side names itself and what it was asked, word by word."""
    words = f"{'The adapter' if is_tuned(prompt) else 'The recipe'} answers {prompt.messages[-1].content}".split(" ")
    return Script(tuple(f"{word} " for word in words), 0.02 if is_tuned(prompt) else 0.01)


async def stream(app: App, duel_id: str) -> list[DuelView]:
    """What one who watches sees, until the duel is open for ballots."""
    views = []
    async with aclosing(app.looking.watch(duel_id, "ann")) as watched:
        async for view in watched:
            views.append(view)
            if view.state not in ("waiting", "answering"):
                break
    return views


async def check_flow(store: Path, open_lineup: OpenLineup, request: str = "Prompt or fine-tune for 300 labelled tickets?") -> None:
    """Two turns of one conversation, then a restart. Holds for any model whose two sides answer this request differently."""
    settings = Settings.of(store_path=str(store))
    async with App.open(settings, open_lineup) as app:
        assert await app.looking.history() == [] and await app.judging.estimate() is None
        first = await ask(app, request, asker="ann")
        views = await stream(app, first.id)
        check_streaming(views)
        assert views[-1].state == "open" and all(side.text.strip() for side in views[-1].sides.values())
        closed = await cast(app, first.id, "ann", Choice.RIGHT)
        check_reveal(closed)
        second = await ask(app, "And with 10,000 of them?", asker="ann", conversation=first.conversation)
        assert (second.turn, second.conversation) == (2, first.conversation)
        assert (await stream(app, second.id))[-1].state in ("open", "closed")
        estimate, standing = await app.judging.estimate(), await app.judging.verdict()
        assert estimate and estimate.duels == 2 and estimate.total_s > 0 and standing.duels == 1
        before = await app.looking.conversation(first.conversation, "ann")
    async with App.open(settings, open_lineup) as app:
        assert await app.looking.conversation(first.conversation, "ann") == before
        assert [line.id for line in await app.looking.history(search=request[:20].upper())] == [first.id]
        await app.model_settled()
        assert await app.judging.verdict() == standing and await app.judging.estimate() == estimate


def check_streaming(views: list[DuelView]) -> None:
    """Texts only grow, at one pace, and nothing is revealed."""
    for side in Side:
        texts = [view.sides[side].text for view in views]
        assert all(later.startswith(earlier) for earlier, later in pairwise(texts))
    assert any(0 < len(view.sides[Side.LEFT].text) < len(views[-1].sides[Side.LEFT].text) for view in views)
    assert all(view.reveal is None and view.carried is None for view in views)


def check_reveal(closed: DuelView) -> None:
    assert closed.state == "closed" and closed.reveal and closed.carried is Side.RIGHT
    assert len({revealed.contestant_id for revealed in closed.reveal.sides.values()}) == 2
    for revealed in closed.reveal.sides.values():
        assert revealed.usage.new_tokens > 0 and revealed.usage.prompt_tokens > 0
        assert 0 < revealed.usage.first_token_s <= revealed.usage.total_s
        assert revealed.cost.usd is not None and revealed.cost.usd > 0 and revealed.cost.source


async def test_the_flow_over_scripted_answers(tmp_path: Path) -> None:
    backend = ScriptedBackend(script)

    async def open_lineup() -> Lineup:
        return lineup_over(backend)

    await check_flow(tmp_path / "duels.sqlite3", open_lineup)
    history = [message for message in backend.prompts[-1].messages if message.role != "system"]
    assert [message.role for message in history] == ["user", "assistant", "user"]
    assert history[1].content.endswith("answers Prompt or fine-tune for 300 labelled tickets? ")
    assert backend.running == 0
