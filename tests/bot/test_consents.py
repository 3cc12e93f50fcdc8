"""Consent: off by default, a person's own, taken back at any time; and what closed duels of people who agreed teach."""

import asyncio
import json
from pathlib import Path

import pytest

from adapters.__main__ import main
from bot.app import App
from bot.app.learnable import decided, rows_of
from bot.ballots import Choice
from engine.errors import BadRequest
from tests.bot.scripted import answered, ask, cast, scripted_app, until

TEAM = "77"


async def asked(app: App, text: str, *votes: Choice, conversation: str | None = None) -> str:
    view = await answered(app, text, quorum=len(votes), conversation=conversation)
    for voter, choice in zip(("ann", "bob", "eve"), votes, strict=False):
        await cast(app, view.id, voter, choice)
    return view.conversation


async def test_a_team_offers_it_first_and_each_agrees_alone(tmp_path: Path) -> None:
    async with scripted_app(tmp_path / "s") as (app, _):
        assert not (await app.consents.of("ann", TEAM)).offered
        with pytest.raises(BadRequest, match="an admin can offer it"):
            await app.consents.agree("ann", TEAM)
        assert (await app.teams.settle(TEAM, consent="on")).consent
        assert (await app.consents.agree("ann", TEAM)).agreed and (await app.consents.agree("ann", TEAM)).agreed
        assert not (await app.consents.of("bob", TEAM)).agreed and not (await app.consents.of("ann", None)).agreed
        await app.teams.settle(TEAM, consent=None)
        assert not (await app.consents.withdraw("ann", TEAM)).agreed, "also where it is no longer offered"


async def test_only_duels_and_ballots_of_people_who_agreed_are_learned_from(tmp_path: Path) -> None:
    async with scripted_app(tmp_path / "s") as (app, _):
        await asked(app, "first one", Choice.LEFT)
        assert await decided(app.core.store) == [], "nobody has agreed"
        await app.consents.agree("ann", None)
        await asked(app, "nothing alike", Choice.RIGHT, Choice.LEFT, Choice.LEFT)
        first, second = await decided(app.core.store)
        assert (first.request, first.better) == ("first one", 0)
        assert second.better == 1, "the ballots of the two who did not agree do not count"
        await app.consents.agree("bob", None)
        assert (await decided(app.core.store))[1].better is None, "one against one is no clear winner"
        await app.consents.withdraw("ann", None)
        assert await decided(app.core.store) == []
        await app.consents.agree("ann", None)
        await app.remembering.forget("ann")
        assert not (await app.consents.of("ann", None)).agreed and await decided(app.core.store) == []


async def test_each_outcome_becomes_its_rows_and_ties_none(tmp_path: Path) -> None:
    async with scripted_app(tmp_path / "s") as (app, _):
        await app.consents.agree("ann", None)
        talk = await asked(app, "one", Choice.LEFT)
        await asked(app, "two", Choice.BOTH_BAD, conversation=talk)
        await asked(app, "three", Choice.TIE)
        duels = await decided(app.core.store)
        assert [duel.both_bad for duel in duels] == [False, True, False]
        (pair,), (winner,), judged = (rows_of(duels, form) for form in ("pairs", "answers", "judged"))
        assert pair["chosen"] == winner["answer"] == duels[0].texts[0] and pair["rejected"] == duels[0].texts[1]
        assert [row["good"] for row in judged] == [True, False, False, False]
        assert [turn["text"] for turn in judged[2]["history"]] == ["one", duels[0].texts[0]], "a follow-up keeps what was said before it"
        assert len({row["id"] for row in judged}) == 4 and not any("ann" in json.dumps(row) for row in judged)


async def test_what_somebody_else_said_before_is_not_taken_along(tmp_path: Path) -> None:
    async with scripted_app(tmp_path / "s") as (app, _):
        await app.consents.agree("bob", None)
        talk = await asked(app, "hers", Choice.LEFT)
        view = await ask(app, "his", asker="bob", conversation=talk, quorum=1)
        await until(app, view.id, "open")
        await cast(app, view.id, "bob", Choice.LEFT)
        assert await decided(app.core.store) == []


async def test_the_command_writes_rows_beside_a_running_duelbot(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    async with scripted_app(tmp_path / "s") as (app, _):
        await asked(app, "one", Choice.LEFT)
        store, rows = str(app.core.store.path), tmp_path / "pairs.jsonl"
        assert await asyncio.to_thread(main, ["data", "from-duels", "--store", store, "--write", str(rows)]) == 2
        assert "0 closed duels are free to learn from" in capsys.readouterr().err and not rows.exists()
        await app.consents.agree("ann", None)
        assert await asyncio.to_thread(main, ["data", "from-duels", "--store", store, "--write", str(rows)]) == 0
        assert "1 rows out of 1 duels" in capsys.readouterr().out
        [row] = [json.loads(line) for line in rows.read_text(encoding="utf-8").splitlines()]
        assert row["request"] == "one" and row["chosen"] != row["rejected"]
        assert await asyncio.to_thread(main, ["data", "from-duels", "--store", store, "--write", str(rows)]) == 2
        assert "cannot be written" in capsys.readouterr().err
