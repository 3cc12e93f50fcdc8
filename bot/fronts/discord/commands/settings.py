"""/settings: where requests are taken and what is one, how votes close in a server, and who may ask and vote."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import discord
from discord import app_commands

from bot.fronts.discord import fit
from bot.fronts.discord.interactions import answer, guarded, think
from bot.fronts.discord.layout import words_sheet
from bot.fronts.discord.parts import parts_of
from bot.fronts.discord.share import ShareWish, route_lines, shared
from bot.tags import MAX_TAG
from bot.views import EVERYONE, OUTSIDE, TeamSettings
from engine.errors import BadRequest

Replies = Literal["only those that name me", "all"]
RUNS_IT = "Direct messages are switched on and off by whoever owns this bot at Discord, or by the admins of its only server."
MOST_LISTED = 15  # channels with a recipe or an adapter of their own that are shown
NOTE = "-# Open votes keep the quorum and the deadline they began with. Who may use which command: Server Settings → Integrations."
MOST_CHANNELS = 50  # in which requests are taken, when not in all
SETTLED = ("quorum", "deadline_hours", "vote_role", "ask_role", "recipe", "adapter", "consent", "channels", "replies", "threads")


@app_commands.command(description="Where I answer, how votes close here, and who may ask and vote (admins).")
@app_commands.default_permissions(manage_guild=True)
@app_commands.allowed_installs(guilds=True, users=False)
@app_commands.allowed_contexts(guilds=True, dms=False, private_channels=False)
@app_commands.describe(
    quorum="Votes that close a vote.",
    deadline_hours="Hours after which a vote closes anyway.",
    vote_role="Who may vote; @everyone for everybody in the channel.",
    ask_role="Who may ask; @everyone for everybody in the channel.",
    add_channel="Take requests in this channel and its threads; as long as none is named, in all.",
    remove_channel="Take no requests in this channel any more.",
    replies="Which replies to my messages are requests.",
    threads="Whether a mention in a channel is answered in a thread of its own.",
    direct_messages="Whether I answer direct messages; for whoever runs this bot.",
    consent="Whether people may agree that their closed duels train adapters.",
    duel_share="Percent of requests that become duels; the winner answers the others alone. 10 is proposed after a verdict.",
    winner="Who answers the others alone: prompted, tuned, or a contestant's id.",
    share_tag="The duel share is for requests with this tag alone.",
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
    add_channel: app_commands.AppCommandChannel | None = None,
    remove_channel: app_commands.AppCommandChannel | None = None,
    replies: Replies | None = None,
    threads: bool | None = None,
    direct_messages: bool | None = None,
    consent: bool | None = None,
    duel_share: app_commands.Range[float, 0.0, 100.0] | None = None,
    winner: str = "",
    share_back: bool = False,
    share_tag: app_commands.Range[str, 1, MAX_TAG] = "",
    reset: bool = False,
) -> None:
    """Change what is named, and show what is settled."""
    numbers = {"quorum": quorum, "deadline_hours": deadline_hours}
    roles = {"vote_role": vote_role, "ask_role": ask_role}
    switches = {"threads": threads, "consent": consent, "replies": None if replies is None else replies == "all"}
    changes: dict[str, str | None] = dict.fromkeys(SETTLED) if reset else {}
    changes |= {name: f"{number:g}" for name, number in numbers.items() if number is not None}
    changes |= {name: EVERYONE if role.is_default() else str(role.id) for name, role in roles.items() if role is not None}
    changes |= {name: "on" if value else None for name, value in switches.items() if value is not None}
    more, less = (str(channel.id) if channel else "" for channel in (add_channel, remove_channel))
    wish = ShareWish(duel_share, winner, back=share_back, tag=share_tag)
    await guarded(interaction, _settings(interaction, changes, channels=(more, less), direct=direct_messages, wish=wish))


async def _settings(
    interaction: discord.Interaction, changes: dict[str, str | None], *, channels: tuple[str, str], direct: bool | None, wish: ShareWish
) -> None:
    """channels: one that is added and one that is taken away, "" for none."""
    await think(interaction, private=True)
    assert interaction.guild_id is not None
    teams, team = parts_of(interaction).app.teams, str(interaction.guild_id)
    if direct is not None and not runs_it(interaction):
        raise BadRequest(RUNS_IT)
    if any(channels):
        there = () if "channels" in changes else (await teams.settings(team)).channels
        changes["channels"] = " ".join(changed(there, *channels)) or None
    standing = await shared(parts_of(interaction).app, team, f"discord:{interaction.user.id}", wish)
    settled = await teams.settle(team, **changes)
    if direct is not None:
        await teams.settle(OUTSIDE, direct=None if direct else "off")
    said = settings_words(settled, direct=(await teams.settings(None)).direct, limited=len(await teams.limits(team)))
    await answer(interaction, words_sheet("\n".join((said, route_lines(standing), *channel_lines(await teams.in_channels(team)), NOTE))))


def changed(there: Sequence[str], more: str, less: str) -> list[str]:
    """Add a channel to those in which requests are taken, or take one away; "" for none. Pure. Raises BadRequest for too many."""
    kept = [channel for channel in dict.fromkeys((*there, *filter(None, (more,)))) if channel != less]
    if len(kept) > MOST_CHANNELS:
        raise BadRequest(f"At most {MOST_CHANNELS} channels can be named. Remove one first, or use Discord's own permissions.")
    return kept


def runs_it(interaction: discord.Interaction) -> bool:
    """Whether this person decides for the whole bot: they own it at Discord, or look after the only server where it is."""
    client: Any = interaction.client
    about: discord.AppInfo | None = client.application
    owners = {member.id for member in about.team.members} if about and about.team else {about.owner.id} if about and about.owner else set()
    return interaction.user.id in owners or (len(client.guilds) == 1 and interaction.permissions.manage_guild)


def settings_words(settled: TeamSettings, *, direct: bool = True, limited: int = 0) -> str:
    """Say what is settled here. direct: whether direct messages are answered; limited: roles with limits. Pure."""

    def who(role: str) -> str:
        return f"<@&{role}>" if role else "everybody in the channel"

    where = ", ".join(f"<#{channel}>" for channel in settled.channels) if settled.channels else "in every channel that I can see"
    lines = (
        "### Settings of this server",
        f"- A vote closes at **{settled.quorum}** vote{'' if settled.quorum == 1 else 's'}, or after **{settled.deadline_hours:g}** hours.",
        f"- Who may vote: {who(settled.vote_role)}",
        f"- Who may ask: {who(settled.ask_role)}" + (f"; /limits holds for {limited} role{'' if limited == 1 else 's'}" if limited else ""),
        f"- I take requests: {where}",
        f"- A reply to my messages asks: {'always' if settled.replies else 'if it mentions me, or begins with my name'}",
        f"- A mention in a channel is answered {'in a thread of its own' if settled.threads else 'in the channel'}",
        f"- Direct messages: {'answered' if direct else 'not answered'}",
        *([f"- Recipe of the prompted side: {settled.recipe}"] if settled.recipe else []),
        *([f"- Adapter of the fine-tuned side: {settled.adapter}"] if settled.adapter else []),
        f"- Closed duels may train adapters: {'of those who agree with /consent' if settled.consent else 'no'}",
    )
    return "\n".join(lines)


def channel_lines(found: Mapping[str, Mapping[str, str]]) -> list[str]:
    """Say which channels have a recipe or an adapter of their own. Pure."""
    chosen = {channel: ", ".join(f"{name} {fit.inline(value, 80)}" for name, value in own.items()) for channel, own in found.items()}
    lines = [f"- In <#{channel}>: {own}" for channel, own in chosen.items()]
    return lines if len(lines) <= MOST_LISTED else [*lines[:MOST_LISTED], f"… and {len(lines) - MOST_LISTED} more channels with their own."]
