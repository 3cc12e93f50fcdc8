"""Opening the store's file: the folder, the lock that keeps a second Duelbot out, migrations, and words for what fails."""

import asyncio
import errno
import json
import os
import sqlite3
from collections.abc import Callable
from contextlib import closing, suppress
from functools import cache
from pathlib import Path
from urllib.parse import quote

import aiosqlite

from bot.errors import StoreError
from bot.evidence.units import request_key
from bot.store.place import BINARY, OpenFiles, beside, lock_of, size_of, sync_folder
from bot.store.seals import refuse_foreign_log, refuse_lone_log, turn_over
from engine.locks import take
from engine.request import Turn

MIGRATIONS = Path(__file__).parents[1] / "migrations"
APPLICATION_ID = 0x44756562  # "Dueb", set by the first migration
BUSY_S = 2.0  # seconds that a write waits for another program that holds the file, before it says so

SYNCHRONOUS = "FULL"  # a commit is on the disk when it returns
PRAGMAS = (
    "journal_mode = WAL",
    "fullfsync = ON",
    "foreign_keys = ON",
    "secure_delete = ON",
    "wal_autocheckpoint = 0",  # seals.py empties the log
)

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
    """Find the sentence for a failure of the disk or the file. Returns None for a bug, which stays one."""
    code = getattr(error, "sqlite_errorcode", None)
    reason = None if code is None else _REASONS.get(code & 0xFF)  # the low byte is the primary code
    return reason and reason.format(path=path)


def refuse(error: OSError, path: Path) -> StoreError:
    """Make the sentence for a folder or a file that the system does not let us have."""
    match error.errno:
        case errno.EACCES | errno.EPERM | errno.EROFS:
            why = "is read-only for this user; make it writable"
        case errno.ENOSPC | errno.EDQUOT:
            why = "is on a full disk; free some space"
        case _:
            why = f"cannot be used ({error.strerror}); choose another place"
    return StoreError(f"{path} {why}, or set DUEL_STORE_PATH to another file.")


def prepare(path: Path) -> int:
    """Make the folder and take the lock. Returns the lock's descriptor.

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
    return _lock(path)


async def make(path: Path) -> None:
    """Where there is no store yet, make one whole, beside its place; only then does it get its name. Else nothing is left.

    Raises StoreError, sqlite3.Error.
    """
    refuse_lone_log(path)
    if size_of(path):
        return
    new = path.with_name(f"{path.name}.new")
    try:
        _remove(new)  # of one that was killed while it made a store
        os.close(os.open(new, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))  # people's votes: for this user alone
        await _fill(new)
        new.replace(path)
        sync_folder(path.parent)
    except OSError as error:
        raise refuse(error, path) from error
    finally:
        _remove(new)


async def _fill(new: Path) -> None:
    """Write the newest tables into an empty file, all of them synced and none left in a log.

    They are made in memory and copied: nobody has the file yet, so no migration need go through a log. `turn_over` syncs it.
    """
    with closing(sqlite3.connect(":memory:")) as made, closing(sqlite3.connect(new)) as file:
        file.execute("PRAGMA synchronous = OFF")
        made.deserialize(_newest(tuple(migrations())))
        made.backup(file)
    connection = await connect(new, synchronous="OFF")
    try:
        await connection.execute_fetchall(f"PRAGMA synchronous = {SYNCHRONOUS}")
        if not await turn_over(connection):
            raise StoreError(f"Another program has opened {new}. Close it and start again.")
    finally:
        await connection.close()


@cache
def _newest(steps: tuple[str, ...]) -> bytes:
    """Make the file of an empty store with these migrations."""
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as made:
        for name, arguments, function in _taught():
            made.create_function(name, arguments, function, deterministic=True)
        for number, sql in enumerate(steps, 1):
            made.executescript(_whole(number, sql))
        return made.serialize()


def _remove(new: Path) -> None:
    for left in (new, *beside(new)):
        with suppress(OSError):  # whatever is in the way will be said by who writes next
            left.unlink()


def occupy(named: Path, path: Path, lock: int) -> OpenFiles:
    """Hold the store's file open, so that a name that leads elsewhere is noticed."""
    try:
        return OpenFiles(named, path, lock, os.open(path, os.O_RDWR | BINARY))
    except OSError as error:
        raise refuse(error, path) from error


