"""The world in Discord's JSON (API version 10), as the gateway and REST give it."""

import hashlib
import mimetypes
from datetime import UTC, datetime
from typing import Any

from tests.loopback.parts import media, numbered, walk
from tests.loopback.world import ALL_PERMISSIONS, DM, Channel, File, Guild, Message, User, World

Json = dict[str, Any]
CDN = "https://cdn.discordapp.com"
MEMBER_PERMISSIONS = (
    0x0000_0400 | 0x0000_0800 | 0x0000_4000 | 0x0000_8000 | 0x0001_0000 | 0x8000_0000 | 1 << 35 | 1 << 38
)  # see, send, embed, files, history, commands, open public threads, send in threads
URL_LIFE_S = 24 * 3600
TOKEN_MARK = "aW50ZXJhY3Rpb246"  # begins a token; the interaction's number follows


def stamp(at: float | None) -> str | None:
    return None if at is None else datetime.fromtimestamp(at, UTC).isoformat()


def user(who: User) -> Json:
    return {
        "id": str(who.id),
        "username": who.name.lower(),
        "global_name": None if who.bot else who.name,
        "discriminator": "0" if not who.bot else "4242",
        "avatar": None,
        "bot": who.bot,
        "system": False,
        "public_flags": 0,
        "flags": 0,
        "primary_guild": None,
    }


def bot_user(world: World) -> Json:
    return {**user(world.bot), "mfa_enabled": True, "verified": True, "email": None, "locale": "en-US"}


def permissions(guild: Guild, who: User) -> int:
    """Everybody's, and what one's roles add."""
    if who.id in guild.admins:
        return ALL_PERMISSIONS
    allowed = MEMBER_PERMISSIONS
    for number in guild.members.get(who.id, []):
        allowed |= guild.roles[number].allowed
    return allowed


def member(guild: Guild, who: User, *, with_permissions: bool = False, with_user: bool = True) -> Json:
    made: Json = {
        "roles": [str(role) for role in guild.members.get(who.id, [])],
        "joined_at": "2026-01-01T00:00:00+00:00",
        "deaf": False,
        "mute": False,
        "flags": 0,
        "pending": False,
        "nick": None,
        "avatar": None,
        "banner": None,
        "premium_since": None,
        "communication_disabled_until": None,
    }
    if with_user:
        made["user"] = user(who)
    if with_permissions:
        made["permissions"] = str(permissions(guild, who))
    return made


def role(role_id: int, name: str, allowed: int, position: int) -> Json:
    return {
        "id": str(role_id),
        "name": name,
        "description": None,
        "color": 0,
        "colors": {"primary_color": 0, "secondary_color": None, "tertiary_color": None},
        "hoist": False,
        "icon": None,
        "unicode_emoji": None,
        "position": position,
        "permissions": str(allowed),
        "managed": False,
        "mentionable": False,
        "flags": 0,
    }


def channel(place: Channel) -> Json:
    if place.kind == DM:
        recipients = [user(place.recipient)] if place.recipient else []
        return {"id": str(place.id), "type": DM, "flags": 0, "last_message_id": None, "recipients": recipients}
    assert place.guild is not None
    if place.parent:
        return thread(place, place.parent)
    return {
        "id": str(place.id),
        "type": place.kind,
        "guild_id": str(place.guild.id),
        "name": place.name,
        "position": 0,
        "permission_overwrites": [],
        "rate_limit_per_user": 0,
        "nsfw": False,
        "topic": None,
        "parent_id": None,
        "last_message_id": None,
        "flags": 0,
    }


def thread(place: Channel, parent: Channel) -> Json:
    assert place.guild is not None
    owner = place.owner or place.guild.owner
    since = "2026-01-01T00:00:00+00:00"
    return {
        "id": str(place.id),
        "type": place.kind,
        "guild_id": str(place.guild.id),
        "parent_id": str(parent.id),
        "owner_id": str(owner.id),
        "name": place.name,
        "last_message_id": None,
        "message_count": 0,
        "total_message_sent": 0,
        "member_count": 1,
        "rate_limit_per_user": place.slow_s,
        "flags": 0,
        "thread_metadata": {
            "archived": place.archived,
            "auto_archive_duration": place.archive_minutes,
            "archive_timestamp": since,
            "locked": place.locked,
        },
    }


def guild(world: World, place: Guild) -> Json:
    """As GUILD_CREATE has it."""
    everyone = role(place.id, "@everyone", MEMBER_PERMISSIONS, 0)
    return {
        "id": str(place.id),
        "name": place.name,
        "owner_id": str(place.owner.id),
        "roles": [everyone, *(role(number, one.name, one.allowed, at) for at, (number, one) in enumerate(place.roles.items(), 1))],
        "channels": [channel(c) for c in world.channels.values() if c.guild is place and c.bot_may and not c.parent],
        "members": [member(place, world.bot)],
        "threads": [channel(c) for c in world.channels.values() if c.guild is place and c.parent],
        "member_count": len(place.members),
        "joined_at": "2026-01-01T00:00:00+00:00",
        "large": False,
        "unavailable": False,
        "preferred_locale": "en-US",
        "verification_level": 1,
        "default_message_notifications": 1,
        "explicit_content_filter": 0,
        "mfa_level": 0,
        "nsfw_level": 0,
        "premium_tier": 0,
        "premium_progress_bar_enabled": False,
        "system_channel_flags": 0,
        "afk_timeout": 300,
        "features": [],
        **{name: [] for name in ("emojis", "stickers", "presences", "voice_states", "stage_instances")},
        **{name: [] for name in ("guild_scheduled_events", "soundboard_sounds")},
    }


