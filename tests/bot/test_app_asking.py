"""Asking, watching, stopping, going on: what a front sees of a duel until it can be voted on."""

import asyncio
from contextlib import aclosing
from pathlib import Path

import pytest

from bot.app import App
from bot.ballots import Choice
from bot.errors import UnknownDuel
from bot.settings import Settings
from bot.views import DuelView
from engine.backends.base import Prompt
from engine.backends.scripted import Script, ScriptedBackend
from engine.duel import Side
from engine.errors import BackendError, BadModel, BadRequest, DuelbotError
from engine.lineup import Lineup
from tests.bot.scripted import answered, ask, cast, is_tuned, lineup_over, scripted_app, two_answers, until

LONG = tuple(f"word{number} " for number in range(400))


def endless(prompt: Prompt) -> Script:
    """The tuned side writes three times as fast."""
    return Script(LONG, pause_s=0.002 if is_tuned(prompt) else 0.006)


def said(prompt: Prompt) -> list[tuple[str, str]]:
    return [(message.role, message.content) for message in prompt.messages if message.role != "system"]


async def test_a_request_is_answered_by_both_and_the_present_view_comes_first(tmp_path: Path) -> None:
    async with scripted_app(tmp_path / "s") as (app, _):
        asked = await ask(app, "  Prompt or\r\nfine-tune? ", asker="ann")
        assert (asked.request, asked.asker, asked.turn, asked.state) == ("Prompt or\nfine-tune?", "ann", 1, "waiting")
        async with aclosing(app.looking.watch(asked.id, "ann")) as views:
            first = await anext(views)
            assert first.state == "waiting" and first.sides[Side.LEFT].text == ""
        view = await until(app, asked.id, "open")
        assert {side: (shown.text, shown.state) for side, shown in view.sides.items()} == {
            Side.LEFT: ("prompted says hi", "done"),
            Side.RIGHT: ("tuned says hello", "done"),
        }
        assert view.reveal is None and view.carried is None and view.ballots == 0 and view.note == ""


@pytest.mark.parametrize("text", ["", " \n\u200b ", "x" * 100_000, "a\0b", "\x1b[31mred"])
async def test_what_cannot_be_asked_is_refused_and_nothing_is_stored(tmp_path: Path, text: str) -> None:
    async with scripted_app(tmp_path / "s") as (app, backend):
        with pytest.raises(BadRequest):
            await ask(app, text, asker="ann")
        assert await app.looking.history() == [] and backend.prompts == []


async def test_markup_and_right_to_left_marks_are_kept_as_typed(tmp_path: Path) -> None:
    text = "<script>alert(1)</script> \u202eevil\u202c **bold** שלום"
    async with scripted_app(tmp_path / "s") as (app, backend):
        assert (await answered(app, text)).request == text
        assert all(prompt.messages[-1].content == text for prompt in backend.prompts)


async def test_nothing_tells_the_sides_apart_before_the_close(tmp_path: Path) -> None:
    """Whoever sits left and however fast they are: both sides look alike at every moment."""
    seen: list[list[DuelView]] = []
    for first_left in (True, False):
        async with scripted_app(tmp_path / str(first_left), endless, first_left=first_left) as (app, _):
            asked = await ask(app, "Hello?", asker="ann")
            views = []
            async with aclosing(app.looking.watch(asked.id, "bob")) as watched:
                async for view in watched:
                    views.append(view)
                    if len(view.sides[Side.LEFT].text) > 150:
                        break
            await app.asking.stop(asked.id)
            seen.append(views)
    for views in seen:
        for view in views:
            left, right = (view.sides[side] for side in Side)
            assert list(view.sides) == list(Side) and left.state == right.state and len(left.text) == len(right.text)
            assert not left.failure and not left.cut and view.reveal is None


