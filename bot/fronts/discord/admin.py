"""/settings, /export and /forget."""

import asyncio
import io
from typing import Any

import discord
from discord import app_commands, ui

from bot.fronts.discord.export import files_of
from bot.fronts.discord.interactions import answer, desk_of, guarded, nod, person, think
from bot.fronts.discord.layout import Sheet, words_sheet
from bot.fronts.discord.lists import PERIODS, since_of
from bot.fronts.discord.sending import SILENT, edit_by_token
from bot.views import EVERYONE, TeamSettings
from bot.words import counted
from engine.errors import BadRequest

FORGET = (
    "This deletes your requests with their answers, your conversations and guesses, files of requests that are worked on, and your "
    "ballots on open votes. Your ballots on closed votes stay as numbers, without you; where others wrote your name in a request, it "
    "stays. Messages in Discord stay: I take the texts out of mine, yours are yours to delete."
)

FORGOTTEN = "Deleted. What was yours is gone from my store, but for your ballots on closed votes: they lead to nobody now."


@app_commands.command(description="How votes close here, and who may ask and vote (admins).")
@app_commands.default_permissions(manage_guild=True)
@app_commands.allowed_installs(guilds=True, users=False)
@app_commands.allowed_contexts(guilds=True, dms=False, private_channels=False)
@app_commands.describe(
    quorum="Votes that close a vote.",
    deadline_hours="Hours after which a vote closes anyway.",
    vote_role="Who may vote; @everyone for everybody in the channel.",
    ask_role="Who may ask; @everyone for everybody in the channel.",
    reset="Put everything back to the defaults first.",
)
async def settings(
    interaction: discord.Interaction,
    *,
    quorum: app_commands.Range[int, 1, 10_000] | None = None,
    deadline_hours: app_commands.Range[float, 0.05, 8760.0] | None = None,
    vote_role: discord.Role | None = None,
    ask_role: discord.Role | None = None,
    reset: bool = False,
) -> None:
    numbers = {"quorum": quorum, "deadline_hours": deadline_hours}
    roles = {"vote_role": vote_role, "ask_role": ask_role}
    changes: dict[str, str | None] = dict.fromkeys((*numbers, *roles, "recipe")) if reset else {}
    changes |= {name: f"{number:g}" for name, number in numbers.items() if number is not None}
    changes |= {name: EVERYONE if role.is_default() else str(role.id) for name, role in roles.items() if role is not None}
    await guarded(interaction, _settings(interaction, changes))


async def _settings(interaction: discord.Interaction, changes: dict[str, str | None]) -> None:
    await think(interaction, private=True)
    assert interaction.guild_id is not None
    settled = await desk_of(interaction).app.teams.settle(str(interaction.guild_id), **changes)
    await answer(interaction, words_sheet(settings_words(settled)))


def settings_words(settled: TeamSettings) -> str:
    """What is settled here. Pure."""

    def who(role: str) -> str:
        return f"<@&{role}>" if role else "everybody in the channel"

    lines = (
        "### Settings of this server",
        f"- A vote closes at **{settled.quorum}** vote{'' if settled.quorum == 1 else 's'}, or after **{settled.deadline_hours:g}** hours.",
        f"- Who may vote: {who(settled.vote_role)}",
        f"- Who may ask: {who(settled.ask_role)}",
        *([f"- Recipe of the prompted side: {settled.recipe}"] if settled.recipe else []),
        "-# Open votes keep the quorum and the deadline they began with. Who may use which command: Server Settings → Integrations.",
    )
    return "\n".join(lines)


@app_commands.command(description="Ballots and duels of this server as CSV and JSONL (admins).")
@app_commands.default_permissions(manage_guild=True)
@app_commands.allowed_installs(guilds=True, users=False)
@app_commands.allowed_contexts(guilds=True, dms=False, private_channels=False)
@app_commands.describe(period="Of the last day, week, month or year; all by default.")
@app_commands.choices(period=[app_commands.Choice(name=f"last {period}", value=period) for period in PERIODS])
async def export(interaction: discord.Interaction, period: str | None = None) -> None:
    await guarded(interaction, _export(interaction, period))


async def _export(interaction: discord.Interaction, period: str | None) -> None:
    await think(interaction, private=True)
    found = await desk_of(interaction).app.looking.export(str(interaction.guild_id), since=since_of(period))
    if not found.duels:
        raise BadRequest("Nothing was asked here in this time, so there is nothing to export.")
    files = await asyncio.to_thread(files_of, found)
    total = sum(len(content) for content in files.values())
    if total > interaction.filesize_limit:
        raise BadRequest(f"The files have {total / 2**20:.1f} MiB, more than Discord takes here. Choose a shorter period.")
    said = f"{counted(len(found.duels), 'duel')}. Voters are numbered, not named: ballots are secret."
    await interaction.edit_original_response(content=said, attachments=attachments(files), allowed_mentions=SILENT)


def attachments(files: dict[str, bytes]) -> list[discord.File]:
    return [discord.File(io.BytesIO(content), filename=name) for name, content in files.items()]


@app_commands.command(description="Delete what this bot keeps of you.")
@app_commands.allowed_installs(guilds=True, users=True)
@app_commands.allowed_contexts(guilds=True, dms=True, private_channels=True)
async def forget(interaction: discord.Interaction) -> None:
    await guarded(interaction, answer(interaction, Sheet(ui.TextDisplay(FORGET), ui.ActionRow(_yes()))))


def _yes() -> ui.Button[Any]:
    return ui.Button(label="Delete", style=discord.ButtonStyle.danger, custom_id="forget:yes")


class Forget(ui.DynamicItem[ui.Button[Any]], template=r"forget:(?P<answer>yes)"):
    """The confirmation. It deletes what is kept of whoever clicks it."""

    @classmethod
    async def from_custom_id(cls, interaction: discord.Interaction, item: ui.Item[Any], match: Any) -> "Forget":
        assert isinstance(item, ui.Button)
        return cls(item)

    async def callback(self, interaction: discord.Interaction) -> None:
        await guarded(interaction, self._forget(interaction))

    async def _forget(self, interaction: discord.Interaction) -> None:
        await nod(interaction)
        desk = desk_of(interaction)
        await desk.app.remembering.forget(person(interaction.user))
        await edit_by_token(interaction, words_sheet(FORGOTTEN))
        await desk.remember()
        await desk.heal()


def every() -> list[Any]:
    return [settings, export, forget]
