"""A file of requests: answered one after the other, with one message that says how far it is, also after a restart."""

import asyncio
import logging
from contextlib import suppress
from functools import partial
from typing import Any

import discord
from discord import ui

from bot.app.batching import event_of, order_of
from bot.app.orders import Order, QueueFull
from bot.fronts.discord import fit
from bot.fronts.discord.desk import Desk
from bot.fronts.discord.interactions import bot_of, guarded, nod, person
from bot.fronts.discord.layout import MOST_CHARACTERS, Sheet
from bot.fronts.discord.pacing import TryLater
from bot.fronts.discord.sending import Gone, NotAllowed, TokenOver, edit_by_token
from bot.views import Batch, BatchRequest
from bot.words import counted
from engine.errors import BadRequest, DuelbotError
from engine.request import Request
from engine.rows import read_rows

MOST = 50
WAIT_S, MOST_WAITS = 2.0, 600
"""Between looks at a full queue."""
FAILED = "A side could not answer; its message says why."
FORGOTTEN = "Deleted at its asker's wish; the rest was not asked."
LEFT = "Duelbot is being stopped. It goes on with the rest when it is started again, within a day."
log = logging.getLogger(__name__)


def progress_words(run: Batch, *, going: bool, ended: str = "") -> str:
    """How far a file is, and how it goes on. Pure."""
    said = f"**{run.answered} of {counted(run.total, 'request')} answered**"
    failed = f"; {run.failed} could not be: {run.why}" if run.failed else ""
    end = " …" if going else f"\n{ended or run.ended or 'Done.'}"
    return f"{said}{fit.head(failed, 1000)}{end}\n-# Each gets a message of its own here."


def progress_sheet(run: Batch, *, going: bool, ended: str = "") -> Sheet:
    """The message of a file, with a way to stop it while it goes on."""
    shown = ui.TextDisplay[Sheet](fit.cut(progress_words(run, going=going, ended=ended), MOST_CHARACTERS))
    stop = ui.Button[Sheet](label="Stop", style=discord.ButtonStyle.danger, custom_id="run:stop")
    return Sheet(shown, ui.ActionRow(stop)) if going else Sheet(shown)


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
        self._tasks: set[asyncio.Task[None]] = set()

    async def start(self, order: Order, requests: list[str], interaction: discord.Interaction) -> None:
        """Begin; the deferred interaction shows the progress. Raises BadRequest while the asker's earlier file runs."""
        if order.private or not order.lasting:
            raise BadRequest("A file of requests needs a channel where I am a member, and everybody there sees the answers.")
        run = await self._desk.app.batching.begin(order, requests)
        try:
            with suppress(Gone, NotAllowed, TokenOver, TryLater):  # `_put` sends a message of its own then
                await self._desk.app.batching.sent(run.event, await edit_by_token(interaction, progress_sheet(run, going=True)))
        finally:
            self._go_on(run)

    async def resume(self) -> None:
        """Go on with what an earlier process left."""
        for run in await self._desk.app.batching.unfinished():
            self._go_on(run)

    async def deleted(self, messages: set[str]) -> None:
        """Somebody deleted these: a file whose message is gone is asked no more."""
        for message in messages if self._tasks else ():
            await self._desk.app.batching.stop(message, None)

    async def stop(self, message: str, asker: str) -> None:
        """Ask no more of a file, at its asker's wish; what is being answered comes to its end. Raises BadRequest for others."""
        if run := await self._desk.app.batching.stop(message, asker):
            await self._show(run, last=False)

    def _go_on(self, run: Batch) -> None:
        task = asyncio.create_task(self._run(run))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _run(self, run: Batch) -> None:
        """In a task of its own; leaving waits for its last words."""
        with self._desk.at_work():
            try:
                await self._work(run)
            except Exception:
                log.exception("A file of requests failed")

    async def _work(self, run: Batch) -> None:
        while True:
            found = await self._desk.app.batching.look(run.event)
            if found is None:
                await self._show(run, ended=FORGOTTEN)
                return
            run, row = found
            if row is None:
                await self._show(run)
                return
            await self._show(run, going=True)
            if self._desk.leaving or not await self._answer(run, row):
                await self._show(run, ended=LEFT, last=False)
                return

    async def _answer(self, run: Batch, row: BatchRequest) -> bool:
        """Have one request answered, if it was not before, and count it. False: Duelbot is being stopped, so it will be asked again."""
        order = order_of(run, row)
        try:
            if await self._desk.app.batching.outcome(event_of(run, row)) is None:
                await self._open(order)
            state = await self._desk.app.batching.outcome(event_of(run, row))
            why = FAILED if state == "void" else ""
        except DuelbotError as error:
            why = error.words
        if self._desk.leaving and why:
            return False
        await self._desk.app.batching.done(run.event, row.number, why)
        return True

    async def _open(self, order: Order) -> None:
        """While the queue is full, a file waits its turn. Raises DuelbotError."""
        for _ in range(MOST_WAITS):
            with suppress(QueueFull):
                await self._desk.open_quietly(order)
                return
            await asyncio.sleep(WAIT_S)
        await self._desk.open_quietly(order)

    async def _show(self, run: Batch, *, going: bool = False, ended: str = "", last: bool = True) -> None:
        """In the channel's lane: the latest state wins, and what has ended is kept until that was shown."""
        sheet = progress_sheet(run, going=going, ended=ended)
        self._desk.pacer.put(run.channel, f"run:{run.event}", partial(self._put, run, sheet, drop=last and not going))

    async def _put(self, run: Batch, sheet: Sheet, *, drop: bool) -> None:
        found = await self._desk.app.batching.look(run.event)
        message = found[0].message if found else run.message
        try:
            if message:
                await self._desk.wire.edit(run.channel, message, sheet)
            else:
                await self._send(run, sheet)
        except (Gone, NotAllowed) as error:
            log.info("The progress of a file cannot be shown: %s", error)
        if drop:
            await self._desk.app.batching.drop(run.event)

    async def _send(self, run: Batch, sheet: Sheet) -> None:
        """The first message, where the command's own answer did not become one. A lost answer posts once, by the nonce."""
        message = await self._desk.wire.send(run.channel, run.team, sheet, nonce=f"run{run.event.rpartition(':')[2]}"[:25])
        await self._desk.app.batching.sent(run.event, message)


class Stop(ui.DynamicItem[ui.Button[Any]], template=r"run:(?P<act>stop)"):
    """Ends the file whose message it stands under."""

    @classmethod
    async def from_custom_id(cls, interaction: discord.Interaction, item: ui.Item[Any], match: Any) -> "Stop":
        assert isinstance(item, ui.Button)
        return cls(item)

    async def callback(self, interaction: discord.Interaction) -> None:
        await guarded(interaction, self._stop(interaction))

    async def _stop(self, interaction: discord.Interaction) -> None:
        await nod(interaction)
        assert interaction.message is not None
        await bot_of(interaction).batches.stop(str(interaction.message.id), person(interaction.user))
