"""Batching: files of requests, asked one after the other; kept, so that the end of the process is not the end of them."""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

from bot.app.orders import AlreadyAsked, Order
from bot.store import Store, Transaction
from bot.store.batches import BatchRows
from bot.store.duels import DuelRows
from bot.store.posts import PostRows
from bot.views import Batch, BatchRequest
from engine.errors import BadRequest

MOST_BREAKS = 1  # times that a request is asked again that was being answered when the process died: it may be why it died
LATE = timedelta(days=1)  # after that nobody waits for the rest any more
TOO_LATE = "Duelbot was stopped for more than a day, so the rest was not asked. Send the rest again if you still want it."
BROKE = "Duelbot ended twice while it was being answered."
STOPPED = "Stopped by its asker; the rest was not asked."
NOT_YOURS = "Only the one who sent the file can stop it."


class Batching:
    """Keeps files of requests and how far they are; every method is one transaction."""

    def __init__(self, store: Store, now: Callable[[], datetime]) -> None:
        self._store = store
        self._now = now

    async def begin(self, order: Order, requests: Sequence[str]) -> Batch:
        """Keep a file of requests. Raises BadRequest while an earlier file of the asker's is worked on, AlreadyAsked for a known event."""
        assert order.event is not None  # a file comes by a command
        batch = Batch(
            order.event,
            order.asker,
            order.team,
            order.channel,
            total=len(requests),
            moved_at=self._now(),
            roles=order.roles,
            solo=order.solo,
            tag=order.tag,
            recipe=order.recipe,
            pick=order.pick,
        )
        async with self._store.writing() as change:
            batches = BatchRows(change)
            if await batches.of_event(order.event):
                raise AlreadyAsked("This was asked before.")
            if await batches.of_person(order.asker):
                raise BadRequest("Your earlier file is still being worked on. Wait for its end, or stop it.")
            await batches.add(batch, requests)
        return batch

    async def look(self, event: str) -> tuple[Batch, BatchRequest | None] | None:
        """Read how far a file is and what comes next; None when it was forgotten."""
        async with self._store.reading() as look:
            batch = await BatchRows(look).of_event(event)
            return (batch, await BatchRows(look).next(event)) if batch else None

    async def sent(self, event: str, message: str) -> None:
        """Keep which message says how far a file is."""
        async with self._store.writing() as change:
            await BatchRows(change).sent(event, message)

    async def outcome(self, event: str) -> str | None:
        """Read the state of the duel that this event asked; None: there is none."""
        async with self._store.reading() as look:
            post = await PostRows(look).by_event(event)
            return (await DuelRows(look).duel(post.duel)).state if post else None

    async def done(self, event: str, number: int, why: str = "") -> None:
        """Count a request as answered, or as one that could not be: why."""
        async with self._store.writing() as change:
            await BatchRows(change).done(event, number, why, self._now())

    async def drop(self, event: str) -> None:
        """Delete a file whose end was shown."""
        async with self._store.writing() as change:
            await BatchRows(change).drop(event)

    async def stop(self, message: str, person: str | None) -> Batch | None:
        """Ask no more of the file whose progress this message shows; None: it shows none. Raises BadRequest.

        person: who wishes it, which must be its asker; None: the message is gone.
        """
        async with self._store.writing() as change:
            batches = BatchRows(change)
            batch = await batches.by_message(message)
            if batch is None:
                return None
            if person not in (None, batch.asker):
                raise BadRequest(NOT_YOURS)
            await batches.stop(batch.event, STOPPED)
            return await batches.of_event(batch.event)

    async def unfinished(self, *, placed: bool = True) -> list[Batch]:
        """Read files that an earlier process left. What it was answering is asked again, once; what is too old is ended.

        placed: those of channels; False: those of the page.
        """
        async with self._store.writing() as change:
            batches = BatchRows(change)
            for batch in await batches.all():
                if bool(batch.channel) is not placed:
                    continue
                if batch.moved_at < self._now() - LATE:
                    await batches.stop(batch.event, TOO_LATE)
                elif request := await batches.next(batch.event):
                    await self._mend(change, batch, request)
            return [batch for batch in await batches.all() if bool(batch.channel) is placed]

    async def _mend(self, change: Transaction, batch: Batch, request: BatchRequest) -> None:
        """Have a request asked again whose duel the end of the process broke off; nobody saw that duel, and nobody needs to."""
        post = await PostRows(change).by_event(event_of(batch, request))
        if post is None or post.message or (await DuelRows(change).duel(post.duel)).state != "void":
            return
        await PostRows(change).shows(post.duel, "gone")
        if request.breaks < MOST_BREAKS:
            await BatchRows(change).broke(batch.event, request.number)
        else:
            await BatchRows(change).done(batch.event, request.number, BROKE, self._now())


def event_of(batch: Batch, request: BatchRequest) -> str:
    """Name the event that asks a request of a file: another one for each time. Pure."""
    return f"{batch.event}:{request.number}{'.' * request.breaks}"


def order_of(batch: Batch, request: BatchRequest) -> Order:
    """Order a request of a file. Pure."""
    return Order(
        text=request.text,
        asker=batch.asker,
        event=event_of(batch, request),
        team=batch.team,
        channel=batch.channel,
        roles=batch.roles,
        solo=batch.solo,
        tag=batch.tag,
        recipe=batch.recipe,
        pick=batch.pick,
        batch=True,
    )
