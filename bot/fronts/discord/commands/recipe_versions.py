"""/recipe versions, diff and back: how a recipe became what it is, and the way back."""

from collections.abc import Iterable, Sequence

import discord
from discord import app_commands

from bot.app.choices import handle
from bot.app.differing import DiffPart, DiffSection
from bot.fronts.discord import fit
from bot.fronts.discord.commands.recipe import here, live_here, recipe
from bot.fronts.discord.commands.recipe_form import ADMINS
from bot.fronts.discord.interactions import Where, answer, channels_of, guarded, person, place_in, team_of, think
from bot.fronts.discord.layout import words_sheet
from bot.fronts.discord.offers import recipe_names
from bot.fronts.discord.parts import parts_of
from bot.fronts.discord.words import moment
from bot.views import RecipeUse, RecipeVersion
from bot.words import author_words, seconds
from engine.errors import BadRequest

MOST_VERSIONS, MOST_USES = 12, 8  # that are listed
MOST_SAME = 120  # characters of what both versions say, around a change
MOST_SECTION = 1200  # characters of one place of both versions


@recipe.command(name="versions", description="How a recipe became what it is: its versions, and since when which one answers here.")
@app_commands.autocomplete(name=recipe_names)
async def recipe_versions(interaction: discord.Interaction, name: str = "") -> None:
    """List what a recipe was made of, the one that answers here unless another is named."""
    await guarded(interaction, _recipe_versions(interaction, name))


async def _recipe_versions(interaction: discord.Interaction, name: str) -> None:
    await think(interaction, private=True)
    app = parts_of(interaction).app
    version = app.versions.named(name) if name else _live(interaction)
    uses = await app.versions.uses(app.choices.place(team_of(interaction), channels_of(interaction)))
    named = {each.id: fit.inline(handle(each.named), 80) for each in app.versions.all()}
    said = version_words(app.versions.chain(version), uses, named, person(interaction.user))
    await answer(interaction, words_sheet(said))


def _live(interaction: discord.Interaction) -> RecipeVersion:
    """Find the version that answers here. Raises BadRequest where none does."""
    if live := live_here(interaction):
        return live
    raise BadRequest("No side of the duel uses an engineered recipe now. Say which recipe you mean.")


def version_words(chain: Sequence[RecipeVersion], uses: Sequence[RecipeUse], named: dict[str, str], viewer: str) -> str:
    """List versions, the latest first, and since when which one has answered here. named: handles by id. Pure."""
    lines = ["### Versions", *(_line(each, viewer) for each in chain[:MOST_VERSIONS])]
    if uses:
        lines += ["**In use here**"]
        lines += [f"- {moment(use.used_at, 'f')} {named.get(use.recipe, '?')}: {fit.inline(use.reason, 100)}" for use in uses[:MOST_USES]]
    return "\n".join((*lines, "-# /recipe diff compares two, /recipe back goes back to the one before."))


def _line(version: RecipeVersion, viewer: str) -> str:
    edited = f", edited for {seconds(version.edit_s)}" if version.edit_s else ""
    by = author_words(version.author, viewer)
    return f"- **{fit.inline(handle(version.named), 80)}** · {fit.inline(version.reason, 160)} · by {by}{edited}"


@recipe.command(name="diff", description="Two versions word by word.")
@app_commands.describe(old="The earlier version.", new="The later one; left out: the one that answers here.")
@app_commands.autocomplete(old=recipe_names, new=recipe_names)
async def recipe_diff(interaction: discord.Interaction, old: str, new: str = "") -> None:
    """Compare two versions."""
    await guarded(interaction, _recipe_diff(interaction, old, new))


async def _recipe_diff(interaction: discord.Interaction, old: str, new: str) -> None:
    await think(interaction, private=True)
    versions = parts_of(interaction).app.versions
    one, other = versions.named(old), versions.named(new) if new else _live(interaction)
    title = f"### {fit.inline(handle(one.named), 80)} → {fit.inline(handle(other.named), 80)}"
    await answer(interaction, words_sheet(f"{title}\n{diff_words(versions.diff(one.id, other.id))}"))


def diff_words(sections: Iterable[DiffSection]) -> str:
    """Write what differs: what is gone struck through, what is new in bold, what stays cut short. Pure."""
    changed = [section for section in sections if section.changed]
    if not changed:
        return "Both say the same."
    return "\n".join(f"**{section.title}**\n{fit.cut(''.join(map(_part, section.parts)), MOST_SECTION)}" for section in changed)


def _part(part: DiffPart) -> str:
    """Write a part on one line; blanks around a mark would keep Discord from seeing it."""
    text = fit.inline(part.text, 2 * MOST_SECTION)
    if part.kind == "same":
        text = text if len(text) <= MOST_SAME else f"{text[: MOST_SAME // 2]} {fit.ELLIPSIS} {text[-MOST_SAME // 2 :]}"
        return _spaced(part.text, text)
    mark = "~~" if part.kind == "out" else "**"
    return _spaced(part.text, f"{mark}{text}{mark}" if text else "")


def _spaced(whole: str, text: str) -> str:
    before, after = (" " if each.isspace() else "" for each in (whole[:1], whole[-1:]))
    return f"{before}{text}{after}" if text else " "


@recipe.command(name="back", description="Have the version answer again that answered before (admins).")
@app_commands.describe(reason="Why, in a few words.", where="The whole server (default), or this channel with its threads.")
async def recipe_back(interaction: discord.Interaction, reason: app_commands.Range[str, 1, 200], where: Where = "the whole server") -> None:
    """Go back to the version before, at an admin's wish."""
    await guarded(interaction, _recipe_back(interaction, reason, where))


async def _recipe_back(interaction: discord.Interaction, reason: str, where: Where) -> None:
    await think(interaction, private=True)
    if interaction.guild_id is None or not interaction.permissions.manage_guild:
        raise BadRequest(ADMINS)
    versions = parts_of(interaction).app.versions
    back = await versions.roll_back(place_in(interaction, where), person(interaction.user), reason)
    said = f"{fit.inline(handle(back.named), 100)} answers in {here(where)} again. Its evidence goes on where it was."
    await answer(interaction, words_sheet(said))
