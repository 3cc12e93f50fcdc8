"""Choices: the recipes that a team may choose for its duels, and the two contestants that meet then."""

import asyncio

from bot.app.model import Model
from engine.contestants import Contestant, check_fair
from engine.errors import BadRequest
from engine.kit import Kit, named_in
from engine.printable import one_line as inline
from engine.recipes import SHIPPED, Recipe, load_recipe


class Choices:
    """Recipes by name, never by path: a name comes from a person on a platform."""

    def __init__(self, model: Model) -> None:
        self._model = model
        self._read: dict[str, Recipe] = {}
        self.names: tuple[str, ...] = tuple(sorted(path.stem for path in SHIPPED.glob("*.toml")))

    @property
    def kit(self) -> Kit | None:
        """The parts that meet now; None while the model is not loaded."""
        lineup = self._model.lineup
        return lineup.kit if lineup else None

    def entrants(self, recipe: str) -> tuple[Contestant, Contestant] | None:
        """Pick the two that meet with this engineered recipe; None: those of the line-up. Raises BadRequest, BadRecipe, UnfairDuel."""
        if not recipe:
            return None
        lineup = self._model.lineup
        if lineup is None:
            raise BadRequest("The model is still loading. A recipe can be chosen once it is ready.")
        if lineup.kit.engineered and recipe == lineup.kit.engineered.name:
            return None
        kit = lineup.kit.with_recipe(chosen := self._found(recipe)).using(recipe=chosen.named)
        first, second = (kit.contestant(arm) for arm in lineup.arms)
        check_fair((first, second))
        if (first.id, second.id) == tuple(entrant.id for entrant in lineup.entrants):
            raise BadRequest("No side of the duel uses an engineered recipe now, so another one would change nothing.")
        return first, second

    async def recipe(self, name: str) -> Recipe:
        """Read a recipe by its name: one that the kit holds, or one that ships. Raises BadRequest, BadRecipe."""
        return await asyncio.to_thread(self._found, name)

    def _found(self, text: str) -> Recipe:
        """Read the recipe of this name, or name@version; one that ships once, as an order picks its entrants within a transaction."""
        kit = self.kit
        if kit and any(text in (each.name, f"{each.name}@{each.version}") for each in kit.recipes):
            return kit.recipes[named_in(text, kit.recipes, "recipe", BadRequest)]
        if text not in self.names:
            raise BadRequest(f"There is no recipe {inline(text)}. /recipe list shows those there are.")
        if text not in self._read:
            self._read[text] = load_recipe(text)
        return self._read[text]