async def test_an_early_failure_does_not_show_before_the_other_side_has_ended(tmp_path: Path) -> None:
    def script(prompt: Prompt) -> Script:
        return Script(LONG[:20], 0.01) if is_tuned(prompt) else Script((), error=BackendError("server", "The server is gone."))

    async with scripted_app(tmp_path / "s", script) as (app, _):
        asked = await ask(app, "Hello?", asker="ann")
        async with aclosing(app.looking.watch(asked.id, "ann")) as views:
            async for view in views:
                if view.state in ("waiting", "answering"):
                    assert view.sides[Side.LEFT].state == view.sides[Side.RIGHT].state != "failed"
                    assert not any(shown.failure for shown in view.sides.values())
        assert view.state == "void" and view.reveal is None
        assert view.sides[Side.LEFT].state == "failed" and view.sides[Side.LEFT].failure == "The server is gone."
        assert view.sides[Side.RIGHT].text == "".join(LONG[:20]) and view.carried is Side.RIGHT
        assert view.note.startswith("One side failed") and "answer B" in view.note


async def test_a_short_answer_that_has_ended_does_not_hold_the_longer_one_back(tmp_path: Path) -> None:
    async with scripted_app(tmp_path / "s", lambda prompt: Script(LONG if is_tuned(prompt) else ("hi",), 0.003)) as (app, _):
        asked = await ask(app, "Hello?", asker="ann")
        async with aclosing(app.looking.watch(asked.id, "ann")) as views:
            async for view in views:
                if view.state == "answering" and len(view.sides[Side.RIGHT].text) > 50:
                    break
        assert view.state == "answering" and view.sides[Side.LEFT].text == "hi"
        assert {shown.state for shown in view.sides.values()} == {"writing"}
        await app.asking.stop(asked.id)


async def test_watchers_are_woken_at_a_calm_pace_and_miss_no_end(tmp_path: Path) -> None:
    async with scripted_app(tmp_path / "s", lambda prompt: Script((*LONG, str(is_tuned(prompt))), pause_s=0.0)) as (app, _):
        asked = await ask(app, "Hello?", asker="ann")
        views = []
        async with aclosing(app.looking.watch(asked.id, "ann")) as watched:
            async for view in watched:
                views.append(view)
                if view.state == "open":
                    break
        assert len(views) < 60  # of 800 pieces
        assert views[-1].sides[Side.LEFT].text == "".join(LONG) + "False"


async def test_any_number_of_watchers_see_the_same_and_a_late_one_sees_the_end(tmp_path: Path) -> None:
    async with scripted_app(tmp_path / "s") as (app, _):
        asked = await ask(app, "Hello?", asker="ann")
        views = await asyncio.gather(*(until(app, asked.id, "open", viewer=f"viewer {number}") for number in range(20)))
        assert len({(view.sides[Side.LEFT], view.sides[Side.RIGHT]) for view in views}) == 1
        assert await until(app, asked.id, "open", viewer="late") == views[0] == await app.looking.view(asked.id, "later")


async def test_a_stop_ends_both_sides_at_one_length_and_keeps_their_texts(tmp_path: Path) -> None:
    async with scripted_app(tmp_path / "s", endless) as (app, backend):
        asked = await ask(app, "Hello?", asker="ann")
        async with aclosing(app.looking.watch(asked.id, "ann")) as views:
            async for before in views:
                if len(before.sides[Side.LEFT].text) > 20:
                    break
        await app.asking.stop(asked.id)
        view = await app.looking.view(asked.id, "ann")
        assert view.state == "void" and "stopped" in view.note and backend.running == 0
        assert view.note.endswith("The conversation goes on with what there is of answer A, the left one.")
        lengths = {len(shown.text) for shown in view.sides.values()}
        assert len(lengths) == 1 and lengths.pop() >= len(before.sides[Side.LEFT].text)
        await app.asking.stop(asked.id)  # once more changes nothing
        assert await app.looking.view(asked.id, "ann") == view
        with pytest.raises(UnknownDuel):
            await app.asking.stop("nothing")


async def test_two_conversations_at_once_do_not_mix(tmp_path: Path) -> None:
    def script(prompt: Prompt) -> Script:
        return Script((f"{'tuned' if is_tuned(prompt) else 'prompted'} on ", prompt.messages[-1].content), 0.002)

    async with scripted_app(tmp_path / "s", script) as (app, backend):
        views = await asyncio.gather(*(answered(app, f"request {number}") for number in range(8)))
        assert len({view.conversation for view in views}) == 8 and len({view.id for view in views}) == 8
        for number, view in enumerate(views):
            assert view.sides[Side.LEFT].text == f"prompted on request {number}"
            assert view.sides[Side.RIGHT].text == f"tuned on request {number}"
        assert backend.running == 0


