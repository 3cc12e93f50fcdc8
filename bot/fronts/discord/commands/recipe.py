"""/recipe: the recipes there are, and which one a server uses."""

from collections.abc import Sequence

import discord
from discord import app_commands

from bot.app.choices import handle
from bot.app.versions import recipe_of
from bot.fronts.discord import fit
from bot.fronts.discord.commands.recipe_form import ADMINS, form
from bot.fronts.discord.interactions import Where, answer, channels_of, guarded, person, place_in, team_of, think
from bot.fronts.discord.layout import words_sheet
from bot.fronts.discord.offers import recipe_names
from bot.fronts.discord.parts import parts_of
from bot.views import RecipeVersion
from bot.words import counted
from engine.errors import BadRequest
from engine.recipes import Recipe

MOST_LISTED = 30  # versions beside the one that answers here

recipe = app_commands.Group(
    name="recipe",
    description="Prompt engineering as data: what the prompted side is told.",
    allowed_installs=app_commands.AppInstallationType(guild=True, user=True),
    allowed_contexts=app_commands.AppCommandContext(guild=True, dm_channel=True, private_channel=True),
)


@recipe.command(name="list", description="The recipes there are.")
async def recipe_list(interaction: discord.Interaction) -> None:
    """List the recipes."""
    await guarded(interaction, _recipe_list(interaction))


async def _recipe_list(interaction: discord.Interaction) -> None:
    await think(interaction, private=True)
    await answer(interaction, words_sheet(list_words(parts_of(interaction).app.versions.all(), live_here(interaction))))


def live_here(interaction: discord.Interaction) -> RecipeVersion | None:
    """Find the version that answers in this channel now; None: no side answers with an engineered recipe, or no model is loaded."""
    app = parts_of(interaction).app
    return app.versions.live(app.choices.place(team_of(interaction), channels_of(interaction)))


def list_words(versions: Sequence[RecipeVersion], live: RecipeVersion | None) -> str:
    """List versions, the latest first, the one that answers here before all. Pure."""
    others = [each for each in reversed(versions) if live is None or each.id != live.id]
    lines = [f"- {_line(live)} · **used here**"] if live else []
    lines += [f"- {_line(each)}" for each in others[:MOST_LISTED]]
    if len(others) > MOST_LISTED:
        lines.append(f"… and {len(others) - MOST_LISTED:,} earlier ones.")
    return "\n".join(("### Recipes", *lines, "-# /recipe show, edit or use NAME@VERSION, or /compare with a recipe."))


def _line(version: RecipeVersion) -> str:
    return f"{fit.inline(handle(version.named), 80)} · {fit.inline(version.reason, 80)}"


@recipe.command(name="show", description="What a recipe tells the model.")
@app_commands.autocomplete(name=recipe_names)
async def recipe_show(interaction: discord.Interaction, name: str) -> None:
    """Show what a recipe tells the model."""
    await guarded(interaction, _recipe_show(interaction, name))


async def _recipe_show(interaction: discord.Interaction, name: str) -> None:
    await think(interaction, private=True)
    await answer(interaction, words_sheet(recipe_words(recipe_of(parts_of(interaction).app.versions.named(name)))))


def recipe_words(shown: Recipe) -> str:
    """Describe a recipe. Pure."""
    lines = [f"### Recipe {fit.inline(shown.name, 80)} {fit.inline(shown.version, 20)}"]
    if shown.system:
        lines += ["**System text**", fit.quote(shown.system, 2000)]
    if shown.template != "{request}":
        lines += ["**Template**", fit.quote(shown.template, 600)]
    for number, example in enumerate(shown.examples[:3], 1):
        lines += [f"**Example {number}**", fit.quote(example.user, 150), fit.quote(example.assistant, 200)]
    if len(shown.examples) > 3:
        lines.append(f"… and {counted(len(shown.examples) - 3, 'more example')}.")
    sampling = shown.sampling
    drawn = "the likeliest token" if sampling.temperature == 0 else f"temperature {sampling.temperature:g}, top_p {sampling.top_p:g}"
    if sampling.repetition_penalty != 1:
        drawn += f", repetition penalty {sampling.repetition_penalty:g}"
    return "\n".join((*lines, f"-# Draws {drawn}; at most {counted(sampling.max_new_tokens, 'token')}."))


@recipe.command(name="edit", description="Write a new version of a recipe (admins).")
@app_commands.autocomplete(name=recipe_names)
async def recipe_edit(interaction: discord.Interaction, name: str = "") -> None:
    """Show the form of a recipe, the one that answers here unless another is named, at an admin's wish."""
    await guarded(interaction, _recipe_edit(interaction, name))


async def _recipe_edit(interaction: discord.Interaction, name: str) -> None:
    if interaction.guild_id is None or not interaction.permissions.manage_guild:
        raise BadRequest(ADMINS)
    version = parts_of(interaction).app.versions.named(name) if name else live_here(interaction)
    if version is None:
        raise BadRequest("No side of the duel uses an engineered recipe now. Say which recipe to edit.")
    await interaction.response.send_modal(form(version))


@recipe.command(name="use", description="Use a recipe here from now on (admins); without a name, the usual one.")
@app_commands.describe(name="The recipe; left out: the usual one.", where="The whole server (default), or this channel with its threads.")
@app_commands.autocomplete(name=recipe_names)
async def recipe_use(interaction: discord.Interaction, name: str = "", where: Where = "the whole server") -> None:
    """Set the recipe of a server or a channel, at an admin's wish."""
    await guarded(interaction, _recipe_use(interaction, name, where))


async def _recipe_use(interaction: discord.Interaction, name: str, where: Where) -> None:
    await think(interaction, private=True)
    if interaction.guild_id is None or not interaction.permissions.manage_guild:
        raise BadRequest(
            "A recipe is set for a whole server, by its admins (permission Manage Server). For one request: /compare with a recipe."
        )
    app, place = parts_of(interaction).app, place_in(interaction, where)
    called = interaction.guild.name if interaction.guild else ""
    if not name:
        await app.teams.settle(place, recipe=None)
        await answer(interaction, words_sheet(f"From now on the prompted side uses the usual recipe in {here(where)}."))
        return
    version = app.versions.named(name)
    used = await app.versions.use(version.id, place, person(interaction.user), "Chosen by /recipe use.", called=called)
    said = f"From now on the prompted side uses the recipe {fit.inline(str(used.named), 100)} in {here(where)}."
    await answer(interaction, words_sheet(f"{said} It is another contestant, so its evidence starts at zero."))


def here(where: Where) -> str:
    """Name where a choice holds, in a sentence. Pure."""
    return "this channel and its threads" if where == "this channel" else "this server"
