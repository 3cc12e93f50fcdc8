"""/notify: a ping when a vote closes, for whoever wants it."""

import discord
from discord import app_commands

from bot.fronts.discord.interactions import answer, guarded, person, think
from bot.fronts.discord.layout import words_sheet
from bot.fronts.discord.parts import parts_of


@app_commands.command(description="Do you want a ping when a vote closes that you asked for or voted in?")
@app_commands.allowed_installs(guilds=True, users=False)
@app_commands.allowed_contexts(guilds=True, dms=True, private_channels=False)
@app_commands.describe(on="True: ping me. False: no pings, which is how it begins.")
async def notify(interaction: discord.Interaction, *, on: bool | None = None) -> None:
    """Show how it stands, and change it where that is asked."""
    await guarded(interaction, _notify(interaction, on))


async def _notify(interaction: discord.Interaction, on: bool | None) -> None:
    await think(interaction, private=True)
    notices, who = parts_of(interaction).app.notices, person(interaction.user)
    if on is not None:
        await notices.want(who, on)
    await answer(interaction, words_sheet(notify_words(wanted=await notices.wanted(who))))


def notify_words(*, wanted: bool) -> str:
    """Say how it stands. Pure."""
    if wanted:
        return (
            "You are pinged in a reply when a vote closes that you asked for or voted in, on any server where I am; not when your own vote "
            "or button closes it. /notify on:False ends that."
        )
    return "You are not pinged: the news of a close names whoever asked, without a ping. /notify on:True pings you."
