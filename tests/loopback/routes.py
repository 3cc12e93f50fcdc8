"""The REST routes that a bot uses, but those of interactions."""

from typing import Any

from tests.loopback import checks, payloads, posting
from tests.loopback.hub import Call, Hub
from tests.loopback.refusals import (
    archived,
    has_thread,
    invalid,
    no_access,
    no_permission,
    not_the_author,
    unknown_channel,
    unknown_message,
    wrong_kind,
)
from tests.loopback.world import EPHEMERAL, TEXT, Channel, Message

Json = dict[str, Any]


def me(hub: Hub, call: Call) -> Json:
    return payloads.bot_user(hub.world)


def application(hub: Hub, call: Call) -> Json:
    bot = hub.world.bot
    return {
        "id": str(bot.id),
        "name": bot.name,
        "icon": None,
        "description": "",
        "type": None,
        "bot": payloads.user(bot),
        "bot_public": True,
        "bot_require_code_grant": False,
        "verify_key": "0" * 64,
        "flags": 0,
        "flags_new": "0",
        "owner": payloads.user(next(iter(hub.world.guilds.values())).owner if hub.world.guilds else bot),
        "team": None,
        "redirect_uris": [],
        "interactions_endpoint_url": None,
        "role_connections_verification_url": None,
        "approximate_guild_count": len(hub.world.guilds),
        "approximate_user_install_count": 0,
        "approximate_user_authorization_count": 0,
        "explicit_content_filter": 0,
        "eligible_oauth2_scopes": [],
    }


def gateway(hub: Hub, call: Call) -> Json:
    return {"url": "wss://gateway.discord.gg"}


def gateway_bot(hub: Hub, call: Call) -> Json:
    start = {"total": 1000, "remaining": 1000 - len(hub.gateway.identified), "reset_after": 14_400_000, "max_concurrency": 1}
    return {"url": "wss://gateway.discord.gg", "shards": hub.gateway.shards, "session_start_limit": start}


# --- commands


def commands(hub: Hub, call: Call) -> list[Json]:
    return list(hub.world.commands.values())


def put_commands(hub: Hub, call: Call) -> list[Json]:
    """Replaces all of the application's global commands."""
    if problems := checks.commands(call.body):
        raise invalid(problems)
    old = {(command["type"], command["name"]): command["id"] for command in hub.world.commands.values()}
    hub.world.commands = {}
    for command in call.body:
        kind = command.get("type") or 1
        number = old.get((kind, command["name"])) or str(hub.world.snowflake())
        extra = {"id": number, "application_id": str(hub.world.bot.id), "version": str(hub.world.snowflake()), "type": kind}
        defaults = {"description": "", "default_member_permissions": None, "contexts": None, "integration_types": [0], "nsfw": False}
        given = {name: value for name, value in command.items() if value is not None}
        if "default_member_permissions" in given:
            given["default_member_permissions"] = str(given["default_member_permissions"])
        hub.world.commands[int(number)] = {**defaults, **given, **extra}
    hub.world.changes.tell()
    return commands(hub, call)


# --- people and places


def open_dm(hub: Hub, call: Call) -> Json:
    user = hub.world.users.get(int(call.body["recipient_id"]))
    if user is None:
        raise invalid(["recipient_id: nobody has this id"])
    return payloads.channel(hub.world.dm(user))


def user(hub: Hub, call: Call) -> Json:
    found = hub.world.users.get(int(call.ids["user_id"]))
    if found is None:
        raise invalid(["user_id: nobody has this id"])
    return payloads.user(found)


def guild(hub: Hub, call: Call) -> Json:
    found = hub.world.guilds.get(int(call.ids["guild_id"]))
    if found is None:
        raise no_access()
    return payloads.guild(hub.world, found)


def member(hub: Hub, call: Call) -> Json:
    place, who = hub.world.guilds.get(int(call.ids["guild_id"])), hub.world.users.get(int(call.ids["user_id"]))
    if place is None or who is None:
        raise no_access()
    return payloads.member(place, who)


def place(hub: Hub, call: Call) -> Channel:
    """The channel of a request. Raises when there is none or the bot may not go there."""
    found = hub.world.channels.get(int(call.ids["channel_id"]))
    if found is None:
        raise unknown_channel()
    if not found.bot_may:
        raise no_access()
    return found


def channel(hub: Hub, call: Call) -> Json:
    return payloads.channel(place(hub, call))


def change_channel(hub: Hub, call: Call) -> Json:
    """Threads are opened again; a locked one by moderators alone."""
    where = place(hub, call)
    if set(call.body) != {"archived"} or where.parent is None:
        raise invalid([f"the loopback's channels do not take {sorted(call.body)}"])
    if where.locked:
        raise no_permission()
    set_archived(hub, where, archived=call.body["archived"])
    return payloads.channel(where)


def set_archived(hub: Hub, thread: Channel, *, archived: bool, locked: bool = False) -> None:
    """The bot is told."""
    thread.archived, thread.locked = archived, locked
    hub.gateway.tell("THREAD_UPDATE", payloads.channel(thread), thread)


def typing(hub: Hub, call: Call) -> None:
    place(hub, call)


# --- messages


def note(hub: Hub, call: Call) -> Message:
    """The message of a request; ephemeral ones are not there for channel routes."""
    where, found = place(hub, call), hub.world.messages.get(int(call.ids["message_id"]))
    if found is None or found.channel is not where or found.deleted or found.flags & EPHEMERAL:
        raise unknown_message()
    return found


def send(hub: Hub, call: Call) -> Json:
    where = place(hub, call)
    if where.archived and where.locked:
        raise archived()
    made = payloads.message(hub.world, posting.create(hub, where, call, "create"))
    if where.archived:  # a message opens it again
        set_archived(hub, where, archived=False)
    return made


def start_thread(hub: Hub, call: Call) -> Json:
    """One thread a message, and none within a thread."""
    found = note(hub, call)
    if problems := checks.thread(call.body):
        raise invalid(problems)
    if found.channel.kind != TEXT:
        raise wrong_kind()
    if found.id in hub.world.channels:
        raise has_thread()
    return payloads.channel(posting.start_thread(hub, found, call.body, hub.world.bot))


def read(hub: Hub, call: Call) -> Json:
    return payloads.message(hub.world, note(hub, call))


def history(hub: Hub, call: Call) -> list[Json]:
    """Newest first; of those after a message, the next ones."""
    where, before, after = place(hub, call), int(call.query.get("before") or 0), int(call.query.get("after") or 0)
    limit = int(call.query.get("limit") or 50)
    found = [m for m in hub.world.messages.values() if m.channel is where and not m.deleted and not m.flags & EPHEMERAL]
    found = sorted((m for m in found if (not before or m.id < before) and m.id > after), key=lambda m: m.id)
    told = [payloads.message(hub.world, m) for m in (found[:limit] if after else found[-limit:])[::-1]]
    return [{name: value for name, value in each.items() if name != "nonce"} for each in told]


def change(hub: Hub, call: Call) -> Json:
    found = note(hub, call)
    if found.author is not hub.world.bot:
        raise not_the_author()
    if found.channel.archived:
        raise archived()
    return payloads.message(hub.world, posting.edit(hub, found, call))


def remove(hub: Hub, call: Call) -> None:
    found = note(hub, call)
    if found.author is not hub.world.bot:
        raise no_access()
    posting.delete(hub, found)
