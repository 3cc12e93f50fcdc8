"""Sending and editing messages, and what Discord's refusals mean. Everything that pings or unfurls is switched off here."""

import io
import json
import time
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import discord
from discord.http import handle_message_parameters
from discord.webhook.async_ import async_context

from bot.fronts.discord.allowance import GlobalLimit
from bot.fronts.discord.lane import TryLater
from bot.fronts.discord.layout import Sheet

SILENT = discord.AllowedMentions.none()
UNKNOWN = {10003, 10004, 10008}  # Discord's codes: unknown channel, guild, message
TOKEN_OVER = {10015, 50027}  # codes: unknown webhook, invalid webhook token
ARCHIVED = 50083  # code: the thread is archived
LOADING = 1 << 7  # flag of a message that still says "thinking"
OLD_MESSAGE_EDITS = 30046  # code: too many edits of messages older than an hour
NO_REPLIES = 160002  # code: a reply needs the permission Read Message History; a plain message does not
PENDING = "pending"  # key of an interaction's extras while it is deferred and not answered: for whom its answer was announced
PUBLIC, PRIVATE = "public", "private"
OLD_S = 3600.0  # seconds after which Discord counts the edits of a message more strictly


def pinging(people: Sequence[int]) -> discord.AllowedMentions:
    """Allow mentions to ping these people, and nobody else."""
    users = [discord.Object(person) for person in people if person]
    return discord.AllowedMentions(everyone=False, roles=False, users=users, replied_user=False) if users else SILENT


def is_old(message: str) -> bool:
    """Whether Discord counts its edits more strictly; a message's id tells its time."""
    return time.time() - discord.utils.snowflake_time(int(message)).timestamp() > OLD_S


class Gone(Exception):
    """The message, or its channel, is there no more."""


class NotAllowed(Exception):
    """The bot may not write or edit here."""


class Archived(Exception):
    """The message's thread is archived: nothing in it can be edited until it is opened again."""


class TokenOver(Exception):
    """The interaction's fifteen minutes are over."""


class Apart(discord.http.Route):
    """A route with limits of its own for each method.

    Discord counts sends and edits in a channel apart but names one bucket for both (discord-api-docs 8073); discord.py, which goes by the
    name, would let edits wait for sends.
    """

    @property
    def major_parameters(self) -> str:
        """Return what discord.py keeps a limit for: the channel and the method."""
        return f"{super().major_parameters} {self.method}"


@asynccontextmanager
async def discords_answers() -> AsyncGenerator[None, None]:
    """Turn what Discord refuses into Gone, NotAllowed, Archived, TokenOver or TryLater; a request that is wrong stays a bug."""
    try:
        yield
    except (discord.RateLimited, aiohttp.ClientError, TimeoutError, OSError, discord.DiscordServerError) as error:
        raise TryLater(str(error)) from error
    except discord.HTTPException as error:
        if error.code in UNKNOWN:
            raise Gone(str(error)) from error
        if error.code == ARCHIVED:
            raise Archived(str(error)) from error
        if error.code in TOKEN_OVER or error.status == 401:
            raise TokenOver(str(error)) from error
        if error.status == 403:
            raise NotAllowed(str(error)) from error
        if error.status == 429 or error.status >= 500 or error.code == OLD_MESSAGE_EDITS:
            raise TryLater(str(error)) from error
        raise


