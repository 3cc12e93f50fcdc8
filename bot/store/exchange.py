"""Whole tables out of a store and into an empty one, and a store opened for reading beside the Duelbot that uses it."""

import asyncio
import os
import sqlite3
from collections.abc import AsyncGenerator, Iterable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

import aiosqlite

from bot.errors import StoreError
from bot.store.opening import APPLICATION_ID, migrations, words_for
from bot.store.store import Store
from bot.store.transaction import Transaction

TABLES = (
    "contestants",
    "conversations",
    "prologues",
    "duels",
    "answers",
    "ballots",
    "guesses",
    "posts",
    "tags",
    "trained_on",
    "lives",
    "replays",
    "evaluations",
    "evaluated",
)
"""What a team owns, in an order in which each refers to earlier ones. Ledgers are derived; settings, marks, runs, sessions stay behind."""
BATCH = 2000
Row = Mapping[str, Any]


class Dump:
    """A transaction as whole tables."""

    def __init__(self, transaction: Transaction) -> None:
        self._in = transaction

    async def columns(self, table: str) -> dict[str, str]:
        """Names and SQL types (TEXT, INTEGER, REAL), in order."""
        return {row["name"]: row["type"] for row in await self._in._rows(f"PRAGMA table_info({_known(table)})")}

    async def count(self, table: str) -> int:
        [row] = await self._in._rows(f"SELECT count(*) AS rows FROM {_known(table)}")
        return int(row["rows"])

    async def rows(self, table: str, order: str = "1") -> AsyncGenerator[dict[str, Any], None]:
        """All rows by their key, a batch in memory at a time."""
        async with self._in._connection.execute(f"SELECT * FROM {_known(table)} ORDER BY {order}") as cursor:
            while batch := await cursor.fetchmany(BATCH):
                for row in batch:
                    yield dict(row)

    async def insert(self, table: str, rows: Iterable[Row]) -> None:
        """Rows with the same columns. Raises StoreError when the store's rules refuse one."""
        rows = list(rows)
        if not rows:
            return
        names = list(rows[0])
        if unknown := set(names) - set(await self.columns(table)):
            raise StoreError(f"The table {table} has no column {', '.join(sorted(unknown))}. Nothing was imported.")
        sql = f"INSERT INTO {table} ({', '.join(names)}) VALUES ({', '.join('?' * len(names))})"
        try:
            await self._in._connection.executemany(sql, [tuple(row[name] for name in names) for row in rows])
        except (sqlite3.IntegrityError, sqlite3.ProgrammingError, sqlite3.InterfaceError, OverflowError, KeyError) as error:
            raise StoreError(f"A row of {table} does not fit the store ({error}). Nothing was imported.") from error

    async def is_empty(self) -> bool:
        """Whether nobody owns anything here yet."""
        return not any([await self.count(table) for table in TABLES])

    async def start_over(self) -> None:
        """Closed duels have come in: no ledger holds any more."""
        await self._in._rows("UPDATE epochs SET number = number + 1")
        await self._in._rows("DELETE FROM ledgers")


def _known(table: str) -> str:
    if table not in TABLES:
        raise StoreError(f"There is no table {table!r} to exchange; there are {', '.join(TABLES)}.")
    return table


@asynccontextmanager
async def reading_copy(path: Path) -> AsyncGenerator[Store, None]:
    """The store for reading alone, even while a Duelbot uses it. Raises StoreError."""
    if not await asyncio.to_thread(path.is_file):
        raise StoreError(f"There is no store {path}. DUEL_STORE_PATH names another one.")
    try:
        connection = await aiosqlite.connect(f"file:{quote(str(path))}?mode=ro", uri=True, isolation_level=None)
    except sqlite3.Error as error:
        raise StoreError(words_for(error, path) or f"The store {path} cannot be read: {error}.") from error
    connection.row_factory = sqlite3.Row
    folder = os.open(path.parent, os.O_RDONLY)  # in place of the lock: whoever only reads needs none
    store = Store(path, connection, folder)
    try:
        await _check(connection, path)
        yield store
    finally:
        await store.aclose()


async def _check(connection: aiosqlite.Connection, path: Path) -> None:
    try:
        [owner] = await connection.execute_fetchall("PRAGMA application_id")
        [version] = await connection.execute_fetchall("PRAGMA user_version")
    except sqlite3.Error as error:
        raise StoreError(words_for(error, path) or f"The store {path} cannot be read: {error}.") from error
    if int(owner[0]) != APPLICATION_ID:
        raise StoreError(f"The file {path} is a database of another program. Set DUEL_STORE_PATH to another file.")
    if int(version[0]) != len(migrations()):
        raise StoreError(f"The store {path} was written by another version of Duelbot. Start Duelbot once, then do this again.")
