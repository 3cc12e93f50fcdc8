"""Choices: the recipes that a team may choose for its duels, which one each has chosen, and the two contestants that meet then."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace

from bot.app.model import Model
from bot.views import OUTSIDE, place_of
from engine.contestants import Contestant, check_fair
from engine.errors import BadRequest, DuelbotError
from engine.kit import Kit, named_in
from engine.named import Named
from engine.printable import one_line as inline
from engine.recipes import SHIPPED, Recipe, load_recipe

Entrants = tuple[Contestant, Contestant]


class Choices:
    """Recipes by name, never by path: a name comes from a person on a platform."""

    def __init__(self, model: Model, *, own_plain: bool = False) -> None:
        """own_plain: the settings name a plain recipe of the team's own, whose [sampling] nothing here changes."""
        self._model = model
        self.own_plain = own_plain
        self._read: dict[str, Recipe] = {}
        self._saved: dict[Named, Recipe] = {}  # versions that people have saved, the latest last
        self._chosen: dict[str, str] = {}  # recipe by team, as the store has it
        self._shipped: tuple[str, ...] = tuple(sorted(path.stem for path in SHIPPED.glob("*.toml")))

    @property
    def names(self) -> tuple[str, ...]:
        """What a person may choose by: the shipped recipes, and every saved version as name@version, the latest first."""
        return (*self._shipped, *(handle(each) for each in reversed(self._saved)))

    def saved(self, most: int) -> tuple[str, ...]:
        """Name the versions that people saved, as name@version, the latest first, at most so many."""
        return tuple(handle(each) for each in reversed(self._saved))[:most]

    @property
    def kit(self) -> Kit | None:
        """The parts that meet now; None while the model is not loaded."""
        lineup = self._model.lineup
        return lineup.kit if lineup else None

    def hold(self, recipe: Recipe) -> None:
        """Offer a saved version from now on."""
        self._saved[recipe.named] = recipe

    def settle(self, team: str, recipe: str | None) -> None:
        """Know which recipe a team has chosen; None: that of the settings."""
        self._chosen.pop(team, None)
        if recipe:
            self._chosen[team] = recipe

    def chosen(self, team: str) -> str:
        """Name the recipe that a team has chosen; "": that of the settings."""
        return self._chosen.get(team, "")

    def place(self, team: str | None, channels: Sequence[str]) -> str:
        """Find whose choice holds in a channel: that of the nearest of `channels` that has made one, else the team's."""
        places = (place_of(team, channel) for channel in channels if team)
        return next((place for place in places if place in self._chosen), team or OUTSIDE)

    def meeting(self, team: str) -> Entrants | None:
        """Pick the two that meet for a team now; None while the model is not loaded.

        Where what the team has chosen cannot meet any more, because the settings have changed since, these are the line-up's two; whoever
        asks is told so.
        """
        lineup = self._model.lineup
        if lineup is None:
            return None
        try:
            return self.entrants(self.chosen(team)) or lineup.entrants
        except DuelbotError:
            return lineup.entrants

    def entrants(self, recipe: str) -> Entrants | None:
        """Pick the two that meet with this engineered recipe; None: those of the line-up. Raises BadRequest, BadRecipe, UnfairDuel."""
        if not recipe:
            return None
        lineup = self._model.lineup
        if lineup is None:
            raise BadRequest("The model is still loading. A recipe can be chosen once it is ready.")
        if lineup.kit.engineered and recipe == lineup.kit.engineered.name:
            return None
        return self.with_recipe(self.found(recipe))

    def with_recipe(self, recipe: Recipe) -> Entrants | None:
        """Pick the two that meet with this very recipe; None: those of the line-up. Raises BadRequest, BadRecipe, UnfairDuel."""
        lineup = self._model.lineup
        if lineup is None:
            raise BadRequest("The model is still loading. A recipe can be chosen once it is ready.")
        if lineup.kit.engineered and recipe.digest == lineup.kit.engineered.digest:
            return None
        kit = lineup.kit.with_recipe(recipe).using(recipe=recipe.named)
        if not self.own_plain:  # as at the start: the plain recipe that ships draws as the engineered one does
            kit = replace(kit, plain=replace(kit.plain, sampling=recipe.sampling))
        first, second = (kit.contestant(arm) for arm in lineup.arms)
        check_fair((first, second))
        if (first.id, second.id) == tuple(entrant.id for entrant in lineup.entrants):
            raise BadRequest("No side of the duel uses an engineered recipe now, so another one would change nothing.")
        return first, second

    async def recipe(self, name: str) -> Recipe:
        """Read a recipe by its name: one that the kit holds, one that was saved, or one that ships. Raises BadRequest, BadRecipe."""
        return await asyncio.to_thread(self.found, name)

    def found(self, text: str) -> Recipe:
        """Read the recipe of this name, or name@version; one that ships once, as an order picks its entrants within a transaction.

        Raises BadRequest.
        """
        kit = self.kit
        if kit and any(text in (each.name, handle(each)) for each in kit.recipes):
            return kit.recipes[named_in(text, kit.recipes, "recipe", BadRequest)]
        if saved := next((each for named, each in self._saved.items() if text == handle(named)), None):
            return saved
        name = next((name for name in self._shipped if text in (name, handle(self._shipped_one(name).named))), "")
        if name:
            return self._shipped_one(name)
        if latest := [each for named, each in self._saved.items() if text == named.name]:
            return latest[-1]
        raise BadRequest(f"There is no recipe {inline(text)}. /recipe list shows those there are.")

    def _shipped_one(self, name: str) -> Recipe:
        if name not in self._read:
            self._read[name] = load_recipe(name)
        return self._read[name]

    def reread(self) -> None:
        """Read the recipes that ship again when they are wanted next."""
        self._read.clear()

    def beginnings(self) -> tuple[tuple[Recipe, bool], ...]:
        """List the recipes that nobody here has written: those of the line-up, then those that ship; each with whether it ships."""
        shipped = [self._shipped_one(name) for name in self._shipped]
        kit = self.kit
        own = [*kit.recipes.values(), kit.plain] if kit else []
        digests = {each.digest for each in shipped}
        return (*((each, False) for each in own if each.digest not in digests), *((each, True) for each in shipped))


def handle(named: Named) -> str:
    """Write a recipe's name and version as people type them: name@version."""
    return f"{named.name}@{named.version}"
