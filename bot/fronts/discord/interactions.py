"""Every answer to an interaction goes through here: acknowledged first, and whatever fails becomes words to the one who clicked.

Whether Discord's answer to an acknowledgement comes decides nothing: Discord may have taken it and the answer be lost. The work is
done, and its answer goes by the interaction's token.
"""

import asyncio
import logging
from collections.abc import Coroutine
from typing import Any, Literal

import aiohttp
import discord

from bot.app.orders import AlreadyAsked, NotHere
from bot.fronts.discord import words
from bot.fronts.discord.lane import TryLater
from bot.fronts.discord.layout import Sheet, words_sheet
from bot.fronts.discord.parts import parts_of
from bot.fronts.discord.sending import (
    PENDING,
    PRIVATE,
    PUBLIC,
    SILENT,
    Archived,
    Gone,
    NotAllowed,
    TokenOver,
    discords_answers,
    put_original,
)
from bot.views import place_of
from engine.errors import DuelbotError

TOO_LATE = 10062  # unknown interaction: the event came late, and its sender was told that nobody answered
ACKNOWLEDGE_S = 2.5  # seconds that an acknowledgement is tried; Discord takes none that comes after 3 s
AGAIN_S = (0.5, 2.0, 6.0)  # seconds before an answer that Discord could not take is tried again
ACKNOWLEDGED = "acknowledged"  # key of an interaction's extras: it was acknowledged, as far as anybody knows
KEPT = "kept"  # key of an interaction's extras: what its work has changed, in words
UNTOLD = (TryLater, Gone, TokenOver, NotAllowed, Archived)  # why an answer by the token reaches nobody
Where = Literal["the whole server", "this channel"]  # what a choice is for
log = logging.getLogger(__name__)


def person(user: discord.abc.User) -> str:
    """Name a person as the store knows them."""
    return f"discord:{user.id}"


def team_of(interaction: discord.Interaction) -> str | None:
    """Name the server as the store knows it; None in direct messages."""
    return str(interaction.guild_id) if interaction.guild_id else None


def roles(interaction: discord.Interaction) -> frozenset[str]:
    """List the ids of the sender's roles in this server; none in direct messages."""
    user = interaction.user
    return frozenset(str(role.id) for role in user.roles) if isinstance(user, discord.Member) else frozenset()


def within(interaction: discord.Interaction) -> str:
    """Name the channel that this is a thread of; "" elsewhere."""
    channel = interaction.channel
    return str(channel.parent_id) if isinstance(channel, discord.Thread) else ""


def channels_of(interaction: discord.Interaction) -> tuple[str, ...]:
    """List the channels that this is in: a thread and the channel around it, the nearest first."""
    return tuple(filter(None, (str(interaction.channel_id or ""), within(interaction))))


def place_in(interaction: discord.Interaction, where: Where) -> str:
    """Name what an admin settles something for: the server, or this channel with its threads."""
    team = str(interaction.guild_id)
    return place_of(team, channels_of(interaction)[-1]) if where == "this channel" else team


def moderates(interaction: discord.Interaction) -> bool:
    """Whether the sender looks after this channel: they may manage everybody's messages here, or the server."""
    rights = interaction.permissions
    return interaction.guild_id is not None and (rights.manage_messages or rights.manage_guild)


def is_direct(interaction: discord.Interaction) -> bool:
    """Whether this is a direct message with the bot itself, as opposed to one between people."""
    return interaction.guild_id is None and interaction.context.dm_channel


def is_guest(interaction: discord.Interaction) -> bool:
    """Whether the bot can do no more here than answer by the token: only this person has it, or it cannot see the channel."""
    if interaction.guild_id is None:
        return not is_direct(interaction)
    installed_for_one = interaction.is_user_integration() and not interaction.is_guild_integration()
    return installed_for_one or not interaction.app_permissions.view_channel


def edits_itself(interaction: discord.Interaction) -> bool:
    """Whether a click redraws its own message: where no one else waits for the channel's lane, or nothing else could."""
    message = interaction.message
    return interaction.guild_id is None or is_guest(interaction) or (message is not None and message.flags.ephemeral)


async def think(interaction: discord.Interaction, *, private: bool) -> None:
    """Acknowledge: an answer will come. This is the first thing in every command. Raises discord.NotFound for one that came too late."""
    await _acknowledge(interaction, ephemeral=private, thinking=True)
    interaction.extras[PENDING] = PRIVATE if private else PUBLIC


async def nod(interaction: discord.Interaction) -> None:
    """Acknowledge a click whose message will be edited, or not."""
    await _acknowledge(interaction)


