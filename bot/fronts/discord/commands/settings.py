"""/settings: how votes close in a server, and who may ask and vote."""

from dataclasses import dataclass
from datetime import UTC, datetime

import discord
from discord import app_commands

from bot.app.route_words import change_words, standing_words
from bot.app.routing import RouteStanding
from bot.fronts.discord import fit
from bot.fronts.discord.interactions import answer, guarded, think
from bot.fronts.discord.layout import words_sheet
from bot.fronts.discord.parts import parts_of
from bot.routes import PROPOSED_SHARE
from bot.views import EVERYONE, TeamSettings


@app_commands.command(description="How votes close here, and who may ask and vote (admins).")
@app_commands.default_permissions(manage_guild=True)
@app_commands.allowed_installs(guilds=True, users=False)
@app_commands.allowed_contexts(guilds=True, dms=False, private_channels=False)
@app_commands.describe(
    quorum="Votes that close a vote.",
    deadline_hours="Hours after which a vote closes anyway.",
    vote_role="Who may vote; @everyone for everybody in the channel.",
    ask_role="Who may ask; @everyone for everybody in the channel.",
    consent="Whether people may agree that their closed duels train adapters.",
    duel_share="Percent of requests that become duels; the winner answers the others alone. 10 is proposed after a verdict.",
    winner="Who answers the others alone: prompted, tuned, or a contestant's id.",
    share_back="Change the duel share back to what it was before its latest change.",
    reset="Put everything back to the defaults first.",
)
async def settings(
    interaction: discord.Interaction,
    *,
    quorum: app_commands.Range[int, 1, 10_000] | None = None,
    deadline_hours: app_commands.Range[float, 0.05, 8760.0] | None = None,
    vote_role: discord.Role | None = None,
    ask_role: discord.Role | None = None,
    consent: bool | None = None,
    duel_share: app_commands.Range[float, 0.0, 100.0] | None = None,
    winner: str = "",
    share_back: bool = False,
    reset: bool = False,
) -> None:
    """Change what is named, and show what is settled."""
    numbers = {"quorum": quorum, "deadline_hours": deadline_hours}
    roles = {"vote_role": vote_role, "ask_role": ask_role}
    changes: dict[str, str | None] = dict.fromkeys((*numbers, *roles, "recipe", "adapter", "consent")) if reset else {}
    changes |= {name: f"{number:g}" for name, number in numbers.items() if number is not None}
    changes |= {name: EVERYONE if role.is_default() else str(role.id) for name, role in roles.items() if role is not None}
    if consent is not None:
        changes["consent"] = "on" if consent else None
    if winner and duel_share is None:
        duel_share = 100 * PROPOSED_SHARE
    share = None if duel_share is None else duel_share / 100
    await guarded(interaction, _settings(interaction, changes, ShareWish(share, winner, back=share_back)))


@dataclass(frozen=True, slots=True)
class ShareWish:
    """What somebody wishes of the duel share."""

    share: float | None  # 0 to 1; None: it stays
    winner: str  # arm or contestant id; "": as before
    back: bool  # to what it was before


async def _settings(interaction: discord.Interaction, changes: dict[str, str | None], wish: ShareWish) -> None:
    await think(interaction, private=True)
    assert interaction.guild_id is not None
    app, team, person = parts_of(interaction).app, str(interaction.guild_id), f"discord:{interaction.user.id}"
    if wish.back:
        standing = await app.routing.back(person, team=team)
    elif wish.share is not None:
        standing = await app.routing.change(person, share=wish.share, winner=wish.winner, team=team)
    else:
        standing = await app.routing.standing(team)
    settled = await app.teams.settle(team, **changes)
    await answer(interaction, words_sheet(f"{settings_words(settled)}\n{route_lines(standing)}"))


def route_lines(standing: RouteStanding) -> str:
    """Say what share of requests become duels, who has changed it last, and what the verdict proposes. Pure but for the clock."""
    lines = [f"- {fit.inline(words, 300)}" for words in standing_words(standing)]
    if standing.latest:
        lines.append(f"-# {fit.inline(change_words(standing, standing.latest, datetime.now(UTC)), 300)}")
    for each in standing.proposals:
        if not each.tag:
            how = f"`/settings duel_share:{100 * each.share:g} winner:{each.winner.arm}`"
            lines.append(f"-# Proposed: {fit.inline(each.words, 300)} {how}")
    return "\n".join(lines)


def settings_words(settled: TeamSettings) -> str:
    """Say what is settled here. Pure."""

    def who(role: str) -> str:
        return f"<@&{role}>" if role else "everybody in the channel"

    lines = (
        "### Settings of this server",
        f"- A vote closes at **{settled.quorum}** vote{'' if settled.quorum == 1 else 's'}, or after **{settled.deadline_hours:g}** hours.",
        f"- Who may vote: {who(settled.vote_role)}",
        f"- Who may ask: {who(settled.ask_role)}",
        *([f"- Recipe of the prompted side: {settled.recipe}"] if settled.recipe else []),
        *([f"- Adapter of the fine-tuned side: {settled.adapter}"] if settled.adapter else []),
        f"- Closed duels may train adapters: {'of those who agree with /consent' if settled.consent else 'no'}",
        "-# Open votes keep the quorum and the deadline they began with. Who may use which command: Server Settings → Integrations.",
    )
    return "\n".join(lines)
