"""A file of requests: answered one after the other, with one message that says how far it is."""

import asyncio
import logging
from contextlib import suppress
from dataclasses import dataclass, replace

import discord

from bot.app.teams import Order, QueueFull
from bot.fronts.discord.desk import Desk
from bot.fronts.discord.layout import Sheet, words_sheet
from bot.fronts.discord.wire import Gone, NotAllowed, TokenOver, edit_by_token
from bot.words import counted
from engine.errors import BadRequest, DuelbotError
from engine.request import Request
from engine.rows import read_rows

MOST = 50
WAIT_S, MOST_WAITS = 2.0, 600
"""Between looks at a full queue."""
log = logging.getLogger(__name__)


@dataclass(slots=True)
class Progress:
    """How far a file is."""

    total: int
    answered: int = 0
    refused: int = 0
    why: str = ""  # the latest refusal
    ended: str = ""

    def words(self) -> str:
        said = f"{self.answered} of {counted(self.total, 'request')} answered"
        refused = f"; {self.refused} could not be: {self.why}" if self.refused else ""
        end = f"\n{self.ended}" if self.ended else " …"
        return f"**{said}**{refused}{end}\n-# Each gets a message of its own here, to vote on."


def is_rows(name: str, request: str | None) -> bool:
    """Whether a file of this name holds requests; a .csv or .json beside a typed request belongs to that request."""
    return name.lower().endswith(".jsonl") or (not request and name.lower().endswith((".csv", ".json")))


def requests_in(text: str) -> list[str]:
    """The requests of a file of rows (engine/rows.py). Raises BadRequest naming the line. Ids, references and tags are not used."""
    if not text.strip():
        raise BadRequest("The file holds no request.")
    requests: list[str] = []
    for row in read_rows([text.encode()], "the file").rows:
        where = f"Line {row.line:,} of the file"
        if row.history:
            raise BadRequest(f"{where} has turns before its request, which a file on Discord cannot have: python -m engine ask --file can.")
        try:
            requests.append(Request.of(row.text).text)
        except BadRequest as error:
            raise BadRequest(f"{where}: {error}") from None
    if len(requests) > MOST:
        raise BadRequest(f"The file holds {len(requests):,} requests; at most {MOST} are taken at once.")
    return requests


class Batches:
    """Files that are being worked on: one per person."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._tasks: dict[str, asyncio.Task[None]] = {}

    def start(self, order: Order, requests: list[str], interaction: discord.Interaction) -> None:
        """Begin; the deferred interaction shows the progress. Raises BadRequest while the asker's earlier file runs."""
        if order.asker in self._tasks:
            raise BadRequest("Your earlier file is still being worked on. Wait for its end.")
        if order.private or not order.lasting:
            raise BadRequest("A file of requests needs a channel where I am a member, and everybody there sees the answers.")
        task = asyncio.create_task(self._run(order, requests, interaction))
        self._tasks[order.asker] = task
        task.add_done_callback(lambda _: self._tasks.pop(order.asker, None))

    async def _run(self, order: Order, requests: list[str], interaction: discord.Interaction) -> None:
        """In a task of its own; leaving waits for its last words."""
        with self._desk.at_work():
            try:
                await self._work(order, requests, interaction)
            except Exception:
                log.exception("A file of requests failed")

    async def _work(self, order: Order, requests: list[str], interaction: discord.Interaction) -> None:
        progress = Progress(len(requests))
        message = await self._show(interaction, None, order, progress)
        for number, request in enumerate(requests, 1):
            if self._desk.leaving:
                break
            try:
                await self._open(replace(order, text=request, event=f"{order.event}:{number}", batch=True))
                progress.answered += not self._desk.leaving
            except DuelbotError as error:
                progress.refused, progress.why = progress.refused + 1, error.words
            await self._show(interaction, message, order, progress)
        progress.ended = "Stopped, because Duelbot was stopped." if self._desk.leaving else "Done."
        await self._show(interaction, message, order, progress)

    async def _open(self, order: Order) -> None:
        """While the queue is full, a file waits its turn. Raises DuelbotError."""
        for _ in range(MOST_WAITS):
            with suppress(QueueFull):
                await self._desk.open_quietly(order)
                return
            await asyncio.sleep(WAIT_S)
        await self._desk.open_quietly(order)

    async def _show(self, interaction: discord.Interaction, message: str | None, order: Order, progress: Progress) -> str | None:
        """By the token, and when that has ended in the channel; through the channel's lane after the first time."""
        sheet = words_sheet(progress.words())
        if message is None:
            return await edit_by_token(interaction, sheet)
        self._desk.pacer.put(order.channel, f"batch:{message}", lambda: self._edit(order.channel, message, sheet))
        return message

    async def _edit(self, channel: str, message: str, sheet: Sheet) -> None:
        try:
            await self._desk.wire.edit(channel, message, sheet)
        except (Gone, NotAllowed, TokenOver) as error:
            log.info("The progress of a file cannot be shown: %s", error)
