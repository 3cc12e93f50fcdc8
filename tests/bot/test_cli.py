"""The commands beside the fronts, as people call them."""

import asyncio
import json
from pathlib import Path

import pytest

from bot.__main__ import main
from bot.ballots import Choice
from tests.bot.scripted import answered, ask, cast, scripted_app


def test_the_growth_of_a_verdict_is_measured(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["bench", "--sizes", "60,120", "--json"]) == 0
    small, large = json.loads(capsys.readouterr().out)
    assert (small["duels"], large["ballots"]) == (60, 600) and all(value > 0 for value in large.values())
    assert main(["bench", "--sizes", "30"]) == 0
    assert "rebuild" in capsys.readouterr().out


async def store_with_votes(path: Path) -> None:
    async with scripted_app(path) as (app, _):
        for number in range(12):
            asked = await ask(app, f"Question {number}?", asker="ann", tag="billing" if number % 3 == 0 else "")
            await answered_duel(app, asked.id)


async def answered_duel(app: object, duel: str) -> None:
    from bot.app import App
    from tests.bot.scripted import until

    assert isinstance(app, App)
    await until(app, duel, "open")
    await cast(app, duel, "ann", Choice.RIGHT)


async def test_the_verdict_is_printed_from_the_store_beside_a_running_duelbot(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("DUEL_STORE_PATH", str(tmp_path / "s"))
    monkeypatch.setenv("DUEL_BASE_MODEL", str(tmp_path / "no model there"))
    await store_with_votes(tmp_path / "s")
    async with scripted_app(tmp_path / "s") as (app, _):  # it holds the store's lock
        found = await app.judging.verdict()
        assert await asyncio.to_thread(main, ["verdict", "--json"]) == 0
        table = json.loads(capsys.readouterr().out)
        assert (table["words"], table["decision"]["n"]) == (found.words, 12)
        assert [who["arm"] for who in table["who"]] == ["prompted", "tuned"] and len(table["aspects"]) == 8 and "samples" not in table
        assert await asyncio.to_thread(main, ["verdict"]) == 0
        out, err = capsys.readouterr()
        assert " ".join(found.words.split())[:40] in " ".join(out.split()) and "The decision card" in out and err == ""
        assert await asyncio.to_thread(main, ["verdict", "--tag", "billing", "--days", "1", "--json"]) == 0
        table = json.loads(capsys.readouterr().out)
        assert (table["decision"]["n"], table["scope"]["tag"]) == (4, "billing")
        for wrong, words in (
            (["--tag", "bills"], "No duel has the tag 'bills'. In use: billing."),
            (["--pair", "2"], "There is no pair 2; 1 "),
        ):
            assert await asyncio.to_thread(main, ["verdict", *wrong]) == 2
            assert capsys.readouterr().err.startswith(words)


async def test_a_store_without_votes_knows_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("DUEL_STORE_PATH", str(tmp_path / "s"))
    assert await asyncio.to_thread(main, ["verdict"]) == 2
    assert capsys.readouterr().err.startswith("There is no store ")
    async with scripted_app(tmp_path / "s") as (app, _):
        await answered(app)
    assert await asyncio.to_thread(main, ["verdict"]) == 0
    assert capsys.readouterr().out == "Nothing is known yet: no vote has closed in this store.\n"


async def test_the_duel_share_is_seen_beside_a_running_duelbot_and_changed_where_the_store_is_free(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("DUEL_STORE_PATH", str(tmp_path / "s"))
    await store_with_votes(tmp_path / "s")

    async def route(*words: str, status: int = 0) -> tuple[str, str]:
        assert await asyncio.to_thread(main, ["route", *words]) == status
        out, err = capsys.readouterr()
        return out, err

    out, _ = await route()
    assert out.startswith("Every request becomes a duel.\nProposed: Fine-tune. Let the fine-tune answer the others alone")
    assert "  duelbot route --share 0.1 --winner tuned\n" in out
    assert "10% of requests become duels; the fine-tune" in (await route("--share", "0.1", "--winner", "tuned", "--reason", "votes"))[0]
    async with scripted_app(tmp_path / "s"):  # it holds the store's lock
        shown = json.loads((await route("--json"))[0])
        assert shown["routes"][""]["share"] == 0.1 and shown["changes"][0]["person"].startswith("terminal")
        assert shown["changes"][0]["reason"] == "votes" and shown["proposals"] == []
        _, err = await route("--back", status=2)
        assert "Another Duelbot uses the store" in err and "/route" in err
    assert "changed back what" in (await route("--back"))[0]
    out, _ = await route("--new-key", "triage", "--per-day", "50", "--usd-per-day", "2")
    secret = out.strip().splitlines()[-1]
    assert secret.startswith("duel-") and "Key triage: 32 at once, 600 a minute, 50 a day, $2.00 a day; made " in out
    assert secret not in (await route("--keys"))[0]
    assert "; ended " in (await route("--end-key", "triage"))[0]
    for wrong, words in (
        (["--winner", "tuned"], "--winner goes with --share"),
        (["--back", "--share", "1"], "Give one of --share, --back and --drop"),
        (["--share", "0.1", "--winner", "nobody"], "does not meet now"),
    ):
        assert words in (await route(*wrong, status=2))[1]