class Wire:
    """The bot's own routes, which need it to be in the channel. Every method raises what `discords_answers` does."""

    def __init__(self, client: discord.Client) -> None:
        self._client = client
        self._limit = GlobalLimit()

    def channel(self, channel: str, team: str | None) -> discord.PartialMessageable:
        """Return a channel to send into, without asking Discord for it."""
        return self._client.get_partial_messageable(int(channel), guild_id=int(team) if team else None)

    async def send(
        self,
        channel: str,
        team: str | None,
        sheet: Sheet,
        *,
        reply_to: str | None = None,
        nonce: str | None = None,
        ping: Sequence[int] = (),
    ) -> str:
        """Send a message; returns its id. The same nonce within minutes sends nothing new, so a lost answer posts once.

        ping: people who have asked to be pinged.
        """
        mentions = pinging(ping)
        options: dict[str, Any] = {"nonce": nonce} if nonce else {}
        if reply_to:
            reference = discord.MessageReference(message_id=int(reply_to), channel_id=int(channel), fail_if_not_exists=False)
            options |= {"reference": reference, "mention_author": False}
        async with discords_answers():
            await self._limit.turn()
            try:
                sent = await self.channel(channel, team).send(view=sheet, allowed_mentions=mentions, suppress_embeds=True, **options)
            except discord.HTTPException as error:
                if error.code != NO_REPLIES:
                    raise
                del options["reference"]
                sent = await self.channel(channel, team).send(view=sheet, allowed_mentions=mentions, suppress_embeds=True, **options)
        return str(sent.id)

    async def send_directly(self, person: int, sheet: Sheet, nonce: str) -> None:
        """Send to one person alone. Raises NotAllowed where they take no messages."""
        async with discords_answers():
            place = await self._client.http.start_private_message(person)
        await self.send(str(place["id"]), None, sheet, nonce=nonce)

    async def edit(self, channel: str, message: str, sheet: Sheet, files: Sequence[discord.File] = ()) -> None:
        """Edit a message. discord.py's own edit would leave out the flag against unfurled links, and so switch it off."""
        flags = discord.MessageFlags(suppress_embeds=True)
        route = Apart("PATCH", "/channels/{channel_id}/messages/{message_id}", channel_id=int(channel), message_id=int(message))
        more: dict[str, Any] = {"attachments": files} if files else {}
        async with discords_answers():
            await self._limit.turn()
            with handle_message_parameters(view=sheet, flags=flags, allowed_mentions=SILENT, **more) as params:
                if params.files:
                    await self._client.http.request(route, form=params.multipart, files=params.files)
                else:
                    await self._client.http.request(route, json=params.payload)

    async def delete(self, channel: str, message: str) -> None:
        """Delete a message of the bot's own."""
        async with discords_answers():
            await self._limit.turn()
            await self._client.http.delete_message(int(channel), int(message))

    async def open_thread(self, channel: str, message: str, name: str) -> str:
        """Open a public thread on a message; returns its id. Raises what `discords_answers` does, and discord.HTTPException."""
        async with discords_answers():
            await self._limit.turn()
            opened = await self._client.http.start_thread_with_message(int(channel), int(message), name=name, auto_archive_duration=1440)
        return str(opened["id"])

    async def unarchive(self, thread: str) -> None:
        """Open a thread again, as sending would. Raises NotAllowed where it is locked."""
        async with discords_answers():
            await self._limit.turn()
            await self._client.http.edit_channel(int(thread), archived=False)

    async def find(self, channel: str, duel: str, event: str) -> str | None:
        """Find the bot's message that shows a duel, among the hundred after its event (an id). None also where it may not read them."""
        try:
            async with discords_answers():
                await self._limit.turn()
                found: Sequence[Mapping[str, Any]] = await self._client.http.logs_from(int(channel), 100, after=int(event))
        except NotAllowed:
            return None
        me = str(self._client.user.id) if self._client.user else ""
        return next((str(note["id"]) for note in found if note["author"]["id"] == me and shows(note, duel, event)), None)


def shows(note: Mapping[str, Any], duel: str, event: str) -> bool:
    """Whether a message of the bot, as Discord tells it, is this duel's: by its buttons, or by what it answers."""
    answers = ((note.get("message_reference") or {}).get("message_id"), (note.get("interaction_metadata") or {}).get("id"))
    return f":{duel}" in json.dumps(note["components"]) or (event in answers and not note["flags"] & LOADING)


async def edit_by_token(interaction: discord.Interaction, sheet: Sheet) -> str:
    """Edit what the interaction was answered with, or the message whose button it was. Returns the message's id."""
    async with discords_answers():
        message = await put_original(interaction, sheet)
    interaction.extras.pop(PENDING, None)
    return message


async def put_original(interaction: discord.Interaction, sheet: Sheet, files: Sequence[discord.File] = ()) -> str:
    """Edit as discord.py's `edit_original_response`, but with the flag against unfurled links. Returns the message's id."""
    flags = discord.MessageFlags(suppress_embeds=True)
    more: dict[str, Any] = {"attachments": files} if files else {}
    with handle_message_parameters(view=sheet, flags=flags, allowed_mentions=SILENT, **more) as params:
        edited = await async_context.get().edit_original_interaction_response(
            interaction.application_id,
            interaction.token,
            session=interaction._session,
            proxy=interaction.client.http.proxy,
            proxy_auth=interaction.client.http.proxy_auth,
            payload=params.payload,
            multipart=params.multipart,
            files=params.files,
        )
    return str(edited["id"])


def markdown_files(texts: Mapping[str, str]) -> list[discord.File]:
    """Write texts as .md files, by name."""
    return [discord.File(io.BytesIO(text.encode("utf-8", "replace")), filename=f"{name}.md") for name, text in texts.items()]
