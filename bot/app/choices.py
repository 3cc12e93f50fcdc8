"""Choices: the recipes that a team may choose for its duels, and the two contestants that meet then."""

import asyncio
from dataclasses import replace

from bot.app.model import Model
from engine.contestants import Contestant, Kit, check_fair
from engine.errors import BadRequest
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
        kit = replace(lineup.kit, engineered=self._shipped(recipe))
        first, second = (kit.contestant(arm) for arm in lineup.arms)
        check_fair((first, second))
        if (first.id, second.id) == tuple(entrant.id for entrant in lineup.entrants):
            raise BadRequest("No side of the duel uses an engineered recipe now, so another one would change nothing.")
        return first, second

    async def recipe(self, name: str) -> Recipe:
        """Read a recipe by its name: a shipped one, or the one that is used. Raises BadRequest, BadRecipe."""
        if self.kit and self.kit.engineered and name == self.kit.engineered.name:
            return self.kit.engineered
        return await asyncio.to_thread(self._shipped, name)

    def _shipped(self, name: str) -> Recipe:
        """Read a shipped recipe, once: an order picks its entrants within a transaction."""
        if name not in self.names:
            raise BadRequest(f"There is no recipe {inline(name)}. /recipe list shows those there are.")
        if name not in self._read:
            self._read[name] = load_recipe(name)
        return self._read[name]
