"""Past requests that a new version answers again: one message says how far that is; changed answers get messages of their own."""

import asyncio
import logging
from contextlib import suppress
from functools import partial

import discord
from discord import ui

from bot.app.orders import Order
from bot.app.rematching import RematchRun, run_words
from bot.fronts.discord.lane import TryLater
from bot.fronts.discord.layout import Sheet
from bot.fronts.discord.leaving import Leaving
from bot.fronts.discord.pacing import Pacer
from bot.fronts.discord.sending import Gone, NotAllowed, TokenOver, Wire, edit_by_token
from engine.errors import BadRequest

POLL_S = 2.0  # seconds between two looks at how far a run is
STOP = "rematch:stop"  # custom id of the button that ends a run
log = logging.getLogger(__name__)


def rematch_sheet(run: RematchRun, *, going: bool) -> Sheet:
    """Draw the message of a run, with a way to stop it while it goes on. Pure."""
    where = "-# Changed answers come here, both, for a vote; equal ones are counted and shown to nobody."
    shown = ui.TextDisplay[Sheet](f"### Past requests answered again\n{run_words(run)}\n{where}")
    stop = ui.Button[Sheet](label="Stop", style=discord.ButtonStyle.danger, custom_id=STOP)
    return Sheet(shown, ui.ActionRow(stop)) if going else Sheet(shown)


class RematchMessages:
    """The messages of runs that this process began; a run ends with the process, and its message then says how far it came."""

    def __init__(self, wire: Wire, pacer: Pacer, leaving: Leaving) -> None:
        self._wire, self._pacer, self._leaving = wire, pacer, leaving
        self._runs: dict[str, RematchRun] = {}  # by message
        self._tasks: set[asyncio.Task[None]] = set()

    async def start(self, run: RematchRun, order: Order, interaction: discord.Interaction) -> None:
        """Follow a run that has begun; the deferred interaction shows how far it is."""
        with suppress(Gone, NotAllowed, TokenOver, TryLater):  # its answers come all the same
            message = await edit_by_token(interaction, rematch_sheet(run, going=True))
            self._runs[message] = run
            task = asyncio.create_task(self._follow(run, order.channel, message))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    def stop(self, message: str) -> None:
        """End the run that a message shows. Raises BadRequest where none goes on."""
        run = self._runs.get(message)
        if run is None or run.ended:
            raise BadRequest("This has ended already.")
        run.stop.raise_()

    async def _follow(self, run: RematchRun, channel: str, message: str) -> None:
        shown = ""
        with self._leaving.at_work():
            while True:
                ended = run.ended or self._leaving.begun
                if ended or run_words(run) != shown:
                    shown = run_words(run)
                    self._pacer.put(channel, f"rematch:{message}", partial(self._put, run, channel, message))
                if ended:
                    self._runs.pop(message, None)
                    return
                await asyncio.sleep(POLL_S)

    async def _put(self, run: RematchRun, channel: str, message: str) -> None:
        try:
            await self._wire.edit(channel, message, rematch_sheet(run, going=not run.ended and not self._leaving.begun))
        except (Gone, NotAllowed) as error:
            log.info("A run of past requests cannot be shown: %s", error)
