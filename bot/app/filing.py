"""Files of requests outside of channels: each request is asked once the one before it is answered, also after a restart."""

import asyncio
import logging
import secrets

from bot.app.asked_rows import requests_in
from bot.app.asking import Asking
from bot.app.batching import STOPPED, Batching, order_of
from bot.app.core import Core
from bot.app.orders import Order, QueueFull, StillLoading
from bot.picks import USUAL, Pick
from bot.store.batches import BatchRows
from bot.store.duels import DuelRows
from bot.views import Batch, BatchRequest
from engine.errors import BadRequest, DuelbotError

WAIT_S = 2.0  # seconds between looks at a full queue
FAILED = "A side could not answer."
log = logging.getLogger(__name__)


class Filing:
    """Works on files of requests, a task for each, and tells how far they are."""

    def __init__(self, core: Core, batching: Batching, asking: Asking) -> None:
        self._core, self._batching, self._asking = core, batching, asking
        self._tasks: set[asyncio.Task[None]] = set()

    async def begin(self, asker: str, data: bytes, *, tag: str = "", pick: Pick = USUAL) -> Batch:
        """Take a file, and have its requests asked. pick: who meets on each of them.

        Raises BadRequest for what holds none, and while an earlier file is worked on.
        """
        try:
            requests = requests_in(data.decode("utf-8-sig"))
        except UnicodeDecodeError:
            raise BadRequest("The file is no text in UTF-8. Save it as CSV or JSONL in UTF-8, and bring it again.") from None
        await self.drop_ended(asker)
        batch = await self._batching.begin(Order(requests[0], asker, event=f"page:{secrets.token_hex(8)}", tag=tag, pick=pick), requests)
        self._go_on(batch)
        return batch

    async def resume(self) -> None:
        """Go on with what an earlier process left."""
        for batch in await self._batching.unfinished(placed=False):
            self._go_on(batch)

    async def of(self, asker: str) -> list[Batch]:
        """Read how far one's files are; those that have ended stay until the next one is brought."""
        async with self._core.store.reading() as look:
            return [batch for batch in await BatchRows(look).all() if batch.asker == asker and not batch.channel]

    async def stop(self, event: str, asker: str) -> None:
        """Ask no more of a file; what is being answered comes to its end. Raises BadRequest for others than its asker."""
        async with self._core.store.writing() as change:
            batch = await BatchRows(change).of_event(event)
            if batch is None or batch.asker != asker:
                raise BadRequest("Only the one who brought a file can stop it.")
            await BatchRows(change).stop(event, STOPPED)

    async def drop_ended(self, asker: str) -> None:
        """Forget one's files that have come to their end."""
        async with self._core.store.writing() as change:
            for batch in await BatchRows(change).all():
                if batch.asker == asker and not batch.channel and await BatchRows(change).next(batch.event) is None:
                    await BatchRows(change).drop(batch.event)

    def _go_on(self, batch: Batch) -> None:
        task = asyncio.create_task(self._work(batch.event))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _work(self, event: str) -> None:
        """Ask what is left of a file, until its end or the program's."""
        try:
            while found := await self._batching.look(event):
                batch, request = found
                if request is None or self._core.running.leaving.is_set():
                    return
                why = await self._answered(batch, request)
                if self._core.running.leaving.is_set():
                    return  # it is asked again after the next start
                await self._batching.done(event, request.number, why)
        except DuelbotError as error:
            log.warning("A file of requests is not worked on any more: %s", error)

    async def _answered(self, batch: Batch, request: BatchRequest) -> str:
        """Have one request answered. Returns why it could not be, or ""."""
        while True:
            try:
                duel = (await self._asking.ask(order_of(batch, request))).view.id
                break
            except (QueueFull, StillLoading):
                await asyncio.sleep(WAIT_S)
            except DuelbotError as error:
                return error.words
        while progress := self._core.running.progress(duel):
            event = progress.signal.event
            if self._core.running.progress(duel):
                await event.wait()
        async with self._core.store.reading() as look:
            return FAILED if (await DuelRows(look).duel(duel)).state == "void" else ""

    async def leave(self) -> None:
        """End what is being worked on; the next start goes on with it."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
