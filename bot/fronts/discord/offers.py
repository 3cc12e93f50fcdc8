"""Autocomplete, from memory: Discord waits 3 s for it, and it is asked at every key."""

from collections.abc import Iterable

import discord
from discord import app_commands

from bot.fronts.discord import fit
from bot.fronts.discord.interactions import person, team_of
from bot.fronts.discord.parts import parts_of

MOST_OFFERED = 25  # choices that Discord takes

Offers = list[app_commands.Choice[str]]


def _matching(names: Iterable[str], typed: str) -> Offers:
    return [app_commands.Choice(name=name, value=name) for name in names if typed.casefold() in name.casefold()][:MOST_OFFERED]


async def recipe_names(interaction: discord.Interaction, typed: str) -> Offers:
    """Offer the recipes there are."""
    return _matching(parts_of(interaction).app.choices.names, typed)


async def adapter_names(interaction: discord.Interaction, typed: str) -> Offers:
    """Offer the adapters that fit the base."""
    return _matching(await parts_of(interaction).app.shelf.names(), typed)


async def tag_names(interaction: discord.Interaction, typed: str) -> Offers:
    """Offer the tags of this server, the latest used first."""
    return _matching(parts_of(interaction).memory.tags(team_of(interaction)), typed)


async def earlier_requests(interaction: discord.Interaction, typed: str) -> Offers:
    """Offer what this person asked lately in direct messages, by duel."""
    return [
        app_commands.Choice(name=fit.inline(request, 90) or "…", value=duel)
        for duel, request in parts_of(interaction).memory.lately(person(interaction.user))
        if typed.casefold() in request.casefold()
    ][:MOST_OFFERED]
