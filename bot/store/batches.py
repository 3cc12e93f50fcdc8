"""Files of requests that are worked on: kept, so that the end of the process is not the end of them."""

import json
import sqlite3
from collections.abc import Sequence
from datetime import datetime

from bot.picks import read_pick
from bot.store.records import stamp
from bot.store.transaction import Queries
from bot.views import Batch, BatchRequest


class BatchRows(Queries):
    """Queries on files of requests: tables `runs` and `run_rows`."""

    async def add(self, batch: Batch, requests: Sequence[str]) -> None:
        """Keep a new file with its requests."""
        row = {name: getattr(batch, name) for name in Batch.__slots__}
        await self._in.insert(
            "runs", row | {"roles": json.dumps(sorted(batch.roles)), "moved_at": stamp(batch.moved_at), "pick": batch.pick.text}
        )
        for number, request in enumerate(requests, 1):
            await self._in.insert("run_rows", {"run": batch.event, "number": number, "request": request})

    async def of_event(self, event: str) -> Batch | None:
        """Read the file that this event sent; None: it is not worked on any more."""
        return next(iter(await self._batches("event = ?", event)), None)

    async def by_message(self, message: str) -> Batch | None:
        """Read the file whose progress this message shows."""
        return next(iter(await self._batches("message = ?", message)), None)

    async def of_person(self, asker: str) -> list[Batch]:
        """Read one person's files that have not ended."""
        return await self._batches("asker = ? AND EXISTS (SELECT 1 FROM run_rows WHERE run = event)", asker)

    async def all(self) -> list[Batch]:
        """Read all files, in the order in which they were begun."""
        return await self._batches("TRUE")

    async def _batches(self, where: str, *values: str) -> list[Batch]:
        return [_batch(row) for row in await self._in.rows(f"SELECT * FROM runs WHERE {where} ORDER BY rowid", values)]

    async def next(self, event: str) -> BatchRequest | None:
        """Read the first request that is still to be answered; None: none is left."""
        sql = "SELECT number, request, breaks FROM run_rows WHERE run = ? ORDER BY number LIMIT 1"
        return next((BatchRequest(*row) for row in await self._in.rows(sql, (event,))), None)

    async def sent(self, event: str, message: str) -> None:
        """Keep which message says how far a file is."""
        await self._in.run("UPDATE runs SET message = ? WHERE event = ?", (message, event))

    async def broke(self, event: str, number: int) -> None:
        """Count that the process ended while this request was being answered."""
        await self._in.run("UPDATE run_rows SET breaks = breaks + 1 WHERE run = ? AND number = ?", (event, number))

    async def done(self, event: str, number: int, why: str, now: datetime) -> None:
        """Count a request as done with; `why` it failed, or "" if it was answered."""
        await self._in.run("DELETE FROM run_rows WHERE run = ? AND number = ?", (event, number))
        if why:
            await self._in.run("UPDATE runs SET failed = failed + 1, why = ? WHERE event = ?", (why, event))
        else:
            await self._in.run("UPDATE runs SET answered = answered + 1 WHERE event = ?", (event,))
        await self._in.run("UPDATE runs SET moved_at = ? WHERE event = ?", (stamp(now), event))

    async def stop(self, event: str, why: str) -> None:
        """Ask no more of a file, and keep why. What has ended stays as it is."""
        await self._in.run("UPDATE runs SET ended = ?2 WHERE event = ?1 AND EXISTS (SELECT 1 FROM run_rows WHERE run = ?1)", (event, why))
        await self._in.run("DELETE FROM run_rows WHERE run = ?", (event,))

    async def drop(self, event: str) -> None:
        """Delete a file with what is left of it."""
        await self._in.run("DELETE FROM runs WHERE event = ?", (event,))


def _batch(row: sqlite3.Row) -> Batch:
    values = {name: row[name] for name in Batch.__slots__}
    values |= {"roles": frozenset(json.loads(row["roles"])), "solo": bool(row["solo"]), "pick": read_pick(row["pick"])}
    return Batch(**values | {"moved_at": datetime.fromisoformat(row["moved_at"])})
