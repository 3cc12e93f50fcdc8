"""Votes of several people outside of channels, a ballot that can be taken back, reasons, and what waits for a vote."""

import asyncio
import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bot.app import App
from bot.app.exporting import export_of
from bot.ballots import Choice, Reason, Why
from bot.errors import BallotRefused
from bot.store.duels import DuelRows
from bot.store.forgetting import forget
from bot.tools.exchange import export
from bot.views import DuelView, VoterReason
from engine.errors import BadRequest
from tests.bot.scripted import answered, ask, cast, scripted_app, until
from tests.patience import patient

START = datetime(2026, 11, 28, 12, tzinfo=UTC)


@dataclass
class Clock:
    """A clock that only a test moves."""

    at: datetime = START

    def __call__(self) -> datetime:
        return self.at


async def collecting(app: App, *, quorum: int = 3, hours: float = 24.0) -> DuelView:
    """A duel of ann's that collects votes, with three people who have names."""
    view = await answered(app)
    for voter in ("ann", "bob", "cleo"):
        await app.collecting.call(voter, voter.title())
    return await app.collecting.collect(view.id, "ann", quorum=quorum, hours=hours)


async def held(app: App, duel: str, voter: str, choice: Choice) -> DuelView:
    return (await app.voting.cast(duel, voter, choice, held=True)).view


async def test_nobody_sees_who_voted_or_why_before_as_many_as_were_wanted_have(tmp_path: Path) -> None:
    async with scripted_app(tmp_path / "s") as (app, _):
        view = await collecting(app)
        mine = await cast(app, view.id, "ann", Choice.RIGHT)
        await app.voting.explain(view.id, "ann", (Why.CLEARER,), "no small talk")
        seen = await app.looking.view(view.id, "bob")
        assert mine.own_choice is Choice.RIGHT and (seen.ballots, seen.own_choice, seen.own_reason) == (1, None, None)
        assert seen.state == "open" and seen.collected and seen.collected.quorum == 3
        assert (seen.collected.names, seen.reasons, seen.reveal, seen.carried) == ((), (), None, None)
        assert "Ann" not in repr(seen) and "small talk" not in repr(seen)
        assert (await app.looking.view(view.id, "ann")).own_reason == Reason((Why.CLEARER,), "no small talk")
        await cast(app, view.id, "bob", Choice.RIGHT)
        closed = await cast(app, view.id, "cleo", Choice.TIE)
        assert closed.state == "closed" and closed.reveal and closed.reveal.tally[Choice.RIGHT] == 2
        assert closed.collected and closed.collected.names == ("Ann", "Bob", "Cleo")
        assert closed.reasons == (VoterReason(Choice.RIGHT, Reason((Why.CLEARER,), "no small talk")),)
        assert (await app.judging.verdict()).duels == 1


async def test_who_votes_among_several_says_who_they_are_first(tmp_path: Path) -> None:
    async with scripted_app(tmp_path / "s") as (app, _):
        view = await collecting(app)
        with pytest.raises(BallotRefused, match="Say who you are first"):
            await cast(app, view.id, "dan", Choice.TIE)
        for name, why in (("", "Write the name"), (" \u200b ", "Write the name"), ("x" * 41, "at most 40 characters")):
            with pytest.raises(BadRequest, match=why):
                await app.collecting.call("dan", name)
        assert await app.collecting.name("dan") == ""
        assert await app.collecting.call("dan", "  Dan\nthe \u202eman ") == "Dan the man"
        assert (await cast(app, view.id, "dan", Choice.TIE)).ballots == 1


async def test_a_collected_vote_closes_at_its_end_with_the_ballots_there_are(tmp_path: Path) -> None:
    clock = Clock()
    async with scripted_app(tmp_path / "s", now=clock) as (app, _):
        view = await collecting(app, quorum=50, hours=2.0)
        await cast(app, view.id, "bob", Choice.LEFT)
        clock.at += timedelta(hours=1, minutes=59)
        assert await app.deadlines.close_due() == []
        clock.at += timedelta(minutes=1)
        assert await app.deadlines.close_due() == [view.id]
        closed = await app.looking.view(view.id, "ann")
        assert closed.state == "closed" and closed.ballots == 1 and closed.reveal
        verdict = await app.judging.verdict()
        assert (verdict.duels, verdict.better) == (1, (1, 0))