async def test_a_conversation_goes_on_with_the_answers_that_won(tmp_path: Path) -> None:
    def script(prompt: Prompt) -> Script:
        return Script((f"{'tuned' if is_tuned(prompt) else 'prompted'} on {prompt.messages[-1].content}",))

    async with scripted_app(tmp_path / "s", script) as (app, backend):
        first = await answered(app, "one")
        first = await cast(app, first.id, "ann", Choice.RIGHT)
        assert first.carried is Side.RIGHT and first.note == "The conversation goes on with answer B, the better one."
        second = await answered(app, "two", conversation=first.conversation)
        second = await cast(app, second.id, "ann", Choice.TIE)
        assert second.turn == 2 and second.note == "The conversation goes on with answer A, the left one, after a tie."
        third = await answered(app, "three", conversation=first.conversation)
        assert third.note == ""
        fourth = await answered(app, "four", conversation=first.conversation)  # nobody voted on the third
        assert "left one" in fourth.note and "has not closed" in fourth.note
        told = [
            ("user", "one"),
            ("assistant", "tuned on one"),
            ("user", "two"),
            ("assistant", "prompted on two"),
            ("user", "three"),
            ("assistant", "prompted on three"),
            ("user", "four"),
        ]
        assert [said(prompt) for prompt in backend.prompts[-2:]] == [told, told]
        late = await cast(app, third.id, "ann", Choice.RIGHT)
        assert late.state == "closed" and late.carried is Side.LEFT and "had gone on" in late.note
        assert [view.turn for view in await app.looking.conversation(first.conversation, "ann")] == [1, 2, 3, 4]


async def test_void_turns_go_on_with_the_one_good_answer_or_are_left_out(tmp_path: Path) -> None:
    def script(prompt: Prompt) -> Script:
        request = prompt.messages[-1].content
        if request == "neither" or (request == "one fails" and not is_tuned(prompt)):
            return Script((), error=BackendError("server", "Gone."))
        return Script(LONG, 0.005) if request == "stopped at once" else Script((f"{is_tuned(prompt)} on {request}",))

    async with scripted_app(tmp_path / "s", script) as (app, backend):
        void = await answered(app, "neither")
        assert void.state == "void" and void.carried is None and "Neither side" in void.note
        await answered(app, "one fails", conversation=void.conversation)
        stopped = await ask(app, "stopped at once", asker="ann", conversation=void.conversation)
        await app.asking.stop(stopped.id)
        assert (await app.looking.view(stopped.id, "ann")).sides[Side.LEFT].text == ""
        await answered(app, "last", conversation=void.conversation)
        assert said(backend.prompts[-1]) == [("user", "one fails"), ("assistant", "True on one fails"), ("user", "last")]


async def test_the_next_request_waits_until_the_one_before_is_answered(tmp_path: Path) -> None:
    async with scripted_app(tmp_path / "s", endless) as (app, _):
        asked = await ask(app, "Hello?", asker="ann")
        for _ in range(2):
            with pytest.raises(BadRequest, match="still being answered"):
                await ask(app, "And?", asker="ann", conversation=asked.conversation)
        await app.asking.stop(asked.id)
        assert (await ask(app, "And?", asker="ann", conversation=asked.conversation)).turn == 2
        with pytest.raises(UnknownDuel):
            await ask(app, "And?", asker="ann", conversation="no such conversation")


async def test_two_requests_at_once_in_one_conversation_become_one(tmp_path: Path) -> None:
    async with scripted_app(tmp_path / "s") as (app, _):
        first = await answered(app)
        both = await asyncio.gather(
            *(ask(app, text, asker="ann", conversation=first.conversation) for text in ("this", "that")), return_exceptions=True
        )
        assert sorted(type(one) for one in both if not isinstance(one, DuelView)) == [BadRequest]
        assert len(await app.looking.conversation(first.conversation, "ann")) == 2