async def _acknowledge(interaction: discord.Interaction, **how: bool) -> None:
    """Raises discord.NotFound for a command that came too late, as its sender was told; a click is done all the same."""
    try:
        async with asyncio.timeout(ACKNOWLEDGE_S):
            await _defer(interaction, **how)
    except (discord.HTTPException, aiohttp.ClientError, OSError, TimeoutError) as error:
        if isinstance(error, discord.NotFound) and error.code == TOO_LATE and interaction.type is not discord.InteractionType.component:
            raise
        log.info("Whether interaction %s was acknowledged is not known: %s", interaction.id, error)
    interaction.extras[ACKNOWLEDGED] = True


async def _defer(interaction: discord.Interaction, **how: bool) -> None:
    """Once more when the connection was lost, since Discord may not have heard it; if it has, it says so."""
    try:
        await interaction.response.defer(**how)
    except (aiohttp.ClientError, OSError):
        await interaction.response.defer(**how)


def kept(interaction: discord.Interaction, said: str) -> None:
    """Note what this interaction has changed, in words, so that no later failure is told as if nothing had been."""
    interaction.extras[KEPT] = said


async def answer(interaction: discord.Interaction, sheet: Sheet) -> None:
    """Give the answer that `think` announced, or else an ephemeral message; try again while Discord cannot take it."""
    for pause_s in AGAIN_S:
        try:
            async with discords_answers():
                await _answer(interaction, sheet)
                return
        except TryLater as error:
            log.info("An answer to interaction %s is tried again: %s", interaction.id, error)
        await asyncio.sleep(pause_s)
    async with discords_answers():
        await _answer(interaction, sheet)


async def _answer(interaction: discord.Interaction, sheet: Sheet) -> None:
    if interaction.extras.get(PENDING):  # public or private as it was announced: Discord does not let that change
        await put_original(interaction, sheet)
        del interaction.extras[PENDING]
    elif interaction.extras.get(ACKNOWLEDGED) or interaction.response.is_done():
        await interaction.followup.send(view=sheet, ephemeral=True, allowed_mentions=SILENT, suppress_embeds=True)
    else:
        await interaction.response.send_message(view=sheet, ephemeral=True, allowed_mentions=SILENT, suppress_embeds=True)


async def say(interaction: discord.Interaction, said: str) -> None:
    """Say words to this person alone, or in public if that was announced; log what cannot be said."""
    try:
        await answer(interaction, words_sheet(said))
    except (*UNTOLD, discord.HTTPException) as error:
        log.warning("Could not tell %s: %s", interaction.user.id, error)


async def refuse(interaction: discord.Interaction, said: str) -> None:
    """Say words to this person alone, also where a public answer was announced: a hundred refusals would fill the channel.

    The first words after "thinking…" are public whatever is asked, so a short one goes there, and is taken away again.
    """
    if interaction.extras.get(PENDING) != PUBLIC:
        await say(interaction, said)
        return
    await say(interaction, words.NOT_TAKEN)
    await say(interaction, said)
    try:
        await interaction.delete_original_response()
    except (discord.HTTPException, aiohttp.ClientError, OSError) as error:
        log.info("A refused command stays in sight: %s", error)


async def guarded(interaction: discord.Interaction, work: Coroutine[Any, Any, None]) -> None:
    """Do the work, once for each interaction; turn a refusal or a bug into words."""
    parts = parts_of(interaction)
    if not parts.repeats.first_time(interaction.id):
        work.close()  # a resumed connection told it again; a second acknowledgement would be refused
        return
    with parts.leaving.at_work():
        await _in_words(interaction, work)


async def _in_words(interaction: discord.Interaction, work: Coroutine[Any, Any, None]) -> None:
    try:
        await work
    except AlreadyAsked:
        log.info("The interaction %s came twice", interaction.id)
    except NotHere as error:
        await refuse(interaction, words.not_here(error.words, error.channels))
    except DuelbotError as error:
        await refuse(interaction, error.words)
    except (Gone, TokenOver, TryLater, Archived, discord.InteractionResponded) as error:
        log.info("The interaction %s can be answered no more: %s", interaction.id, error)
    except NotAllowed:
        await refuse(interaction, words.NO_SENDING)
    except discord.HTTPException as error:
        if error.code != TOO_LATE:
            log.exception("Discord refused an answer")
            await refuse(interaction, words.went_wrong(interaction.extras.get(KEPT, "")))
    except Exception:
        log.exception("An interaction failed")
        await refuse(interaction, words.went_wrong(interaction.extras.get(KEPT, "")))
