"""/help: what the bot does, and how."""

import discord
from discord import app_commands

from bot.fronts.discord import words
from bot.fronts.discord.interactions import guarded, say


@app_commands.command(name="help", description="What this bot does, and how.")
@app_commands.allowed_installs(guilds=True, users=True)
@app_commands.allowed_contexts(guilds=True, dms=True, private_channels=True)
async def help_(interaction: discord.Interaction) -> None:
    """Say what the bot does."""
    await guarded(interaction, say(interaction, words.HELP))
