"""Contestants in the store: spelled out with how their base runs; those from before keep their ids and their duels."""

import sqlite3
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from bot.store import Store, opening
from bot.store.contestants import ContestantRows
from bot.store.opening import migrations
from engine.contestants import Arm, Base, Contestant
from engine.recipes import Recipe

NOW = datetime(2026, 11, 28, tzinfo=UTC)
PLAIN = Contestant(Arm.PLAIN, Recipe("plain", "1"), None, Base("b", "r1", 512, 1))
COLUMNS = "id, base_dtype, base_quantisation, base_more_ends"


async def met(path: Path, *contestants: Contestant) -> list[tuple[object, ...]]:
    """Let them meet, and read what the table then says."""
    store = await Store.open(path)
    async with store.writing() as change:
        await ContestantRows(change).meet(contestants, NOW)
    await store.aclose()
    connection = sqlite3.connect(path)
    try:
        return connection.execute(f"SELECT {COLUMNS} FROM contestants ORDER BY rowid").fetchall()
    finally:
        connection.close()


async def test_a_base_that_runs_another_way_is_another_contestant_and_its_row_says_which(tmp_path: Path) -> None:
    halved = replace(PLAIN, base=replace(PLAIN.base, dtype="bfloat16", quantisation="fp8", more_ends=(3, 7)))
    assert await met(tmp_path / "s", PLAIN, halved) == [
        (PLAIN.id, "float32", "", "[]"),
        (halved.id, "bfloat16", "fp8", "[3, 7]"),
    ]


async def test_a_store_from_before_keeps_its_contestants_under_their_ids(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, now = tmp_path / "s", migrations()
    before = now[: next(number for number, sql in enumerate(now) if "base_more_ends" in sql)]
    monkeypatch.setattr(opening, "migrations", lambda: before)
    await (await Store.open(path)).aclose()
    connection = sqlite3.connect(path)
    named = "arm, recipe_name, recipe_version, recipe_digest, recipe, base_name, base_revision, base_context_tokens, base_parameters"
    values = "'plain', 'plain', '1', 'd', '{}', 'b', 'r1', 512, 1, '2026-01-01'"
    for identity in (PLAIN.id, "0123456789ab"):
        connection.execute(f"INSERT INTO contestants (id, {named}, first_met_at) VALUES ('{identity}', {values})")
    connection.commit()
    connection.close()
    monkeypatch.undo()
    assert await met(path, PLAIN) == [(PLAIN.id, "float32", "", "[]"), ("0123456789ab", None, None, None)]
    store = await Store.open(path)
    async with store.reading() as look:
        assert set(await ContestantRows(look).all()) == {PLAIN.id, "0123456789ab"}
    await store.aclose()