def file_url(world: World, stored: File) -> str:
    """Signed, and valid for a day."""
    expires = f"{int(world.now() + URL_LIFE_S):x}"
    return f"{CDN}/attachments/{stored.channel_id}/{stored.id}/{stored.name}?ex={expires}&is={expires}&hm={signature(stored, expires)}"


def signature(stored: File, expires: str) -> str:
    return hashlib.sha256(f"loopback/{stored.id}/{expires}".encode()).hexdigest()


def attachment(world: World, stored: File) -> Json:
    url = file_url(world, stored)
    made: Json = {"id": str(stored.id), "filename": stored.name, "size": len(stored.data), "url": url, "proxy_url": url}
    kind = mimetypes.guess_type(stored.name)[0]
    return made | ({"content_type": kind} if kind else {}) | ({"description": stored.description} if stored.description else {})


def _shown_files(note: Message) -> set[int]:
    """Files that a component shows are not in `attachments`."""
    wanted = set(media(note.components))
    return {stored.id for stored in note.files if f"attachment://{stored.name}" in wanted}


def _resolved(world: World, note: Message) -> list[Json]:
    """Components with ids, and with addresses in place of attachment://."""
    made = numbered(note.components)
    where = {f"attachment://{stored.name}": file_url(world, stored) for stored in note.files}

    def shown(item: Json) -> Json:
        url = where.get(item["url"], item["url"])
        return {"id": str(note.id), **item, "url": url, "proxy_url": url}

    for part in walk(made):
        for name in ("media", "file"):
            if part.get(name):
                part[name] = shown(part[name])
        if part.get("items"):
            part["items"] = [{"description": None, "spoiler": False, **item, "media": shown(item["media"])} for item in part["items"]]
    return made


def message(world: World, note: Message, *, for_bot: bool = True, nested: bool = False, intent: bool | None = None) -> Json:
    """A message as the bot may see it: without the content intent others' words are empty unless they are meant for it.

    intent: whether the session that is told has the content intent; None: what the portal gives decides, as for REST.
    """
    hidden = for_bot and not (may_read(world, note) or (world.content_intent_in_portal if intent is None else intent))
    shown = _shown_files(note)
    made: Json = {
        "id": str(note.id),
        "channel_id": str(note.channel.id),
        "type": 19 if note.reference else 0,
        "author": user(note.author),
        "content": "" if hidden else note.content,
        "timestamp": stamp(note.posted_at),
        "edited_timestamp": stamp(note.edited_at),
        "tts": False,
        "mention_everyone": False,
        "mentions": [user(who) for who in mentioned(world, note)],
        "mention_roles": [],
        "attachments": [] if hidden else [attachment(world, stored) for stored in note.files if stored.id not in shown],
        "embeds": [] if hidden else note.embeds,
        "components": [] if hidden else _resolved(world, note),
        "pinned": False,
        "flags": note.flags,
    }
    if note.nonce is not None:
        made["nonce"] = note.nonce
    if note.author is world.bot:
        made["application_id"] = str(world.bot.id)
    if opened := world.channels.get(note.id):
        made["thread"] = channel(opened)
    if note.asker:
        made["webhook_id"] = str(world.bot.id)
        number = note.token.split(":")[0].removeprefix(TOKEN_MARK)
        made["interaction_metadata"] = {"id": number, "type": 2, "user": user(note.asker), "authorizing_integration_owners": {}}
    if note.reference and not nested:
        made["message_reference"] = {"type": 0, "channel_id": str(note.channel.id), "message_id": str(note.reference)}
        target = world.messages.get(note.reference)
        made["referenced_message"] = message(world, target, nested=True, intent=intent) if target and not target.deleted else None
    return made


def mentioned(world: World, note: Message) -> list[User]:
    found = [who for who in world.users.values() if f"<@{who.id}>" in note.text or f"<@!{who.id}>" in note.text]
    target = world.messages.get(note.reference or 0)
    return found + ([target.author] if target and target.author not in found and not note.author.bot else [])


def may_read(world: World, note: Message) -> bool:
    """Whether the bot sees the words also without the content intent."""
    mine = note.author is world.bot or note.channel.kind == DM
    return mine or world.bot in mentioned(world, note)


def dispatched(world: World, note: Message, *, intent: bool) -> Json:
    """As MESSAGE_CREATE and MESSAGE_UPDATE have it. intent: whether the session that is told has the content intent."""
    made = message(world, note, intent=intent)
    if place := note.channel.guild:
        made |= {"guild_id": str(place.id), "member": member(place, note.author, with_user=False)}
    return made


def thread_starter(world: World, note: Message, thread: Channel) -> Json:
    """The message that stands first in a thread on a message: it has the thread's id, and shows the other one."""
    told = dispatched(world, note, intent=False) | {"channel_id": str(thread.id), "type": 21, "content": "", "mentions": [], "flags": 0}
    told.pop("thread", None)
    reference = {"type": 0, "channel_id": str(note.channel.id), "message_id": str(note.id)}
    return told | {"message_reference": reference, "referenced_message": message(world, note, nested=True)}
