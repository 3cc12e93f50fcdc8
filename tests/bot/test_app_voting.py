"""Ballots, closing, the reveal, the history, and what is counted from them."""

import asyncio
from contextlib import aclosing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bot.app import App
from bot.ballots import Choice
from bot.errors import BallotRefused, UnknownDuel
from bot.settings import Settings
from engine.backends.base import Prompt
from engine.backends.scripted import Script, ScriptedBackend
from engine.contestants import Arm
from engine.duel import Side
from engine.errors import BackendError, BadRequest
from engine.lineup import Lineup
from engine.named import Named
from tests.bot.scripted import answered, ask, cast, close, is_tuned, lineup_over, scripted_app, two_answers, until
from tests.patience import patient


@pytest.mark.parametrize("first_left", [True, False])
@pytest.mark.parametrize("choice", Choice)
async def test_one_ballot_closes_a_one_person_duel_and_reveals_who_was_who(tmp_path: Path, first_left: bool, choice: Choice) -> None:
    async with scripted_app(tmp_path / "s", first_left=first_left) as (app, _):
        view = await answered(app)
        revealed = await cast(app, view.id, "ann", choice)
        assert revealed.state == "closed" and revealed.own_choice is choice and revealed.ballots == 1 and revealed.reveal
        assert revealed.reveal.tally == {each: int(each is choice) for each in Choice}
        prompted, tuned = (revealed.reveal.sides[side] for side in (Side if first_left else reversed(Side)))
        assert (prompted.arm, prompted.recipe, prompted.adapter) == (Arm.PROMPTED, Named("house", "1"), None)
        assert (tuned.arm, tuned.recipe, tuned.adapter) == (Arm.TUNED, Named("plain", "1"), Named("demo", "1"))
        assert prompted.contestant_id != tuned.contestant_id
        assert tuned.usage.new_tokens == 3 and tuned.usage.total_s == pytest.approx(0.006)
        assert tuned.cost.usd == pytest.approx(0.006 * 0.36 / 3600) and tuned.cost.source == "a test"
        assert revealed.carried is (Side.RIGHT if choice is Choice.RIGHT else Side.LEFT)
        better = (await app.judging.verdict()).better
        preferred = {Choice.LEFT: Side.LEFT, Choice.RIGHT: Side.RIGHT}.get(choice)
        won = preferred and revealed.reveal.sides[preferred].arm
        assert better == tuple(int(won is arm) for arm in (Arm.PROMPTED, Arm.TUNED))


async def test_a_reload_and_a_restart_show_the_same_as_before(tmp_path: Path) -> None:
    async with scripted_app(tmp_path / "s") as (app, _):
        view = await answered(app)
        revealed = await cast(app, view.id, "ann", Choice.RIGHT)
        assert await app.looking.view(view.id, "ann") == revealed
        standing = await app.judging.verdict()
    async with scripted_app(tmp_path / "s", first_left=False) as (app, _):
        assert await app.looking.view(view.id, "ann") == revealed
        assert await app.looking.conversation(view.conversation, "ann") == [revealed]
        assert await app.judging.verdict() == standing
        assert (await app.looking.view(view.id, "bob")).own_choice is None


async def test_a_ballot_can_be_changed_until_the_close_and_counts_once(tmp_path: Path) -> None:
    async with scripted_app(tmp_path / "s") as (app, _):
        view = await answered(app, quorum=2)
        for choice in (Choice.LEFT, Choice.LEFT, Choice.RIGHT):
            mine = await cast(app, view.id, "ann", choice)
            assert mine.state == "open" and mine.ballots == 1 and mine.own_choice is choice and mine.reveal is None
        closed = await cast(app, view.id, "bob", Choice.BOTH_BAD)
        assert closed.state == "closed" and closed.reveal
        assert closed.reveal.tally == {Choice.LEFT: 0, Choice.RIGHT: 1, Choice.TIE: 0, Choice.BOTH_BAD: 1}


async def test_after_the_close_the_same_click_again_is_no_error_and_another_choice_is(tmp_path: Path) -> None:
    async with scripted_app(tmp_path / "s") as (app, _):
        view = await answered(app)
        closed = await cast(app, view.id, "ann", Choice.TIE)
        assert await cast(app, view.id, "ann", Choice.TIE) == closed
        for voter, choice in (("ann", Choice.LEFT), ("bob", Choice.TIE)):
            with pytest.raises(BallotRefused, match="has closed"):
                await cast(app, view.id, voter, choice)
        assert await app.looking.view(view.id, "ann") == closed


async def test_ballots_cast_at_the_same_time_are_all_counted_and_the_quorum_closes_once(tmp_path: Path) -> None:
    async with scripted_app(tmp_path / "s") as (app, _):
        view = await answered(app, quorum=10)
        casts = await asyncio.gather(*(cast(app, view.id, f"voter {number}", Choice.RIGHT) for number in range(25)), return_exceptions=True)
        assert sum(isinstance(each, BallotRefused) for each in casts) == 15
        closed = await app.looking.view(view.id, "voter 0")
        assert closed.reveal and closed.reveal.tally[Choice.RIGHT] == closed.ballots == 10


async def test_one_voter_in_two_browsers_at_once_has_one_ballot(tmp_path: Path) -> None:
    async with scripted_app(tmp_path / "s") as (app, _):
        view = await answered(app, quorum=9)
        await asyncio.gather(*(cast(app, view.id, "ann", choice) for choice in [*Choice] * 5))
        assert (await app.looking.view(view.id, "ann")).ballots == 1


