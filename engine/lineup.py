"""From settings to everything a duel needs: a backend with the model loaded, the kit, the price, the two arms."""

import asyncio
import importlib
from dataclasses import dataclass, replace
from pathlib import Path

from engine.backends.base import Backend
from engine.contestants import Adapter, Arm, Contestant, Kit, check_fair, open_adapter
from engine.cost import Price
from engine.duel import Failure, answer_each, prompt_of
from engine.errors import BadRecipe, SettingsError
from engine.recipes import load_recipe
from engine.request import Request
from engine.settings import EngineSettings

DEMO_BASE = Path(__file__).with_name("models") / "demo"
DEMO_ADAPTER = Path(__file__).parents[1] / "adapters" / "shipped" / "demo"


@dataclass(frozen=True, slots=True)
class Lineup:
    """Who can meet, and on what."""

    backend: Backend
    kit: Kit
    price: Price
    arms: tuple[Arm, Arm]  # entrant 0 and entrant 1 of a duel, before the coin seats them

    @property
    def entrants(self) -> tuple[Contestant, Contestant]:
        return (self.kit.contestant(self.arms[0]), self.kit.contestant(self.arms[1]))


def parse_arms(text: str) -> tuple[Arm, ...]:
    """Arms from "prompted,tuned". Raises SettingsError for unknown and repeated ones."""
    names = [name.strip() for name in text.split(",") if name.strip()]
    if unknown := [name for name in names if name not in list(Arm)]:
        raise SettingsError(f"Unknown arm: {', '.join(unknown)}. There are {', '.join(Arm)}.")
    if len(set(names)) < len(names):
        raise SettingsError(f"Name each arm once; {text!r} names one twice.")
    return tuple(Arm(name) for name in names)


def duel_arms(text: str, adapter: Adapter | None) -> tuple[Arm, Arm]:
    """The two arms of a duel; without a wish the product's question, or what can be asked without an adapter."""
    arms = parse_arms(text) or ((Arm.PROMPTED, Arm.TUNED) if adapter else (Arm.PROMPTED, Arm.PLAIN))
    if len(arms) != 2:
        raise SettingsError(f"A duel has two arms; DUEL_ARMS names {len(arms)}.")
    return (arms[0], arms[1])


def aa_arms(text: str) -> tuple[Arm, Arm]:
    """One arm against itself. Raises SettingsError."""
    arms = parse_arms(text)
    if len(arms) != 1:
        raise SettingsError(f"An A/A check has one arm; DUEL_AA names {len(arms)}.")
    return (arms[0], arms[0])


async def open_lineup(settings: EngineSettings) -> Lineup:
    """Read the recipes, load the model, prove the adapter alive. Whoever opens it closes `backend`.

    Raises SettingsError, BadRecipe, BadModel, BadAdapter, UnfairDuel; then nothing stays open.
    """
    local = await asyncio.to_thread(importlib.import_module, "engine.backends.local")  # torch takes seconds to import
    engineered, plain = load_recipe(settings.recipe), load_recipe(settings.plain_recipe)
    demo = settings.base_model == "demo"
    adapter: Adapter | None = None
    if settings.adapter:
        adapter = open_adapter(await asyncio.to_thread(local.fetch, settings.adapter, "adapter"))
    elif demo:
        adapter = open_adapter(DEMO_ADAPTER)
    arms = aa_arms(settings.aa) if settings.aa else duel_arms(settings.arms, adapter)
    folder = DEMO_BASE if demo else await asyncio.to_thread(local.fetch, settings.base_model, "base model")
    backend: Backend = await local.open_local(folder, settings.base_model, settings)
    try:
        if adapter:
            await backend.add_adapter(adapter, plain)
        lineup = Lineup(backend, Kit(backend.base, engineered, plain, adapter), settings.price, arms)
        check_fair(lineup.entrants)
        await _prove(lineup)
    except BaseException:
        await backend.aclose()
        raise
    return lineup


async def _prove(lineup: Lineup) -> None:
    """Let both entrants read a short request once: nobody who asks later pays for filling the caches.

    Raises BadRecipe for a recipe with which no request could ever be answered, as it fills the context or the model's chat
    template refuses it.
    """
    prompts = {
        entrant.arm: replace(prompt, sampling=replace(prompt.sampling, max_new_tokens=1))
        for entrant in lineup.entrants
        for prompt in [prompt_of(entrant, Request.of("Hello"), 0)]
    }
    outcomes = await answer_each(prompts, lineup.backend, lineup.price)
    for entrant in lineup.entrants:
        outcome, recipe, base = outcomes[entrant.arm], entrant.recipe, entrant.base
        tokens, room = outcome.usage.prompt_tokens if outcome.usage else 0, base.context_tokens - recipe.sampling.max_new_tokens
        setting = "DUEL_RECIPE" if entrant.arm.engineered else "DUEL_PLAIN_RECIPE"
        if tokens > room:
            raise BadRecipe(
                f"The recipe {recipe.name} {recipe.version} leaves no room for a request: it is {tokens:,} tokens with a short one, "
                f"and {base.name} reads {max(room, 0):,} beside an answer of {recipe.sampling.max_new_tokens:,}. "
                f"Set {setting} to a shorter one."
            )
        if isinstance(outcome, Failure):
            raise BadRecipe(f"With the recipe {recipe.name} {recipe.version} no request can be answered: {outcome.words} ({setting})")
