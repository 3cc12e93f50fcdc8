"""/compare, the context menus, /new and /help."""

import asyncio
import secrets
from typing import Any, Literal

import discord
from discord import app_commands, ui

from bot.fronts.discord import words
from bot.fronts.discord.batch import MOST, is_rows, requests_in
from bot.fronts.discord.buttons import order_of
from bot.fronts.discord.guard import answer, bot_of, desk_of, guarded, is_direct, say, think
from bot.fronts.discord.layout import words_sheet
from bot.fronts.discord.lists import adapter_names, recipe_names, tag_names
from bot.fronts.discord.talk import text_of
from engine.errors import BadRequest
from engine.request import Turn

EVERYWHERE_INSTALLED = app_commands.AppInstallationType(guild=True, user=True)
EVERYWHERE = app_commands.AppCommandContext(guild=True, dm_channel=True, private_channel=True)
MOST_TYPED = 6000
"""Characters of a slash command's text option."""
CONTEXT = "context:"
Visible = Literal["everyone", "me"]


@app_commands.command(description="Have a request answered twice, blind, and vote on the answers.")
@app_commands.allowed_installs(guilds=True, users=True)
@app_commands.allowed_contexts(guilds=True, dms=True, private_channels=True)
@app_commands.describe(
    request="What to ask.",
    file="A text file that belongs to the request, or a .jsonl file of up to 50 requests.",
    visible="Who sees the answers: everyone here (default), or only you.",
    tag="A word to find this and its like by, in /results and /history.",
    recipe="Engineered recipe of the prompted side, for this request.",
    adapter="LoRA adapter of the fine-tuned side, for this request.",
)
@app_commands.autocomplete(tag=tag_names, recipe=recipe_names, adapter=adapter_names)
async def compare(
    interaction: discord.Interaction,
    *,
    request: app_commands.Range[str, 1, MOST_TYPED] | None = None,
    file: discord.Attachment | None = None,
    visible: Visible = "everyone",
    tag: app_commands.Range[str, 1, 40] = "",
    recipe: app_commands.Range[str, 1, 100] = "",
    adapter: app_commands.Range[str, 1, 100] = "",
) -> None:
    wishes = {"tag": tag, "recipe": recipe, "adapter": adapter}
    await guarded(interaction, _compare(interaction, request, file, private=visible == "me", wishes=wishes))


async def _compare(
    interaction: discord.Interaction, request: str | None, file: discord.Attachment | None, *, private: bool, wishes: dict[str, str]
) -> None:
    await think(interaction, private=private)
    if file and is_rows(file.filename, request):
        if request:
            raise BadRequest("A .jsonl file holds the requests itself; leave the request out.")
        requests = await asyncio.to_thread(requests_in, await text_of(file, MOST))
        bot_of(interaction).batches.start(order_of(interaction, "", private=private, **wishes), requests, interaction)
        return
    parts = [request, await text_of(file) if file else None]
    asked = "\n\n".join(part for part in parts if part)
    if not asked:
        raise BadRequest("Write a request, or attach a text file with one.")
    await desk_of(interaction).open(order_of(interaction, asked, private=private, **wishes), interaction)


async def compare_message(interaction: discord.Interaction, message: discord.Message) -> None:
    """On any message: its text is the request."""
    await guarded(interaction, _compare_message(interaction, message))


async def _compare_message(interaction: discord.Interaction, message: discord.Message) -> None:
    await think(interaction, private=False)
    if not message.content.strip():
        raise BadRequest("This message holds no text that could be asked.")
    await desk_of(interaction).open(order_of(interaction, message.content, private=False), interaction)


async def compare_context(interaction: discord.Interaction, message: discord.Message) -> None:
    """On any message: it is what was said before; the request is typed now."""
    await guarded(interaction, _ask_for_request(interaction, message))


async def _ask_for_request(interaction: discord.Interaction, message: discord.Message) -> None:
    if not message.content.strip():
        raise BadRequest("This message holds no text that could be the context.")
    modal = WithContext(message.content)
    bot_of(interaction).typed.before(modal.custom_id)
    await interaction.response.send_modal(modal)


class WithContext(ui.Modal, title="Compare with this context"):
    """Asks what to ask about a message. The message's text waits in memory while somebody types."""

    request: ui.Label[Any] = ui.Label(
        text="Your request",
        description="Both sides are told the message first, then this.",
        component=ui.TextInput(style=discord.TextStyle.paragraph, max_length=4000, custom_id="request"),
    )

    def __init__(self, context: str) -> None:
        super().__init__(timeout=3600.0, custom_id=f"{CONTEXT}{secrets.token_hex(16)}")
        self.context = context

    async def on_submit(self, interaction: discord.Interaction) -> None:
        await guarded(interaction, self._ask(interaction))

    async def _ask(self, interaction: discord.Interaction) -> None:
        await think(interaction, private=False)
        assert isinstance(self.request.component, ui.TextInput)
        before = (Turn("user", self.context),)
        await desk_of(interaction).open(order_of(interaction, self.request.component.value, private=False, before=before), interaction)


@app_commands.command(description="Begin a new conversation in this direct message.")
@app_commands.allowed_installs(guilds=True, users=True)
@app_commands.allowed_contexts(guilds=True, dms=True, private_channels=True)
async def new(interaction: discord.Interaction) -> None:
    await guarded(interaction, _new(interaction))


async def _new(interaction: discord.Interaction) -> None:
    await think(interaction, private=True)
    if not is_direct(interaction):
        raise BadRequest("In a channel every mention that replies to nothing begins a new conversation. /new is for direct messages.")
    await desk_of(interaction).teams.new_talk(str(interaction.channel_id))
    await answer(interaction, words_sheet("Your next message begins a new conversation."))


@app_commands.command(name="help", description="What this bot does, and how.")
@app_commands.allowed_installs(guilds=True, users=True)
@app_commands.allowed_contexts(guilds=True, dms=True, private_channels=True)
async def help_(interaction: discord.Interaction) -> None:
    await guarded(interaction, say(interaction, words.HELP))


def menus() -> list[app_commands.ContextMenu]:
    """What stands in the menu of every message."""
    return [
        app_commands.ContextMenu(name=name, callback=callback, allowed_contexts=EVERYWHERE, allowed_installs=EVERYWHERE_INSTALLED)
        for name, callback in (("Compare answers", compare_message), ("Compare with this context", compare_context))
    ]


Addable = app_commands.Command[Any, ..., Any] | app_commands.ContextMenu | app_commands.Group


def every() -> list[Addable]:
    """What Discord is told of."""
    return [compare, new, help_, *menus()]
