"""Opening the store's file: the folder, the lock that keeps a second Duelbot out, migrations, and words for what fails."""

import errno
import fcntl
import json
import os
import sqlite3
from pathlib import Path

import aiosqlite

from bot.errors import StoreError
from bot.evidence.units import request_key
from engine.request import Turn

MIGRATIONS = Path(__file__).parents[1] / "migrations"
APPLICATION_ID = 0x44756562  # "Dueb", set by the first migration
BUSY_S = 2.0
"""How long a write waits for another program that holds the file, before it says so."""

_REASONS = {
    sqlite3.SQLITE_FULL: "The disk is full, so {path} cannot take more. Nothing was changed; free some space and do it again.",
    sqlite3.SQLITE_READONLY: "The store {path} is read-only. Nothing was changed; make it writable and do it again.",
    sqlite3.SQLITE_BUSY: "The store {path} is locked by another program. Nothing was changed; close that program and do it again.",
    sqlite3.SQLITE_LOCKED: "The store {path} is locked by another program. Nothing was changed; close that program and do it again.",
    sqlite3.SQLITE_IOERR: "The disk under the store {path} reports an error. Nothing was changed; check the disk and do it again.",
    sqlite3.SQLITE_CORRUPT: "The store {path} is damaged. Put a copy back from a backup, or set DUEL_STORE_PATH to another file.",
    sqlite3.SQLITE_CANTOPEN: "The store {path} cannot be opened. Check that its folder exists and is writable, or set DUEL_STORE_PATH.",
    sqlite3.SQLITE_NOTADB: "The file {path} is not a Duelbot store. Set DUEL_STORE_PATH to another file.",
}


def words_for(error: sqlite3.Error, path: Path) -> str | None:
    """The sentence for a failure of the disk or the file; None for a bug, which stays one."""
    code = getattr(error, "sqlite_errorcode", None)
    reason = None if code is None else _REASONS.get(code & 0xFF)  # the low byte is the primary code
    return reason and reason.format(path=path)


def _refuse(error: OSError, path: Path) -> StoreError:
    match error.errno:
        case errno.EACCES | errno.EPERM | errno.EROFS:
            why = "is read-only for this user; make it writable"
        case errno.ENOSPC | errno.EDQUOT:
            why = "is on a full disk; free some space"
        case _:
            why = f"cannot be used ({error.strerror}); choose another place"
    return StoreError(f"{path} {why}, or set DUEL_STORE_PATH to another file.")


def prepare(path: Path) -> int:
    """Make the folder, take the lock, check that the file may be written. Returns the lock's descriptor.

    The lock is advisory, on a file beside the store, and falls with the process, however that ends.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StoreError(
            f"The folder {path.parent} for the store cannot be made ({error.strerror}). Set DUEL_STORE_PATH to a file elsewhere."
        ) from error
    if path.is_dir():
        raise StoreError(f"{path} is a folder; DUEL_STORE_PATH must name a file.")
    lock = _lock(path)
    try:
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))  # people's votes: for this user alone
        _sync_folder(path.parent)
    except OSError as error:
        os.close(lock)
        raise _refuse(error, path) from error
    return lock


def _lock(path: Path) -> int:
    beside = path.with_name(path.name + ".lock")
    try:
        lock = os.open(beside, os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise _refuse(error, path.parent if error.errno in (errno.EACCES, errno.EROFS) else beside) from error
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(lock)
        if error.errno not in (errno.EWOULDBLOCK, errno.EACCES):
            raise _refuse(error, beside) from error
        raise StoreError(f"Another Duelbot uses the store {path}. Close it, or set DUEL_STORE_PATH to another file.") from error
    return lock


def _sync_folder(folder: Path) -> None:
    """A new file survives a power cut only when its folder's entry is on the disk, too."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


async def connect(path: Path) -> aiosqlite.Connection:
    """A connection that commits to the disk itself before it says so, with the newest tables.

    Raises StoreError, or sqlite3.Error for `words_for`; then nothing stays open.
    """
    connection = await aiosqlite.connect(path, isolation_level=None, timeout=BUSY_S)
    try:
        connection.row_factory = sqlite3.Row
        await _own(connection, path)
        for pragma in ("journal_mode = WAL", "synchronous = FULL", "fullfsync = ON", "foreign_keys = ON", "secure_delete = ON"):
            await connection.execute_fetchall(f"PRAGMA {pragma}")
        await connection.create_function("fold", 1, str.casefold, deterministic=True)
        await connection.create_function("request_key", 3, _stored_key, deterministic=True)
        await _migrate(connection, path)
    except BaseException:
        await connection.close()
        raise
    return connection


def _stored_key(request: str, prologue: str, talk: str) -> str:
    """The key of a stored request, for a migration. prologue: [[role, text], …]; talk: [[request, answer carried on], …], both JSON."""
    before = [Turn(role, text) for role, text in json.loads(prologue)]
    for asked, answered in json.loads(talk):
        if answered.strip():
            before += [Turn("user", asked), Turn("assistant", answered)]
    return request_key(request, before)


async def _number(connection: aiosqlite.Connection, sql: str) -> int:
    [row] = await connection.execute_fetchall(sql)
    return int(row[0])


async def _own(connection: aiosqlite.Connection, path: Path) -> None:
    """Refuse another program's database before anything is written to it."""
    tables = await _number(connection, "SELECT count(*) FROM sqlite_schema")
    if tables and await _number(connection, "PRAGMA application_id") != APPLICATION_ID:
        raise StoreError(f"The file {path} is a database of another program. Set DUEL_STORE_PATH to another file.")


def migrations() -> list[str]:
    """The migrations' SQL, in order: the first one makes version 1."""
    return [file.read_text(encoding="utf-8") for file in sorted(MIGRATIONS.glob("[0-9][0-9][0-9][0-9]_*.sql"))]


async def _migrate(connection: aiosqlite.Connection, path: Path) -> None:
    """Bring the tables to the newest version, each step whole or not at all."""
    steps = migrations()
    version = await _number(connection, "PRAGMA user_version")
    if version > len(steps):
        raise StoreError(
            f"The store {path} was written by a newer Duelbot (version {version} of the tables; this one knows {len(steps)}). "
            "Update Duelbot, or set DUEL_STORE_PATH to another file."
        )
    for number, sql in enumerate(steps[version:], version + 1):
        try:
            await connection.executescript(f"BEGIN IMMEDIATE;\n{sql}\nPRAGMA user_version = {number};\nCOMMIT;")
        except sqlite3.Error:
            await connection.rollback()
            raise
