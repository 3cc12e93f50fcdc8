"""Out of one store and into another: the same tables, the same verdict; and what is no export is refused whole."""

import asyncio
import json
import re
from pathlib import Path

import numpy as np
import pytest

from bot.__main__ import main
from bot.app.ledgers import SAVE_AFTER
from bot.app.orders import Order
from bot.ballots import Choice, Guess
from bot.store import Store
from bot.store.opening import migrations
from bot.store.records import stamp
from bot.tools.seed import Team, plant
from bot.verdict import Verdict
from engine.backends.scripted import ScriptedBackend
from tests.bot.scripted import answered, cast, lineup_over, scripted_app, two_answers, until
from tests.bot.test_store import NOW


async def lived_in(path: Path, duels: int = 60) -> Verdict:
    """A store with a made-up team, a conversation, an open vote, a server's duel, odd texts."""
    first, second = lineup_over(ScriptedBackend(two_answers)).entrants
    store = await Store.open(path)
    await plant(store, Team(duels, theta=0.7, by_tag=(0.2, 0, -0.2, 0), contestants=(first.id, second.id)), np.random.default_rng(1))
    await store.aclose()
    async with scripted_app(path, discord_quorum=1) as (app, _):
        view = await answered(app, '\\N, "quoted"\nand =SUM(1)\u2028 ünïcode 🎈')
        await cast(app, view.id, "ann", Choice.RIGHT)
        more = await answered(app, "\\begins with a backslash", conversation=view.conversation)
        await cast(app, more.id, "ann, the \\first", Choice.LEFT)
        await answered(app, "left open", quorum=3)
        asked = (await app.asking.ask(Order("In a server?", "bob", "message:1", "red", "c", tag="talk"))).view
        await until(app, asked.id, "open")
        await app.voting.guess(asked.id, "eve", Guess(None))
        await cast(app, asked.id, "eve", Choice.BOTH_BAD)
        found = await app.judging.verdict()
    assert isinstance(found, Verdict) and found.duels == duels + 3
    return found


