"""A new version on past requests: previews that prove nothing, and rematches in which only changed answers are voted on."""

import asyncio
import tomllib
from pathlib import Path
from typing import Any

import pytest

from bot.app import App
from bot.app.orders import Order
from bot.app.rematching import RematchRun, run_words
from bot.app.versions import Edit
from bot.ballots import Choice
from bot.evidence.duels import Absence
from bot.verdict import Verdict
from engine.backends.base import Prompt, Stop
from engine.backends.scripted import Script
from engine.duel import Answer
from engine.errors import BadRequest, UnfairDuel
from engine.parsing import toml_table
from engine.recipes import parse_recipe
from tests.bot.scripted import answered, ask, cast, is_tuned, scripted_app, until
from tests.patience import patient

ME = Order("", "web:1", owner=True)


def by_rule(prompt: Prompt) -> Script:
    """The second version answers odd questions otherwise than the first; the fine-tune has an answer of its own."""
    if is_tuned(prompt):
        return Script(("tuned",))
    asked, new = prompt.messages[-1].content, "Brief" in prompt.messages[0].content
    return Script(("new",) if new and asked.split()[-1].strip("?") in "13579" else ("old",), 0.001)


async def saved(app: App, **changes: Any) -> tuple[str, str]:
    """The versions before and after a change."""
    first = app.versions.live(None)
    assert first
    table = {**tomllib.loads(first.content), "system": "Brief.", **changes}
    return first.id, (await app.versions.save(Edit(first.id, table, "shorter", "web:1", 60.0))).version.id


async def closed(app: App, many: int) -> None:
    for number in range(many):
        await cast(app, (await answered(app, f"What about number {number}?")).id, "ann", Choice.LEFT)


async def ended(run: RematchRun) -> RematchRun:
    for _ in range(round(patient(500))):
        if run.ended:
            return run
        await asyncio.sleep(0.01)
    raise AssertionError("the run does not end")


async def test_only_changed_answers_wait_for_a_vote_and_equal_ones_are_auto_ties(tmp_path: Path) -> None:
    async with scripted_app(tmp_path / "s", by_rule) as (app, backend):
        await closed(app, 8)
        old, new = await saved(app)
        asked = len(backend.prompts)
        run = await ended(await app.rematching.begin(new, old, ME))
        assert (run.total, run.done, run.equal, run.changed, run.failed, run.why) == (8, 8, 4, 4, 0, "")
        assert len(backend.prompts) == asked + 8  # the old answers are those of then
        waiting = await app.rematching.waiting()
        assert len(waiting) == 4 and await app.looking.history(search="nothing") == [] and len(await app.looking.history()) == 8
        for duel in waiting:
            view = await app.looking.view(duel, "bob")
            assert view.state == "open" and view.reveal is None and {side.text for side in view.sides.values()} == {"old", "new"}
            better = next(side for side, one in view.sides.items() if one.text == "new")
            decided = await cast(app, duel, "bob", Choice(better.value))
            assert decided.reveal and str(decided.reveal.sides[better].recipe) == "house 2"
        standing = await app.rematching.standing(new)
        assert (standing.equal, standing.open, standing.closed) == (4, 0, 4)
        pair = next((one, other) for one, other, _ in await app.judging.pairs() if one.arm == other.arm)
        verdict = await app.judging.verdict(pair)
        assert isinstance(verdict, Verdict) and verdict.decision.n == 4 and verdict.latency == ()
        share = verdict.decision.theta if pair[1].recipe.version == "2" else 1 - (verdict.decision.theta or 0)
        assert share == 1.0
        async with app.judging.evidence.ledgers.current(app.judging.evidence.scope(pair)) as held:
            assert held.ledger.absent[Absence.AUTO_TIE] == 4
        with pytest.raises(BadRequest, match="answered them all"):
            await app.rematching.begin(new, old, ME)


