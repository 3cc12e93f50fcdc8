"""Versions of recipes: saved for good with who made them, when and why; switched at once; imported and exported.

A recipe that ships, or that a file of the settings brings, is the first version of its chain. It is kept when something first builds on
it, so a store in which nobody has edited anything holds none.
"""

import asyncio
import tomllib
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

from bot.app.choices import Choices, handle
from bot.app.core import Core
from bot.app.differing import DiffSection, differences
from bot.app.teams import Teams
from bot.errors import UnknownRecipe
from bot.store import Transaction
from bot.store.contestants import ContestantRows
from bot.store.versions import VersionRows
from bot.views import FILE, OUTSIDE, SHIPPED, RecipeUse, RecipeVersion
from bot.words import started
from engine.errors import BadRecipe, BadRequest, UnfairDuel
from engine.named import Named
from engine.optimise.lint import line_numbers, lint
from engine.parsing import Malformed, toml_table
from engine.placeholders import named_in
from engine.printable import one_line as inline
from engine.proving import prove_written
from engine.recipe_text import check_placeholders, toml_of
from engine.recipes import Recipe, parse_recipe

LONGEST_REASON = 500  # characters
MOST_TOML_BYTES = 2_000_000  # of a file that is imported


@dataclass(frozen=True, slots=True)
class Edit:
    """What somebody wants to keep as a new version."""

    parent: str  # id of the version that was edited
    table: Mapping[str, Any]  # the recipe as TOML has it; its version is given when it is kept
    reason: str
    author: str
    edit_s: float | None = None  # seconds since the editor was opened; None: it was not edited here


@dataclass(frozen=True, slots=True)
class Saved:
    """A version that was kept, and what should be said of it."""

    version: RecipeVersion
    notes: tuple[str, ...] = ()  # a sentence each