@pytest.mark.parametrize(("quorum", "hours"), [(1, 24.0), (51, 24.0), (3, 0.0), (3, 24.0 * 91)])
async def test_how_many_and_until_when_have_bounds(tmp_path: Path, quorum: int, hours: float) -> None:
    async with scripted_app(tmp_path / "s") as (app, _):
        view = await answered(app)
        with pytest.raises(BadRequest):
            await app.collecting.collect(view.id, "ann", quorum=quorum, hours=hours)
        assert (await app.looking.view(view.id, "ann")).collected is None


async def test_only_the_asker_collects_once_and_only_while_the_vote_is_open(tmp_path: Path) -> None:
    async with scripted_app(tmp_path / "s") as (app, _):
        view = await collecting(app)
        for duel, person, why in (
            (view.id, "bob", "Only the one who asked"),
            (view.id, "ann", "being collected already"),
            ((await cast(app, (await answered(app)).id, "ann", Choice.TIE)).id, "ann", "until the vote has closed"),
        ):
            with pytest.raises(BallotRefused, match=why):
                await app.collecting.collect(duel, person, quorum=5, hours=1.0)
        asked = await ask(app, "Another one", asker="ann", channel="c", event="message:1", team="red")
        await until(app, asked.id, "open")
        with pytest.raises(BallotRefused, match="Only the one who asked, where they asked"):
            await app.collecting.collect(asked.id, "ann", quorum=5, hours=1.0)


async def test_votes_can_be_collected_from_the_asking_on(tmp_path: Path) -> None:
    async with scripted_app(tmp_path / "s") as (app, _):
        with pytest.raises(BadRequest, match="from 2 to 50 people"):
            await ask(app, "Why?", asker="ann", quorum=1, closes_in=timedelta(hours=1))
        asked = await ask(app, "Why?", asker="ann", quorum=2, closes_in=timedelta(hours=1))
        view = await until(app, asked.id, "open")
        assert view.collected and view.collected.closes_at == view.asked_at + timedelta(hours=1)
        assert await app.collecting.waiting("bob") == [view.id]


async def test_what_waits_is_ones_own_and_what_collects_votes_without_ones_ballot(tmp_path: Path) -> None:
    async with scripted_app(tmp_path / "s") as (app, _):
        collected = await collecting(app)
        own = await answered(app, "And this?")
        await ask(app, "In a channel", asker="ann", channel="c", event="message:1", team="red")
        assert await app.collecting.waiting("ann") == [collected.id, own.id]
        assert await app.collecting.waiting("bob") == [collected.id]
        await cast(app, collected.id, "bob", Choice.TIE)
        await held(app, own.id, "ann", Choice.TIE)
        assert await app.collecting.waiting("bob") == []
        assert await app.collecting.waiting("ann") == [collected.id]


async def test_a_ballot_that_is_held_reveals_nothing_and_can_be_taken_back(tmp_path: Path) -> None:
    clock = Clock()
    async with scripted_app(tmp_path / "s", now=clock) as (app, _):
        view = await answered(app)
        mine = await held(app, view.id, "ann", Choice.LEFT)
        assert (mine.state, mine.own_choice, mine.held_until, mine.reveal) == ("open", Choice.LEFT, START + timedelta(seconds=10), None)
        with pytest.raises(BallotRefused, match="just voted"):
            await held(app, view.id, "bob", Choice.TIE)
        with pytest.raises(BallotRefused, match="Vote first"):
            await app.voting.reveal(view.id, "bob")
        back = (await app.voting.undo(view.id, "ann")).view
        assert (back.ballots, back.own_choice, back.held_until) == (0, None, None)
        clock.at += timedelta(hours=1)
        assert await app.deadlines.close_due() == []
        await held(app, view.id, "ann", Choice.RIGHT)
        shown = (await app.voting.reveal(view.id, "ann")).view
        assert shown.reveal and shown.own_choice is Choice.RIGHT and shown.held_until is None
        assert (await app.voting.reveal(view.id, "ann")).view == shown
        with pytest.raises(BallotRefused, match="has closed; your ballot stays"):
            await app.voting.undo(view.id, "ann")
        assert (await app.judging.verdict()).better == (0, 1)