def _lock(path: Path) -> int:
    file = lock_of(path)
    try:
        lock = os.open(file, os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise refuse(error, path.parent if error.errno in (errno.EACCES, errno.EROFS) else file) from error
    try:
        take(lock)
    except OSError as error:
        os.close(lock)
        if error.errno not in (errno.EAGAIN, errno.EACCES):
            raise refuse(error, file) from error
        raise StoreError(f"Another Duelbot uses the store {path}. Close it, or set DUEL_STORE_PATH to another file.") from error
    return lock


async def connect(path: Path, synchronous: str = SYNCHRONOUS) -> aiosqlite.Connection:
    """Open a connection that commits to the disk itself before it says so, with the newest tables. `turn_over` alone empties the log.

    synchronous: SQLite's setting of that name. Raises StoreError, or sqlite3.Error for `words_for`; then nothing stays open.
    """
    connection = await aiosqlite.connect(path, isolation_level=None, timeout=BUSY_S)
    try:
        connection.row_factory = sqlite3.Row
        await _own(connection, path)
        for pragma in (*PRAGMAS, f"synchronous = {synchronous}"):
            await connection.execute_fetchall(f"PRAGMA {pragma}")
        await migrate(connection, path)
    except BaseException:
        await connection.close()
        raise
    return connection


def _stored_key(request: str, prologue: str, talk: str) -> str:
    """Work out the key of a stored request, for a migration. Both are JSON.

    prologue: [[role, text], …]; talk: [[request, answer carried on], …].
    """
    before = [Turn(role, text) for role, text in json.loads(prologue)]
    for asked, answered in json.loads(talk):
        if answered.strip():
            before += [Turn("user", asked), Turn("assistant", answered)]
    return request_key(request, before)


def _taught() -> tuple[tuple[str, int, Callable[..., str]], ...]:
    """The functions that SQL is taught: name, number of arguments, function."""
    return (("fold", 1, str.casefold), ("request_key", 3, _stored_key))


def _whole(number: int, sql: str) -> str:
    """Wrap a migration, so that it happens whole or not at all."""
    return f"BEGIN IMMEDIATE;\n{sql}\nPRAGMA user_version = {number};\nCOMMIT;"


async def _number(connection: aiosqlite.Connection, sql: str) -> int:
    [row] = await connection.execute_fetchall(sql)
    return int(row[0])


async def _own(connection: aiosqlite.Connection, path: Path) -> None:
    """Refuse another program's database before anything is written to it."""
    tables = await _number(connection, "SELECT count(*) FROM sqlite_schema")
    if tables and await _number(connection, "PRAGMA application_id") != APPLICATION_ID:
        raise StoreError(f"The file {path} is a database of another program. Set DUEL_STORE_PATH to another file.")


def migrations() -> list[str]:
    """Read the migrations' SQL, in order: the first one makes version 1. Raises StoreError where a number is missing."""
    files = sorted(MIGRATIONS.glob("[0-9][0-9][0-9][0-9]_*.sql"))
    numbers = [int(file.name[:4]) for file in files]
    if not files or numbers != list(range(1, len(files) + 1)):
        raise StoreError(f"This installation of Duelbot is not whole: SQL files are missing in {MIGRATIONS}. Install it again.")
    return [file.read_text(encoding="utf-8") for file in files]


def _refuse_newer(version: int, path: Path) -> None:
    if version > (known := len(migrations())):
        raise StoreError(
            f"The store {path} was written by a newer Duelbot (version {version} of the tables; this one knows {known}). "
            "Update Duelbot, or set DUEL_STORE_PATH to another file."
        )


async def migrate(connection: aiosqlite.Connection, path: Path, upto: int | None = None) -> None:
    """Bring the tables to the newest version, or to that one, each step whole or not at all. Also teach SQL to fold cases.

    Raises StoreError, sqlite3.Error.
    """
    for name, arguments, function in _taught():
        await connection.create_function(name, arguments, function, deterministic=True)
    steps = migrations()
    version = await _number(connection, "PRAGMA user_version")
    _refuse_newer(version, path)
    for number, sql in enumerate(steps[version:upto], version + 1):
        try:
            await connection.executescript(_whole(number, sql))
        except sqlite3.Error:
            await connection.rollback()
            raise


async def open_to_read(path: Path, *, of_any_version: bool = False) -> aiosqlite.Connection:
    """Open a connection for reading alone, also beside a Duelbot that uses the store. Raises StoreError, sqlite3.Error for `words_for`."""
    if not await asyncio.to_thread(path.is_file):
        raise StoreError(f"There is no store {path}. DUEL_STORE_PATH names another one.")
    await asyncio.to_thread(refuse_foreign_log, path)
    connection = await aiosqlite.connect(f"file:{quote(str(path))}?mode=ro", uri=True, isolation_level=None)
    try:
        connection.row_factory = sqlite3.Row
        if await _number(connection, "PRAGMA application_id") != APPLICATION_ID:
            raise StoreError(f"The file {path} is a database of another program, or none. Set DUEL_STORE_PATH to another file.")
        version = await _number(connection, "PRAGMA user_version")
        _refuse_newer(version, path)
        if version != len(migrations()) and not of_any_version:
            raise StoreError(f"The store {path} was written by an earlier version of Duelbot. Start Duelbot once, then do this again.")
    except BaseException:
        await connection.close()
        raise
    return connection
