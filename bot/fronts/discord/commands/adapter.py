"""/adapter: the adapter of the fine-tuned side, to read about. It is chosen at the start and cannot be changed while the bot runs."""

import discord
from discord import app_commands

from bot.fronts.discord import fit
from bot.fronts.discord.interactions import answer, guarded, think
from bot.fronts.discord.layout import words_sheet
from bot.fronts.discord.offers import adapter_names
from bot.fronts.discord.parts import parts_of
from engine.errors import BadRequest
from engine.kit import Kit

adapter = app_commands.Group(
    name="adapter",
    description="The LoRA adapter of the fine-tuned side; it is chosen when the bot is started.",
    allowed_installs=app_commands.AppInstallationType(guild=True, user=True),
    allowed_contexts=app_commands.AppCommandContext(guild=True, dm_channel=True, private_channel=True),
)


@adapter.command(name="list", description="The adapters that are loaded.")
async def adapter_list(interaction: discord.Interaction) -> None:
    """Describe the adapter that is loaded."""
    await guarded(interaction, _adapter_info(interaction, None))


@adapter.command(name="info", description="What an adapter is, and what it was made for.")
@app_commands.autocomplete(name=adapter_names)
async def adapter_info(interaction: discord.Interaction, name: str) -> None:
    """Describe an adapter by its name; say so where it is not loaded."""
    await guarded(interaction, _adapter_info(interaction, name))


async def _adapter_info(interaction: discord.Interaction, name: str | None) -> None:
    await think(interaction, private=True)
    kit = parts_of(interaction).app.choices.kit
    loaded = kit.adapter.name if kit and kit.adapter else None
    if name is not None and kit and name != loaded:
        there = f"the one that is loaded is {fit.inline(loaded, 80)}" if loaded else "none is loaded"
        raise BadRequest(f"The adapter {fit.inline(name, 80)} is not loaded; {there}. Another one is set with DUEL_ADAPTER at the start.")
    await answer(interaction, words_sheet(adapter_words(kit)))


def adapter_words(kit: Kit | None) -> str:
    """Describe the adapter that is loaded. Pure."""
    if kit is None:
        return "The model is still loading, and its adapter with it."
    if kit.adapter is None:
        return "No adapter is loaded. One is set with DUEL_ADAPTER at the start."
    name = f"{fit.inline(kit.adapter.name, 80)} {fit.inline(kit.adapter.version, 20)}"
    made = f"Loaded, and used in every duel; made for the base model {fit.inline(kit.base.name, 80)}."
    digest = f"-# Weights {kit.adapter.digest}; base {kit.base.revision}. Another adapter is set with DUEL_ADAPTER at the start."
    return f"### Adapter {name}\n{made}\n{digest}"
