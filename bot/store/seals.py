"""Which log belongs to which file. A log beside a file that is not its own would be applied by SQLite, and damage that file.

The last change before a log is emptied into the file draws a seal, and the first change of the next log notes the seal that it
found. So file and log belong together when the file's seal is the one that the log began from, or when the file has already got
a part of that log.
"""

import secrets
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from urllib.parse import quote

import aiosqlite

from bot.errors import StoreError
from bot.store.place import Mark, beside, size_of

TRIES = 5  # looks at a log: a running Duelbot may empty it between the two that are compared
_LOOK = "SELECT sealed, begun_from FROM seals"
_DRAW = "UPDATE seals SET sealed = ?"
_BEGIN = "UPDATE seals SET begun_from = sealed"


async def mark_of(connection: aiosqlite.Connection) -> Mark:
    """A table keeps its page for life."""
    [row] = await connection.execute_fetchall(
        "SELECT rootpage, (SELECT page_size FROM pragma_page_size) AS size FROM sqlite_schema WHERE name = 'seals'"
    )
    return Mark((row["rootpage"] - 1) * row["size"], row["size"])


async def begun_from(connection: aiosqlite.Connection) -> str:
    """The seal that the present log began from."""
    [row] = await connection.execute_fetchall(_LOOK)
    return str(row["begun_from"])


async def turn_over(connection: aiosqlite.Connection) -> bool:
    """Seal the file and empty the log into it. False: somebody still reads from the log, so it goes on.

    Outside of a transaction. Waits for nobody.
    """
    await connection.execute(_DRAW, (secrets.token_hex(16),))
    return await empty_log(connection)


async def empty_log(connection: aiosqlite.Connection) -> bool:
    """Move all changes from the log into the file, and leave nothing in the log. False: somebody still reads from it."""
    [before] = await connection.execute_fetchall("PRAGMA busy_timeout")
    await connection.execute_fetchall("PRAGMA busy_timeout = 0")
    try:
        [row] = await connection.execute_fetchall("PRAGMA wal_checkpoint(TRUNCATE)")
    finally:
        await connection.execute_fetchall(f"PRAGMA busy_timeout = {int(before[0])}")
    return not row[0]


async def begin(connection: aiosqlite.Connection) -> str:
    """Note in the first change of an empty log which file it belongs to: the seal that the log begins from."""
    await connection.execute(_BEGIN)
    return await begun_from(connection)


@contextmanager
def leave_log(path: Path) -> Iterator[None]:
    """While this lasts, closing the store leaves its log as it is: it would be written into a file that is not its own."""
    with closing(sqlite3.connect(f"file:{quote(str(path))}?mode=ro", uri=True)) as reader:
        with suppress(sqlite3.Error):
            reader.execute("PRAGMA user_version")  # SQLite empties the log when its last user leaves, unless that one only reads
        yield


def seal_alone(connection: sqlite3.Connection) -> None:
    """Make a copy a file of its own, to which no log belongs."""
    connection.execute(_DRAW, (secrets.token_hex(16),))
    connection.execute(_BEGIN)


def refuse_foreign_log(path: Path) -> None:
    """Raise StoreError when beside the store lies a log that is not its own. Changes neither."""
    log, index = beside(path)
    for _ in range(TRIES):
        if not size_of(log):
            return
        began = _look(path, "mode=ro")
        sealed = _look(path, "mode=ro&immutable=1")  # which never looks into the log
        if sealed is None or (began and began[1] in sealed):
            return  # a file that makes no sense without its log was left in the middle of a change, or is damaged: SQLite says so
    raise StoreError(
        f"The log {log} belongs to another file than the store {path} and would damage it. "
        f"If the store was put back from a backup, move {log.name} and {index.name} away and start again."
    )


def refuse_lone_log(path: Path) -> None:
    """Raise StoreError when there is a log with the last changes of a store, and no store."""
    log, _ = beside(path)
    if not size_of(path) and size_of(log):
        raise StoreError(
            f"There is no store {path}, but {log} holds the last changes of one that was there. "
            f"Put that store back beside it; or move {log.name} away to begin a new one."
        )


def _look(path: Path, how: str) -> tuple[str, str] | None:
    """Both seals; two empty ones where the store is older than seals are. None: this makes no database. Raises sqlite3.Error."""
    try:
        with closing(sqlite3.connect(f"file:{quote(str(path))}?{how}", uri=True)) as connection:
            if not connection.execute("SELECT count(*) FROM sqlite_schema WHERE name = 'seals'").fetchone()[0]:
                return "", ""
            return connection.execute(_LOOK).fetchone()  # type: ignore[no-any-return]
    except sqlite3.DatabaseError as error:
        if error.sqlite_errorcode & 0xFF in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_ERROR):
            return None
        raise