async def test_while_the_vote_is_open_everybody_sees_how_many_voted_and_only_their_own_choice(tmp_path: Path) -> None:
    async with scripted_app(tmp_path / "s") as (app, _):
        view = await answered(app, quorum=9)
        counts = []

        async def follow() -> None:
            async with aclosing(app.looking.watch(view.id, "bob")) as views:
                counts.extend([(seen.state, seen.ballots, seen.own_choice, seen.carried) async for seen in views])

        following = asyncio.create_task(follow())
        for number in range(3):
            await asyncio.sleep(0.02)
            await cast(app, view.id, f"voter {number}", Choice.RIGHT)
        await asyncio.sleep(0.02)
        closed = await close(app, view.id)
        await asyncio.wait_for(following, patient(5))
        assert counts == [*(("open", ballots, None, None) for ballots in range(4)), ("closed", 3, None, Side.RIGHT)]
        assert await close(app, view.id) == closed


async def test_a_vote_closed_without_ballots_is_no_evidence(tmp_path: Path) -> None:
    async with scripted_app(tmp_path / "s") as (app, _):
        closed = await close(app, (await answered(app, quorum=9)).id)
        assert closed.state == "closed" and closed.reveal and closed.carried is Side.LEFT and "nobody voted" in closed.note
        assert (await app.judging.verdict()).duels == 0


async def test_duels_that_take_no_ballots_say_why(tmp_path: Path) -> None:
    def script(prompt: Prompt) -> Script:
        match prompt.messages[-1].content:
            case "slow":
                return Script(("word ",) * 100, 0.05)
            case "same":
                return Script(("same",))
            case _:
                return Script((), error=BackendError("server", "Gone."))

    async with scripted_app(tmp_path / "s", script) as (app, _):
        slow = await ask(app, "slow", asker="ann")
        for duel_id, why in (
            (slow.id, "must be complete"),
            ((await answered(app, "same")).id, "were the same"),
            ((await answered(app, "fail")).id, "is void"),
        ):
            with pytest.raises(BallotRefused, match=why):
                await cast(app, duel_id, "ann", Choice.LEFT)
        for duel_id in (slow.id, (await answered(app, "fail")).id):
            with pytest.raises(BallotRefused):
                await close(app, duel_id)
        await app.asking.stop(slow.id)
        with pytest.raises(BallotRefused, match="is void"):
            await cast(app, slow.id, "ann", Choice.LEFT)
        for call in (
            cast(app, "no", "ann", Choice.TIE),
            close(app, "no"),
            app.looking.view("no", "ann"),
            app.looking.conversation("no", "ann"),
        ):
            with pytest.raises(UnknownDuel):
                await call
        with pytest.raises(BadRequest):
            await ask(app, "Hello?", asker="ann", quorum=0)


async def test_the_history_is_newest_first_found_by_any_case_and_read_on_from_a_time(tmp_path: Path) -> None:
    start, ticks = datetime(2026, 11, 22, tzinfo=UTC), iter(range(1000))

    async def open_lineup() -> Lineup:
        return lineup_over(ScriptedBackend(two_answers))

    async with App.open(
        Settings.of(store_path=str(tmp_path / "s")), open_lineup, now=lambda: start + timedelta(minutes=next(ticks))
    ) as app:
        for text in ("Straße one", "100% of it", "three", "STRASSE four"):
            await answered(app, text)
        newest = await app.looking.history()
        assert [line.request for line in newest] == ["STRASSE four", "three", "100% of it", "Straße one"]
        assert [(line.turn, line.state, line.ballots) for line in newest] == [(1, "open", 0)] * 4
        assert [line.request for line in await app.looking.history(limit=2, before=newest[1].asked_at)] == ["100% of it", "Straße one"]
        assert [line.request for line in await app.looking.history(search=" strasse ")] == ["STRASSE four", "Straße one"]
        assert [line.request for line in await app.looking.history(search="%")] == ["100% of it"]
        assert await app.looking.history(search="'; DROP TABLE duels") == []


async def test_the_estimate_is_none_at_first_and_then_the_median_of_this_pairs_duels(tmp_path: Path) -> None:
    words = iter((1, 1, 2, 2, 9, 9))

    def script(prompt: Prompt) -> Script:
        return Script((*(("word ",) * next(words)), str(is_tuned(prompt))), 0.002)

    async with scripted_app(tmp_path / "s", script) as (app, _):
        assert await app.judging.estimate() is None
        for _ in range(3):
            await answered(app)
        estimate = await app.judging.estimate()
        assert estimate and estimate.duels == 3
        assert estimate.total_s == pytest.approx(3 * 0.002)  # of 2, 3 and 10 words a side
        assert estimate.usd == pytest.approx(2 * 3 * 0.002 * 0.36 / 3600)
    async with scripted_app(tmp_path / "s", lambda prompt: Script((), error=BackendError("server", "Gone."))) as (app, _):
        await answered(app)
        assert await app.judging.estimate() == estimate  # a void duel is no history


async def test_ids_are_opaque_and_the_coin_falls_both_ways(tmp_path: Path) -> None:
    async def open_lineup() -> Lineup:
        return lineup_over(ScriptedBackend(two_answers))

    async with App.open(Settings.of(store_path=str(tmp_path / "s")), open_lineup) as app:
        await app.model_settled()
        views = [await until(app, (await ask(app, "Hello?", asker="ann")).id, "open") for _ in range(24)]
        assert all(len(view.id) == 32 and int(view.id, 16) for view in views)
        assert len({view.sides[Side.LEFT].text for view in views}) == 2  # fails once in 8 million runs