async def test_what_proves_nothing_is_left_out_and_sampling_must_be_the_same(tmp_path: Path) -> None:
    async with scripted_app(tmp_path / "s", by_rule) as (app, _):
        await closed(app, 5)
        old, new = await saved(app, examples=[{"user": "What about number 3?", "assistant": "three"}])
        trials = await app.previewing.trials(None, 1)
        recipe = parse_recipe(toml_table(app.versions.version(new).content.encode()))
        await app.previewing.run(recipe, trials[0], ME, lambda which, text: None, Stop())
        run = await ended(await app.rematching.begin(new, old, ME))
        assert (run.left_out, run.equal, run.changed) == (2, 2, 1)  # 3 is an example, 4 was tried out on
        _, warm = await saved(app, sampling={"temperature": 0.7})
        with pytest.raises(UnfairDuel, match="could be chance"):
            await app.rematching.begin(warm, old, ME)


async def test_of_other_people_only_what_they_agreed_to_is_asked_again(tmp_path: Path) -> None:
    order = Order("", "web:2")
    async with scripted_app(tmp_path / "s", by_rule) as (app, _):
        await closed(app, 3)
        own = await ask(app, "What about number 5?", asker="web:2")
        await cast(app, (await until(app, own.id, "open")).id, "web:2", Choice.LEFT)
        after_others = await ask(app, "And number 7?", asker="web:2", conversation=(await app.looking.history())[-1].conversation)
        await cast(app, (await until(app, after_others.id, "open")).id, "web:2", Choice.LEFT)
        old, new = await saved(app)
        run = await ended(await app.rematching.begin(new, old, order))
        assert (run.total, run.withheld) == (1, 4), "what goes on with what others said holds their words, too"
        assert "4 requests of people who have not agreed (/consent) stay as they were." in run_words(run)
        with pytest.raises(BadRequest, match=r"answered them all\. 4 requests of people"):
            await app.rematching.begin(new, old, order)
        await app.consents.agree("ann", None)
        run = await ended(await app.rematching.begin(new, old, order))
        assert (run.total, run.withheld) == (4, 0) and "agreed" not in run_words(run)


async def test_a_preview_streams_counts_to_limits_and_makes_its_request_no_evidence(tmp_path: Path) -> None:
    async with scripted_app(tmp_path / "s", by_rule, discord_person_per_minute=2) as (app, backend):
        await closed(app, 2)
        _, new = await saved(app)
        recipe = parse_recipe(toml_table(app.versions.version(new).content.encode()))
        [latest, earlier] = await app.previewing.trials(None)
        assert (latest.request.text, latest.old) == ("What about number 1?", "old")
        heard: list[tuple[str, str]] = []
        order = Order("", "web:guest")
        found = await app.previewing.run(recipe, latest, order, lambda which, text: heard.append((which, text)), Stop())
        assert heard == [("new", "new")] and isinstance(found["new"], Answer) and list(found) == ["new"]
        await app.previewing.run(recipe, earlier, order, lambda which, text: None, Stop())
        with pytest.raises(BadRequest, match="asked 2 requests within a minute"):
            await app.previewing.run(recipe, earlier, order, lambda which, text: None, Stop())
        assert len(await app.looking.history()) == 2  # a preview is no duel
        typed = await app.previewing.typed(" Anything? ", None)
        both = await app.previewing.run(recipe, typed, ME, lambda which, text: None, Stop())
        assert set(both) == {"new", "old"}
        size = await app.previewing.gauge(recipe, typed.request)
        assert size and (size.prompt_tokens, size.shared_tokens, size.room_tokens) == (2, 1, 2048 - 128 - 2)
        await app.versions.use(new, None, "web:1", "better")
        again = await cast(app, (await answered(app, "what about  NUMBER 1?")).id, "ann", Choice.LEFT)
        async with app.core.store.reading() as look:
            assert [row["duel"] for row in await look.rows("SELECT duel FROM trained_on")] == [again.id]
        spending = await app.judging.spending()
        assert spending.day_usd > 0
        assert backend.running == 0
