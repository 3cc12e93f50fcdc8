"""Answers with the winner: which turns are singles, that they are no evidence, who has changed what, and what drift does."""

import random
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from bot.app import App
from bot.app.orders import Order
from bot.app.route_words import change_words, standing_words
from bot.ballots import Choice
from bot.errors import BallotRefused, UnknownDuel
from bot.evidence.duels import Absence
from bot.evidence.watch import ALARM
from bot.routes import ITSELF
from bot.verdict import Verdict
from bot.views import DuelView
from engine.backends.base import Prompt
from engine.backends.scripted import Script
from engine.duel import Side
from engine.errors import BadRequest
from tests.bot.scripted import answered, ask, cast, is_tuned, scripted_app, until


def rows(path: Path, sql: str) -> list[Any]:
    with closing(sqlite3.connect(path)) as store:
        return store.execute(sql).fetchall()


async def single(app: App, text: str = "Prompt or fine-tune?", **more: Any) -> DuelView:
    asked = await ask(app, text, asker="ann", **more)
    return await until(app, asked.id, "answered", "open", "closed", "void")


async def voted(app: App, choice: Choice, text: str, **more: Any) -> None:
    view = await single(app, text, compare=True, **more)
    await cast(app, view.id, "ann", choice)


async def test_a_single_is_answered_by_the_winner_alone_at_once_and_marked(tmp_path: Path) -> None:
    async with scripted_app(tmp_path / "s") as (app, backend):  # each draw is .9
        await app.routing.change("ann", share=0.1, winner="tuned")
        view = await single(app)
        assert (view.state, list(view.sides), view.reveal) == ("answered", [Side.LEFT], None)
        assert view.sides[Side.LEFT].text == "tuned says hello" and len(backend.prompts) == 1 and is_tuned(backend.prompts[0])
        assert view.single and view.single.arm == "tuned" and view.single.usage.new_tokens == 3
        assert view.note == "The fine-tune answered this alone, at once: it has won the votes here. This is no duel and no evidence."
        assert [each.state for each in await app.looking.history()] == ["answered"]
        with pytest.raises(BallotRefused, match="void"):
            await cast(app, view.id, "ann", Choice.LEFT)
    [(kind, served, coin, share, state)] = rows(tmp_path / "s", "SELECT kind, served, coin, share, state FROM duels")
    assert (kind, served, coin, share, state) == ("single", 1, 0.9, 0.1, "void")


async def test_no_single_can_be_opened_or_closed_whatever_is_written(tmp_path: Path) -> None:
    async with scripted_app(tmp_path / "s") as (app, _):
        await app.routing.change("ann", share=0.1, winner="tuned")
        await single(app)
    with closing(sqlite3.connect(tmp_path / "s")) as store:
        for state in ("open", "closed"):
            with pytest.raises(sqlite3.IntegrityError):
                store.execute("UPDATE duels SET state = ?, closing = 1", (state,))


async def test_a_conversation_mixes_duels_and_singles_and_goes_on_with_the_answer(tmp_path: Path) -> None:
    async with scripted_app(tmp_path / "s") as (app, backend):
        first = await answered(app, "One?")
        await cast(app, first.id, "ann", Choice.RIGHT)
        await app.routing.change("ann", share=0.1, winner="prompted")
        second = await single(app, "Two?", conversation=first.conversation)
        assert (second.turn, second.state) == (2, "answered")
        await app.routing.change("ann", share=1)
        third = await single(app, "Three?", conversation=first.conversation)
        assert (third.turn, third.state) == (3, "open")
        said = [message.content for message in backend.prompts[-1].messages if message.role != "system"]
        assert said == ["One?", "tuned says hello", "Two?", "prompted says hi", "Three?"]
        views = await app.looking.conversation(first.conversation, "ann")
        assert [view.state for view in views] == ["closed", "answered", "open"]


