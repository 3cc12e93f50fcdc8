"""/new: a new conversation in a direct message."""

import discord
from discord import app_commands

from bot.fronts.discord.interactions import answer, guarded, is_direct, think
from bot.fronts.discord.layout import words_sheet
from bot.fronts.discord.parts import parts_of
from engine.errors import BadRequest


@app_commands.command(description="Begin a new conversation in this direct message.")
@app_commands.allowed_installs(guilds=True, users=True)
@app_commands.allowed_contexts(guilds=True, dms=True, private_channels=True)
async def new(interaction: discord.Interaction) -> None:
    """Begin a new conversation with the next message."""
    await guarded(interaction, _new(interaction))


async def _new(interaction: discord.Interaction) -> None:
    await think(interaction, private=True)
    if not is_direct(interaction):
        raise BadRequest("In a channel every mention that replies to nothing begins a new conversation. /new is for direct messages.")
    await parts_of(interaction).app.asking.new_talk(str(interaction.channel_id))
    await answer(interaction, words_sheet("Your next message begins a new conversation."))
