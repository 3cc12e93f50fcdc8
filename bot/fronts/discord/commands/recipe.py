"""/recipe: the recipes there are, and which one a server uses."""

import discord
from discord import app_commands

from bot.fronts.discord import fit
from bot.fronts.discord.interactions import answer, guarded, person, team_of, think
from bot.fronts.discord.layout import words_sheet
from bot.fronts.discord.offers import recipe_names
from bot.fronts.discord.parts import parts_of
from bot.words import counted
from engine.errors import BadRequest
from engine.recipes import Recipe

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
    app = parts_of(interaction).app
    kit = app.choices.kit
    chosen = (await app.teams.settings(team_of(interaction))).recipe or (kit.engineered.name if kit and kit.engineered else "")
    lines = [f"- {fit.inline(name, 80)}{' · **used here**' if name == chosen else ''}" for name in app.choices.names]
    if chosen and chosen not in app.choices.names:
        lines.insert(0, f"- {fit.inline(chosen, 80)} · **used here**")
    await answer(
        interaction, words_sheet("\n".join(("### Recipes", *lines, "-# /recipe show NAME, /recipe use NAME, or /compare with a recipe.")))
    )


@recipe.command(name="show", description="What a recipe tells the model.")
@app_commands.autocomplete(name=recipe_names)
async def recipe_show(interaction: discord.Interaction, name: str) -> None:
    """Show what a recipe tells the model."""
    await guarded(interaction, _recipe_show(interaction, name))


async def _recipe_show(interaction: discord.Interaction, name: str) -> None:
    await think(interaction, private=True)
    await answer(interaction, words_sheet(recipe_words(await parts_of(interaction).app.choices.recipe(name))))


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


@recipe.command(name="use", description="Use a recipe in this server from now on (admins).")
@app_commands.autocomplete(name=recipe_names)
async def recipe_use(interaction: discord.Interaction, name: str) -> None:
    """Set a server's recipe, at an admin's wish."""
    await guarded(interaction, _recipe_use(interaction, name))


async def _recipe_use(interaction: discord.Interaction, name: str) -> None:
    await think(interaction, private=True)
    if interaction.guild_id is None or not interaction.permissions.manage_guild:
        raise BadRequest(
            "A recipe is set for a whole server, by its admins (permission Manage Server). For one request: /compare with a recipe."
        )
    app = parts_of(interaction).app
    called = interaction.guild.name if interaction.guild else ""
    version = app.versions.named(name)
    used = await app.versions.use(version.id, str(interaction.guild_id), person(interaction.user), "Chosen by /recipe use.", called=called)
    said = f"From now on the prompted side uses the recipe {fit.inline(str(used.named), 100)} in this server."
    await answer(interaction, words_sheet(f"{said} It is another contestant, so its evidence starts at zero."))
