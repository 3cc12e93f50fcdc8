"""Programs: keys, one answer at once, the other answer of a duel when it is quiet, and the vote on the pair."""

import asyncio
import random
import sqlite3
from contextlib import aclosing, closing
from pathlib import Path
from typing import Any

import pytest

from bot.app import App
from bot.app.halves import Halves
from bot.app.orders import BudgetSpent, LimitMet
from bot.app.programs import KeyLimits, ProgramAnswer, ProgramFailure, ProgramTurn
from bot.ballots import Choice
from bot.settings import Settings
from bot.store import Store
from bot.store.exchange import reading_copy
from bot.tools.exchange import export
from bot.tools.importing import read_back
from bot.verdict import Verdict
from bot.views import ProgramKey
from engine.backends.base import Prompt
from engine.backends.scripted import Script
from engine.errors import BackendError, BadRequest
from engine.request import Turn
from tests.bot.scripted import cast, is_tuned, scripted_app, until
from tests.patience import patient


def rows(path: Path, sql: str) -> list[Any]:
    with closing(sqlite3.connect(path)) as store:
        return store.execute(sql).fetchall()


async def key_of(app: App, name: str = "triage", **more: Any) -> ProgramKey:
    return (await app.programs.keys.make("ann", name, **more))[0]


async def asked(app: App, key: ProgramKey, text: str = "Prompt or fine-tune?", **more: Any) -> ProgramAnswer | ProgramFailure:
    turn = await app.programs.ask(key, text, **more)
    async with aclosing(app.programs.pieces(turn)) as pieces:
        text = "".join([piece async for piece in pieces])
    answer = await app.programs.answer(turn)
    assert not isinstance(answer, ProgramAnswer) or answer.text == text
    return answer


def halves_of(app: App, **names: Any) -> Halves:
    return Halves(app.core, app.teams, app.choices, Settings.of(**names))


def quiet(**names: Any) -> dict[str, Any]:
    return {"api_idle_s": 3600.0, **names}  # the loop beside the app does nothing; tests do it by hand


async def test_a_key_is_kept_as_a_digest_known_again_and_ended(tmp_path: Path) -> None:
    async with scripted_app(tmp_path / "s") as (app, _):
        key, secret = await app.programs.keys.make("ann", " the  triage ", limits=KeyLimits(per_day=7, usd_per_day=1.5))
        assert (key.name, key.per_day, key.usd_per_day, key.per_minute, key.made_by) == ("the triage", 7, 1.5, 600, "ann")
        assert await app.programs.keys.known(secret) == key
        assert await app.programs.keys.known(secret + "x") is None and await app.programs.keys.known("") is None
        for name, words in (("the triage", "There is a key"), ("", "Name the program"), ("x" * 81, "Name the program")):
            with pytest.raises(BadRequest, match=words):
                await app.programs.keys.make("ann", name)
        await app.programs.keys.end("bob", "the triage")
        assert await app.programs.keys.known(secret) is None
        with pytest.raises(BadRequest, match="no key"):
            await app.programs.keys.end("bob", "the triage")
    stored = (tmp_path / "s").read_bytes()
    assert secret.encode() not in stored and secret[5:].encode() not in stored
    assert rows(tmp_path / "s", "SELECT length(digest), ended_by FROM api_keys") == [(64, "bob")]


async def test_a_program_gets_the_winner_s_answer_where_the_draw_says_so(tmp_path: Path) -> None:
    async with scripted_app(tmp_path / "s", **quiet()) as (app, backend):
        key = await key_of(app)
        await app.routing.change("ann", share=0.1, winner="tuned")
        answer = await asked(app, key, before=(Turn("user", "Hello."), Turn("assistant", "Yes?")))
        assert isinstance(answer, ProgramAnswer) and answer.text == "tuned says hello"
        assert answer.alone and answer.alone.arm == "tuned" and answer.finish == "end"
        assert (answer.usage.prompt_tokens, answer.usage.new_tokens) == (5, 3)
        assert [message.content for message in backend.prompts[0].messages][-3:] == ["Hello.", "Yes?", "Prompt or fine-tune?"]
    assert rows(tmp_path / "s", "SELECT kind, asker FROM duels") == [("single", key.asker)]


