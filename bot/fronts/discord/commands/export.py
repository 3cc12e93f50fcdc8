"""/export: a server's duels and ballots as files."""

import asyncio
import io

import discord
from discord import app_commands

from bot.app.export_files import files_of
from bot.app.exporting import Export
from bot.fronts.discord.interactions import guarded, think
from bot.fronts.discord.parts import parts_of
from bot.fronts.discord.periods import PERIOD_CHOICES, since_of
from bot.fronts.discord.sending import SILENT
from bot.words import are, counted
from engine.errors import BadRequest


@app_commands.command(description="Ballots and duels of this server as CSV and JSONL (admins).")
@app_commands.default_permissions(manage_guild=True)
@app_commands.allowed_installs(guilds=True, users=False)
@app_commands.allowed_contexts(guilds=True, dms=False, private_channels=False)
@app_commands.describe(period="From the beginning of its first day; all by default.")
@app_commands.choices(period=PERIOD_CHOICES)
async def export(interaction: discord.Interaction, period: str | None = None) -> None:
    """Send a server's duels and ballots to an admin."""
    await guarded(interaction, _export(interaction, period))


async def _export(interaction: discord.Interaction, period: str | None) -> None:
    await think(interaction, private=True)
    found = await parts_of(interaction).app.looking.export(str(interaction.guild_id), since=since_of(period))
    if not found.duels:
        raise BadRequest("Nothing was asked here in this time, so there is nothing to export.")
    files = await asyncio.to_thread(files_of, found)
    total = sum(len(content) for content in files.values())
    if total > interaction.filesize_limit:
        raise BadRequest(f"The files have {total / 2**20:.1f} MiB, more than Discord takes here. Choose a shorter period.")
    said = f"{counted(len(found.duels), 'duel')}{telling_words(found)}. Voters are numbered, not named: ballots are secret."
    await interaction.edit_original_response(content=said, attachments=attachments(files), allowed_mentions=SILENT)


def telling_words(found: Export) -> str:
    """Count the duels in which an answer says which side it is, in the midst of a sentence; "" where there are none. Pure."""
    many = sum(bool(row["says_who"]) for row in found.duels)
    return f", of which {many:,} {are(many)} no evidence, as an answer says which side it is" if many else ""


def attachments(files: dict[str, bytes]) -> list[discord.File]:
    """Make Discord's files of these, by name."""
    return [discord.File(io.BytesIO(content), filename=name) for name, content in files.items()]
