"""/forget: what the bot keeps of a person, deleted at their wish."""

from typing import Any

import discord
from discord import app_commands, ui

from bot.fronts.discord.interactions import answer, guarded, nod, person
from bot.fronts.discord.layout import Sheet, words_sheet
from bot.fronts.discord.parts import parts_of
from bot.fronts.discord.sending import edit_by_token

FORGET = (
    "This deletes your requests with their answers, your conversations, guesses, consents and /notify, files of requests that are worked "
    "on, and your ballots on open votes. Your ballots on closed votes stay as numbers, without you; where others wrote your name in a "
    "request, it stays. Messages in Discord stay: I take the texts out of mine, yours are yours to delete."
)

FORGOTTEN = "Deleted. What was yours is gone from my store, but for your ballots on closed votes: they lead to nobody now."


@app_commands.command(description="Delete what this bot keeps of you.")
@app_commands.allowed_installs(guilds=True, users=True)
@app_commands.allowed_contexts(guilds=True, dms=True, private_channels=True)
async def forget(interaction: discord.Interaction) -> None:
    """Say what will be deleted, and ask."""
    await guarded(interaction, answer(interaction, Sheet(ui.TextDisplay(FORGET), ui.ActionRow(_yes()))))


def _yes() -> ui.Button[Any]:
    return ui.Button(label="Delete", style=discord.ButtonStyle.danger, custom_id="forget:yes")


class ForgetButton(ui.DynamicItem[ui.Button[Any]], template=r"forget:(?P<answer>yes)"):
    """The confirmation. It deletes what is kept of whoever clicks it."""

    @classmethod
    async def from_custom_id(cls, interaction: discord.Interaction, item: ui.Item[Any], match: Any) -> "ForgetButton":
        """Make the button anew from a click's custom id."""
        assert isinstance(item, ui.Button)
        return cls(item)

    async def callback(self, interaction: discord.Interaction) -> None:
        """Delete what is kept of whoever clicked."""
        await guarded(interaction, self._forget(interaction))

    async def _forget(self, interaction: discord.Interaction) -> None:
        await nod(interaction)
        parts = parts_of(interaction)
        await parts.app.remembering.forget(person(interaction.user))
        await edit_by_token(interaction, words_sheet(FORGOTTEN))
        await parts.memory.read()
        await parts.upkeep.heal()
