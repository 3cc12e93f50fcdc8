"""Pairing: any two contestants meet, picked by arm, recipe and adapter; or those two of which least is known."""

import random
from collections.abc import Iterable
from dataclasses import dataclass, replace
from itertools import combinations

from bot.app.bases import Bases, Stand
from bot.app.choices import Choices, Entrants, handle
from bot.app.ending import who
from bot.app.evidence import Evidence
from bot.app.orders import StillLoading
from bot.app.shelf import AdapterNotLoaded, checked
from bot.picks import Picked, PickedPair
from bot.verdict import ordered
from engine.contestants import Arm, Contestant
from engine.errors import BadRequest, DuelbotError
from engine.kit import named_in
from engine.lineup import Lineup, tuned_with
from engine.recipes import Recipe

LATEST = 4  # versions of recipes, the latest, among which a surprise is looked for
LOADING = "The model is still loading. Who meets can be picked once it is ready."


@dataclass(frozen=True, slots=True)
class Pickable:
    """What two sides can be picked from."""

    base: str  # the one base that both stand on
    bases: tuple[str, ...]  # those that can be picked
    state: str  # "": the base is ready; else in words why nobody can be picked on it yet
    loading: bool  # whether that will pass
    usual: tuple[Arm, ...]  # the two who meet unless others are picked; none while that is not known
    arms: tuple[Arm, ...]
    recipes: tuple[str, ...]
    adapters: tuple[str, ...]


class Pairing:
    """Makes the two that meet out of what was picked."""

    def __init__(self, bases: Bases, choices: Choices, evidence: Evidence, coin: random.Random) -> None:
        """coin: decides between pairs of which equally little is known."""
        self._bases, self._choices, self._evidence, self._coin = bases, choices, evidence, coin

    @property
    def bases(self) -> tuple[str, ...]:
        """The bases that can be picked, that of the settings first."""
        return self._bases.names

    async def settled(self, base: str) -> None:
        """Wait until a base has loaded, or could not be. Raises BadRequest for one that is not offered."""
        await self._bases.of(base).model.settled()

    async def pickable(self, base: str = "") -> Pickable | None:
        """List what can be picked on a base, which begins to load if it has not; None while that of the settings is not loaded.

        Raises BadAdapter, BadRequest for a base that is not offered.
        """
        stand = self._bases.of(base)
        lineup = stand.model.lineup
        if lineup is None:
            waits = stand is self._bases.usual
            return None if waits else _not_yet(stand, self._bases.names)
        adapters = await stand.shelf.names()
        written = [*(handle(each.named) for each in lineup.kit.recipes.values()), *self._choices.names]
        recipes = (*(name for name in dict.fromkeys(written) if name != lineup.kit.plain.name),)  # that one is the arm plain
        arms = [arm for arm in Arm if (adapters or not arm.adapted) and (recipes or not arm.engineered)]
        return Pickable(stand.base, self._bases.names, "", False, lineup.arms, tuple(arms), recipes, adapters)

    def entrants(self, picked: PickedPair, base: str = "") -> Entrants:
        """Make the two that were picked, whose adapters are loaded. Raises AdapterNotLoaded, BadRequest, BadRecipe, UnfairDuel."""
        lineup = self._loaded(base)
        names = tuple(each.adapter for each in picked if each.adapter)
        if not all(_is_loaded(lineup, name) for name in names):
            raise AdapterNotLoaded(names)
        first, second = (self._contestant(lineup, each) for each in picked)
        written = next((each.recipe for each in (first, second) if each.arm.engineered), None)
        if written and not lineup.settings.own_plain:  # as at the start: the plain recipe draws as the engineered one does
            first, second = (_drawing_as(written, each) for each in (first, second))
        met = checked((first, second))
        in_order = ordered([who(each) for each in met])
        return met if in_order[0].id == met[0].id else (met[1], met[0])

    def _loaded(self, base: str) -> Lineup:
        model = self._bases.of(base).model
        if model.lineup is None:
            raise BadRequest(model.state.words) if model.state.state == "failed" else StillLoading(LOADING)
        return model.lineup

    def _contestant(self, lineup: Lineup, picked: Picked) -> Contestant:
        kit = lineup.kit
        if (picked.recipe and not picked.arm.engineered) or (picked.adapter and not picked.arm.adapted):
            raise BadRequest(f"The arm {picked.arm} has no place for {picked.recipe if not picked.arm.engineered else picked.adapter}.")
        tuned = tuned_with(lineup, named_in(picked.adapter, kit.adapters, "adapter", BadRequest)) if picked.adapter else None
        if picked.recipe:
            recipe = self._choices.found(picked.recipe)
            kit = kit.with_recipe(recipe).using(recipe=recipe.named)
        if picked.arm is Arm.TUNED:
            return tuned or kit.contestant(Arm.TUNED)
        made = kit.contestant(picked.arm)
        return replace(made, adapter=tuned.adapter) if tuned else made

    async def least_known(self, base: str = "") -> PickedPair:
        """Pick the pair with the fewest decided duels among what is loaded and the latest recipes. Raises BadRequest where none meets."""
        lineup = self._loaded(base)
        duels = {frozenset((first.id, second.id)): number for first, second, number in await self._evidence.pairs()}
        known: list[tuple[int, float, PickedPair]] = []
        for pair in combinations(self._candidates(lineup), 2):
            try:
                ids = frozenset(each.id for each in self.entrants(pair, base))
            except DuelbotError:  # these two cannot meet, or nobody has made them
                continue
            known.append((duels.get(ids, 0), self._coin.random(), pair))
        if not known:
            raise BadRequest("No two can meet here but the usual ones. Write a recipe or train an adapter first.")
        return min(known, key=lambda each: each[:2])[2]

    def _candidates(self, lineup: Lineup) -> Iterable[Picked]:
        recipes = [handle(each) for each in [*lineup.kit.recipes][-LATEST:]]
        recipes += [name for name in self._choices.saved(LATEST) if name not in recipes]
        adapters = [handle(each) for each in lineup.kit.adapters]
        yield Picked(Arm.PLAIN)
        yield from (Picked(Arm.PROMPTED, recipe=name) for name in recipes)
        yield from (Picked(Arm.TUNED, adapter=name) for name in adapters)
        yield from (Picked(Arm.COMBINED, recipe=recipe, adapter=adapter) for recipe in recipes[:1] for adapter in adapters)


def _not_yet(stand: Stand, bases: tuple[str, ...]) -> Pickable:
    state = stand.model.state
    return Pickable(stand.base, bases, state.words, state.state == "loading", (), (), (), ())


def _is_loaded(lineup: Lineup, name: str) -> bool:
    return any(name in (each.name, handle(each), str(each)) for each in lineup.kit.adapters)


def _drawing_as(written: Recipe, contestant: Contestant) -> Contestant:
    """Give a contestant whose recipe says nothing the [sampling] of the other one's."""
    if contestant.arm.engineered:
        return contestant
    return replace(contestant, recipe=replace(contestant.recipe, sampling=written.sampling))
