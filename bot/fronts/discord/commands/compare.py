"""/compare: a request, typed or as a file; or a file of requests."""

import asyncio
from contextlib import suppress
from dataclasses import replace
from typing import Literal

import discord
from discord import app_commands

from bot.app.orders import QueueFull
from bot.fronts.discord.batch_rows import MOST, is_rows, requests_in
from bot.fronts.discord.files import read, text_of
from bot.fronts.discord.interactions import guarded, think
from bot.fronts.discord.names import names_for, tag_in, without_ids
from bot.fronts.discord.offers import adapter_names, recipe_names, tag_names
from bot.fronts.discord.orders import order_of
from bot.fronts.discord.parts import parts_of
from bot.tags import MAX_TAG
from engine.errors import BadRequest

MOST_TYPED = 6000  # characters of a slash command's text option
Visible = Literal["everyone", "me"]


@app_commands.command(description="Have a request answered twice, blind, and vote on the answers.")
@app_commands.allowed_installs(guilds=True, users=True)
@app_commands.allowed_contexts(guilds=True, dms=True, private_channels=True)
@app_commands.describe(
    request="What to ask.",
    file="A text file (UTF-8) that belongs to the request, or a .jsonl file of up to 50 requests.",
    visible="Who sees the answers: everyone here (default), or only you.",
    tag="A word to find this and its like by, in /results and /history.",
    recipe="Engineered recipe of the prompted side, for this request.",
    adapter="Adapter of the fine-tuned side, for this request.",
    against="An adapter that meets that one, in place of the other side.",
)
@app_commands.autocomplete(tag=tag_names, recipe=recipe_names, adapter=adapter_names, against=adapter_names)
async def compare(
    interaction: discord.Interaction,
    *,
    request: app_commands.Range[str, 1, MOST_TYPED] | None = None,
    file: discord.Attachment | None = None,
    visible: Visible = "everyone",
    tag: app_commands.Range[str, 1, MAX_TAG] = "",
    recipe: app_commands.Range[str, 1, 100] = "",
    adapter: app_commands.Range[str, 1, 100] = "",
    against: app_commands.Range[str, 1, 100] = "",
) -> None:
    """Open a duel, or a file of requests."""
    wishes = {"tag": tag_in(interaction, tag), "recipe": recipe, "adapter": adapter, "against": against}
    await guarded(interaction, _compare(interaction, request, file, private=visible == "me", wishes=wishes))


async def _compare(
    interaction: discord.Interaction, request: str | None, file: discord.Attachment | None, *, private: bool, wishes: dict[str, str]
) -> None:
    await think(interaction, private=private)
    if file and is_rows(file.filename, request):
        if request:
            raise BadRequest("A .jsonl file holds the requests itself; leave the request out.")
        await _compare_all(interaction, await text_of(file, MOST), private=private, wishes=wishes)
        return
    files = await read([file] if file else [])
    asked = "\n\n".join(filter(None, (request, *files.texts)))
    if not asked:
        raise BadRequest(f"{files.left_out} Write a request, or attach a text file with one.".lstrip())
    asked = without_ids(asked, names_for(interaction))
    await parts_of(interaction).desk.open(
        order_of(interaction, asked, private=private, left_out=files.left_out, compare=True, **wishes), interaction
    )


async def _compare_all(interaction: discord.Interaction, lines: str, *, private: bool, wishes: dict[str, str]) -> None:
    if wishes["adapter"] or wishes["against"]:
        raise BadRequest("A file of requests takes the adapter of this server; /adapter use sets it.")
    requests = [without_ids(each, names_for(interaction)) for each in await asyncio.to_thread(requests_in, lines)]
    parts, order = parts_of(interaction), order_of(interaction, "", private=private, **wishes)
    with suppress(QueueFull):  # a file waits for its turn
        await parts.app.asking.check(replace(order, batch=True))
    await parts.batches.start(order, requests, interaction)
