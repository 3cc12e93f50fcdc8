"""The menu of every message: compare answers to it, or use it as the context of a request that is typed; remove the duel that it shows."""

from collections.abc import Iterator
from typing import Any

import discord
from discord import app_commands, ui

from bot.app.orders import AlreadyAsked
from bot.fronts.discord import fit, words
from bot.fronts.discord.files import read
from bot.fronts.discord.interactions import guarded, kept, moderates, person, refuse, say, think
from bot.fronts.discord.lane import TryLater
from bot.fronts.discord.layout import MOST_CHARACTERS
from bot.fronts.discord.messages import context, said_and_attached, text_in
from bot.fronts.discord.names import names_for, names_in, without_ids
from bot.fronts.discord.orders import order_of
from bot.fronts.discord.parts import parts_of
from bot.fronts.discord.sending import SILENT, Gone, NotAllowed, markdown_files
from bot.views import GONE
from engine.errors import BadRequest, DuelbotError

EVERYWHERE_INSTALLED = app_commands.AppInstallationType(guild=True, user=True)
EVERYWHERE = app_commands.AppCommandContext(guild=True, dm_channel=True, private_channel=True)
MOST_IN_FIELD = 4000  # characters of a form's field; a message has no more
CONTEXT = "context"  # custom id of the form
REMOVED = "Removed: request and answers are gone from my store, and my message with them. Ballots of a closed vote stay as numbers."
NO_TEXT = "I read what a message itself says, and this one says nothing: pictures, embeds and polls are not read."


async def compare_message(interaction: discord.Interaction, message: discord.Message) -> None:
    """Open a duel whose request is the text of the message that was clicked."""
    await guarded(interaction, _compare_message(interaction, message))


async def _compare_message(interaction: discord.Interaction, message: discord.Message) -> None:
    await think(interaction, private=False)
    files = await read(said_and_attached(message)[1])
    asked = "\n\n".join(filter(None, (text_in(message), *(without_ids(each, names_in(message)) for each in files.texts))))
    if not asked:
        raise BadRequest(f"{files.left_out} {NO_TEXT}".lstrip())
    await parts_of(interaction).desk.open(order_of(interaction, asked, private=False, left_out=files.left_out), interaction)


async def compare_context(interaction: discord.Interaction, message: discord.Message) -> None:
    """Show a form for a request about the message that was clicked, which is what was said before."""
    await guarded(interaction, _ask_for_request(interaction, message))


async def _ask_for_request(interaction: discord.Interaction, message: discord.Message) -> None:
    if not (before := context(text_in(message))):
        raise BadRequest(NO_TEXT)
    await interaction.response.send_modal(form(before[0].text))


def form(before: str) -> ui.Modal:
    """Draw a form that asks what to ask about a text, and holds that text: it can be sent to a later process, and the text be changed."""
    fits = fit.size(before) <= MOST_IN_FIELD
    made = ui.Modal(title="Compare with this context", timeout=None, custom_id=CONTEXT)
    for label, description, name, default in (
        ("Your request", "Both sides are told the message first, then this.", "request", None),
        ("The message" if fits else "The message, its beginning", None, "before", fit.head(before, MOST_IN_FIELD)),
    ):
        field: ui.TextInput[Any] = ui.TextInput(
            style=discord.TextStyle.paragraph, max_length=MOST_IN_FIELD, custom_id=name, default=default, required=default is None
        )
        made.add_item(ui.Label(text=label, description=description, component=field))
    made.stop()  # discord.py does not keep it: `submitted` reads what comes back, in whatever process
    return made


def is_form(interaction: discord.Interaction) -> bool:
    """Whether this is a form that comes back, of this process or an earlier one, as it is or as it was in an earlier version."""
    return interaction.type is discord.InteractionType.modal_submit


async def submitted(interaction: discord.Interaction) -> None:
    """Carry out what a form asks. Whatever was typed is not lost: a refusal gives it back."""
    await guarded(interaction, _submitted(interaction))


async def _submitted(interaction: discord.Interaction) -> None:
    await think(interaction, private=False)
    data: Any = interaction.data
    fields = dict(fields_in(data.get("components", [])))
    if data.get("custom_id") != CONTEXT or "before" not in fields:
        await _give_back(interaction, words.OLD_FORM, "\n\n".join(filter(None, fields.values())))
        return
    named = {name: without_ids(value, names_for(interaction)) for name, value in fields.items()}
    order = order_of(interaction, named.get("request", ""), private=False, before=context(named["before"]))
    try:
        await parts_of(interaction).desk.open(order, interaction)
    except AlreadyAsked:
        raise
    except DuelbotError as error:
        await _give_back(interaction, error.words, fields.get("request", ""))


def fields_in(components: list[Any]) -> Iterator[tuple[str, str]]:
    """Yield name and content of each field of a form that was sent. Pure."""
    for part in components:
        if isinstance(part.get("value"), str):
            yield str(part.get("custom_id", "")), part["value"]
        yield from fields_in([*part.get("components", []), *([part["component"]] if "component" in part else [])])


async def _give_back(interaction: discord.Interaction, why: str, typed: str) -> None:
    """Words to this person alone, with what they typed."""
    said = f"{why}\nThis is what you typed:\n{typed}" if typed.strip() else why
    if fit.size(said) <= MOST_CHARACTERS:
        await refuse(interaction, said)
        return
    await refuse(interaction, why)
    await interaction.followup.send(
        "This is what you typed.", files=markdown_files({"typed": typed}), ephemeral=True, allowed_mentions=SILENT
    )


async def remove_duel(interaction: discord.Interaction, message: discord.Message) -> None:
    """Delete the duel that the message shows or asked, at its asker's or a moderator's wish."""
    await guarded(interaction, _remove_duel(interaction, message))


async def _remove_duel(interaction: discord.Interaction, message: discord.Message) -> None:
    await think(interaction, private=True)
    parts = parts_of(interaction)
    post = await parts.app.posting.of_message(str(message.id))
    if post is None:
        raise BadRequest("This message shows no duel. Use the menu of the message with both answers, or of the one that asked.")
    await parts.app.removing.remove(post.duel, person(interaction.user), moderates=moderates(interaction))
    kept(interaction, "The duel is removed.")
    if post.message and post.lasting:
        try:
            await parts.wire.delete(post.channel, post.message)
        except (Gone, NotAllowed, TryLater):  # then its texts are taken out of it
            parts.drawing.redraw(await parts.app.looking.shown(post.duel))
        else:
            await parts.app.posting.drawn(post.duel, face=GONE)
    await say(interaction, REMOVED)


def menus() -> list[app_commands.ContextMenu]:
    """Make what stands in the menu of every message."""
    return [
        app_commands.ContextMenu(name=name, callback=callback, allowed_contexts=EVERYWHERE, allowed_installs=EVERYWHERE_INSTALLED)
        for name, callback in (
            ("Compare answers", compare_message),
            ("Compare with this context", compare_context),
            ("Remove this duel", remove_duel),
        )
    ]
