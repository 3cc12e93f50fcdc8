"""The store: what it takes to open one, and one sentence for everything that is in the way."""

import os
import shutil
import sqlite3
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest

from bot.ballots import Choice, ballot
from bot.errors import StoreError, UnknownDuel
from bot.store import DuelRecord, Store, opening
from bot.store.ballots import BallotRows
from bot.store.conversations import ConversationRows
from bot.store.duels import DuelRows
from bot.store.opening import migrations

NOW = datetime(2026, 11, 22, 12, 30, tzinfo=UTC)
TABLES = {"contestants", "conversations", "duels", "answers", "ballots"}
TABLES |= {"tags", "trained_on", "ledgers", "epochs", "lives", "replays", "evaluations", "evaluated"}
TABLES |= {"posts", "prologues", "rolling", "team_settings", "guesses", "marks"}


def duel(duel_id: str = "d1", turn: int = 1) -> DuelRecord:
    return DuelRecord(duel_id, "c1", turn, asker="ann", request="Hello?", asked_at=NOW, left=0, quorum=1)


async def write_one(store: Store, record: DuelRecord) -> None:
    async with store.writing() as change:
        if record.turn == 1:
            await ConversationRows(change).start("c1", NOW)
        await DuelRows(change).add(record)


async def read_one(store: Store, duel_id: str = "d1") -> DuelRecord:
    async with store.reading() as look:
        return await DuelRows(look).duel(duel_id)


async def refusal(path: Path) -> str:
    with pytest.raises(StoreError) as refused:
        await Store.open(path)
    words = str(refused.value)
    assert words.endswith(".") and "\n" not in words and len(words.replace(str(path.parent), "")) < 250
    return words


def look_inside(path: Path, sql: str) -> list[tuple[object, ...]]:
    connection = sqlite3.connect(path)
    try:
        found = connection.execute(sql).fetchall()
        connection.commit()
        return found
    finally:
        connection.close()


@contextmanager
def folder_of_a_common_user() -> Iterator[Path]:
    """A folder, and for the while the rights of a user without privileges: root may write what is read-only."""
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o777)
    privileged = os.geteuid() == 0
    if privileged:
        os.seteuid(65534)
    try:
        yield folder
    finally:
        if privileged:
            os.seteuid(0)
        folder.chmod(0o777)
        shutil.rmtree(folder)


async def test_a_new_store_gets_every_migration_and_a_second_opening_none(tmp_path: Path) -> None:
    path = tmp_path / "made" / "on the way" / "duels.sqlite3"
    for _ in range(2):
        await (await Store.open(path)).aclose()
        assert look_inside(path, "PRAGMA user_version") == [(len(migrations()),)]
        assert {name for (name,) in look_inside(path, "SELECT name FROM sqlite_schema WHERE type = 'table'")} >= TABLES
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


async def test_what_was_written_is_there_in_the_next_opening(tmp_path: Path) -> None:
    store = await Store.open(tmp_path / "s")
    await write_one(store, duel())
    await store.aclose()
    store = await Store.open(tmp_path / "s")
    assert await read_one(store) == duel()
    await store.aclose()


async def test_commits_are_synced_to_the_disk_and_foreign_keys_hold(tmp_path: Path) -> None:
    store = await Store.open(tmp_path / "s")
    try:
        async with store.reading() as look:
            pragmas = {name: (await look.rows(f"PRAGMA {name}"))[0][0] for name in ("journal_mode", "synchronous", "foreign_keys")}
        assert pragmas == {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1}
        with pytest.raises(sqlite3.IntegrityError):
            async with store.writing() as change:
                await BallotRows(change).put(ballot("no such duel", "ann", Choice.TIE, {}, NOW))
    finally:
        await store.aclose()


async def test_a_failed_migration_leaves_the_store_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "s"
    store = await Store.open(path)
    await write_one(store, duel())
    await store.aclose()
    known = migrations()
    monkeypatch.setattr(opening, "migrations", lambda: [*known, "CREATE TABLE more (id TEXT) STRICT; INSERT INTO nowhere VALUES (1);"])
    with pytest.raises(sqlite3.OperationalError, match="nowhere"):
        await Store.open(path)
    monkeypatch.undo()
    store = await Store.open(path)
    assert await read_one(store) == duel()
    await store.aclose()
    assert not look_inside(path, "SELECT name FROM sqlite_schema WHERE name = 'more'")


