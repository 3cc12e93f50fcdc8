"""Messages to the bot: direct ones go on with a rolling conversation, mentions with the chain of replies."""

import logging
import re

import aiohttp
import discord

from bot.app.teams import AlreadyAsked, Order
from bot.fronts.discord import words
from bot.fronts.discord.desk import Desk
from bot.fronts.discord.guard import person
from bot.fronts.discord.layout import words_sheet
from bot.fronts.discord.pacing import TryLater
from bot.fronts.discord.wire import SILENT, Gone, NotAllowed
from engine.errors import BadRequest, DuelbotError
from engine.request import MAX_CHARACTERS, Turn

KINDS = {discord.MessageType.default, discord.MessageType.reply}
NO_REQUEST = "Write your request in the same message. For example: “{example}”"
log = logging.getLogger(__name__)


async def heard(message: discord.Message, desk: Desk, me: discord.ClientUser) -> None:
    """A message that may be for the bot."""
    if message.author.bot or message.webhook_id or message.type not in KINDS or not _is_for(message, me):
        return
    try:
        await desk.open(await order_of(message, desk, me))
    except AlreadyAsked:
        log.info("The message %s came twice", message.id)
    except DuelbotError as error:
        await reply(message, desk, error.words)
    except Exception:
        log.exception("A message could not be answered")
        await reply(message, desk, words.WENT_WRONG)


def _is_for(message: discord.Message, me: discord.ClientUser) -> bool:
    return message.guild is None or any(user.id == me.id for user in message.mentions)


async def order_of(message: discord.Message, desk: Desk, me: discord.ClientUser) -> Order:
    """Raises BadRequest for a message without a request in it."""
    request = await request_in(message, me)
    if not request:
        raise BadRequest(NO_REQUEST.format(example=desk.app.examples[0]))
    direct = message.guild is None
    member = message.author if isinstance(message.author, discord.Member) else None
    return Order(
        text=request,
        asker=person(message.author),
        event=f"message:{message.id}",
        team=str(message.guild.id) if message.guild else None,
        channel=str(message.channel.id),
        roles=frozenset(str(role.id) for role in member.roles) if member else frozenset(),
        solo=direct,
        rolling=direct,
        reply_to=replied_to(message, me),
        before=said_before(message, me),
    )


async def request_in(message: discord.Message, me: discord.ClientUser) -> str:
    """Its text without the mention, and its text files."""
    text = re.sub(rf"<@!?{me.id}>", "", message.content).strip()
    return "\n\n".join(filter(None, (text, *[await text_of(file) for file in message.attachments])))


async def text_of(file: discord.Attachment, requests: int = 1) -> str:
    """The text of a text file, with room for so many requests. Raises BadRequest for anything else."""
    if not (file.content_type or "").startswith("text/") and not file.filename.lower().endswith((".txt", ".md", ".jsonl", ".csv", ".json")):
        raise BadRequest(f"I read text files only; {file.filename} is none.")
    if file.size > 4 * MAX_CHARACTERS * requests:
        raise BadRequest(f"The file {file.filename} is too long: at most {MAX_CHARACTERS * requests:,} characters are accepted.")
    try:
        return (await file.read()).decode("utf-8-sig").strip()
    except UnicodeDecodeError:
        raise BadRequest(f"The file {file.filename} is not UTF-8 text.") from None
    except (discord.HTTPException, aiohttp.ClientError, OSError) as error:
        raise BadRequest(f"The file {file.filename} could not be fetched from Discord. Send it again.") from error


def replied_to(message: discord.Message, me: discord.ClientUser) -> tuple[str, ...]:
    """The message that this one answers; and if that is words of the bot about another one, as of a close, then that one."""
    answered = message.reference.resolved if message.reference else None
    about = answered.reference if isinstance(answered, discord.Message) and answered.author.id == me.id else None
    return tuple(str(each.message_id) for each in (message.reference, about) if each and each.message_id)


def said_before(message: discord.Message, me: discord.ClientUser) -> tuple[Turn, ...]:
    """With the content intent, the message that this one answers; without it Discord shows nothing of it."""
    earlier = message.reference.resolved if message.reference else None
    if not isinstance(earlier, discord.Message) or earlier.author.id == me.id or not earlier.content.strip():
        return ()
    return (Turn("user", earlier.content),)


async def reply(message: discord.Message, desk: Desk, said: str) -> None:
    """Words in the channel; where the bot may not write, to the person; else the log."""
    team = str(message.guild.id) if message.guild else None
    try:
        await desk.wire.send(str(message.channel.id), team, words_sheet(said), reply_to=str(message.id), nonce=f"say{message.id}"[:25])
        return
    except (NotAllowed, Gone, TryLater) as error:
        log.info("No words in channel %s: %s", message.channel.id, error)
    try:
        await message.author.send(view=words_sheet(said), allowed_mentions=SILENT, suppress_embeds=True, nonce=f"dm{message.id}")
    except (discord.HTTPException, aiohttp.ClientError, OSError) as error:
        log.warning("Could not tell %s: %s", message.author.id, error)
