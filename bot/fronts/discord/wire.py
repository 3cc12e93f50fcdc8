"""Sending and editing messages, and what Discord's refusals mean. Everything that pings or unfurls is switched off here."""

import io
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import discord
from discord.http import handle_message_parameters
from discord.webhook.async_ import async_context

from bot.fronts.discord.layout import Sheet
from bot.fronts.discord.pacing import TryLater

SILENT = discord.AllowedMentions.none()
UNKNOWN = {10003, 10004, 10008}  # channel, guild, message
TOKEN_OVER = {10015, 50027}  # unknown webhook, invalid webhook token
OLD_MESSAGE_EDITS = 30046
NO_REPLIES = 160002  # a reply needs the permission Read Message History; a plain message does not
PENDING, PUBLIC, PRIVATE = "pending", "public", "private"
"""Marks an interaction that was deferred and is not answered yet, and for whom its answer was announced."""


class Gone(Exception):
    """The message, or its channel, is there no more."""


class NotAllowed(Exception):
    """The bot may not write or edit here."""


class TokenOver(Exception):
    """The interaction's fifteen minutes are over."""


@asynccontextmanager
async def discords_answers() -> AsyncGenerator[None, None]:
    """Turns what Discord refuses into Gone, NotAllowed, TokenOver or TryLater; a request that is wrong stays a bug."""
    try:
        yield
    except (discord.RateLimited, aiohttp.ClientError, TimeoutError, OSError, discord.DiscordServerError) as error:
        raise TryLater(str(error)) from error
    except discord.HTTPException as error:
        if error.code in UNKNOWN:
            raise Gone(str(error)) from error
        if error.code in TOKEN_OVER or error.status == 401:
            raise TokenOver(str(error)) from error
        if error.status == 403:
            raise NotAllowed(str(error)) from error
        if error.status == 429 or error.status >= 500 or error.code == OLD_MESSAGE_EDITS:
            raise TryLater(str(error)) from error
        raise


class Wire:
    """The bot's own routes: they need it to be in the channel."""

    def __init__(self, client: discord.Client) -> None:
        self._client = client

    def channel(self, channel: str, team: str | None) -> discord.PartialMessageable:
        return self._client.get_partial_messageable(int(channel), guild_id=int(team) if team else None)

    async def send(self, channel: str, team: str | None, sheet: Sheet, *, reply_to: str | None = None, nonce: str | None = None) -> str:
        """The new message's id. The same nonce within minutes sends nothing new, so a lost answer posts once."""
        options: dict[str, Any] = {"nonce": nonce} if nonce else {}
        if reply_to:
            reference = discord.MessageReference(message_id=int(reply_to), channel_id=int(channel), fail_if_not_exists=False)
            options |= {"reference": reference, "mention_author": False}
        async with discords_answers():
            try:
                sent = await self.channel(channel, team).send(view=sheet, allowed_mentions=SILENT, suppress_embeds=True, **options)
            except discord.HTTPException as error:
                if error.code != NO_REPLIES:
                    raise
                del options["reference"]
                sent = await self.channel(channel, team).send(view=sheet, allowed_mentions=SILENT, suppress_embeds=True, **options)
        return str(sent.id)

    async def edit(self, channel: str, message: str, sheet: Sheet) -> None:
        """discord.py's own edit would leave out the flag against unfurled links, and so switch it off."""
        flags = discord.MessageFlags(suppress_embeds=True)
        async with discords_answers():
            with handle_message_parameters(view=sheet, flags=flags, allowed_mentions=SILENT) as params:
                await self._client.http.edit_message(int(channel), int(message), params=params)


async def edit_by_token(interaction: discord.Interaction, sheet: Sheet) -> str:
    """Edit what the interaction was answered with, or the message whose button it was. Returns the message's id."""
    async with discords_answers():
        message = await put_original(interaction, sheet)
    interaction.extras.pop(PENDING, None)
    return message


async def put_original(interaction: discord.Interaction, sheet: Sheet, files: Sequence[discord.File] = ()) -> str:
    """As discord.py's `edit_original_response`, which would leave out the flag against unfurled links. Raises what discord.py raises."""
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
    """Texts as .md files, by name."""
    return [discord.File(io.BytesIO(text.encode("utf-8", "replace")), filename=f"{name}.md") for name, text in texts.items()]
