"""What the store keeps of files of requests while they are worked on. SQL of its own."""

import json
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from bot.store.records import stamp
from bot.store.transaction import Transaction


@dataclass(frozen=True, slots=True)
class Run:
    """A file of requests, and how far it is. Ids are the platform's, as text."""

    event: str
    asker: str
    team: str | None
    channel: str
    total: int
    moved_at: datetime  # UTC
    roles: frozenset[str] = frozenset()
    solo: bool = False
    tag: str = ""
    recipe: str = ""
    message: str | None = None  # that says how far it is
    answered: int = 0
    failed: int = 0
    why: str = ""  # of the latest that failed
    ended: str = ""  # why it ended before its time


@dataclass(frozen=True, slots=True)
class Row:
    """One request of a run."""

    number: int  # from 1
    request: str
    breaks: int = 0  # how often the process ended while it was being answered


class RunRows:
    """A transaction as runs see it."""

    def __init__(self, transaction: Transaction) -> None:
        self._in = transaction

    async def _do(self, sql: str, values: Sequence[Any]) -> None:
        await self._in._rows(sql, values)

    async def add(self, run: Run, requests: Sequence[str]) -> None:
        row = {name: getattr(run, name) for name in Run.__slots__}
        await self._in._insert("runs", row | {"roles": json.dumps(sorted(run.roles)), "moved_at": stamp(run.moved_at)})
        for number, request in enumerate(requests, 1):
            await self._in._insert("run_rows", {"run": run.event, "number": number, "request": request})

    async def run(self, event: str) -> Run | None:
        return next(iter(await self._runs("event = ?", event)), None)

    async def by_message(self, message: str) -> Run | None:
        return next(iter(await self._runs("message = ?", message)), None)

    async def of(self, asker: str) -> list[Run]:
        """Those of one person that have not ended."""
        return await self._runs("asker = ? AND EXISTS (SELECT 1 FROM run_rows WHERE run = event)", asker)

    async def all(self) -> list[Run]:
        """In the order in which they were begun."""
        return await self._runs("TRUE")

    async def _runs(self, where: str, *values: str) -> list[Run]:
        return [_run(row) for row in await self._in._rows(f"SELECT * FROM runs WHERE {where} ORDER BY rowid", values)]

    async def next(self, event: str) -> Row | None:
        """The first request that is still to be answered."""
        sql = "SELECT number, request, breaks FROM run_rows WHERE run = ? ORDER BY number LIMIT 1"
        return next((Row(*row) for row in await self._in._rows(sql, (event,))), None)

    async def sent(self, event: str, message: str) -> None:
        await self._do("UPDATE runs SET message = ? WHERE event = ?", (message, event))

    async def broke(self, event: str, number: int) -> None:
        await self._do("UPDATE run_rows SET breaks = breaks + 1 WHERE run = ? AND number = ?", (event, number))

    async def done(self, event: str, number: int, why: str, now: datetime) -> None:
        """A request is done with; `why` it failed, or "" if it was answered."""
        await self._do("DELETE FROM run_rows WHERE run = ? AND number = ?", (event, number))
        if why:
            await self._do("UPDATE runs SET failed = failed + 1, why = ? WHERE event = ?", (why, event))
        else:
            await self._do("UPDATE runs SET answered = answered + 1 WHERE event = ?", (event,))
        await self._do("UPDATE runs SET moved_at = ? WHERE event = ?", (stamp(now), event))

    async def stop(self, event: str, why: str) -> None:
        """Ask no more of it. What has ended stays as it is."""
        await self._do("UPDATE runs SET ended = ?2 WHERE event = ?1 AND EXISTS (SELECT 1 FROM run_rows WHERE run = ?1)", (event, why))
        await self._do("DELETE FROM run_rows WHERE run = ?", (event,))

    async def drop(self, event: str) -> None:
        await self._do("DELETE FROM runs WHERE event = ?", (event,))


def _run(row: sqlite3.Row) -> Run:
    values = {name: row[name] for name in Run.__slots__}
    values |= {"roles": frozenset(json.loads(row["roles"])), "solo": bool(row["solo"])}
    return Run(**values | {"moved_at": datetime.fromisoformat(row["moved_at"])})
