"""/recipe try, examples and replay: a version on real requests before and after it is used, and examples from votes that were won."""

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import replace

import discord
from discord import app_commands

from bot.app.choices import handle
from bot.app.previewing import Trial, Which
from bot.app.proposing import ProposedExample
from bot.app.versions import Edit, recipe_of
from bot.fronts.discord import fit
from bot.fronts.discord.commands.history import may_see
from bot.fronts.discord.commands.recipe import live_here, recipe
from bot.fronts.discord.commands.recipe_form import ADMINS
from bot.fronts.discord.interactions import answer, guarded, is_guest, person, team_of, think
from bot.fronts.discord.layout import MOST_CHARACTERS, words_sheet
from bot.fronts.discord.offers import recipe_names
from bot.fronts.discord.orders import order_of
from bot.fronts.discord.parts import parts_of
from bot.views import RecipeVersion
from bot.words import ARMS, counted
from engine.backends.base import Stop
from engine.duel import Answer, Failure
from engine.errors import BadRequest

MOST_TRIALS = 3  # requests that a version is tried out on at a time
LOOKED_AT = 50  # past requests of the server among which those are looked for that the admin may read
MOST_REPLAYED = 25  # past requests that are answered again at a time: each changed one gets a message
Tried = tuple[Trial, Mapping[Which, Answer | Failure]]


def _check_admin(interaction: discord.Interaction) -> None:
    """Raise BadRequest for whoever is no admin of the server that they are in."""
    if interaction.guild_id is None or not interaction.permissions.manage_guild:
        raise BadRequest(ADMINS)


@recipe.command(name="try", description="Try a version out on the last requests here, beside what answers now (admins).")
@app_commands.describe(name="The version.", request="A request of your own to try it out on, in place of past ones.")
@app_commands.autocomplete(name=recipe_names)
async def recipe_try(interaction: discord.Interaction, name: str, request: app_commands.Range[str, 0, 2000] = "") -> None:
    """Show an admin what a version answers."""
    await guarded(interaction, _recipe_try(interaction, name, request))


async def _recipe_try(interaction: discord.Interaction, name: str, request: str) -> None:
    await think(interaction, private=True)
    _check_admin(interaction)
    app = parts_of(interaction).app
    version, team = app.versions.named(name), team_of(interaction)
    trials = [await app.previewing.typed(request, team)] if request else await _readable(interaction)
    if not trials:
        raise BadRequest("No vote on a request that you can read has closed here yet. Type a request to try it out on.")
    stop, order = Stop(), order_of(interaction, "", private=True)
    tried = [(trial, await app.previewing.run(recipe_of(version), trial, order, lambda *_: None, stop)) for trial in trials]
    await answer(interaction, words_sheet(tried_words(version, live_here(interaction), tried)))


async def _readable(interaction: discord.Interaction) -> list[Trial]:
    """Find the last requests of the server that this person may read."""
    app, found = parts_of(interaction).app, list[Trial]()
    for trial in await app.previewing.trials(team_of(interaction), LOOKED_AT):
        if len(found) < MOST_TRIALS and trial.duel and may_see(interaction, (await app.looking.shown(trial.duel)).post):
            found.append(trial)
    return found


