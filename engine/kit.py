"""A kit: what a team has to answer with, by names and versions, so that any two contestants of it can meet. A value; changes give another.

kit = kit.with_recipe(load_recipe("support.toml")).with_adapter(open_adapter(folder))
first, second = kit.pick(Named("support", "3")), kit.pick(Named("support", "4"))        # two recipes meet
first, second = (kit.using(adapter=each).contestant(Arm.TUNED) for each in kit.adapters)     # two adapters meet
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Self

from engine.contestants import Adapter, Arm, Base, Contestant
from engine.errors import BadAdapter, BadRecipe, DuelbotError
from engine.named import Named
from engine.parsing import shown
from engine.recipes import Recipe


@dataclass(frozen=True, slots=True)
class Usual:
    """Names of what the arms answer with unless they are told otherwise. None: there is no such arm."""

    engineered: Named | None = None
    adapter: Named | None = None


@dataclass(frozen=True, slots=True)
class Kit:
    """One base and its plain recipe; engineered recipes and adapters by name and version."""

    base: Base
    plain: Recipe  # adapters were trained with it, and the control answers under it
    recipes: Mapping[Named, Recipe] = field(default_factory=dict)
    adapters: Mapping[Named, Adapter] = field(default_factory=dict)
    usual: Usual = Usual()
    elsewhere: Base | None = None  # on which the prompted arm answers in place of the base

    @classmethod
    def of(cls, base: Base, engineered: Recipe | None, plain: Recipe, adapter: Adapter | None = None) -> Self:
        """Make a kit of what the settings name, and of nothing else; it is what the arms take."""
        kit = cls(base, plain)
        kit = kit.with_recipe(engineered).using(recipe=engineered.named) if engineered else kit
        return kit.with_adapter(adapter).using(adapter=adapter.named) if adapter else kit

    @property
    def engineered(self) -> Recipe | None:
        """The usual engineered recipe, if there is one."""
        return self.recipes[self.usual.engineered] if self.usual.engineered else None

    @property
    def adapter(self) -> Adapter | None:
        """The usual adapter, if there is one."""
        return self.adapters[self.usual.adapter] if self.usual.adapter else None

    def contestant(self, arm: Arm) -> Contestant:
        """Make the arm of what is usual. Raises BadAdapter or BadRecipe when it needs what is not there."""
        if arm.adapted and self.adapter is None:
            raise BadAdapter(f"The arm {arm} needs an adapter, and none is set. Set DUEL_ADAPTER to an adapter made for {self.base.name}.")
        recipe = self.engineered if arm.engineered else self.plain
        if recipe is None:
            raise BadRecipe(f"The arm {arm} needs an engineered recipe, and none is set. Set DUEL_RECIPE to one for {self.base.name}.")
        return Contestant(arm, recipe, self.adapter if arm.adapted else None, self.base_of(arm))

    def base_of(self, arm: Arm) -> Base:
        """Find the base that an arm answers on."""
        return self.elsewhere if self.elsewhere and arm is Arm.PROMPTED else self.base

    def pick(self, recipe: Named, adapter: Named | None = None) -> Contestant:
        """Make the contestant that answers with this recipe, and with this adapter. Raises BadRecipe, BadAdapter for what is not here.

        Its arm follows: an adapter under the plain recipe, or under the one that its card names, is tuned, under another combined.
        """
        written = self.plain if recipe == self.plain.named and recipe not in self.recipes else self.recipes[self._recipe(recipe)]
        loaded = self.adapters[self._adapter(adapter)] if adapter else None
        plain = {self.plain.digest} | ({loaded.card.recipe.digest} if loaded and loaded.card else set())
        if written.digest in plain:
            return Contestant(Arm.TUNED if loaded else Arm.PLAIN, written, loaded, self.base)
        arm = Arm.COMBINED if loaded else Arm.PROMPTED
        return Contestant(arm, written, loaded, self.base_of(arm))

    def using(self, *, recipe: Named | None = None, adapter: Named | None = None) -> Self:
        """Return a kit whose arms take this engineered recipe, or this adapter. Raises BadRecipe, BadAdapter for what is not here."""
        usual = replace(self.usual, engineered=self._recipe(recipe)) if recipe else self.usual
        return replace(self, usual=replace(usual, adapter=self._adapter(adapter)) if adapter else usual)

    def with_recipe(self, recipe: Recipe) -> Self:
        """Return a kit that has this recipe, too. Raises BadRecipe where another one has its name and version."""
        if (there := self.recipes.get(recipe.named)) and there != recipe:
            raise BadRecipe(f"There is another recipe {recipe.named} here. Give one of them a version of its own.")
        return replace(self, recipes={**self.recipes, recipe.named: recipe})

    def with_adapter(self, adapter: Adapter) -> Self:
        """Return a kit that has this adapter, too; it is loaded already. Raises BadAdapter where another has its name and version."""
        if (there := self.adapters.get(adapter.named)) and there.digest != adapter.digest:
            raise BadAdapter(f"There is another adapter {adapter.named} here. Give one of them a version of its own, on its card.")
        return replace(self, adapters={**self.adapters, adapter.named: adapter})

    def without_recipe(self, name: Named) -> Self:
        """Return a kit without this engineered recipe; duels that run with it go on. Raises BadRecipe where it is not here."""
        usual = replace(self.usual, engineered=None) if self.usual.engineered == self._recipe(name) else self.usual
        return replace(self, usual=usual, recipes={each: recipe for each, recipe in self.recipes.items() if each != name})

    def without_adapter(self, name: Named) -> Self:
        """Return a kit without this adapter; duels that run with it go on. Raises BadAdapter where it is not here."""
        usual = replace(self.usual, adapter=None) if self.usual.adapter == self._adapter(name) else self.usual
        return replace(self, usual=usual, adapters={each: adapter for each, adapter in self.adapters.items() if each != name})

    def _recipe(self, name: Named) -> Named:
        if name not in self.recipes:
            raise BadRecipe(f"There is no recipe {name} here (there are: {_listed(self.recipes)}).")
        return name

    def _adapter(self, name: Named) -> Named:
        if name not in self.adapters:
            raise BadAdapter(f"There is no adapter {name} here (there are: {_listed(self.adapters)}).")
        return name


def _listed(names: Iterable[Named]) -> str:
    return ", ".join(map(str, names)) or "none"


def named_in(text: str, names: Iterable[Named], what: str, error: type[DuelbotError]) -> Named:
    """Find the one that a person means: by "name@version", or by its name alone where that has one version.

    Nothing is split, so names and versions may hold blanks and "@". Raises `error`, in which `what` is "recipe" or "adapter".
    """
    known = tuple(names)
    exact = [each for each in known if text in (_handle(each), str(each))]
    found = exact or [each for each in known if text == each.name]
    if len(found) == 1:
        return found[0]
    if found:
        raise error(f"There are several: {', '.join(map(_handle, found))}. Say which {what} with its version.")
    raise error(f"There is no {what} {shown(text)} here (there are: {', '.join(map(_handle, known)) or 'none'}).")


def _handle(name: Named) -> str:
    return f"{name.name}@{name.version}"