async def test_the_draw_is_kept_before_the_request_and_a_refused_request_does_not_draw_again(tmp_path: Path) -> None:
    async with scripted_app(tmp_path / "s", first_left=False) as (app, _):  # each draw is .1
        await app.routing.change("ann", share=0.3, winner="tuned")
    assert rows(tmp_path / "s", "SELECT coin FROM coins") == [(0.1,)]
    async with scripted_app(tmp_path / "s", discord_person_per_day=1) as (app, _):  # later draws are .9
        for _ in range(2):
            with pytest.raises(UnknownDuel):
                await app.asking.ask(Order("Hello?", "web:1", conversation="none"))
        assert (await single(app)).state == "open"  # by the draw that was kept
        assert (await single(app)).state == "answered"
    assert rows(tmp_path / "s", "SELECT kind, coin FROM duels ORDER BY rowid") == [("duel", 0.1), ("single", 0.9)]


async def test_as_many_requests_become_duels_as_the_share_says(tmp_path: Path) -> None:
    async with scripted_app(tmp_path / "s", lambda prompt: Script(("word",))) as (app, _):
        app.routing._coin = random.Random(5)
        await app.routing.change("ann", share=0.3, winner="tuned")
        for number in range(80):
            await single(app, f"Number {number}?")
    drawn = rows(tmp_path / "s", "SELECT kind, coin, share FROM duels WHERE coin IS NOT NULL")
    assert len(drawn) == 80 and all((kind == "duel") == (coin < share == 0.3) for kind, coin, share in drawn)
    assert 14 <= sum(kind == "duel" for kind, *_ in drawn) <= 34  # 24 are expected, with a standard deviation of 4.1


async def test_orders_that_say_who_meets_are_duels_whatever_the_share(tmp_path: Path) -> None:
    async with scripted_app(tmp_path / "s") as (app, _):
        await app.routing.change("ann", share=0.0, winner="tuned")
        assert (await single(app, compare=True)).state == "open"
        assert (await single(app, "Of a file?", batch=True)).state == "open"
        assert (await single(app, "Usual?")).state == "answered"


async def test_a_tag_has_a_route_of_its_own_and_goes_back_to_that_of_all(tmp_path: Path) -> None:
    async with scripted_app(tmp_path / "s") as (app, _):
        await app.routing.change("ann", share=0.1, winner="tuned")
        await app.routing.change("ann", share=0.2, winner="prompted", tag="billing")
        for tag, arm in (("billing", "prompted"), ("code", "tuned"), ("", "tuned")):
            found = (await single(app, f"About {tag}?", tag=tag)).single
            assert found and found.arm == arm
        standing = await app.routing.drop("ann", "billing")
        assert list(standing.routes) == [""]
        found = (await single(app, "Again?", tag="billing")).single
        assert found and found.arm == "tuned"
        with pytest.raises(BadRequest, match="no route of its own"):
            await app.routing.drop("ann", "billing")


async def test_every_change_is_kept_with_who_and_when_and_goes_back_in_one_step(tmp_path: Path) -> None:
    async with scripted_app(tmp_path / "s") as (app, _):
        assert standing_words(await app.routing.standing()) == ("Every request becomes a duel.",)
        await app.routing.change("ann", share=0.1, winner="tuned", reason="the verdict")
        standing = await app.routing.change("bob", share=0.5)
        assert [(each.person, each.share, each.reason) for each in standing.changes] == [("ann", 0.1, "the verdict"), ("bob", 0.5, "")]
        assert "50% of requests become duels; the fine-tune" in standing_words(standing)[0]
        standing = await app.routing.back("cleo")
        route = standing.route()
        assert route and (route.share, route.winner, route.person) == (0.1, standing.changes[0].winner, "cleo")
        assert len(standing.changes) == 3 and standing.changes[-1].changed_at >= standing.changes[0].changed_at
        assert "duel share 10%, the fine-tune answers the others: changed back what bob had changed" in change_words(
            standing, standing.changes[-1], standing.changes[-1].changed_at, "cleo"
        )
        standing = await app.routing.back("cleo")  # what it changes back is the change back
        assert (standing.route() or pytest.fail()).share == 0.5


