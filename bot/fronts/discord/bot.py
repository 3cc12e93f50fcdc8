"""The client: which event goes where."""

import hashlib
import json
import logging
import sys
from collections.abc import Callable
from typing import Any

import aiohttp
import discord
from discord import app_commands
from discord.ext import commands as ext
from discord.ext import tasks

from bot.app import App
from bot.fronts.discord import commands, words
from bot.fronts.discord.allowance import Clock, LoopClock
from bot.fronts.discord.buttons import ActButton, GuessButton, JobButton, RematchButton, StopButton, VoteButton
from bot.fronts.discord.commands import menus
from bot.fronts.discord.commands.forget import ForgetButton
from bot.fronts.discord.commands.recipe_form import is_recipe_form, recipe_submitted
from bot.fronts.discord.gateway import forgiving
from bot.fronts.discord.interactions import say
from bot.fronts.discord.messages import edited, heard
from bot.fronts.discord.pacing import Pacer
from bot.fronts.discord.parts import Parts, parts_of, parts_over
from bot.fronts.discord.sending import SILENT, Wire
from bot.logs import about, hide
from bot.settings import Settings
from engine.errors import DuelbotError
from engine.printable import printable

TICK_S = 10.0  # seconds between looks at deadlines and stale messages
# the fewest permissions with which everything works in a channel
NEEDED = discord.Permissions(view_channel=True, send_messages=True, send_messages_in_threads=True, read_message_history=True)
log = logging.getLogger(__name__)


class Tree(app_commands.CommandTree[Any]):
    """The commands, and errors before a command's own code: an option that cannot be read, a missing permission, an old command."""

    async def interaction_check(self, interaction: discord.Interaction[Any], /) -> bool:
        """Let autocomplete pass once for each key: a resumed connection may tell it again. Else `guarded` sees to that."""
        about(event=f"interaction:{interaction.id}")
        if interaction.type is not discord.InteractionType.autocomplete:
            return True
        return parts_of(interaction).repeats.first_time(interaction.id)

    async def on_error(self, interaction: discord.Interaction[Any], error: app_commands.AppCommandError, /) -> None:
        """Say in words why a command was not run."""
        match error:
            case app_commands.CheckFailure():
                await say(interaction, "You may not use this command here.")
            case app_commands.CommandNotFound() | app_commands.CommandSignatureMismatch():
                await say(interaction, "This command has changed. Restart Discord (Ctrl+R) and try again.")
            case _:
                log.error("A command failed", exc_info=error)
                await say(interaction, words.WENT_WRONG)


