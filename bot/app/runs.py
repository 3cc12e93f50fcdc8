"""Files of requests, asked one after the other; kept, so that the end of the process is not the end of them. Knows no platform."""

from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta

from bot.app.orders import AlreadyAsked, Order
from bot.app.teams import Teams
from bot.store import Transaction
from bot.store.runs import Row, Run, RunRows
from bot.store.teams import TeamRows
from engine.errors import BadRequest

MOST_BREAKS = 1
"""How often a request is asked again that was being answered when the process died: it may be why it died."""
LATE = timedelta(days=1)
"""After that nobody waits for the rest any more."""
TOO_LATE = "Duelbot was stopped for more than a day, so the rest was not asked. Send the rest again if you still want it."
BROKE = "Duelbot ended twice while it was being answered."
STOPPED = "Stopped by its asker; the rest was not asked."
NOT_YOURS = "Only the one who sent the file can stop it."


class Runs:
    """One per app, beside its teams; every method is one transaction."""

    def __init__(self, teams: Teams) -> None:
        self._teams = teams

    @asynccontextmanager
    async def _change(self) -> AsyncGenerator[Transaction, None]:
        async with self._teams.app._store.writing() as change:
            yield change

    async def begin(self, order: Order, requests: Sequence[str]) -> Run:
        """Keep a file of requests. Raises BadRequest while an earlier file of the asker's is worked on, AlreadyAsked for a known event."""
        place = (order.event, order.asker, order.team, order.channel)
        run = Run(*place, len(requests), self._teams._now(), order.roles, order.solo, order.tag, order.recipe)
        async with self._change() as change:
            runs = RunRows(change)
            if await runs.run(order.event):
                raise AlreadyAsked("This was asked before.")
            if await runs.of(order.asker):
                raise BadRequest("Your earlier file is still being worked on. Wait for its end, or stop it.")
            await runs.add(run, requests)
        return run

    async def look(self, event: str) -> tuple[Run, Row | None] | None:
        """How far it is and what comes next; None when it was forgotten."""
        async with self._teams.app._store.reading() as look:
            run = await RunRows(look).run(event)
            return (run, await RunRows(look).next(event)) if run else None

    async def sent(self, event: str, message: str) -> None:
        """Keep which message says how far it is."""
        async with self._change() as change:
            await RunRows(change).sent(event, message)

    async def outcome(self, event: str) -> str | None:
        """The state of the duel that this event asked; None: there is none."""
        async with self._teams.app._store.reading() as look:
            post = await TeamRows(look).by_event(event)
            return (await look.duel(post.duel)).state if post else None

    async def done(self, event: str, number: int, why: str = "") -> None:
        """Count a request as answered, or as one that could not be: why."""
        async with self._change() as change:
            await RunRows(change).done(event, number, why, self._teams._now())

    async def drop(self, event: str) -> None:
        """Keep nothing of it: its end was shown."""
        async with self._change() as change:
            await RunRows(change).drop(event)

    async def stop(self, message: str, person: str | None) -> Run | None:
        """Ask no more of the run that this message shows; person: who wishes it, None: the message is gone. Raises BadRequest."""
        async with self._change() as change:
            runs = RunRows(change)
            run = await runs.by_message(message)
            if run is None:
                return None
            if person not in (None, run.asker):
                raise BadRequest(NOT_YOURS)
            await runs.stop(run.event, STOPPED)
            return await runs.run(run.event)

    async def unfinished(self) -> list[Run]:
        """Those that an earlier process left. What it was answering is asked again, once; what is too old is ended."""
        async with self._change() as change:
            runs = RunRows(change)
            for run in await runs.all():
                if run.moved_at < self._teams._now() - LATE:
                    await runs.stop(run.event, TOO_LATE)
                elif row := await runs.next(run.event):
                    await self._mend(change, run, row)
            return await runs.all()

    async def _mend(self, change: Transaction, run: Run, row: Row) -> None:
        """Have a request asked again whose duel the end of the process broke off; nobody saw that duel, and nobody needs to."""
        board, runs = TeamRows(change), RunRows(change)
        post = await board.by_event(event_of(run, row))
        if post is None or post.message or (await change.duel(post.duel)).state != "void":
            return
        await board.shows(post.duel, "gone")
        if row.breaks < MOST_BREAKS:
            await runs.broke(run.event, row.number)
        else:
            await runs.done(run.event, row.number, BROKE, self._teams._now())


def event_of(run: Run, row: Row) -> str:
    """What asks this request: another event for each time."""
    return f"{run.event}:{row.number}{'.' * row.breaks}"


def order_of(run: Run, row: Row) -> Order:
    return Order(
        text=row.request,
        asker=run.asker,
        event=event_of(run, row),
        team=run.team,
        channel=run.channel,
        roles=run.roles,
        solo=run.solo,
        tag=run.tag,
        recipe=run.recipe,
        batch=True,
    )