async def test_a_next_migration_is_applied_to_what_is_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "s"
    store = await Store.open(path)
    await write_one(store, duel())
    await store.aclose()
    known = migrations()
    monkeypatch.setattr(opening, "migrations", lambda: [*known, "ALTER TABLE duels ADD COLUMN colour TEXT DEFAULT 'grey';"])
    store = await Store.open(path)
    assert await read_one(store) == duel()
    await store.aclose()
    assert look_inside(path, "SELECT colour FROM duels") == [("grey",)]


async def test_a_store_from_a_newer_duelbot_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "s"
    await (await Store.open(path)).aclose()
    look_inside(path, "PRAGMA user_version = 99")
    before = path.read_bytes()
    assert "newer Duelbot (version 99" in await refusal(path)
    assert path.read_bytes() == before


async def test_a_file_that_is_no_database_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "letter.txt"
    path.write_text("Dear reader, " * 1000)
    assert "is not a Duelbot store" in await refusal(path)
    assert path.read_text() == "Dear reader, " * 1000


async def test_a_database_of_another_program_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "music.db"
    look_inside(path, "CREATE TABLE songs (name TEXT)")
    before = path.read_bytes()
    assert "database of another program" in await refusal(path)
    assert path.read_bytes() == before


async def test_a_damaged_store_is_one_sentence(tmp_path: Path) -> None:
    path = tmp_path / "s"
    await (await Store.open(path)).aclose()
    whole = path.read_bytes()
    path.write_bytes(whole[:100] + b"\xff" * (len(whole) - 100))
    assert "is damaged" in await refusal(path)


async def test_a_folder_in_place_of_the_file_is_one_sentence(tmp_path: Path) -> None:
    assert "is a folder" in await refusal(tmp_path)


async def test_a_folder_that_cannot_be_made_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert "cannot be made" in await refusal(tmp_path / "file" / "below" / "s")


async def test_a_read_only_folder_is_one_sentence() -> None:
    with folder_of_a_common_user() as folder:
        inner = folder / "inner"
        inner.mkdir(mode=0o555)
        assert f"{inner} is read-only" in await refusal(inner / "s")
        assert "cannot be made" in await refusal(inner / "deeper" / "s")


async def test_a_read_only_file_is_one_sentence_and_opens_again_when_it_is_writable() -> None:
    with folder_of_a_common_user() as folder:
        path = folder / "s"
        await (await Store.open(path)).aclose()
        path.chmod(0o444)
        assert f"{path} is read-only" in await refusal(path)
        path.chmod(0o600)
        await (await Store.open(path)).aclose()


async def test_a_second_duelbot_is_kept_out_also_under_another_name_of_the_file(tmp_path: Path) -> None:
    store = await Store.open(tmp_path / "s")
    (tmp_path / "link").symlink_to(tmp_path / "s")
    assert "Another Duelbot uses the store" in await refusal(tmp_path / "s")
    assert "Another Duelbot uses the store" in await refusal(tmp_path / "link")
    await write_one(store, duel())
    await store.aclose()
    await (await Store.open(tmp_path / "link")).aclose()


async def test_a_store_that_another_program_holds_is_one_sentence_and_works_when_let_go(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(opening, "BUSY_S", 0.05)
    store = await Store.open(tmp_path / "s")
    other = sqlite3.connect(tmp_path / "s", isolation_level=None)
    try:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreError, match="locked by another program"):
            await write_one(store, duel())
        other.execute("ROLLBACK")
        await write_one(store, duel())
        assert await read_one(store) == duel()
    finally:
        other.close()
        await store.aclose()


async def test_a_transaction_that_fails_leaves_nothing_of_itself(tmp_path: Path) -> None:
    store = await Store.open(tmp_path / "s")
    try:
        with pytest.raises(RuntimeError):
            async with store.writing() as change:
                await ConversationRows(change).start("c1", NOW)
                await DuelRows(change).add(duel())
                raise RuntimeError
        with pytest.raises(UnknownDuel):
            await read_one(store)
        await write_one(store, duel())
    finally:
        await store.aclose()


async def test_times_of_any_zone_are_stored_in_utc_and_sort_as_text(tmp_path: Path) -> None:
    store = await Store.open(tmp_path / "s")
    await write_one(store, replace(duel(), asked_at=NOW.astimezone(timezone(timedelta(hours=5)))))
    await store.aclose()
    assert look_inside(tmp_path / "s", "SELECT asked_at FROM duels") == [("2026-11-22T12:30:00.000000+00:00",)]