class DuelBot(ext.AutoShardedBot):
    """One connection to Discord, over one app."""

    def __init__(self, app: App, settings: Settings, *, clock: Clock | None = None, pacer: Pacer | None = None, **options: Any) -> None:
        intents = discord.Intents.none()
        intents.guilds = intents.messages = True
        intents.message_content = settings.discord.content_intent
        super().__init__(
            command_prefix=(),
            help_command=None,
            tree_cls=Tree,
            intents=intents,
            allowed_mentions=SILENT,
            max_messages=None,
            member_cache_flags=discord.MemberCacheFlags.none(),
            chunk_guilds_at_startup=False,
            max_ratelimit_timeout=60.0,
            http_trace=traced(app.core.meters.discord_said),
            **options,
        )
        self._connection.parsers = forgiving(self._connection.parsers)
        self.parts = parts_over(app, Wire(self), pacer or Pacer(clock), (clock or LoopClock()).now)
        self._greeted = False
        self._ticking = tasks.loop(seconds=TICK_S)(self._tick)

    async def setup_hook(self) -> None:
        """Make ready what works from the first event on. discord.py calls it once per process, before the gateway."""
        self.add_dynamic_items(VoteButton, ActButton, GuessButton, StopButton, JobButton, RematchButton, ForgetButton)
        for command in commands.every():
            self.tree.add_command(command)
        await tell_commands(self)
        await self.parts.batches.resume()
        await self.parts.trainings.resume()
        self._ticking.start()

    async def _tick(self) -> None:
        try:
            await self.parts.desk.tick()
        except DuelbotError as error:
            log.warning("The look at open votes failed, and is repeated: %s", error)
        except Exception:
            log.exception("The look at open votes failed, and is repeated")

    # --- events

    async def on_ready(self) -> None:
        """Print who it is and how to invite it, once; Discord tells this event with every new session."""
        if not self._greeted and self.application_id:
            self._greeted = True
            invite = discord.utils.oauth_url(self.application_id, permissions=NEEDED, scopes=("bot", "applications.commands"))
            many = f"{len(self.guilds)} server{'' if len(self.guilds) == 1 else 's'}"
            sys.stdout.write(f"Discord: connected as {printable(str(self.user))}, in {many}. Invite it elsewhere: {invite}\n")
            sys.stdout.flush()

    async def on_message(self, message: discord.Message, /) -> None:
        """Answer a message, once for each."""
        if self.user is not None and self.parts.repeats.first_time(message.id):
            about(event=f"message:{message.id}")
            hide(message.content)
            with self.parts.leaving.at_work():
                await heard(message, self.parts, self.user)

    async def on_raw_message_edit(self, payload: discord.RawMessageUpdateEvent, /) -> None:
        """Offer to ask what a message says now that asked something else. Discord tells also of links that it has unfolded."""
        if self.user is not None and payload.message.edited_at is not None:
            with self.parts.leaving.at_work():
                await edited(payload.message, self.parts, self.user)

    async def on_interaction(self, interaction: discord.Interaction) -> None:
        """Carry out a form. No other way is taken, so that a form which an earlier process showed is as good as any."""
        if is_recipe_form(interaction):
            await recipe_submitted(interaction)
        elif menus.is_form(interaction):
            await menus.submitted(interaction)

    async def on_raw_message_delete(self, payload: discord.RawMessageDeleteEvent) -> None:
        """Stop what the deleted message showed."""
        await _deleted(self.parts, {str(payload.message_id)})

    async def on_raw_thread_update(self, payload: discord.RawThreadUpdateEvent) -> None:
        """Show in an opened thread what could not be shown while it was archived."""
        if not payload.data["thread_metadata"]["archived"]:
            await self.parts.upkeep.opened(str(payload.thread_id))

    async def on_raw_bulk_message_delete(self, payload: discord.RawBulkMessageDeleteEvent) -> None:
        """Stop what the deleted messages showed."""
        await _deleted(self.parts, {str(message) for message in payload.message_ids})

    async def on_error(self, event_method: str, /, *_: Any, **__: Any) -> None:
        """Log the bug of an event's handler."""
        log.exception("The event %s failed", event_method)

    async def close(self) -> None:
        """Let the last edits land, then end the connection."""
        self._ticking.cancel()
        await self.parts.desk.leave()
        await super().close()


def traced(heard: Callable[[int], None]) -> aiohttp.TraceConfig:
    """Make what tells the status of each of Discord's answers, those by tokens of interactions as well."""

    async def ended(session: object, context: object, told: aiohttp.TraceRequestEndParams) -> None:
        heard(told.response.status)

    trace = aiohttp.TraceConfig()
    trace.on_request_end.append(ended)
    return trace


async def _deleted(parts: Parts, messages: set[str]) -> None:
    await parts.upkeep.deleted(messages)
    await parts.batches.deleted(messages)


async def tell_commands(bot: DuelBot) -> None:
    """Tell Discord the commands, if they are others than last time."""
    told = [command.to_dict(bot.tree) for command in bot.tree.get_commands()] + [
        menu.to_dict(bot.tree)
        for kind in (discord.AppCommandType.message, discord.AppCommandType.user)
        for menu in bot.tree.get_commands(type=kind)
    ]
    digest = hashlib.sha256(json.dumps([bot.application_id, told], sort_keys=True, default=str).encode()).hexdigest()
    if await bot.parts.app.remembering.mark("discord commands") != digest:
        await bot.tree.sync()
        await bot.parts.app.remembering.put_mark("discord commands", digest)
