"""A copy of the store in a file of its own, made while the store is in use, and such a copy put back in its place."""

import asyncio
import os
import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import aiosqlite

from bot.errors import StoreError
from bot.store.opening import open_to_read, prepare, words_for
from bot.store.place import beside, lock_of, sync_folder
from bot.store.seals import seal_alone


async def copy_of(connection: aiosqlite.Connection, to: Path) -> None:
    """Write what the connection sees to a file of its own, checked and on the disk; only then does it get its name.

    Raises StoreError when the copy is not whole, sqlite3.Error and OSError.
    """
    part = to.with_name(f"{to.name}.part")
    try:
        _clear(part)
        os.close(os.open(part, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))  # people's votes: for this user alone
        with closing(sqlite3.connect(part, check_same_thread=False, isolation_level=None)) as copy:
            await connection.backup(copy)
            await asyncio.to_thread(_finish, copy)
        await asyncio.to_thread(_name, part, to)
    except BaseException:
        _clear(part)
        raise


def _clear(part: Path) -> None:
    for left in (part, *beside(part), part.with_name(f"{part.name}-journal")):
        left.unlink(missing_ok=True)


def _finish(copy: sqlite3.Connection) -> None:
    copy.execute("PRAGMA journal_mode = DELETE")  # all of it in one file
    if copy.execute("SELECT count(*) FROM sqlite_schema WHERE name = 'seals'").fetchone()[0]:
        seal_alone(copy)
    for check in ("integrity_check", "foreign_key_check"):
        if (found := copy.execute(f"PRAGMA {check}").fetchone()) not in (None, ("ok",)):
            raise StoreError(f"The store is damaged ({check}: {', '.join(map(str, found))}), so no copy of it was made.")


def _name(part: Path, to: Path) -> None:
    with part.open("rb") as file:
        os.fsync(file.fileno())
    part.replace(to)
    sync_folder(to.parent)


def _target(path: Path, to: Path, over: bool) -> Path:
    target = Path(os.path.realpath(to))
    if target in (path, *beside(path), lock_of(path)):
        raise StoreError(f"{to} is the store itself. Name another file for its copy.")
    if target.is_dir():
        raise StoreError(f"{to} is a folder; name a file in it.")
    if target.exists() and not over:
        raise StoreError(f"{to} is there already. Name another file, or say --over to replace it.")
    return target


async def back_up(connection: aiosqlite.Connection, path: Path, to: Path, over: bool) -> None:
    """Copy the store at `path` to the file `to`. over: also where a file is. Raises StoreError."""
    target = _target(path, to, over)
    try:
        await copy_of(connection, target)
    except OSError as error:
        raise StoreError(f"{to} cannot be written: {error.strerror}.") from error
    except sqlite3.Error as error:
        raise _refusal(error, path, target) from error


def _refusal(error: sqlite3.Error, source: Path, target: Path) -> StoreError:
    full = getattr(error, "sqlite_errorcode", 0) & 0xFF == sqlite3.SQLITE_FULL
    return StoreError(words_for(error, target if full else source) or f"{source} cannot be copied: {error}.")


def _other_than(source: Path, path: Path) -> Path:
    path = Path(os.path.realpath(path))
    if not source.is_file():
        raise StoreError(f"There is no file {source}.")
    if Path(os.path.realpath(source)) == path:
        raise StoreError(f"{source} is the store itself. Name the copy that is to take its place.")
    return path


async def restore(source: Path, path: Path) -> Path | None:
    """Put a copy in the place of the store. Where the store that was there is now; None: there was none. Raises StoreError."""
    path = _other_than(source, path)
    lock = prepare(path)
    try:
        connection = await open_to_read(source, of_any_version=True)
        try:
            await copy_of(connection, new := path.with_name(f"{path.name}.new"))
        finally:
            await connection.close()
        return _put(new, path)
    except OSError as error:
        raise StoreError(f"{path} cannot be written: {error.strerror}. The store is as it was.") from error
    except sqlite3.Error as error:
        raise _refusal(error, source, path) from error
    finally:
        os.close(lock)


def _put(new: Path, path: Path) -> Path | None:
    """The old store keeps its log under its other name. At no moment is there a file without its last changes and without a word."""
    kept, log = path.with_name(f"{path.name}.{datetime.now(UTC):%Y-%m-%dT%H-%M-%S}"), beside(path)[0]
    old = [(was, now) for was, now in ((path, kept), (log, beside(kept)[0])) if was.exists()]
    for was, now in old:
        os.link(was, now)
    sync_folder(path.parent)
    new.replace(path)  # beside the old log, should the power fail now: its seal is another, so it is refused
    for left in beside(path):
        left.unlink(missing_ok=True)
    sync_folder(path.parent)
    return kept if old else None