class Versions:
    """The chains of versions, and the switch between them. Times are in seconds."""

    def __init__(self, core: Core, teams: Teams, choices: Choices) -> None:
        self._core, self._teams, self._choices = core, teams, choices
        self._kept: dict[str, RecipeVersion] = {}  # by id, as the store has them

    def start(self, kept: Sequence[RecipeVersion], chosen: Mapping[str, str]) -> None:
        """Know what is kept, before anybody asks. A version that this Duelbot cannot read is listed, and cannot be chosen.

        chosen: the recipe that each team has settled, by the team's id.
        """
        for version in kept:
            self._kept[version.id] = version
            with suppress(BadRecipe):
                self._hold(version)
        for team, recipe in chosen.items():
            self._choices.settle(team, recipe)

    def _hold(self, version: RecipeVersion) -> None:
        self._kept[version.id] = version
        if version.author not in (SHIPPED, FILE):
            self._choices.hold(recipe_of(version))

    # --- looking

    def all(self) -> tuple[RecipeVersion, ...]:
        """List every version: those that nobody here has written first, then those that were saved, in their order."""
        beginnings = {version.id: version for version in self._beginnings()}
        kept = {id_: version for id_, version in self._kept.items() if id_ not in beginnings}
        return (*beginnings.values(), *kept.values())

    def _beginnings(self) -> list[RecipeVersion]:
        """Give the recipes of settings and program as first versions; one that was kept, as it was kept."""
        found: list[RecipeVersion] = []
        taken = {version.named: version.digest for version in self._kept.values()}
        for recipe, ships in self._choices.beginnings():
            said = "It ships with Duelbot." if ships else "It is what the settings name."
            now, author = self._core.now(), SHIPPED if ships else FILE
            named = recipe.named
            if taken.setdefault(named, recipe.digest) != recipe.digest:  # a file that says something else under a version that is kept
                named = Named(named.name, f"{named.version}+{recipe.digest[:4]}")
            version = RecipeVersion(named, recipe.digest, None, author, now, said, toml_of(recipe), None)
            found.append(self._kept.get(version.id, version))
        return found

    def version(self, id_: str) -> RecipeVersion:
        """Find a version by its id. Raises UnknownRecipe."""
        if found := next((each for each in self.all() if each.id == id_), None):
            return found
        raise UnknownRecipe("There is no version with this address.")

    def named(self, text: str) -> RecipeVersion:
        """Find a version by what a person types: name@version, "name version", or a name, which is the latest that was saved of it.

        Raises UnknownRecipe.
        """
        wanted = text.strip()
        everything = self.all()
        exact = [each for each in everything if wanted in (handle(each.named), str(each.named))]
        found = exact or [each for each in everything if each.named.name == wanted]
        if not found:
            raise UnknownRecipe(f"There is no recipe {inline(wanted)}. /recipe list shows those there are.")
        saved = [each for each in found if each.author not in (SHIPPED, FILE)]
        return saved[-1] if saved else found[0]

    def live(self, team: str | None) -> RecipeVersion | None:
        """Find the version that answers a team now; None: no side answers with an engineered recipe, or no model is loaded."""
        met = self._choices.meeting(team or OUTSIDE)
        recipe = next((entrant.recipe for entrant in met or () if entrant.arm.engineered), None)
        if recipe is None:
            return None
        same = [each for each in self.all() if each.digest == recipe.digest]
        return next((each for each in same if each.named == recipe.named), same[0] if same else None)

    async def uses(self, team: str | None) -> list[RecipeUse]:
        """List which versions answered a team, the latest first."""
        async with self._core.store.reading() as look:
            return await VersionRows(look).uses(team or OUTSIDE)

    def diff(self, old: str, new: str) -> tuple[DiffSection, ...]:
        """Compare two versions, by their ids, word by word. Raises UnknownRecipe, BadRecipe."""
        return differences(recipe_of(self.version(old)), recipe_of(self.version(new)))

    # --- saving

    async def save(self, edit: Edit) -> Saved:
        """Keep a new version; it answers nobody until it is used. Another name than its parent's begins a branch.

        Raises BadRecipe for a recipe that is none, says what its parent says or has no room; BadRequest without a reason; UnknownRecipe.
        """
        return await self._core.changes.whole(self._save(edit, team=None, use=False))

    async def save_and_use(self, edit: Edit, team: str | None, called: str = "") -> Saved:
        """Keep a new version and have it answer a team from now on; both or neither. called: the team's name, where a front knows it.

        Raises what `save` raises, and UnfairDuel.
        """
        return await self._core.changes.whole(self._save(edit, team=team, use=True, called=called))

    async def _save(self, edit: Edit, *, team: str | None, use: bool, called: str = "") -> Saved:
        reason, parent = _reason(edit.reason), self.version(edit.parent)
        recipe = await self.checked(edit.table)
        self._refuse_copies(recipe, parent)
        notes = (*self.notes(recipe), *await self.advice(recipe))
        content = toml_of(recipe)
        version = RecipeVersion(recipe.named, recipe.digest, parent.id, edit.author, self._core.now(), reason, content, edit.edit_s)
        async with self._core.store.writing() as change:
            await self._keep(change, parent)
            await VersionRows(change).add(version)
            if use:
                await self._switch(change, version, RecipeUse(team or OUTSIDE, version.id, edit.author, self._core.now(), reason), called)
        self._hold(parent)
        self._hold(version)
        if use:
            self._choices.settle(team or OUTSIDE, handle(version.named))
        return Saved(version, notes)

    async def checked(self, table: Mapping[str, Any]) -> Recipe:
        """Read what somebody has written as the recipe that would be kept, with the next free version. Raises BadRecipe."""
        name = table.get("name")
        version = self.next_version(name) if isinstance(name, str) else "1"
        recipe = parse_recipe({**table, "version": version})
        check_placeholders(recipe)
        if (lineup := self._core.model.lineup) and (arm := next((arm for arm in lineup.arms if arm.engineered), None)):
            kit = lineup.kit.with_recipe(recipe).using(recipe=recipe.named)
            await prove_written(kit.contestant(arm), lineup.backend)
        return recipe

    def next_version(self, name: str) -> str:
        """Count on from the highest whole number that a version of this recipe has."""
        numbers = [int(each.named.version) for each in self.all() if each.named.name == name and _is_number(each.named.version)]
        there = sum(each.named.name == name for each in self.all())
        return str((max(numbers) if numbers else there) + 1)

    def _refuse_copies(self, recipe: Recipe, parent: RecipeVersion) -> None:
        if recipe.digest == parent.digest and recipe.name == parent.named.name:
            raise BadRecipe(f"Nothing is changed: this says what {inline(str(parent.named))} says.")
        same = [each for each in self.all() if each.digest == recipe.digest and each.named.name == recipe.name]
        if same:
            raise BadRecipe(f"This says what {inline(str(same[0].named))} says. Use that version, and its evidence goes on.")

    def notes(self, recipe: Recipe) -> tuple[str, ...]:
        """Say what follows of a recipe that is fit to be kept: first, what its [sampling] means for the other side."""
        lineup = self._core.model.lineup
        if lineup is None:
            return ()
        now = lineup.kit.plain.sampling
        if recipe.sampling == now or not any(arm.engineered for arm in lineup.arms):
            return ()
        same = "Both recipes of a duel need the same [sampling]"
        try:
            self._choices.with_recipe(recipe)
        except UnfairDuel:
            plain = inline(str(lineup.kit.plain.named))
            return (f"{same}, and {plain}, which DUEL_PLAIN_RECIPE names, has another: this version can meet it once both have one.",)
        return (f"{same}, so while this version is used the other side draws by its [sampling], too, and is a new contestant as well.",)

    async def advice(self, recipe: Recipe) -> tuple[str, ...]:
        """Say what is known to hurt in a recipe, a sentence or two for each finding, with its place and its line in the TOML text."""
        lineup = self._core.model.lineup
        parameters = lineup.kit.base.parameters or None if lineup else None
        findings = await asyncio.to_thread(lint, recipe, parameters=parameters)
        lines = line_numbers(toml_of(recipe))
        return tuple(
            f"{started(each.place)}{f', line {lines[each.place]}' if each.place in lines else ''}: {each.words}" for each in findings
        )

    async def take_in(self, text: str, reason: str, author: str) -> Saved:
        """Keep a recipe from a TOML file, under its own name and version where these are free, else under the next version.

        Raises BadRecipe, BadRequest.
        """
        if len(text.encode(errors="surrogatepass")) > MOST_TOML_BYTES:
            raise BadRecipe(f"The file has more than {MOST_TOML_BYTES:,} bytes.")
        try:
            table = toml_table(text.encode())
        except (Malformed, UnicodeEncodeError) as error:
            raise BadRecipe(f"The file is not valid TOML: {error}") from error
        return await self._core.changes.whole(self._take_in(parse_recipe(table), table, _reason(reason), author))

    async def _take_in(self, recipe: Recipe, table: Mapping[str, Any], reason: str, author: str) -> Saved:
        fitting = await self.checked(table)
        chain = [each for each in self.all() if each.named.name == recipe.name]
        if same := [each for each in chain if each.digest == recipe.digest]:
            raise BadRecipe(f"It is here already, as {inline(str(same[0].named))}.")
        if not any(each.named == recipe.named for each in chain):
            fitting = recipe
        parent = chain[-1] if chain else None
        now = self._core.now()
        version = RecipeVersion(fitting.named, fitting.digest, parent.id if parent else None, author, now, reason, toml_of(fitting), None)
        async with self._core.store.writing() as change:
            if parent:
                await self._keep(change, parent)
            await VersionRows(change).add(version)
        if parent:
            self._hold(parent)
        self._hold(version)
        return Saved(version, (*self.notes(fitting), *await self.advice(fitting)))

    async def _keep(self, change: Transaction, version: RecipeVersion) -> None:
        """Keep a first version of settings or program, once something builds on it."""
        if version.id not in self._kept:
            await VersionRows(change).add(version)

    # --- switching

    async def use(self, id_: str, team: str | None, person: str, reason: str, *, called: str = "") -> RecipeVersion:
        """Have a version answer a team from now on; what is being answered goes on as it began. An earlier one has its evidence still.

        called: the team's name, where a front knows it. Raises UnknownRecipe, BadRequest, BadRecipe, UnfairDuel.
        """
        return await self._core.changes.whole(self._use(self.version(id_), team, person, _reason(reason), called=called))

    async def _use(self, version: RecipeVersion, team: str | None, person: str, reason: str, *, called: str) -> RecipeVersion:
        async with self._core.store.writing() as change:
            await self._keep(change, version)
            await self._switch(change, version, RecipeUse(team or OUTSIDE, version.id, person, self._core.now(), reason), called)
        self._hold(version)
        self._choices.settle(team or OUTSIDE, handle(version.named))
        return version

    async def _switch(self, change: Transaction, version: RecipeVersion, use: RecipeUse, called: str) -> None:
        recipe, named = recipe_of(version), {"called": called} if called else {}
        settled = await self._teams.settle_in(change, use.team, recipe=handle(version.named), **named)
        if any("team" in named_in(text) for _, text in recipe.texts) and not settled.called:
            raise BadRecipe("The recipe says {{team}}, and this team has no name here. Set DUEL_TEAM_NAME, or write the name out.")
        if met := self._choices.with_recipe(recipe):
            await ContestantRows(change).meet(met, use.used_at)
            for entrant in met:
                if entrant.arm.engineered and version.edit_s is not None:  # the time that a version lay unused is nobody's work
                    opened_at = use.used_at - timedelta(seconds=version.edit_s)
                    await ContestantRows(change).live(entrant.id, opened_at, use.used_at)
        await VersionRows(change).use(use)

    async def roll_back(self, team: str | None, person: str, reason: str) -> RecipeVersion:
        """Have the version answer again that answered a team before the present one. Raises BadRequest where there was none."""
        uses, live = await self.uses(team), self.live(team)
        before = [use.recipe for use in uses if live is None or use.recipe != live.id]
        if not before and uses and live and live.parent:
            before = [live.parent]
        if not before:
            raise BadRequest("No other version has answered here before, so there is nothing to go back to.")
        return await self.use(before[0], team, person, reason)

    def chain(self, version: RecipeVersion) -> Sequence[RecipeVersion]:
        """List a version with all that it was made of, the first one last."""
        by_id, found = {each.id: each for each in self.all()}, [version]
        while found[-1].parent and (above := by_id.get(found[-1].parent)):
            found.append(above)
        return found


def recipe_of(version: RecipeVersion) -> Recipe:
    """Read what a version says. Raises BadRecipe for one that a newer Duelbot has written."""
    try:
        return replace(parse_recipe(tomllib.loads(version.content)), name=version.named.name, version=version.named.version)
    except tomllib.TOMLDecodeError as error:
        raise BadRecipe(f"The version {inline(str(version.named))} cannot be read: {error}.") from error


def _reason(text: str) -> str:
    reason = " ".join(text.split())
    if not reason:
        raise BadRequest("Say in a few words why: what should get better by this version?")
    return reason[:LONGEST_REASON]


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) < 10