@pytest.mark.parametrize("form", ["jsonl", "csv"])
async def test_the_tables_read_back_in_an_empty_store_give_the_same_verdict(
    tmp_path: Path, form: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    before = await lived_in(tmp_path / "one")
    monkeypatch.setenv("DUEL_STORE_PATH", str(tmp_path / "one"))
    assert await asyncio.to_thread(main, ["export", "--format", form, "--out", str(tmp_path / "out"), "--json"]) == 0
    written = json.loads(capsys.readouterr().out)
    assert written["duels"] == 64 and written["guesses"] == 1 and written["posts"] == 1
    monkeypatch.setenv("DUEL_STORE_PATH", str(tmp_path / "two"))
    assert await asyncio.to_thread(main, ["import", str(tmp_path / "out"), "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == written
    async with scripted_app(tmp_path / "two") as (app, _):
        assert await app.judging.verdict() == before
        assert await app.judging.verdict(team="red") != before
    again = tmp_path / "again"
    assert await asyncio.to_thread(main, ["export", "--format", form, "--out", str(again)]) == 0
    files = [""] if form == "jsonl" else [file.name for file in again.iterdir()]
    assert all((again / name).read_bytes() == (tmp_path / "out" / name).read_bytes() for name in files)
    assert await asyncio.to_thread(main, ["import", str(again)]) == 2
    assert "not empty" in capsys.readouterr().err


async def test_an_import_reads_the_evidence_so_that_the_first_look_need_not(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = await Store.open(tmp_path / "one")
    await plant(store, Team(SAVE_AFTER + 20, theta=0.6), np.random.default_rng(2))
    await store.aclose()
    monkeypatch.setenv("DUEL_STORE_PATH", str(tmp_path / "one"))
    assert await asyncio.to_thread(main, ["export", "--format", "jsonl", "--out", str(tmp_path / "out")]) == 0
    monkeypatch.setenv("DUEL_STORE_PATH", str(tmp_path / "two"))
    assert await asyncio.to_thread(main, ["import", str(tmp_path / "out")]) == 0
    store = await Store.open(tmp_path / "two")
    async with store.reading() as look:
        [[closing]] = await look.rows("SELECT closing FROM ledgers")
    await store.aclose()
    assert closing == SAVE_AFTER + 20


async def test_preference_pairs_hold_the_winner_and_what_was_said_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    await lived_in(tmp_path / "one")
    monkeypatch.setenv("DUEL_STORE_PATH", str(tmp_path / "one"))
    assert await asyncio.to_thread(main, ["export", "--format", "dpo", "--out", str(tmp_path / "pairs.jsonl")]) == 0
    pairs = [json.loads(line) for line in (tmp_path / "pairs.jsonl").read_text(encoding="utf-8").splitlines()]
    talk = next(pair for pair in pairs if len(pair["prompt"]) == 3)
    assert [turn["role"] for turn in talk["prompt"]] == ["user", "assistant", "user"]
    assert talk["prompt"][1]["content"] == "tuned says hello" and talk["prompt"][2]["content"] == "\\begins with a backslash"
    assert talk["chosen"] == [{"role": "assistant", "content": "prompted says hi"}] and talk["rejected_arm"] == "tuned"
    assert not [pair for pair in pairs if pair["prompt"][-1]["content"] in ("In a server?", "left open")]
    assert all(pair["for_chosen"] * 2 > 0 and pair["chosen"] != pair["rejected"] for pair in pairs)


@pytest.mark.parametrize(
    ("lines", "why"),
    [
        ("hello", "Line 1 .* no JSON"),
        ('{"duelbot": 99}', "no export that this version"),
        ("", "no export that this version"),
        ("[1]", "Line 1 .* no object"),
        ("[" * 100_000, "Line 1 .* no JSON"),
        ('{"duelbot": ' + "9" * 5000 + "}", "Line 1 .* no JSON"),
        ("HEAD", "does not end as export ends a file: it was cut, or .* --unsealed"),
        ('HEAD\n{"table": "sqlite_schema", "a": 1}', "Line 2 .* no table"),
        ('HEAD\n{"table": "marks", "name": "a"}', "Line 2 .* no table"),
        ('HEAD\n{"table": 7}', "Line 2 .* names no table"),
        ('HEAD\n{"end": {}}\n{"table": "conversations"}', "Line 3 .* comes after the end"),
        ('HEAD\n{"table": "conversations", "id": "c"}', "Line 2 .* lacks started_at"),
        ('HEAD\n{"table": "conversations", "id": "c", "id": "d", "started_at": TIME}', "Line 2 .* twice"),
        ('HEAD\n{"table": "conversations", "id": "c", "started_at": TIME, "x": 1}', "Line 2 .* no column x"),
        ('HEAD\n{"table": "conversations", "id": ["c"], "started_at": TIME}', "Line 2 .* id is .*no text"),
        ('HEAD\n{"table": "conversations", "id": "\\ud800", "started_at": TIME}', "Line 2 .* id is .*no text"),
        ('HEAD\n{"table": "conversations", "id": "c", "started_at": "2026-11-22"}', "Line 2 .* started_at is '2026-11-22', .*no time"),
        ('HEAD\n{"table": "conversations", "id": NaN, "started_at": TIME}', "Line 2 .*NaN is no number"),
        (
            'HEAD\n\n{"table": "conversations", "id": "c", "started_at": TIME}\n{"table": "conversations", "id": "c", "started_at": TIME}',
            "Line 4 .*UNIQUE",
        ),
        (
            'HEAD\n{"table": "ballots", "duel": "d", "voter": "v", "verdict": "tie", "entrant": null, "cast_at": TIME}',
            "Line 2 .* duel is 'd', and duels has no such row",
        ),
    ],
)
async def test_what_is_no_export_is_refused_and_nothing_is_kept(
    tmp_path: Path, lines: str, why: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "in").write_text(lines.replace("HEAD", json.dumps({"duelbot": len(migrations())})).replace("TIME", f'"{stamp(NOW)}"'))
    monkeypatch.setenv("DUEL_STORE_PATH", str(tmp_path / "s"))
    assert await asyncio.to_thread(main, ["import", str(tmp_path / "in")]) == 2
    said = capsys.readouterr().err
    assert (re.search(why, said) and "Nothing was imported" in said) or "no export that" in said
    async with scripted_app(tmp_path / "s") as (app, _):
        assert await app.looking.history() == []


async def test_an_export_works_beside_a_running_bot_and_writes_nothing_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("DUEL_STORE_PATH", str(tmp_path / "s"))
    assert await asyncio.to_thread(main, ["export", "--out", str(tmp_path / "out")]) == 2
    assert "There is no store" in capsys.readouterr().err
    async with scripted_app(tmp_path / "s") as (app, _):
        await answered(app)
        assert await asyncio.to_thread(main, ["export", "--out", str(tmp_path / "out")]) == 0
        assert "1 duels, 2 answers" in capsys.readouterr().out
        assert await asyncio.to_thread(main, ["export", "--out", str(tmp_path / "out")]) == 2
        assert "is there already" in capsys.readouterr().err