async def test_the_first_change_goes_back_to_duels_alone(tmp_path: Path) -> None:
    async with scripted_app(tmp_path / "s") as (app, _):
        with pytest.raises(BadRequest, match="Nothing was changed"):
            await app.routing.back("ann")
        await app.routing.change("ann", share=0.1, winner="tuned")
        assert standing_words(await app.routing.back("ann")) == ("Every request becomes a duel.",)
        assert (await single(app)).state == "open"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"share": 0.1}, "Say who answers the other requests alone: prompted or tuned"),
        ({"share": 0.1, "winner": "plain"}, "'plain' does not meet now"),
        ({"share": 1.5, "winner": "tuned"}, "a number from 0 to 1"),
        ({"share": float("nan"), "winner": "tuned"}, "a number from 0 to 1"),
        ({"share": 0.1, "winner": "tuned", "tag": "x" * 41}, "at most 40 characters"),
    ],
)
async def test_a_change_that_cannot_be_is_refused_in_words(tmp_path: Path, change: dict[str, Any], words: str) -> None:
    async with scripted_app(tmp_path / "s") as (app, _):
        with pytest.raises(BadRequest, match=words):
            await app.routing.change("ann", **change)
        assert (await app.routing.standing()).changes == ()


async def test_singles_never_enter_evidence_nor_what_is_compared(tmp_path: Path) -> None:
    async with scripted_app(tmp_path / "s") as (app, _):
        for number in range(3):
            await voted(app, Choice.LEFT, f"Number {number}?")
        before = await app.judging.verdict()
        await app.routing.change("ann", share=0.1, winner="prompted")
        for number in range(5):
            await single(app, f"Single {number}?")
        after = await app.judging.verdict()
        assert isinstance(before, Verdict) and isinstance(after, Verdict)
        assert (after.requests, after.duels, after.counts, after.absent) == (3, 3, before.counts, before.absent)
        assert (await app.looking.export("", None)).duels == ()


async def test_a_duel_on_a_request_whose_single_was_read_is_a_repeat(tmp_path: Path) -> None:
    async with scripted_app(tmp_path / "s") as (app, _):
        await app.routing.change("ann", share=0.1, winner="prompted")
        await single(app, "Was that so good?")
        await voted(app, Choice.RIGHT, "Was that so good?")  # asked again because of what it said, perhaps
        await voted(app, Choice.LEFT, "Another one?")
        found = await app.judging.verdict()
        assert isinstance(found, Verdict) and (found.requests, found.absent[Absence.REPEAT]) == (1, 1)
    async with scripted_app(tmp_path / "s") as (app, _):  # folded at once from the store
        again = await app.judging.verdict()
        assert isinstance(again, Verdict) and (again.requests, again.absent) == (1, found.absent)


async def test_a_verdict_proposes_a_tenth_once(tmp_path: Path) -> None:
    async with scripted_app(tmp_path / "s") as (app, _):
        assert (await app.routing.standing()).proposals == ()
        for number in range(12):
            await voted(app, Choice.RIGHT, f"Number {number}?")
        [proposal] = (await app.routing.standing()).proposals
        assert (proposal.share, proposal.tag, proposal.winner.arm) == (0.1, "", "tuned")
        assert proposal.words == (
            "Fine-tune. Let the fine-tune answer the others alone, at once: 10% of requests stay duels, so that a change is seen."
        )
        await app.routing.change("ann", share=proposal.share, winner=proposal.winner.id)
        assert (await app.routing.standing()).proposals == ()
        assert (await app.routing.back("ann")).proposals == ()  # who has taken it back is not asked again


async def drift(app: App, duels: int = 40) -> None:
    for number in range(12):
        await voted(app, Choice.RIGHT, f"Early {number}?")
    await app.routing.change("ann", share=0.1, winner="tuned")
    assert await app.routing.look() == []
    for number in range(duels):
        await voted(app, Choice.LEFT, f"Late {number}?")


