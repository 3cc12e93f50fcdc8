"""Messages to the bot: direct ones go on with a rolling conversation, mentions with the chain of replies.

Which messages of a server ask is decided in bot/app/addressing.py; here is found how a message turns to the bot.
"""

import logging
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial

import aiohttp
import discord

from bot.app.addressing import Addressed, asks, begins_with_name
from bot.app.orders import AlreadyAsked, NotHere, Order
from bot.fronts.discord import words
from bot.fronts.discord.files import read
from bot.fronts.discord.interactions import person
from bot.fronts.discord.lane import TryLater
from bot.fronts.discord.layout import words_sheet
from bot.fronts.discord.names import names_in, without_ids
from bot.fronts.discord.parts import Parts
from bot.fronts.discord.repeats import Refusal
from bot.fronts.discord.sending import SILENT, Gone, NotAllowed, Wire
from engine.errors import BadRequest, DuelbotError
from engine.printable import one_line
from engine.request import Request, Turn

KINDS = {discord.MessageType.default, discord.MessageType.reply}
THREAD_NAME = 90  # characters; Discord takes 100
NO_REQUEST = "Write your request in the same message. For example: “{example}”"
ROLE_ONLY = "You mentioned my role, and Discord shows me no text then. Mention me instead: the name with the mark APP, not the role's."
log = logging.getLogger(__name__)


async def heard(message: discord.Message, parts: Parts, me: discord.ClientUser) -> None:
    """Open a duel for a message that is for the bot, or say why not; the latter once a minute to one person."""
    if message.author.bot or message.webhook_id or message.type not in KINDS:
        return
    try:
        if await _is_for(message, parts, me):
            order = await order_of(message, me, parts.app.examples[0])
            await parts.desk.open(await _in_its_thread(message, parts, order))
    except AlreadyAsked:
        log.info("The message %s came twice", message.id)
    except NotHere as error:
        await refuse_alone(message, parts, words.not_here(error.words, error.channels))
    except DuelbotError as error:
        await refuse(message, parts, error.words)
    except Exception:
        log.exception("A message could not be answered")
        await refuse(message, parts, words.WENT_WRONG)


async def edited(message: discord.Message, parts: Parts, me: discord.ClientUser) -> None:
    """Offer to ask what a message says now, if it asked a duel and says something else since."""
    event = f"message:{message.id}"
    try:
        if message.author.bot or not await parts.app.editing.asked_by(event):
            return
        post = await parts.app.editing.edited(event, (await request_in(message, me)).text)
    except DuelbotError as error:
        log.info("The edited message %s cannot be offered: %s", message.id, error)
        return
    if post:
        parts.drawing.renew(post)


async def _is_for(message: discord.Message, parts: Parts, me: discord.ClientUser) -> bool:
    if message.guild is None:
        return True
    how = addressed(message, me)
    if not (how.mentioned or how.answers_bot or how.own_thread):
        return False
    return asks(how, await parts.app.teams.settings(str(message.guild.id)))


def addressed(message: discord.Message, me: discord.ClientUser) -> Addressed:
    """Find how a message in a server turns to the bot. A reply that pings mentions its author without a word of it."""
    named = any(user.id == me.id for user in message.mentions)
    in_words = named and any(mark in message.content for mark in _marks(message, me))
    replied = message.reference.resolved if message.reference else None
    is_reply = message.type is discord.MessageType.reply
    to_bot = is_reply and (replied.author.id == me.id if isinstance(replied, discord.Message) else named and not in_words)
    first = re.match(r"\s*<@[!&]?(\d+)>", message.content)
    return Addressed(
        mentioned=in_words or _by_role(message) or (named and not is_reply),
        by_name=bool(begins_with_name(message.content, _names(message, me))),
        answers_bot=to_bot,
        answers_other=is_reply and not to_bot,
        to_others=bool(first and int(first[1]) != me.id),
        own_thread=_in_own_thread(message, me) and bool(message.content or message.attachments),
    )


