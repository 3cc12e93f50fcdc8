"""Ids that Discord writes into texts become names, so that nobody's id reaches the store's texts or a model."""

import re
from collections.abc import Callable
from typing import Any, Literal

import discord

from engine.printable import one_line

Mentioned = Literal["person", "role", "channel"]
NameOf = Callable[[Mentioned, int], str | None]
MOST_NAME = 40  # characters of a name; Discord's own limit is 32 for people, 100 for roles and channels
_KINDS: dict[str, Mentioned] = {"@": "person", "@!": "person", "@&": "role", "#": "channel", "": "person"}
_UNNAMED = {"person": "@someone", "role": "@some-role", "channel": "#some-channel"}
_MARK = re.compile(
    r"<(?P<sign>@[!&]?|#)(?P<id>[0-9]{1,20})>"
    r"|<a?:(?P<emoji>\w+):[0-9]{1,20}>"
    r"|</(?P<command>[^:<>]+):[0-9]{1,20}>"
    r"|https?://(?:\w+\.)?discord(?:app)?\.com/users/(?P<profile>[0-9]{1,20})"
)


def without_ids(text: str, name_of: NameOf) -> str:
    """Put names where Discord writes ids: people, roles, channels, custom emoji, commands, links to profiles.

    Whoever has no known name becomes "@someone", the next one "@someone-2". Pure, if `name_of` is.
    """
    unnamed: dict[Mentioned, list[int]] = {"person": [], "role": [], "channel": []}

    def named(mark: re.Match[str]) -> str:
        if emoji := mark["emoji"]:
            return f":{emoji}:"
        if command := mark["command"]:
            return f"/{command}"
        kind, number = _KINDS[mark["sign"] or ""], int(mark["id"] or mark["profile"])
        if name := one_line((name_of(kind, number) or "").translate({ord("<"): None, ord(">"): None}), MOST_NAME):
            return f"{'#' if kind == 'channel' else '@'}{name}"
        others = unnamed[kind]
        if number not in others:
            others.append(number)
        place = others.index(number) + 1
        return _UNNAMED[kind] if place == 1 else f"{_UNNAMED[kind]}-{place}"

    while (less := _MARK.sub(named, text)) != text:  # again, for a name between angle brackets may look like an id; each turn takes some
        text = less
    return text


def names_in(message: discord.Message) -> NameOf:
    """Name whom a message mentions, and its server's roles and channels."""

    def name_of(kind: Mentioned, number: int) -> str | None:
        if kind == "person":
            return next((user.display_name for user in message.mentions if user.id == number), None)
        return _of_guild(message.guild, kind, number)

    return name_of


def names_for(interaction: discord.Interaction) -> NameOf:
    """Name whom a command or a form mentions, and its server's roles and channels."""
    data: Any = interaction.data or {}
    resolved: Any = data.get("resolved", {})

    def name_of(kind: Mentioned, number: int) -> str | None:
        if kind == "person":
            if number == interaction.user.id:
                return interaction.user.display_name
            user, member = (resolved.get(table, {}).get(str(number), {}) for table in ("users", "members"))
            names = (member.get("nick"), user.get("global_name"), user.get("username"))
            return next((str(name) for name in names if name), None)
        given = resolved.get(f"{kind}s", {}).get(str(number), {}).get("name")
        return str(given) if given else _of_guild(interaction.guild, kind, number)

    return name_of


def _of_guild(guild: discord.Guild | None, kind: Mentioned, number: int) -> str | None:
    found = guild and (guild.get_role(number) if kind == "role" else guild.get_channel_or_thread(number))
    return found.name if found else None


def tag_in(interaction: discord.Interaction, tag: str) -> str:
    """Write a typed tag as it is stored: on one line, printable, with names for ids."""
    return one_line(without_ids(tag, names_for(interaction)))


def search_in(interaction: discord.Interaction, search: str) -> str:
    """Write a typed search as it stands in stored requests: with names for ids."""
    return without_ids(search, names_for(interaction)).encode("utf-8", "replace").decode()
