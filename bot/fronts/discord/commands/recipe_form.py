"""The form of /recipe edit: system text, template, why, and whether the new version answers here from now on."""

import time
import tomllib
from typing import Any

import discord
from discord import ui

from bot.app.versions import Edit
from bot.fronts.discord import fit
from bot.fronts.discord.commands.menus import MOST_IN_FIELD, fields_in
from bot.fronts.discord.interactions import answer, guarded, person, refuse, think
from bot.fronts.discord.layout import words_sheet
from bot.fronts.discord.parts import parts_of
from bot.views import RecipeVersion
from bot.words import seconds
from engine.errors import BadRequest, DuelbotError

EDIT = "recipe"  # how the form's custom id begins; then the version's id, and the second of the clock at which it was opened
YES = ("yes", "y", "ja", "si", "oui")
ADMINS = "A recipe is edited for a whole server, by its admins (permission Manage Server)."


def form(version: RecipeVersion) -> ui.Modal:
    """Draw the form of a version. Raises BadRequest for texts that no form of Discord holds."""
    table = tomllib.loads(version.content)
    system, template = table.get("system", ""), table.get("template", "{request}")
    for name, text in (("system text", system), ("template", template)):
        if fit.size(text) > MOST_IN_FIELD:
            raise BadRequest(f"Its {name} has {len(text):,} characters, and a form here holds {MOST_IN_FIELD:,}. Edit it on the page.")
    made = ui.Modal(title=fit.head(f"Edit {version.named}", 45), timeout=None, custom_id=f"{EDIT}:{version.id}:{int(time.time())}")
    long, short = discord.TextStyle.paragraph, discord.TextStyle.short
    for label, description, field in (
        ("System text", None, ui.TextInput[Any](style=long, custom_id="system", default=system, required=False, max_length=MOST_IN_FIELD)),
        (
            "Template",
            "Wraps every request, which stands for {request}.",
            ui.TextInput[Any](style=long, custom_id="template", default=template, max_length=MOST_IN_FIELD),
        ),
        ("Why this version?", None, ui.TextInput[Any](style=short, custom_id="reason", max_length=200)),
        ("Use it here from now on?", "yes or no", ui.TextInput[Any](style=short, custom_id="use", default="no", max_length=10)),
    ):
        made.add_item(ui.Label(text=label, description=description, component=field))
    made.stop()  # discord.py does not keep it: `submitted` reads what comes back, in whatever process
    return made


def is_recipe_form(interaction: discord.Interaction) -> bool:
    """Whether this is the form of a recipe that comes back."""
    data: Any = interaction.data or {}
    return interaction.type is discord.InteractionType.modal_submit and str(data.get("custom_id", "")).startswith(f"{EDIT}:")


async def recipe_submitted(interaction: discord.Interaction) -> None:
    """Keep the version that a form asks for. Whatever was typed is not lost: a refusal gives it back."""
    await guarded(interaction, _submitted(interaction))


async def _submitted(interaction: discord.Interaction) -> None:
    await think(interaction, private=True)
    data: Any = interaction.data
    fields = dict(fields_in(data.get("components", [])))
    try:
        await answer(interaction, words_sheet(await _kept(interaction, str(data["custom_id"]), fields)))
    except DuelbotError as error:
        await refuse(interaction, f"{error.words}\nThis was your system text:\n{fit.quote(fields.get('system', ''), 3000)}")


async def _kept(interaction: discord.Interaction, custom_id: str, fields: dict[str, str]) -> str:
    """Save the version, and use it if that was asked. Returns what to say."""
    if interaction.guild_id is None or not interaction.permissions.manage_guild:
        raise BadRequest(ADMINS)
    versions, (_, id_, opened) = parts_of(interaction).app.versions, custom_id.split(":")
    table = tomllib.loads(versions.version(id_).content)
    table |= {name: fields[name].replace("\r\n", "\n") for name in ("system", "template") if name in fields}
    edit_s = max(0.0, time.time() - int(opened))
    edit = Edit(id_, table, fields.get("reason", ""), person(interaction.user), edit_s)
    use, called = fields.get("use", "").strip().casefold() in YES, interaction.guild.name if interaction.guild else ""
    saved = await (versions.save_and_use(edit, str(interaction.guild_id), called) if use else versions.save(edit))
    name = fit.inline(str(saved.version.named), 100)
    after = f"It answers here from now on, {seconds(edit_s)} after the form was opened" if use else f"/recipe use {name} has it answer here"
    return " ".join((f"{name} is kept. {after}. It is another contestant, so its evidence starts at zero.", *saved.notes))