async def test_drift_makes_all_requests_duels_again_and_the_team_is_told(tmp_path: Path) -> None:
    async with scripted_app(tmp_path / "s") as (app, _):
        await drift(app)
        [risen] = await app.routing.look()
        assert (risen.share, risen.person) == (1, ITSELF) and risen.reason.endswith("All requests are duels again.")
        assert (await single(app)).state == "open"
        [told] = await app.routing.untold()
        await app.routing.told(told)
        assert await app.routing.untold() == [] and await app.routing.look() == []
        standing = await app.routing.standing()
        assert standing.latest and standing.latest.reason == risen.reason and standing.proposals == ()  # counted anew since
        assert (await app.routing.back("ann")).answers_alone() is not None


async def test_the_share_stays_where_it_is_told_not_to_rise_and_the_team_is_told_once(tmp_path: Path) -> None:
    async with scripted_app(tmp_path / "s", route_rises=False) as (app, _):
        await drift(app)
        [seen] = await app.routing.look()
        assert seen.share == 0.1 and seen.reason.endswith("The duel share stays as it was.")
        await voted(app, Choice.LEFT, "One more?")
        assert await app.routing.look() == [] and len(await app.routing.untold()) == 1


async def test_the_watch_sees_a_change_before_the_verdict_does(tmp_path: Path) -> None:
    assert ALARM == 1000
    async with scripted_app(tmp_path / "s") as (app, _):
        for number in range(90):  # two of three for the fine-tune
            await voted(app, Choice.LEFT if number % 3 == 2 else Choice.RIGHT, f"Early {number}?")
        await app.routing.change("ann", share=0.1, winner="tuned")
        for number in range(16):
            await voted(app, Choice.LEFT, f"Late {number}?")
        found = await app.judging.verdict()
        assert isinstance(found, Verdict) and not found.decision.drifted
        [risen] = await app.routing.look()
        assert "since the winner answers alone" in risen.reason


async def test_a_contestant_that_does_not_meet_any_more_answers_nothing(tmp_path: Path) -> None:
    async with scripted_app(tmp_path / "s") as (app, _):
        await app.routing.change("ann", share=0.1, winner="prompted")
        await app.teams.settle("", recipe="plain")
        assert (await single(app)).state == "open"
        assert "does not meet now" in standing_words(await app.routing.standing())[0]


async def test_a_single_that_fails_or_is_stopped_says_so(tmp_path: Path) -> None:
    def script(prompt: Prompt) -> Script:
        return Script(("word ",) * 400, 0.02)

    async with scripted_app(tmp_path / "s", script) as (app, backend):
        await app.routing.change("ann", share=0.1, winner="tuned")
        asked = await ask(app, "Slow?", asker="ann")
        await until(app, asked.id, "answering")
        await app.asking.stop(asked.id)
        view = await until(app, asked.id, "void")
        assert view.note.startswith("This was stopped") and backend.running == 0
    async with scripted_app(tmp_path / "s", script, limit_s=0.05) as (app, _):
        view = await single(app, "Late?")
        assert (view.state, view.sides[Side.LEFT].state, view.note) == ("void", "failed", "There is no answer. Ask it again.")


async def test_who_is_forgotten_is_named_in_no_change_and_no_key(tmp_path: Path) -> None:
    async with scripted_app(tmp_path / "s") as (app, _):
        await app.routing.change("ann", share=0.1, winner="tuned")
        await app.programs.keys.make("ann", "triage")
        await single(app)
        await app.remembering.forget("ann")
        [change] = (await app.routing.standing()).changes
        assert change.person.startswith("forgotten:") and change.share == 0.1
        assert (await app.programs.keys.all())[0].made_by == change.person
    assert rows(tmp_path / "s", "SELECT request, asker FROM duels") == [("", "forgotten")]
    assert rows(tmp_path / "s", "SELECT text FROM answers") == [("",)]