def tried_words(version: RecipeVersion, live: RecipeVersion | None, tried: Sequence[Tried]) -> str:
    """Write each request with both answers, all cut alike. Pure."""
    room = (MOST_CHARACTERS - 400) // max(1, len(tried)) // 3
    now, new = (fit.inline(handle(each.named), 60) if each else "now" for each in (live, version))
    lines = ["### Tried out"]
    for trial, outcomes in tried:
        old = trial.old if trial.old is not None else _text(outcomes.get("old"))
        lines += [fit.quote(trial.request.text, room // 2), f"**{now}**", fit.cut(fit.clean(old), room) or fit.ELLIPSIS]
        lines += [f"**{new}**", fit.cut(fit.clean(_text(outcomes["new"])), room) or fit.ELLIPSIS]
    return "\n".join((*lines, "-# Nobody votes on this, and these requests are no evidence about this recipe any more."))


def _text(outcome: Answer | Failure | None) -> str:
    return "" if outcome is None else outcome.text if isinstance(outcome, Answer) else f"⚠ {outcome.words}"


@recipe.command(name="examples", description="Examples proposed from votes that were won here; add some as a new version (admins).")
@app_commands.describe(
    name="The recipe; left out: the one that answers here.",
    add="Numbers of the proposals to add: 1,3. Left out: they are listed.",
    reason="Why, in a few words; for a new version.",
)
@app_commands.autocomplete(name=recipe_names)
async def recipe_examples(
    interaction: discord.Interaction, name: str = "", add: str = "", reason: app_commands.Range[str, 0, 200] = ""
) -> None:
    """List proposals to an admin, or keep a version with some of them."""
    await guarded(interaction, _recipe_examples(interaction, name, add, reason))


async def _recipe_examples(interaction: discord.Interaction, name: str, add: str, reason: str) -> None:
    await think(interaction, private=True)
    _check_admin(interaction)
    app = parts_of(interaction).app
    version = app.versions.named(name) if name else live_here(interaction)
    if version is None:
        raise BadRequest("No side of the duel uses an engineered recipe now. Say which recipe you mean.")
    found = await app.proposing.examples(recipe_of(version), team_of(interaction), channel=str(interaction.channel_id))
    if not add:
        await answer(interaction, words_sheet(proposal_words(found)))
        return
    table = tomllib.loads(version.content)
    shots = [{"user": each.example.user, "assistant": each.example.assistant} for each in chosen(found, add)]
    edit = Edit(version.id, table | {"examples": [*table.get("examples", []), *shots]}, reason, person(interaction.user))
    saved = (await app.versions.save(edit)).version
    said = f"{fit.inline(handle(saved.named), 100)} is kept with {counted(len(shots), 'more example')}. /recipe use has it answer here."
    await answer(interaction, words_sheet(said))


def proposal_words(found: Sequence[ProposedExample]) -> str:
    """List proposals with their numbers. Pure."""
    if not found:
        return "No vote of this channel has a winner yet that could stand as an example."
    lines = ["### Examples from votes of this channel"]
    for number, each in enumerate(found, 1):
        won = f"{ARMS[each.arm].label}'s answer, {each.votes} of {counted(each.ballots, 'vote')}; like {counted(each.like, 'late request')}"
        lines += [f"**{number}.** {won}", fit.quote(each.example.user, 200), fit.quote(f"→ {each.example.assistant}", 250)]
    note = "-# A request that becomes an example is no evidence any more, and whoever uses this bot can read it with /recipe show."
    return "\n".join((*lines, note))


def chosen(found: Sequence[ProposedExample], numbers: str) -> list[ProposedExample]:
    """Pick proposals by the numbers that somebody typed. Pure. Raises BadRequest."""
    typed = [each.strip() for each in numbers.split(",") if each.strip()]
    if not typed or not all(each.isascii() and each.isdigit() and 1 <= int(each) <= len(found) for each in typed):
        raise BadRequest(f"Type numbers from 1 to {len(found)}, a comma between them." if found else "There is no proposal to add.")
    return [found[number - 1] for number in dict.fromkeys(int(each) for each in typed)]


@recipe.command(name="replay", description="Have a version answer this channel's past requests; vote where it differs (admins).")
@app_commands.describe(
    name="The version that answers again.",
    against="The version whose answers it is compared with; left out: the one that answers here.",
    most="Past requests, the latest first; 10 if left out.",
)
@app_commands.autocomplete(name=recipe_names, against=recipe_names)
async def recipe_replay(
    interaction: discord.Interaction, name: str, against: str = "", most: app_commands.Range[int, 1, MOST_REPLAYED] = 10
) -> None:
    """Have past requests answered again, at an admin's wish."""
    await guarded(interaction, _recipe_replay(interaction, name, against, most))


async def _recipe_replay(interaction: discord.Interaction, name: str, against: str, most: int) -> None:
    await think(interaction, private=False)
    _check_admin(interaction)
    parts = parts_of(interaction)
    if is_guest(interaction):
        raise BadRequest("Past requests are answered again in a channel where I am a member.")
    new, old = parts.app.versions.named(name), parts.app.versions.named(against) if against else live_here(interaction)
    if old is None:
        raise BadRequest("No side of the duel uses an engineered recipe now. Say with which version to compare.")
    order = replace(order_of(interaction, "", private=False), within="")
    run = await parts.app.rematching.begin(new.id, old.id, order, most)
    await parts.rematches.start(run, order, interaction)