async def test_a_held_ballot_closes_its_vote_in_time_also_after_a_restart(tmp_path: Path) -> None:
    async with scripted_app(tmp_path / "s", web_undo_s=0.05) as (app, _):
        view = await answered(app)
        await held(app, view.id, "ann", Choice.LEFT)
        await asyncio.wait_for(until(app, view.id, "closed"), patient(5))
    async with scripted_app(tmp_path / "s", web_undo_s=300.0) as (app, _):
        second = await answered(app, "And now?")
        await held(app, second.id, "ann", Choice.LEFT)
    later = Clock(datetime.now(UTC) + timedelta(seconds=400))
    async with scripted_app(tmp_path / "s", now=later) as (app, _):
        await asyncio.wait_for(until(app, second.id, "closed"), patient(5))
        assert (await app.judging.verdict()).duels == 2


async def test_a_conversation_goes_on_with_what_was_chosen_a_moment_ago(tmp_path: Path) -> None:
    async with scripted_app(tmp_path / "s") as (app, _):
        view = await answered(app)
        await held(app, view.id, "ann", Choice.RIGHT)
        following = await answered(app, "And then?", conversation=view.conversation)
        assert following.note == ""
        first = await app.looking.view(view.id, "ann")
        assert first.state == "closed" and first.carried and first.carried.value == "right"


async def test_a_reason_belongs_to_a_ballot_and_says_whether_it_came_before_the_close(tmp_path: Path) -> None:
    async with scripted_app(tmp_path / "s") as (app, _):
        view = await answered(app)
        with pytest.raises(BallotRefused, match="a reason belongs to a ballot"):
            await app.voting.explain(view.id, "ann", (Why.SHORTER,))
        await held(app, view.id, "ann", Choice.LEFT)
        await app.voting.explain(view.id, "ann", (Why.SHORTER,))
        await app.voting.undo(view.id, "ann")
        assert (await cast(app, view.id, "ann", Choice.LEFT)).own_reason is None
        with pytest.raises(BadRequest, match="at most 300 characters; these are 301"):
            await app.voting.explain(view.id, "ann", (), "x" * 301)
        late = (await app.voting.explain(view.id, "ann", (Why.FORMAT, Why.CORRECT), " a\nb ")).view
        assert late.own_reason == Reason((Why.FORMAT, Why.CORRECT), "a b", blind=False)
        assert (await app.voting.explain(view.id, "ann", ())).view.own_reason is None


async def test_reasons_are_exported_and_names_are_not(tmp_path: Path) -> None:
    async with scripted_app(tmp_path / "s") as (app, _):
        view = await collecting(app, quorum=2)
        await cast(app, view.id, "ann", Choice.RIGHT)
        await app.voting.explain(view.id, "ann", (Why.CORRECT, Why.SHORTER), "short")
        await cast(app, view.id, "bob", Choice.TIE)
        async with app.core.store.reading() as look:
            lines = export_of([await DuelRows(look).duel(view.id)]).ballots
        assert [(line["reasons"], line["reason_words"], line["reason_was_blind"]) for line in lines] == [
            ("correct shorter", "short", True),
            (None, None, None),
        ]
        await export(app.core.store, "jsonl", tmp_path / "all.jsonl")
    rows = [json.loads(line) for line in (tmp_path / "all.jsonl").read_text(encoding="utf-8").splitlines()]
    assert [row["words"] for row in rows if row.get("table") == "reasons"] == ["short"]
    assert "Ann" not in (tmp_path / "all.jsonl").read_text(encoding="utf-8")


async def test_whoever_is_forgotten_leaves_no_name_and_no_reason(tmp_path: Path) -> None:
    async with scripted_app(tmp_path / "s") as (app, _):
        view = await collecting(app, quorum=2)
        await cast(app, view.id, "bob", Choice.RIGHT)
        await app.voting.explain(view.id, "bob", (), "because")
        await cast(app, view.id, "cleo", Choice.TIE)
        async with app.core.store.writing() as change:
            await forget(change, "bob", "forgotten:1")
        seen = await app.looking.view(view.id, "ann")
        assert seen.collected and seen.collected.names == ("Cleo",) and seen.reasons == () and seen.ballots == 2