async def test_the_model_is_told_whose_duel_it_answers(tmp_path: Path) -> None:
    async with scripted_app(tmp_path / "s") as (app, backend):
        for asker in ("ann", "ben"):
            await until(app, (await ask(app, "Hello?", asker=asker)).id, "open")
        assert [party.owner for party in backend.parties] == ["ann", "ann", "ben", "ben"]


async def test_an_answer_at_the_token_limit_says_that_it_was_cut(tmp_path: Path) -> None:
    async with scripted_app(
        tmp_path / "s", lambda prompt: Script((str(is_tuned(prompt)),), finish="length" if is_tuned(prompt) else "end")
    ) as (app, _):
        view = await answered(app)
        assert [view.sides[side].cut for side in Side] == [False, True]


async def test_a_side_over_its_time_fails_in_words_and_keeps_what_it_wrote(tmp_path: Path) -> None:
    def script(prompt: Prompt) -> Script:
        return Script(LONG, 0.01) if is_tuned(prompt) else Script(("hi",))

    async with scripted_app(tmp_path / "s", script, limit_s=0.1) as (app, _):
        view = await answered(app)
        assert view.state == "void" and view.sides[Side.RIGHT].failure.startswith("No complete answer within 0.1 s: ")
        assert view.sides[Side.RIGHT].text.startswith("word0 ") and view.sides[Side.LEFT].text == "hi"


async def test_a_request_asked_while_the_model_loads_waits_and_is_answered(tmp_path: Path) -> None:
    loaded, backend = asyncio.Event(), ScriptedBackend(two_answers)

    async def open_lineup() -> Lineup:
        await loaded.wait()
        return lineup_over(backend)

    async with App.open(Settings.of(store_path=str(tmp_path / "s"), base_model="demo"), open_lineup) as app:
        assert app.model.state == "loading" and "demo" in app.model.words
        waiting, stopped = [await ask(app, text, asker="ann") for text in ("Hello?", "Never mind")]
        assert waiting.state == "waiting" and "as soon as it is ready" in waiting.note
        await app.asking.stop(stopped.id)
        assert (await app.looking.view(stopped.id, "ann")).state == "void"
        assert await app.judging.estimate() is None and "loaded" in (await app.judging.verdict()).words
        loaded.set()
        assert (await until(app, waiting.id, "open")).note == ""
        assert (await app.model_settled()).state == "ready" and "prompted meets tuned" in app.model.words
    assert {prompt.messages[-1].content for prompt in backend.prompts} == {"Hello?"}


@pytest.mark.parametrize("error", [BadModel("There is no model folder here."), RuntimeError("a bug")])
async def test_a_model_that_cannot_be_loaded_says_why_and_history_can_still_be_read(
    tmp_path: Path, error: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    async with scripted_app(tmp_path / "s") as (app, _):
        earlier = await answered(app)
    gate = asyncio.Event()

    async def open_lineup() -> Lineup:
        await gate.wait()
        raise error

    async with App.open(Settings.of(store_path=str(tmp_path / "s"), base_model="demo"), open_lineup) as app:
        early = await ask(app, "Hello?", asker="ann")
        gate.set()
        failed = await app.model_settled()
        assert failed.state == "failed" and str(error) in failed.words
        void = await until(app, early.id, "void")
        assert void.note == failed.words
        with pytest.raises(DuelbotError) as refused:
            await ask(app, "Again?", asker="ann")
        assert refused.value.words == failed.words
        assert await app.looking.view(earlier.id, "bob") == earlier and len(await app.looking.history()) == 2
        assert (await cast(app, earlier.id, "ann", Choice.LEFT)).state == "closed"
    assert ("a bug" in caplog.text) is isinstance(error, RuntimeError)


async def test_a_bug_in_one_duel_ends_it_in_words_and_leaves_the_others_alone(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    def script(prompt: Prompt) -> Script:
        return two_answers(prompt) if prompt.messages[-1].content != "bug" else 1 / 0  # type: ignore[return-value]

    async with scripted_app(tmp_path / "s", script) as (app, _):
        broken, fine = await asyncio.gather(answered(app, "bug"), answered(app, "fine"))
        assert broken.state == "void" and "error in Duelbot" in broken.note and fine.state == "open"
    assert "ZeroDivisionError" in caplog.text