async def test_half_a_duel_is_answered_at_once_and_made_whole_when_it_is_quiet(tmp_path: Path) -> None:
    async with scripted_app(tmp_path / "s", **quiet()) as (app, backend):
        key = await key_of(app)
        answer = await asked(app, key)
        assert isinstance(answer, ProgramAnswer) and answer.alone is None and len(backend.prompts) == 1
        view = await app.looking.view(answer.turn, "ann")
        assert view.state == "waiting" and all(side.text == "" for side in view.sides.values()) and view.carried is None
        assert await app.looking.history() == []
        halves = halves_of(app)
        assert await halves.complete_one() and not await halves.complete_one()
        view = await app.looking.view(answer.turn, "ann")
        assert view.state == "open" and {side.text for side in view.sides.values()} == {"tuned says hello", "prompted says hi"}
        assert (
            view.note == "A program asked this and has got one of the two answers; which one is kept to itself until the vote has closed."
        )
        assert view.single is None and view.reveal is None and view.carried is None
        assert await app.collecting.waiting("ann") == [answer.turn]
        assert len(backend.prompts) == 2 and {is_tuned(prompt) for prompt in backend.prompts} == {True, False}
        closed = await cast(app, answer.turn, "ann", Choice.LEFT)
        assert closed.state == "closed" and closed.reveal
        found = await app.judging.verdict()
        assert isinstance(found, Verdict) and (found.requests, found.counts.served) == (1, 1)
        assert "1 duel came from a program, which had got one of both answers at once; voters were not told which." in found.words
        assert found.samples == ()  # the answers are of different moments, so their clocks are not compared


async def test_which_answer_was_served_and_where_it_sits_are_two_draws(tmp_path: Path) -> None:
    async with scripted_app(tmp_path / "s", lambda prompt: Script(("word",)), **quiet()) as (app, _):
        app.asking._coin = random.Random(3)
        key = await key_of(app)
        for number in range(40):
            await asked(app, key, f"Number {number}?")
    found = rows(tmp_path / "s", "SELECT left_entrant, served, count(*) FROM duels GROUP BY 1, 2")
    assert len(found) == 4 and all(3 <= many <= 20 for *_, many in found)


async def test_equal_answers_of_a_program_s_duel_are_an_auto_tie_and_a_failing_one_is_void(tmp_path: Path) -> None:
    def script(prompt: Prompt) -> Script:
        if "fail" in prompt.messages[-1].content and failing:
            return Script((), error=BackendError("server", "The server broke down."))
        return Script(("same",))

    failing = False
    async with scripted_app(tmp_path / "s", script, **quiet()) as (app, _):
        key, halves = await key_of(app), halves_of(app)
        same, bad = await asked(app, key, "One?"), await asked(app, key, "Will you fail?")
        failing = True
        while await halves.complete_one():
            pass
        assert (await app.looking.view(same.turn, "ann")).reveal is not None
        view = await app.looking.view(bad.turn, "ann")
        assert view.state == "void" and sorted(side.state for side in view.sides.values()) == ["done", "failed"]
        failed = await asked(app, key, "Will you fail?")
        assert isinstance(failed, ProgramFailure) and (failed.kind, failed.words) == ("server", "The server broke down.")


async def test_the_other_answer_waits_while_somebody_asks_and_across_a_restart(tmp_path: Path) -> None:
    def script(prompt: Prompt) -> Script:
        return Script((f"{is_tuned(prompt)} ",) * 10, 0.01)

    async with scripted_app(tmp_path / "s", script, **quiet()) as (app, backend):
        key, halves = await key_of(app), halves_of(app)
        first = await asked(app, key)
        writing = asyncio.create_task(halves.complete_one())
        for _ in range(round(patient(1000))):
            if backend.running:
                break
            await asyncio.sleep(0.005)
        turn = await app.programs.ask(key, "Another one?")
        assert await writing
        assert (await app.looking.view(first.turn, "ann")).state == "waiting"
        app.programs.leave(turn)
    async with scripted_app(tmp_path / "s", script, api_idle_s=0.01) as (app, _):
        view = await until(app, first.turn, "open")
        assert view.state == "open"


async def test_a_half_whose_other_side_is_gone_stays_without_a_vote(tmp_path: Path) -> None:
    async with scripted_app(tmp_path / "s", first_left=False, **quiet()) as (app, _):  # so the tuned side is served
        answer = await asked(app, await key_of(app))
        await app.teams.settle("", recipe="plain")
        halves = halves_of(app)
        assert await halves.complete_one() and not await halves.complete_one()
        view = await app.looking.view(answer.turn, "ann")
        assert (view.state, view.note) == (
            "answered",
            "The contestant of the other answer is not here any more, so there is nothing to vote on.",
        )
        assert view.single and view.single.arm == "tuned"


