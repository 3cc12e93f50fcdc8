"""/limits: how much members may ask, by their roles."""

from collections.abc import Mapping
from dataclasses import fields

import discord
from discord import app_commands

from bot.fronts.discord.interactions import answer, guarded, think
from bot.fronts.discord.layout import words_sheet
from bot.fronts.discord.parts import parts_of
from bot.views import EVERYONE, RoleLimit
from bot.words import dollars
from engine.errors import BadRequest

MOST_ROLES = 30  # with limits of their own, in one server


@app_commands.command(description="How much members may ask, by their roles (admins).")
@app_commands.default_permissions(manage_guild=True)
@app_commands.allowed_installs(guilds=True, users=False)
@app_commands.allowed_contexts(guilds=True, dms=False, private_channels=False)
@app_commands.describe(
    role="Whose limits: members with this role; @everyone for those without another role listed here.",
    at_once="Requests answered at the same time.",
    per_minute="Requests in a minute.",
    per_day="Requests in 24 hours; 0: none.",
    usd_per_day="US dollars that their answers may cost in 24 hours.",
    remove="Take the limits of this role away.",
)
async def limits(
    interaction: discord.Interaction,
    *,
    role: discord.Role | None = None,
    at_once: app_commands.Range[int, 0, 1000] | None = None,
    per_minute: app_commands.Range[int, 0, 1000] | None = None,
    per_day: app_commands.Range[int, 0, 100_000] | None = None,
    usd_per_day: app_commands.Range[float, 0, 10_000] | None = None,
    remove: bool = False,
) -> None:
    """Show the limits of a server's roles, and change those of one."""
    await guarded(interaction, _limits(interaction, role, RoleLimit(at_once, per_minute, per_day, usd_per_day), remove))


async def _limits(interaction: discord.Interaction, role: discord.Role | None, given: RoleLimit, remove: bool) -> None:
    await think(interaction, private=True)
    teams, team = parts_of(interaction).app.teams, str(interaction.guild_id)
    found, says = await teams.limits(team), given != RoleLimit()
    if role is None:
        if says or remove:
            raise BadRequest("Say whose limits: name a role, or @everyone.")
    elif says or remove:
        name = EVERYONE if role.is_default() else str(role.id)
        if not remove and name not in found and len(found) >= MOST_ROLES:
            raise BadRequest(f"{MOST_ROLES} roles have limits here already. Remove those of one first.")
        found = await teams.limit(team, name, None if remove else over(found.get(name, RoleLimit()), given))
    await answer(interaction, words_sheet(limit_words(found)))


def over(limit: RoleLimit, given: RoleLimit) -> RoleLimit:
    """Put what is given in the place of what was set. Pure."""
    new = {each.name: getattr(given, each.name) for each in fields(RoleLimit)}
    return RoleLimit(**{name: getattr(limit, name) if value is None else value for name, value in new.items()})


def limit_words(found: Mapping[str, RoleLimit]) -> str:
    """Say who may ask how much. Pure."""
    lines = [f"- {f'<@&{role}>' if role else 'everybody else'}: {said(limit)}" for role, limit in found.items()]
    ends = "Of several roles the most generous holds; nobody may ask more than Duelbot's own settings let everybody ask."
    return "\n".join(("### Limits of roles", *(lines or ["None: Duelbot's own settings hold for everybody."]), f"-# {ends}"))


def said(limit: RoleLimit) -> str:
    """List what a role limits. Pure."""
    kinds = ((limit.in_flight, "at once"), (limit.per_minute, "a minute"), (limit.per_day, "in 24 hours"))
    parts = [f"**{number:,}** {kind}" for number, kind in kinds if number is not None]
    parts += [f"**{dollars(limit.usd_per_day)}** in 24 hours"] if limit.usd_per_day is not None else []
    return ", ".join(parts)
