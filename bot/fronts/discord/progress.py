"""The message of a file of requests: how far it is, with a way to stop it."""

import logging
from functools import partial

import discord
from discord import ui

from bot.app.batching import Batching
from bot.fronts.discord import fit
from bot.fronts.discord.layout import MOST_CHARACTERS, Sheet
from bot.fronts.discord.pacing import Pacer
from bot.fronts.discord.sending import Gone, NotAllowed, Wire
from bot.views import Batch
from bot.words import counted

log = logging.getLogger(__name__)


def progress_words(run: Batch, *, going: bool, ended: str = "") -> str:
    """Say how far a file is, and how it goes on. Pure."""
    said = f"**{run.answered} of {counted(run.total, 'request')} answered**"
    failed = f"; {run.failed} could not be: {run.why}" if run.failed else ""
    end = " …" if going else f"\n{ended or run.ended or 'Done.'}"
    return f"{said}{fit.head(failed, 1000)}{end}\n-# Each gets a message of its own here."


def progress_sheet(run: Batch, *, going: bool, ended: str = "") -> Sheet:
    """Draw the message of a file, with a way to stop it while it goes on. Pure."""
    shown = ui.TextDisplay[Sheet](fit.cut(progress_words(run, going=going, ended=ended), MOST_CHARACTERS))
    stop = ui.Button[Sheet](label="Stop", style=discord.ButtonStyle.danger, custom_id="run:stop")
    return Sheet(shown, ui.ActionRow(stop)) if going else Sheet(shown)


class FileProgress:
    """How far files are, shown in their channels' lanes: the latest state wins."""

    def __init__(self, runs: Batching, wire: Wire, pacer: Pacer) -> None:
        self._runs, self._wire, self._pacer = runs, wire, pacer

    def show(self, run: Batch, *, going: bool = False, ended: str = "", last: bool = True) -> None:
        """Show the state of a file. last: it has ended, so it is kept only until this was shown."""
        sheet = progress_sheet(run, going=going, ended=ended)
        self._pacer.put(run.channel, f"run:{run.event}", partial(self._put, run, sheet, drop=last and not going))

    async def _put(self, run: Batch, sheet: Sheet, *, drop: bool) -> None:
        found = await self._runs.look(run.event)
        message = found[0].message if found else run.message
        try:
            if message:
                await self._wire.edit(run.channel, message, sheet)
            else:
                await self._send(run, sheet)
        except (Gone, NotAllowed) as error:
            log.info("The progress of a file cannot be shown: %s", error)
        if drop:
            await self._runs.drop(run.event)

    async def _send(self, run: Batch, sheet: Sheet) -> None:
        """Send the first message, where the command's own answer did not become one. A lost answer posts once, by the nonce."""
        message = await self._wire.send(run.channel, run.team, sheet, nonce=f"run{run.event.rpartition(':')[2]}"[:25])
        await self._runs.sent(run.event, message)
