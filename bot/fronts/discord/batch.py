"""Files of requests: each is answered one request after the other, also after a restart."""

import asyncio
import logging
from contextlib import suppress

import discord

from bot.app.batching import Batching, event_of, order_of
from bot.app.orders import Order, QueueFull
from bot.fronts.discord.desk import Desk
from bot.fronts.discord.lane import TryLater
from bot.fronts.discord.leaving import Leaving
from bot.fronts.discord.progress import FileProgress, progress_sheet
from bot.fronts.discord.sending import Gone, NotAllowed, TokenOver, edit_by_token
from bot.views import Batch, BatchRequest
from engine.errors import BadRequest, DuelbotError

WAIT_S = 2.0  # seconds between looks at a full queue
MOST_WAITS = 600  # looks at a full queue before a request fails
FAILED = "A side could not answer; its message says why."
FORGOTTEN = "Deleted at its asker's wish; the rest was not asked."
LEFT = "Duelbot is being stopped. It goes on with the rest when it is started again, within a day."
log = logging.getLogger(__name__)


class FileBatches:
    """The files that are being worked on: one per person."""

    def __init__(self, runs: Batching, desk: Desk, progress: FileProgress, leaving: Leaving) -> None:
        self._runs, self._desk, self._progress, self._leaving = runs, desk, progress, leaving
        self._tasks: set[asyncio.Task[None]] = set()

    async def start(self, order: Order, requests: list[str], interaction: discord.Interaction) -> None:
        """Begin a file; the deferred interaction shows the progress. Raises BadRequest while the asker's earlier file runs."""
        if order.private or not order.lasting:
            raise BadRequest("A file of requests needs a channel where I am a member, and everybody there sees the answers.")
        run = await self._runs.begin(order, requests)
        try:
            with suppress(Gone, NotAllowed, TokenOver, TryLater):  # the progress gets a message of its own then
                await self._runs.sent(run.event, await edit_by_token(interaction, progress_sheet(run, going=True)))
        finally:
            self._go_on(run)

    async def resume(self) -> None:
        """Go on with what an earlier process left."""
        for run in await self._runs.unfinished():
            self._go_on(run)

    async def deleted(self, messages: set[str]) -> None:
        """Ask no more of the files whose messages somebody deleted."""
        for message in messages if self._tasks else ():
            await self._runs.stop(message, None)

    async def stop(self, message: str, asker: str) -> None:
        """Ask no more of a file, at its asker's wish; what is being answered comes to its end. Raises BadRequest for others."""
        if run := await self._runs.stop(message, asker):
            self._progress.show(run, last=False)

    def _go_on(self, run: Batch) -> None:
        task = asyncio.create_task(self._run(run))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _run(self, run: Batch) -> None:
        """Work on a file in a task of its own; leaving waits for its last words."""
        with self._leaving.at_work():
            try:
                await self._work(run)
            except Exception:
                log.exception("A file of requests failed")

    async def _work(self, run: Batch) -> None:
        while True:
            found = await self._runs.look(run.event)
            if found is None:
                self._progress.show(run, ended=FORGOTTEN)
                return
            run, row = found
            if row is None:
                self._progress.show(run)
                return
            self._progress.show(run, going=True)
            if self._leaving.begun or not await self._answer(run, row):
                self._progress.show(run, ended=LEFT, last=False)
                return

    async def _answer(self, run: Batch, row: BatchRequest) -> bool:
        """Have one request answered, if it was not before, and count it. Returns False when Duelbot is being stopped: it is asked again."""
        order = order_of(run, row)
        try:
            if await self._runs.outcome(event_of(run, row)) is None:
                await self._open(order)
            state = await self._runs.outcome(event_of(run, row))
            why = FAILED if state == "void" else ""
        except DuelbotError as error:
            why = error.words
        if self._leaving.begun and why:
            return False
        await self._runs.done(run.event, row.number, why)
        return True

    async def _open(self, order: Order) -> None:
        """Have it answered as soon as the queue takes it. Raises DuelbotError."""
        for _ in range(MOST_WAITS):
            with suppress(QueueFull):
                await self._desk.open_quietly(order)
                return
            await asyncio.sleep(WAIT_S)
        await self._desk.open_quietly(order)