def _in_own_thread(message: discord.Message, me: discord.ClientUser) -> bool:
    return isinstance(message.channel, discord.Thread) and message.channel.owner_id == me.id


def _names(message: discord.Message, me: discord.ClientUser) -> tuple[str, ...]:
    """List the names by which people here know the bot."""
    member = message.guild.me if message.guild else None
    return tuple(dict.fromkeys(filter(None, (member.display_name if member else "", me.global_name, me.name))))


def _by_role(message: discord.Message) -> bool:
    """Whether it mentions the role that Discord made for the bot in this server, which people take for the bot itself."""
    role = message.guild.self_role if message.guild else None
    return role is not None and role in message.role_mentions


async def order_of(message: discord.Message, me: discord.ClientUser, example: str) -> Order:
    """Order what a message asks. example: a request for whoever asked nothing. Raises BadRequest for a message without a request in it."""
    asked = await request_in(message, me)
    if not asked.text:
        raise BadRequest(_nothing_asked(message, asked, example))
    direct, replied = message.guild is None, replied_to(message, me)
    thread = message.channel if isinstance(message.channel, discord.Thread) else None
    member = message.author if isinstance(message.author, discord.Member) else None
    return Order(
        text=asked.text,
        asker=person(message.author),
        event=f"message:{message.id}",
        team=str(message.guild.id) if message.guild else None,
        channel=str(message.channel.id),
        within=str(thread.parent_id) if thread else "",
        roles=frozenset(str(role.id) for role in member.roles) if member else frozenset(),
        solo=direct,
        rolling=direct or (_in_own_thread(message, me) and not replied),
        reply_to=replied,
        before=said_before(message, me),
        left_out=asked.left_out,
    )


async def _in_its_thread(message: discord.Message, parts: Parts, order: Order) -> Order:
    """Open a thread for a request that begins something, where the server wants that; its answers, and what follows, belong there.

    Where none can be opened, the request is answered in the channel. Raises DuelbotError for a request that is refused.
    """
    begins = order.team and not order.reply_to and isinstance(message.channel, discord.TextChannel)
    if not begins or not (await parts.app.teams.settings(order.team)).threads:
        return order
    await parts.app.asking.check(order)
    try:
        thread = await parts.wire.open_thread(order.channel, str(message.id), one_line(order.text, THREAD_NAME) or "…")
    except (NotAllowed, Gone, TryLater, discord.HTTPException) as error:
        log.info("No thread could be opened in channel %s: %s", order.channel, error)
        return order
    return replace(order, channel=thread, within=order.channel, rolling=True)


def _nothing_asked(message: discord.Message, asked: "Heard", example: str) -> str:
    if asked.left_out:
        return f"{asked.left_out} Write your request in words."
    return ROLE_ONLY if not message.content and _by_role(message) else NO_REQUEST.format(example=example)


@dataclass(frozen=True, slots=True)
class Heard:
    """The request in a message, and a sentence about those of its files that are no part of it."""

    text: str
    left_out: str = ""


async def request_in(message: discord.Message, me: discord.ClientUser) -> Heard:
    """Read what a message asks, without the bot's name at its ends, and with its text files. Raises BadRequest for a file too long."""
    said, attached = said_and_attached(message)
    files = await read(attached)
    whole = "\n\n".join(filter(None, (_addressed(said, message, me), *files.texts)))
    return Heard(without_ids(whole, names_in(message)), files.left_out)


def said_and_attached(message: discord.Message) -> tuple[str, Sequence[discord.Attachment]]:
    """Return words and files of a message, or of the one that it forwards: a forwarding message has none of its own."""
    if message.content or message.attachments:
        return message.content, message.attachments
    forwarded = message.message_snapshots
    return "\n\n".join(each.content for each in forwarded), [file for each in forwarded for file in each.attachments]


def text_in(message: discord.Message) -> str:
    """Read what a message says or forwards, without its files."""
    return without_ids(said_and_attached(message)[0].strip(), names_in(message))