async def test_a_closed_stream_frees_its_row(tmp_path: Path) -> None:
    async with scripted_app(tmp_path / "s", lambda prompt: Script(("word ",) * 500, 0.01), **quiet()) as (app, backend):
        turn = await app.programs.ask(await key_of(app), "Slow?")
        async with aclosing(app.programs.pieces(turn)) as pieces:
            assert (await anext(pieces)).startswith("word ")
        answer = await asyncio.wait_for(app.programs.answer(turn), patient(2))
        assert isinstance(answer, ProgramFailure) and answer.kind == "stopped" and backend.running == 0
        assert rows(tmp_path / "s", "SELECT count(*) FROM halves") == [(0,)]


async def test_limits_and_budgets_are_the_key_s_own(tmp_path: Path) -> None:
    async with scripted_app(tmp_path / "s", lambda prompt: Script(("word ",) * 50, 0.01), **quiet()) as (app, _):
        narrow = await key_of(app, limits=KeyLimits(in_flight=1))
        turn = await app.programs.ask(narrow, "One?")
        with pytest.raises(LimitMet, match="This key has 1 request being answered, and 1 is the limit"):
            await app.programs.ask(narrow, "Two?")
        await asked(app, await key_of(app, "other"))  # another key has limits of its own
        assert isinstance(await finished(app, turn), ProgramAnswer)
        poor = await key_of(app, "poor", limits=KeyLimits(usd_per_day=1e-9))
        await asked(app, poor)
        with pytest.raises(BudgetSpent, match="This key has spent the daily budget"):
            await app.programs.ask(poor, "Two?")
        slow = await key_of(app, "slow", limits=KeyLimits(per_minute=1))
        await asked(app, slow)
        with pytest.raises(LimitMet, match="within a minute, and 1 is the limit"):
            await app.programs.ask(slow, "Two?")


async def finished(app: App, turn: ProgramTurn) -> ProgramAnswer | ProgramFailure:
    return await asyncio.wait_for(app.programs.answer(turn), patient(5))


async def test_a_key_of_a_team_asks_for_that_team(tmp_path: Path) -> None:
    async with scripted_app(tmp_path / "s", **quiet()) as (app, _):
        key = await key_of(app, team="red")
        answer = await asked(app, key, tag="billing")
        assert await halves_of(app).complete_one()
        shown = await app.looking.shown(answer.turn)
        assert (shown.post.team, shown.post.channel, shown.post.tag, shown.post.quorum) == ("red", "", "billing", 3)
        assert await app.posting.stale() == [] and await app.posting.channel_of("red") is None


async def test_a_contestant_that_is_named_answers_alone_and_is_no_evidence(tmp_path: Path) -> None:
    async with scripted_app(tmp_path / "s", **quiet()) as (app, _):
        key = await key_of(app)
        prompted, tuned = await app.programs.contestants(key)
        answer = await asked(app, key, only=tuned.id)
        assert isinstance(answer, ProgramAnswer) and answer.alone == tuned and prompted.arm == "prompted"
        with pytest.raises(BadRequest, match="does not meet now"):
            await app.programs.ask(key, "Hello?", only="f" * 12)
    assert rows(tmp_path / "s", "SELECT kind, coin FROM duels") == [("single", None)]


async def test_singles_and_halves_are_exported_and_read_back_and_a_false_one_is_refused(tmp_path: Path) -> None:
    async with scripted_app(tmp_path / "s", **quiet()) as (app, _):
        key = await key_of(app)
        await asked(app, key, "Half?")
        await app.routing.change("ann", share=0.1, winner="tuned")
        await asked(app, key, "Single?")
    async with reading_copy(tmp_path / "s") as store:
        await export(store, "jsonl", tmp_path / "out.jsonl")
    lines = (tmp_path / "out.jsonl").read_text()
    assert '"halves"' in lines and "api_keys" not in lines and '"routes"' not in lines and '"coins"' not in lines
    store = await Store.open(tmp_path / "two")
    await read_back(store, tmp_path / "out.jsonl", lambda note: None)
    await store.aclose()
    kept = "SELECT kind, served, coin, share, state FROM duels ORDER BY rowid"
    assert rows(tmp_path / "two", kept) == rows(tmp_path / "s", kept)
    (tmp_path / "false.jsonl").write_text(lines.replace('"kind": "single"', '"kind": "duel"'))
    store = await Store.open(tmp_path / "three")
    with pytest.raises(BadRequest, match="it has not the answers, or the ballots, that a turn of its kind has"):
        await read_back(store, tmp_path / "false.jsonl", lambda note: None, unsealed=True)
    await store.aclose()
