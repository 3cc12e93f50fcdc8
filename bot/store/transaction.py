"""One transaction: what runs SQL. The SQL itself stands in this folder's row classes, a subject each."""

from collections.abc import AsyncGenerator, Iterable, Mapping, Sequence
from typing import Any

import aiosqlite


class Transaction:
    """Runs SQL for this folder. Lives as long as the `reading` or `writing` block that gave it."""

    def __init__(self, connection: aiosqlite.Connection) -> None:
        self._connection = connection

    async def rows(self, sql: str, values: Sequence[Any] | Mapping[str, Any] = ()) -> list[Any]:
        """Run one statement and return its rows (sqlite3.Row). values: for ?, or in their order for ?1, ?2 …; a mapping for :name."""
        return list(await self._connection.execute_fetchall(sql, _bound(sql, values)))

    async def run(self, sql: str, values: Sequence[Any] | Mapping[str, Any] = ()) -> None:
        """Run one statement that gives no rows."""
        await self._connection.execute_fetchall(sql, _bound(sql, values))

    async def run_many(self, sql: str, rows: Iterable[Sequence[Any]]) -> None:
        """Run one statement for each of these values."""
        await self._connection.executemany(sql, rows)

    async def insert(self, table: str, row: Mapping[str, Any], conflict: str = "") -> None:
        """Insert a row by its columns' names. conflict: an ON CONFLICT clause."""
        names = ", ".join(row)
        await self.run(f"INSERT INTO {table} ({names}) VALUES ({', '.join('?' * len(row))}) {conflict}", tuple(row.values()))

    async def batches(self, sql: str, most: int) -> AsyncGenerator[list[Any], None]:
        """Run one statement and give its rows in lists of at most so many, so that not all are in memory at once."""
        async with self._connection.execute(sql) as cursor:
            while batch := list(await cursor.fetchmany(most)):
                yield batch


class Queries:
    """Queries on one subject, within one transaction."""

    def __init__(self, transaction: Transaction) -> None:
        self._in = transaction


def _bound(sql: str, values: Sequence[Any] | Mapping[str, Any]) -> Sequence[Any] | Mapping[str, Any]:
    """Give numbered placeholders their values by number: Python takes ?1 for a name, and from 3.14 on no sequence for names."""
    if "?1" not in sql or isinstance(values, Mapping):
        return values
    return {str(number): value for number, value in enumerate(values, 1)}
