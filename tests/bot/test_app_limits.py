"""Limits on every front: of a person, of a team, of everybody; and who may vote where. All are applied by the app, from the order."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bot.app import App
from bot.app.orders import AlreadyAsked, Order, QueueFull
from bot.ballots import Choice
from bot.errors import BallotRefused, UnknownDuel
from bot.settings import Settings
from bot.views import Shown
from engine.backends.base import Prompt
from engine.backends.scripted import Script, ScriptedBackend
from engine.errors import BadRequest
from engine.lineup import Lineup
from engine.request import Turn
from tests.bot.scripted import lineup_over, scripted_app, two_answers, until
from tests.walks import Walk, counting, lives_noted

PAGE = "web:1"  # a browser's session


def slow(prompt: Prompt) -> Script:
    return Script(("word ",) * 400, 0.02)


def of_message(number: int, text: str = "Hello?", **more: object) -> Order:
    return Order(text, "discord:1", f"message:{number}", "red", "general", **more)  # type: ignore[arg-type]


async def asked(app: App, order: Order) -> Shown:
    """Ask, and wait until the vote is open."""
    shown = await app.asking.ask(order)
    await until(app, shown.view.id, "open", "closed")
    return shown


async def test_a_browsers_session_meets_the_limits_that_a_person_on_discord_meets(tmp_path: Path) -> None:
    async with scripted_app(tmp_path / "s", discord_person_per_minute=2) as (app, _):
        for text in ("one", "two"):
            await app.asking.ask(Order(text, PAGE))
        with pytest.raises(BadRequest, match="You have asked 2 requests within a minute, and 2 is the limit"):
            await app.asking.ask(Order("three", PAGE))
        assert len(await app.looking.history()) == 2, "nothing of the refused one is kept"
        await app.asking.ask(Order("three", "web:2"))


async def test_a_person_may_have_so_many_requests_in_flight_on_the_page_too(tmp_path: Path) -> None:
    async with scripted_app(tmp_path / "s", slow, discord_person_in_flight=2) as (app, _):
        running = [await app.asking.ask(Order(text, PAGE)) for text in ("one", "two")]
        with pytest.raises(BadRequest, match="You have 2 requests being answered, and 2 is the limit"):
            await app.asking.ask(Order("three", PAGE))
        await app.asking.stop(running[0].view.id)
        await app.asking.ask(Order("three", PAGE))


async def test_whoever_runs_duelbot_shares_it_with_nobody_and_is_not_limited(tmp_path: Path) -> None:
    limits = {"discord_person_per_minute": 1, "discord_person_per_day": 1, "discord_person_usd_per_day": 0.0}
    async with scripted_app(tmp_path / "s", **limits) as (app, _):
        for number in range(4):
            await app.asking.ask(Order(f"Number {number}?", "terminal", owner=True))


async def test_a_full_queue_refuses_everybody(tmp_path: Path) -> None:
    async with scripted_app(tmp_path / "s", slow, discord_in_flight=1) as (app, _):
        await app.asking.ask(Order("one", PAGE))
        for order in (Order("two", "web:2"), Order("three", "terminal", owner=True), of_message(1)):
            with pytest.raises(QueueFull, match=r"The queue is full: 1 request is being answered\."):
                await app.asking.ask(order)


async def test_caps_name_whose_money_is_spent_for_how_long(tmp_path: Path) -> None:
    moments = [datetime(2026, 11, 22, tzinfo=UTC)]
    settings = Settings.of(store_path=str(tmp_path / "s"), team_usd_per_day=1e-9, team_usd_per_month=1e-9)

    async def open_lineup() -> Lineup:
        return lineup_over(ScriptedBackend(two_answers))

    async with App.open(settings, open_lineup, now=lambda: moments[-1]) as app:
        await app.model_settled()
        await asked(app, of_message(1))
        with pytest.raises(BadRequest, match=r"^This server has spent the daily budget: the answers of the last 24 hours cost \$0\.00 of"):
            await app.asking.ask(of_message(2))
        await asked(app, Order("On the page?", PAGE, owner=True))
        with pytest.raises(BadRequest, match=r"^Page, terminal and direct messages together have spent the daily budget"):
            await app.asking.ask(Order("Once more?", "terminal", owner=True))
        moments.append(moments[-1] + timedelta(days=2))
        with pytest.raises(BadRequest, match=r"^This server has spent the monthly budget: .* of the last 30 days .* in some days\."):
            await app.asking.ask(of_message(3))


async def test_an_event_asks_once_whatever_limit_would_refuse_it(tmp_path: Path) -> None:
    async with scripted_app(tmp_path / "s", discord_person_per_minute=1) as (app, _):
        await app.asking.ask(of_message(1))
        with pytest.raises(AlreadyAsked):
            await app.asking.ask(of_message(1))


async def test_who_may_vote_is_decided_where_the_ballot_is_written_on_every_front(tmp_path: Path) -> None:
    async with scripted_app(tmp_path / "s") as (app, _):
        await app.teams.settle("red", vote_role="7")
        shown = await asked(app, of_message(1))
        for voter, roles in (("discord:2", frozenset({"8"})), (PAGE, frozenset())):
            with pytest.raises(BallotRefused, match="only members with a certain role may vote"):
                await app.voting.cast(shown.view.id, voter, Choice.TIE, roles)
        assert (await app.voting.cast(shown.view.id, "discord:2", Choice.TIE, frozenset({"7"}))).view.ballots == 1
        mine = await asked(app, of_message(2, private=True, lasting=False))
        with pytest.raises(BallotRefused, match="Only its asker votes"):
            await app.voting.cast(mine.view.id, PAGE, Choice.TIE)
        with pytest.raises(UnknownDuel, match="asker alone"):
            await app.looking.shown(mine.view.id, PAGE)


async def test_who_is_told_of_a_close_is_kept_with_the_close(tmp_path: Path) -> None:
    async with scripted_app(tmp_path / "s", discord_quorum=1) as (app, _):
        own, others, alone, gone, page = [
            await asked(app, order)
            for order in (
                of_message(1, "own?"),
                of_message(2, "others?"),
                of_message(3, "alone?", solo=True),
                of_message(4, "gone?", lasting=False),
                Order("page?", "web:9"),
            )
        ]
        assert (await app.voting.cast(own.view.id, "discord:1", Choice.TIE)).post.told, "whoever closes a vote sees it"
        assert not (await app.voting.cast(others.view.id, "discord:2", Choice.TIE)).post.told
        assert (await app.voting.cast(alone.view.id, "discord:2", Choice.TIE)).post.told, "nobody else could vote"
        assert (await app.voting.cast(gone.view.id, "discord:2", Choice.TIE)).post.told, "its message can show nothing later"
        assert (await app.voting.cast(page.view.id, "web:9", Choice.TIE)).place is None
        hand = await asked(app, of_message(5, "by hand?", quorum=3))
        assert (await app.voting.close(hand.view.id, "discord:1")).post.told
        due = await asked(app, of_message(6, "due?", quorum=3, closes_in=timedelta(0)))
        [closed] = await app.voting.close_due()
        assert (closed.view.id, closed.post.told) == (due.view.id, False)
        assert [await app.posting.of(each.view.id) for each in (own, closed)] == [
            (await app.looking.shown(each.view.id)).post for each in (own, closed)
        ], "what was returned is what is kept"


async def test_a_conversation_of_a_channel_goes_on_on_the_page_with_what_was_said_before_it(tmp_path: Path) -> None:
    async with scripted_app(tmp_path / "s", discord_quorum=1) as (app, backend):
        first = await asked(app, of_message(1, "And now?", before=(Turn("user", "We have 40 tickets."),)))
        await app.voting.cast(first.view.id, "discord:2", Choice.LEFT)
        await asked(app, Order("Go on?", PAGE, conversation=first.view.conversation))
        said = [part.content for part in backend.prompts[-1].messages if part.role != "system"]
        assert said == ["We have 40 tickets.\n\nAnd now?", "prompted says hi", "Go on?"]


async def test_a_request_a_ballot_an_undo_and_a_close_are_one_transaction_each(tmp_path: Path) -> None:
    async with scripted_app(tmp_path / "s") as (app, _):
        await lives_noted(app.core.store)
        walks = [Walk(name) for name in ("ask", "cast", "undo", "close")]
        with counting(walks[0]):
            shown = await app.asking.ask(of_message(1))
            asking = walks[0].transactions  # before any answer is stored
        await until(app, shown.view.id, "open")
        with counting(walks[1]):
            await app.voting.cast(shown.view.id, "discord:2", Choice.TIE)
        with counting(walks[2]):
            await app.voting.undo(shown.view.id, "discord:2")
        with counting(walks[3]):
            await app.voting.close(shown.view.id, "discord:1")
        assert [asking, *(walk.transactions for walk in walks[1:])] == [(0, 1)] * 4
