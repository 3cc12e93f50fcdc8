"""Writing, editing and deleting the bot's messages: the checks, the files, the events."""

from typing import Any

from tests.loopback import checks, payloads
from tests.loopback.gateway import DIRECT_MESSAGES, GUILD_MESSAGES
from tests.loopback.hub import Call, Hub, Upload
from tests.loopback.refusals import empty_message, invalid, too_large
from tests.loopback.world import COMPONENTS_V2, EPHEMERAL, HAS_THREAD, Channel, File, Message, User

Json = dict[str, Any]
MESSAGES = (GUILD_MESSAGES, DIRECT_MESSAGES)
KEPT_FLAGS = (1 << 2) | (1 << 12) | EPHEMERAL | COMPONENTS_V2


def uploaded(hub: Hub, channel: Channel, call: Call) -> list[File]:
    """The files that came with a request, with the names and descriptions that its `attachments` give them."""
    if problems := checks.files([(upload.name, len(upload.data)) for upload in call.uploads]):
        raise invalid(problems)
    if any(len(upload.data) > checks.FILE_BYTES for upload in call.uploads):
        raise too_large()
    described = {str(entry.get("id")): entry for entry in _data(call).get("attachments") or []}
    return [_stored(hub, channel, upload, described) for upload in call.uploads]


def _stored(hub: Hub, channel: Channel, upload: Upload, described: dict[str, Json]) -> File:
    number = upload.field.removeprefix("files[").removesuffix("]")
    entry = described.get(number, {})
    stored = File(hub.world.snowflake(), entry.get("filename") or upload.name, upload.data, channel.id, entry.get("description"))
    hub.world.files[stored.id] = stored
    return stored


def _data(call: Call) -> Json:
    """The message inside a request: an interaction callback wraps it in `data`."""
    body = call.body or {}
    return (body.get("data") or {}) if call.path.startswith("/interactions/") else body


def create(hub: Hub, channel: Channel, call: Call, kind: str, *, asker: User | None = None, token: str = "") -> Message:
    """A new message of the bot, checked. `kind`: create, or answer to an interaction of this asker's."""
    body = _data(call)
    if (earlier := _same_nonce(hub, channel, body)) is not None:
        return earlier
    files = uploaded(hub, channel, call)
    if problems := checks.message(body, kind, files=[stored.name for stored in files]):
        raise invalid(problems)
    if not any([(body.get("content") or "").strip(), body.get("components"), body.get("embeds"), files, body.get("poll")]):
        raise empty_message()
    flags = (body.get("flags") or 0) & KEPT_FLAGS
    made = Message(
        id=hub.world.snowflake(),
        channel=channel,
        author=hub.world.bot,
        posted_at=hub.world.now(),
        content=(body.get("content") or "").strip(),
        components=body.get("components") or [],
        embeds=body.get("embeds") or [],
        files=files,
        flags=flags,
        reference=int((body.get("message_reference") or {}).get("message_id") or 0) or None,
        nonce=body.get("nonce"),
        viewer=asker if flags & EPHEMERAL else None,
        token=token,
        asker=asker,
    )
    made.pinged = pinged(hub, made, body)
    hub.world.add(made)
    tell(hub, "MESSAGE_CREATE", made)
    return made


def _same_nonce(hub: Hub, channel: Channel, body: Json) -> Message | None:
    """With `enforce_nonce` the same message is not written twice within some minutes."""
    if not body.get("enforce_nonce") or body.get("nonce") is None:
        return None
    return next((m for m in hub.world.of_bot(channel) if m.nonce == body["nonce"] and hub.world.age_s(m) < 180), None)


def edit(hub: Hub, note: Message, call: Call) -> Message:
    """Change what the request names; everything else stays."""
    body = _data(call)
    v2_before = bool(note.flags & COMPONENTS_V2)
    files = _kept(note, body) + uploaded(hub, note.channel, call)
    components = body.get("components", note.components)
    checked = {**body, "components": components or []}
    if problems := checks.message(checked, "edit", v2_before=v2_before, files=[stored.name for stored in files]):
        raise invalid(problems)
    content = (body["content"] or "").strip() if "content" in body else note.content
    embeds = (body["embeds"] or []) if "embeds" in body else note.embeds
    becomes_v2 = not v2_before and bool((body.get("flags") or 0) & COMPONENTS_V2)
    if becomes_v2 and (content or embeds):
        raise invalid(["components v2 on a message that keeps its content or embeds: set them to null"])
    if not any([content, components, embeds, files]):
        raise empty_message()
    note.content, note.components, note.embeds, note.files = content, components or [], embeds, files
    note.flags |= (body.get("flags") or 0) & ((1 << 2) | COMPONENTS_V2)
    note.edited_at = hub.world.now()
    hub.world.note(note)
    tell(hub, "MESSAGE_UPDATE", note)
    return note


def _kept(note: Message, body: Json) -> list[File]:
    """An edit that lists attachments keeps only those."""
    if body.get("attachments") is None:
        return list(note.files)
    listed = {str(entry.get("id")) for entry in body["attachments"]}
    return [stored for stored in note.files if str(stored.id) in listed]


def delete(hub: Hub, note: Message) -> None:
    note.deleted = True
    hub.world.changes.tell()
    if not note.flags & EPHEMERAL and note.channel.bot_may:
        place = {"guild_id": str(note.channel.guild.id)} if note.channel.guild else {}
        body = {"id": str(note.id), "channel_id": str(note.channel.id), **place}
        hub.gateway.tell("MESSAGE_DELETE", body, note.channel, MESSAGES)


def tell(hub: Hub, event: str, note: Message) -> None:
    """Ephemeral messages, and those in places that the bot cannot see, are not told."""
    if not note.flags & EPHEMERAL and note.channel.bot_may:
        with_words, without = (payloads.dispatched(hub.world, note, intent=intent) for intent in (True, False))
        hub.gateway.tell(event, with_words, note.channel, MESSAGES, withheld=without)


def start_thread(hub: Hub, note: Message, body: Json, owner: User) -> Channel:
    """A public thread on a message, as the body wants it.

    The bot is told of it, of the message's new flag, and of the message that stands first in it.
    """
    thread = hub.world.thread(note.channel, body["name"].strip(), owner, on=note)
    thread.archive_minutes = body.get("auto_archive_duration") or thread.archive_minutes
    thread.slow_s = body.get("rate_limit_per_user") or 0
    note.flags |= HAS_THREAD
    hub.gateway.tell("THREAD_CREATE", payloads.channel(thread) | {"newly_created": True}, thread)
    tell(hub, "MESSAGE_UPDATE", note)
    hub.gateway.tell("MESSAGE_CREATE", payloads.thread_starter(hub.world, note, thread), thread, MESSAGES)
    hub.world.changes.tell()
    return thread


def pinged(hub: Hub, note: Message, body: Json) -> list[str]:
    """Whom a message notifies, by its words and its allowed_mentions."""
    allowed = body.get("allowed_mentions")
    parse = ["users", "roles", "everyone"] if allowed is None else allowed.get("parse") or []
    users = [str(number) for number in (allowed or {}).get("users") or []]
    found = [who.name for who in hub.world.users.values() if f"<@{who.id}>" in note.text and ("users" in parse or str(who.id) in users)]
    if "everyone" in parse and ("@everyone" in note.text or "@here" in note.text):
        found.append("@everyone")
    if "roles" in parse and "<@&" in note.text:
        found.append("a role")
    target = hub.world.messages.get(note.reference or 0)
    if target and (allowed is None or allowed.get("replied_user")):
        found.append(target.author.name)
    return found