def _addressed(said: str, message: discord.Message, me: discord.ClientUser) -> str:
    """Within a sentence the bot's name stays: there it is what the sentence is about."""
    marks, said = _marks(message, me), said.strip()
    if message.guild and not any(mark in said for mark in marks):
        return said.removeprefix(begins_with_name(said, _names(message, me))).strip()
    while mark := next(filter(said.startswith, marks), None):
        said = said.removeprefix(mark).lstrip()
    while mark := next(filter(said.endswith, marks), None):
        said = said.removesuffix(mark).rstrip()
    return said


def _marks(message: discord.Message, me: discord.ClientUser) -> list[str]:
    """List how a message can mention the bot, as Discord writes it."""
    role = message.guild.self_role if message.guild else None
    return [f"<@{me.id}>", f"<@!{me.id}>", *([f"<@&{role.id}>"] if role else [])]


def replied_to(message: discord.Message, me: discord.ClientUser) -> tuple[str, ...]:
    """List the message that this one answers; and if that is words of the bot about another one, as of a close, then that one."""
    answered = message.reference.resolved if message.reference else None
    about = answered.reference if isinstance(answered, discord.Message) and answered.author.id == me.id else None
    return tuple(str(each.message_id) for each in (message.reference, about) if each and each.message_id)


def said_before(message: discord.Message, me: discord.ClientUser) -> tuple[Turn, ...]:
    """Return the message that this one answers, which Discord shows with the content intent alone."""
    earlier = message.reference.resolved if message.reference else None
    if not isinstance(earlier, discord.Message) or earlier.author.id == me.id:
        return ()
    return context(text_in(earlier))


def context(said: str) -> tuple[Turn, ...]:
    """Make a turn of what was said before a request, if it is a text that a model can be told."""
    try:
        return (Turn("user", Request.of(said).text),)
    except BadRequest:
        return ()


async def refuse(message: discord.Message, parts: Parts, said: str) -> None:
    """Say why a message is not taken, or count it in what was said within the last minute."""
    refusal, new = parts.refusals.refused(person(message.author), str(message.channel.id), said)
    if new:
        refusal.message = await reply(message, parts.wire, refusal.words())
    if refusal.message and refusal.more:  # some may have come while it was sent
        parts.pacer.put(refusal.channel, f"refused:{refusal.message}", partial(_recount, parts.wire, refusal))


async def refuse_alone(message: discord.Message, parts: Parts, said: str) -> None:
    """Say to a person alone why their message is not taken, once a minute: in that channel the bot may not talk."""
    refusal, new = parts.refusals.refused(person(message.author), str(message.channel.id), said)
    if new:
        try:
            await parts.wire.send_directly(message.author.id, words_sheet(refusal.said), f"not{message.id}"[:25])
        except (NotAllowed, Gone, TryLater, discord.HTTPException) as error:
            log.info("Could not tell %s: %s", message.author.id, error)


async def _recount(wire: Wire, refusal: Refusal) -> None:
    """Bring a refusal up to its count."""
    assert refusal.message is not None
    try:
        await wire.edit(refusal.channel, refusal.message, words_sheet(refusal.words()))
    except (Gone, NotAllowed) as error:
        log.info("A refusal in channel %s cannot count on: %s", refusal.channel, error)


async def reply(message: discord.Message, wire: Wire, said: str) -> str | None:
    """Say words in the channel; where the bot may not write, to the person; else in the log. Returns the channel's message."""
    team = str(message.guild.id) if message.guild else None
    try:
        return await wire.send(str(message.channel.id), team, words_sheet(said), reply_to=str(message.id), nonce=f"say{message.id}"[:25])
    except (NotAllowed, Gone, TryLater) as error:
        log.info("No words in channel %s: %s", message.channel.id, error)
    try:
        await message.author.send(view=words_sheet(said), allowed_mentions=SILENT, suppress_embeds=True, nonce=f"dm{message.id}")
    except (discord.HTTPException, aiohttp.ClientError, OSError) as error:
        log.warning("Could not tell %s: %s", message.author.id, error)
    return None
