"""Whole tables out of a store and into an empty one, and a store opened for reading beside the Duelbot that uses it."""

import asyncio
import os
import sqlite3
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiosqlite

from bot.errors import StoreError
from bot.store.checking import WHOLE, Column
from bot.store.opening import migrate, open_to_read, words_for
from bot.store.store import Store
from bot.store.transaction import Queries, Transaction

# Tables that are no team's: derived, or of this place alone. All others travel, one that is added later, too.
STAYING = {
    "ledgers",
    "epochs",
    "outcomes",
    "voters",
    "rolling",
    "team_settings",
    "marks",
    "consents",
    "seals",
    "runs",
    "run_rows",
    "jobs",
    "routes",
    "coins",
    "api_keys",
    "voter_names",
    "role_limits",
    "notices",
    "due_notices",
}
BATCH = 2000  # rows in memory at a time
Row = Mapping[str, Any]


class Tables(Queries):
    """Queries on whole tables, whatever they hold."""

    def __init__(self, transaction: Transaction) -> None:
        super().__init__(transaction)
        self._ordered: list[str] = []
        self._columns: dict[str, dict[str, Column]] = {}

    async def tables(self) -> tuple[str, ...]:
        """List what a team owns, in an order in which each refers to earlier ones."""
        if not self._ordered:
            left: dict[str, set[str]] = {}
            for row in await self._in.rows(
                'SELECT schema.name, refs."table" AS parent FROM sqlite_schema AS schema '
                "LEFT JOIN pragma_foreign_key_list(schema.name) AS refs "
                "WHERE schema.type = 'table' AND schema.name NOT LIKE 'sqlite_%' ORDER BY schema.rowid"
            ):
                left.setdefault(row["name"], set()).update({row["parent"]} - {row["name"], None})
            while owned := [name for name in left if name not in STAYING and name not in self._ordered]:
                self._ordered.append(next(name for name in owned if not left[name] & set(owned)))
        return tuple(self._ordered)

    async def _parents(self, table: str) -> dict[str, tuple[str, str]]:
        """List tables that this one refers to, with the column here and the column there."""
        rows = await self._in.rows(f"PRAGMA foreign_key_list({table})")
        return {row["table"]: (row["from"], row["to"]) for row in rows}

    async def columns(self, table: str) -> dict[str, Column]:
        """Read a table's columns by name, in order."""
        if not self._columns:
            for row in await self._in.rows(
                "SELECT schema.name AS owner, columns.* FROM sqlite_schema AS schema JOIN pragma_table_info(schema.name) AS columns "
                "WHERE schema.type = 'table' ORDER BY schema.rowid, columns.cid"
            ):
                column = Column(row["name"], row["type"], not row["notnull"] and not row["pk"], row["pk"])
                self._columns.setdefault(row["owner"], {})[column.name] = column
        return self._columns[table]

    def look_again(self) -> None:
        """Forget tables and columns as they were before a migration."""
        self._ordered.clear()
        self._columns.clear()

    async def rows(self, table: str) -> AsyncGenerator[dict[str, Any], None]:
        """Go through all rows in the order in which they were written, else by their key; BATCH of them in memory at a time."""
        [kind] = await self._in.rows("SELECT wr FROM pragma_table_list WHERE name = ? AND schema = 'main'", (table,))
        keys = sorted((column for column in (await self.columns(table)).values() if column.key), key=lambda column: column.key)
        order = ", ".join(column.name for column in keys) if kind["wr"] else "rowid"
        async for batch in self._in.batches(f"SELECT * FROM {table} ORDER BY {order}", BATCH):
            for row in batch:
                yield dict(row)

    async def insert(self, table: str, rows: Iterable[Row]) -> None:
        """Insert rows with the same columns. Raises RowRefused for the first one that the store's rules refuse."""
        rows = list(rows)
        if not rows:
            return
        names = list(rows[0])
        sql = f"INSERT INTO {table} ({', '.join(names)}) VALUES ({', '.join('?' * len(names))})"
        await self._in.run("SAVEPOINT batch")
        try:
            await self._in.run_many(sql, [tuple(row[name] for name in names) for row in rows])
        except sqlite3.IntegrityError:
            await self._in.run("ROLLBACK TO batch")
            for at, row in enumerate(rows):
                try:
                    await self._in.run(sql, tuple(row.values()))
                except sqlite3.IntegrityError as error:
                    raise RowRefused(at, await self._why(table, row, str(error))) from error
            raise
        finally:
            await self._in.run("RELEASE batch")

    async def _why(self, table: str, row: Row, said: str) -> str:
        for parent, (own, theirs) in (await self._parents(table)).items():
            if not await self._in.rows(f"SELECT 1 FROM {parent} WHERE {theirs} = ?", (row[own],)):
                return f"{own} is {row[own]!r}, and {parent} has no such row"
        return f"the store refuses it ({said})"

    async def odd(self) -> tuple[str, tuple[str, Any], str] | None:
        """Find the first row that does not fit the others: table, key, why. None: all fit."""
        there = set(await self.tables())
        for rule in WHOLE:
            known = await self.columns(rule.table) if rule.table in there else {}
            holds = known and (not rule.column or rule.column in known) and rule.until not in known
            if holds and (found := await self._in.rows(f"{rule.sql} LIMIT 1")):
                return rule.table, (found[0].keys()[0], found[0][0]), rule.why
        return None

    async def is_empty(self) -> bool:
        """Whether nobody owns anything here yet."""
        anything = " UNION ALL ".join(f"SELECT EXISTS (SELECT 1 FROM {table})" for table in await self.tables())
        return not any(row[0] for row in await self._in.rows(anything))

    async def start_over(self) -> None:
        """Drop all ledgers, since closed duels have come in, and sum up what those say."""
        await self._in.run("UPDATE epochs SET number = number + 1")
        await self._in.run("DELETE FROM ledgers")
        await self.sum_up()

    async def sum_up(self) -> None:
        """Work out what the closed duels say that were inserted since the last time."""
        top = "(SELECT coalesce(max(closing), 0) FROM outcomes)"
        await self._in.run(f"INSERT INTO outcomes SELECT * FROM outcomes_of WHERE closing > {top}")


class RowRefused(Exception):
    """One of the rows given breaks a rule of the store."""

    def __init__(self, at: int, why: str) -> None:
        super().__init__(why)
        self.at = at  # its place among the rows given, from 0
        self.why = why


@asynccontextmanager
async def tables_of(version: int) -> AsyncGenerator[tuple[Tables, Callable[[], Awaitable[None]]], None]:
    """Make empty tables of an earlier version, in a file that nobody sees. Gives them, and what brings them to the newest version."""
    async with aiosqlite.connect("", isolation_level=None) as connection:
        connection.row_factory = sqlite3.Row
        await connection.execute("PRAGMA foreign_keys = ON")
        await migrate(connection, Path("import"), upto=version)

        tables = Tables(Transaction(connection))

        async def up() -> None:
            await migrate(connection, Path("import"))
            tables.look_again()

        yield tables, up


@asynccontextmanager
async def reading_copy(path: Path, *, of_any_version: bool = False) -> AsyncGenerator[Store, None]:
    """Open a store for reading alone, even while a Duelbot uses it. Raises StoreError."""
    path = Path(await asyncio.to_thread(os.path.realpath, path))
    try:
        connection = await open_to_read(path, of_any_version=of_any_version)
    except sqlite3.Error as error:
        raise StoreError(words_for(error, path) or f"The store {path} cannot be read: {error}.") from error
    store = Store(path, connection, None)
    try:
        yield store
    finally:
        await store.aclose()
