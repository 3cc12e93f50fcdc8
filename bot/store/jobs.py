"""Work that takes minutes: jobs of several kinds, one after the other, and what has come of each."""

import json
import sqlite3
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from bot.store.records import stamp
from bot.store.transaction import Queries
from bot.views import Job, JobState


class JobRows(Queries):
    """Queries on jobs: table `jobs`."""

    async def add(self, job: Job) -> None:
        """Keep a new job."""
        row = {name: getattr(job, name) for name in Job.__slots__}
        row |= {name: value and stamp(value) for name in ("asked_at", "began_at", "ended_at") for value in [row[name]]}
        row |= {"arguments": _json(job.arguments), "result": None if job.result is None else _json(job.result)}
        await self._in.insert("jobs", row)

    async def of(self, job: str) -> Job | None:
        """Read a job; None: there is none."""
        return next(iter(await self._jobs("id = ?", job)), None)

    async def by_message(self, message: str) -> Job | None:
        """Read the job whose progress this message shows."""
        return next(iter(await self._jobs("message = ?", message)), None)

    async def in_state(self, *states: JobState) -> list[Job]:
        """Read all jobs in these states, in the order in which they were asked for."""
        return await self._jobs(f"state IN ({', '.join('?' * len(states))})", *states)

    async def latest(self, count: int) -> list[Job]:
        """Read the latest jobs, the newest first."""
        return (await self._jobs("TRUE"))[: -count - 1 : -1]

    async def _jobs(self, where: str, *values: str) -> list[Job]:
        return [_job(row) for row in await self._in.rows(f"SELECT * FROM jobs WHERE {where} ORDER BY rowid", values)]

    async def begin(self, job: str, now: datetime) -> None:
        """Mark a job as running; when it began for the first time is kept."""
        sql = "UPDATE jobs SET state = 'running', words = '', ended_at = NULL, began_at = coalesce(began_at, ?2) WHERE id = ?1"
        await self._in.run(sql, (job, stamp(now)))

    async def queue(self, job: str) -> None:
        """Put a job back into the queue, at its old place."""
        await self._in.run("UPDATE jobs SET state = 'queued', words = '', ended_at = NULL WHERE id = ?", (job,))

    async def end(self, job: str, state: JobState, words: str, result: Mapping[str, Any] | None, now: datetime) -> None:
        """Keep what has come of a job."""
        sql = "UPDATE jobs SET state = ?, words = ?, result = ?, ended_at = ? WHERE id = ?"
        await self._in.run(sql, (state, words, None if result is None else _json(result), stamp(now), job))

    async def sent(self, job: str, message: str) -> None:
        """Keep which message says how far a job is."""
        await self._in.run("UPDATE jobs SET message = ? WHERE id = ?", (message, job))

    async def drop(self, job: str) -> None:
        """Delete a job."""
        await self._in.run("DELETE FROM jobs WHERE id = ?", (job,))


def _json(value: Mapping[str, Any]) -> str:
    return json.dumps(dict(value), ensure_ascii=False)


def _job(row: sqlite3.Row) -> Job:
    values = {name: row[name] for name in Job.__slots__}
    values |= {name: value and datetime.fromisoformat(value) for name in ("asked_at", "began_at", "ended_at") for value in [values[name]]}
    result = values["result"]
    return Job(**values | {"arguments": json.loads(values["arguments"]), "result": None if result is None else json.loads(result)})
