"""From settings to everything a duel needs: a backend with the model loaded, the kit, the price, the two arms."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from engine.backends.base import Alive, Backend
from engine.backends.local.fetching import fetch
from engine.backends.local.gguf import gguf_in, unpacked, unsaid
from engine.backends.local.opening import open_local
from engine.backends.local.package import ModelPackage, packaged
from engine.backends.openai.opening import open_server, open_servers
from engine.chosen import AdapterChoice, choices_of, open_choice
from engine.contestants import Adapter, Arm, Contestant, check_fair, open_adapter
from engine.cost import Price
from engine.errors import BadAdapter, BadModel, SettingsError
from engine.kit import Kit
from engine.named import Named
from engine.parsing import shown_all
from engine.proving import prove
from engine.recipes import Recipe, load_recipe, shipped_recipes, ships
from engine.settings import EngineSettings
from engine.shipped import DEMO, DEMO_BASE, PAIRS, SMOLLM2, SMOLLM2_PACKAGE

PENALISED = "On a server repetition_penalty counts the prompt's words too, so a side with a longer recipe is penalised more by it."


@dataclass(frozen=True, slots=True)
class Lineup:
    """The kit, the backend that runs it, the price of its answers, and the two arms that meet."""

    backend: Backend
    kit: Kit
    price: Price
    arms: tuple[Arm, Arm]  # entrant 0 and entrant 1 of a duel, before the coin seats them
    notes: tuple[str, ...] = ()  # what people should be told before the first duel, a sentence each
    written: Recipe | None = None  # the plain recipe as its file has it, which adapters are trained with; None: the kit's own
    alive: Mapping[str, Alive] = field(default_factory=dict)  # by adapter digest
    settings: EngineSettings = field(default_factory=EngineSettings)  # those that hold, after a base that could not be had
    choice: AdapterChoice | None = None  # which made the usual adapter what it is; None: DUEL_ADAPTER, or what ships

    @property
    def entrants(self) -> tuple[Contestant, Contestant]:
        """The two that meet. Raises BadAdapter, BadRecipe when an arm needs what the kit lacks."""
        return (self.kit.contestant(self.arms[0]), self.kit.contestant(self.arms[1]))


def parse_arms(text: str) -> tuple[Arm, ...]:
    """Read arms, as "prompted,tuned" names them. Raises SettingsError for unknown and repeated ones."""
    names = [name.strip() for name in text.split(",") if name.strip()]
    if unknown := [name for name in names if name not in list(Arm)]:
        raise SettingsError(f"Unknown arm: {shown_all(unknown)}. There are {', '.join(Arm)}.")
    if len(set(names)) < len(names):
        raise SettingsError(f"Name each arm once; {text!r} names one twice.")
    return tuple(Arm(name) for name in names)


def duel_arms(text: str, adapter: Adapter | None, engineered: Recipe | None) -> tuple[Arm, Arm]:
    """Choose the two arms of a duel: those named, else prompted against tuned, plain in place of a side that is not there.

    Raises SettingsError.
    """
    arms = parse_arms(text) or (Arm.PROMPTED if engineered else Arm.PLAIN, Arm.TUNED if adapter else Arm.PLAIN)
    if len(arms) != 2:
        raise SettingsError(f"A duel has two arms; DUEL_ARMS names {len(arms)}.")
    return (arms[0], arms[1])


def aa_arms(text: str) -> tuple[Arm, Arm]:
    """Read the arm that meets itself. Raises SettingsError unless the text names one."""
    arms = parse_arms(text)
    if len(arms) != 1:
        raise SettingsError(f"An A/A check has one arm; DUEL_AA names {len(arms)}.")
    return (arms[0], arms[0])


def engineered_recipe(settings: EngineSettings) -> Recipe | None:
    """Load the engineered recipe, if there is one. Raises BadRecipe.

    Without a setting a base that ships has the recipe of its pair, which is about one subject; another base has none.
    """
    pair = PAIRS.get(settings.base_model)
    name = settings.recipe or (pair.recipe if pair else "")
    return load_recipe(name) if name else None


def plain_recipe(name: str, adapter: Adapter | None) -> Recipe:
    """Load the plain recipe: the one that is named, else the shipped one that the adapter's card names, else plain. Raises BadRecipe."""
    card = adapter.card if adapter else None
    if not name and card and card.recipe.name in shipped_recipes():
        known = load_recipe(card.recipe.name)
        return known if known.digest == card.recipe.digest else load_recipe("plain")
    return load_recipe(name or "plain")


def sampled_alike(plain: Recipe, engineered: Recipe | None, settings: EngineSettings) -> tuple[Recipe, tuple[str, ...]]:
    """Give the plain recipe that ships the engineered one's [sampling].

    Returns the plain recipe to use, and what should be said of it: nothing where the engineered one ships, too.
    """
    if engineered is None or settings.own_plain or engineered.sampling == plain.sampling:
        return plain, ()
    said = f"The plain recipe takes the [sampling] of {engineered.name} {engineered.version}, as both sides of a duel need the same."
    return replace(plain, sampling=engineered.sampling), () if ships(engineered) else (said,)


def without_recipe(base: str, adapter: Adapter | None) -> str:
    """Word who meets when no engineered recipe is set for somebody's own base."""
    if adapter:
        return f"No engineered recipe is set for {base}, so its plain recipe meets the adapter; DUEL_RECIPE names yours."
    return (
        f"Neither DUEL_RECIPE nor DUEL_ADAPTER is set for {base}, so plain meets itself and there is nothing to decide: "
        "name your recipe, your adapter or both."
    )


def base_folder(name: str, say: Callable[[str], None] = unsaid) -> Path:
    """Find the folder of a base model: one that ships, a folder, a GGUF file, or a hub id that is downloaded once. Raises BadModel.

    say: is told what takes long, the first time.
    """
    match name:
        case "demo":
            return DEMO_BASE
        case "smollm2":
            return packaged(ModelPackage.read(SMOLLM2_PACKAGE), SMOLLM2, say)
    path = fetch(name, "base model")
    gguf = gguf_in(path, name)
    return unpacked(gguf, name, say) if gguf else path


def found_base(settings: EngineSettings, say: Callable[[str], None]) -> tuple[EngineSettings, Path, tuple[str, ...]]:
    """Find the base's folder. Returns the settings that then hold, the folder, and what should be said.

    Where smollm2 cannot be had the small demo takes its place, with its own pair, unless a recipe or an adapter is set: they would not
    be about the demo's subject. Raises BadModel.
    """
    try:
        return settings, base_folder(settings.base_model, say), ()
    except BadModel as error:
        if settings.base_model != SMOLLM2 or settings.adapter or settings.recipe or settings.plain_recipe:
            raise
        said = f"{error.words} The small demo model answers in its place, on its own subject: prompt engineering or fine-tuning."
        return settings.but({"base_model": DEMO}), DEMO_BASE, (said,)


async def open_backend(folder: Path | None, settings: EngineSettings, say: Callable[[str], None] = unsaid) -> Backend:
    """Open the backend that the settings name. Raises BadModel, SettingsError. The caller closes it.

    folder: holds the base model; None: it is on a server. say: is told what takes long, the first time.
    """
    if folder is None:
        return await open_server(settings)
    return await open_local(folder, settings.base_model, settings, say=say)


def folder_needed(settings: EngineSettings, say: Callable[[str], None] = unsaid) -> Path | None:
    """Find the base's folder where it runs in this process; None: it is on a server. Raises BadModel."""
    return base_folder(settings.base_model, say) if settings.backend == "local" else None


def choice_in(settings: EngineSettings) -> AdapterChoice | None:
    """Read which adapter was chosen for the base; None: DUEL_ADAPTER names it, nobody chose, or a server has its own. Raises BadAdapter."""
    if settings.adapter or (settings.backend == "openai" and not settings.server_adapters):
        return None
    return next(iter(choices_of(Path(settings.adapters), settings.base_model)[::-1]), None)


def adapter_of(settings: EngineSettings, choice: AdapterChoice | None) -> Adapter | None:
    """Open the adapter that the tuned side takes: the one that is set, the chosen one, else what ships. Raises BadAdapter."""
    if settings.adapter:
        return open_adapter(fetch(settings.adapter, "adapter"))
    if choice:
        return open_choice(Path(settings.adapters), choice)
    pair = PAIRS.get(settings.base_model) if settings.backend == "local" else None
    return open_adapter(pair.adapter) if pair else None


async def open_lineup(settings: EngineSettings, say: Callable[[str], None] = unsaid) -> Lineup:
    """Read the recipes, load the model, prove the adapter alive. Whoever opens it closes `backend`.

    say: is told what takes long, from any thread. Raises SettingsError, BadRecipe, BadModel, BadAdapter, UnfairDuel; then nothing
    stays open.
    """
    engineered_recipe(settings), plain_recipe(settings.plain_recipe, None)  # one that cannot be read is told before a model is fetched
    if settings.backend == "openai":
        return await _open_served(settings)
    settings, folder, said = await asyncio.to_thread(found_base, settings, say)
    choice = choice_in(settings)
    adapter = await asyncio.to_thread(adapter_of, settings, choice)
    met = met_by(settings, adapter)
    return await _completed(settings, await open_backend(folder, settings, say), adapter, met, said=said, choice=choice)


async def _open_served(settings: EngineSettings) -> Lineup:
    """Open a line-up on a server, as `open_lineup` says; adapters that lie in folders here are none of it."""
    backend = await open_servers(settings)
    try:
        choice = choice_in(settings)
        own = adapter_seen(settings)
        adapter = open_choice(Path(settings.adapters), choice) if choice else open_adapter(own) if own else None
        if adapter is None and settings.adapter:
            adapter = await backend.served(settings.adapter)
        met = met_by(settings, adapter)
    except BaseException:
        await backend.aclose()
        raise
    rules = [recipe.sampling for recipe in (met.engineered, met.plain) if recipe]
    penalised = (PENALISED,) if any(each.repetition_penalty != 1 for each in rules) else ()
    return await _completed(settings, backend, adapter, met, said=(*backend.notes, *penalised), choice=choice)


def adapter_seen(settings: EngineSettings) -> Path | None:
    """Find the folder of DUEL_ADAPTER that the server sees as well: one by that name in the folder of adapters. None: there is none."""
    folder = Path(settings.adapters) / settings.adapter
    return folder if settings.server_adapters and settings.adapter and folder.is_dir() else None


@dataclass(frozen=True, slots=True)
class MetSides:
    """What a line-up's two arms answer with, as settings and an adapter have it."""

    engineered: Recipe | None
    written: Recipe  # the plain recipe as its file has it
    plain: Recipe  # as it is asked
    arms: tuple[Arm, Arm]
    notes: tuple[str, ...]


def met_by(settings: EngineSettings, adapter: Adapter | None) -> MetSides:
    """Choose recipes and arms. Raises SettingsError, BadRecipe."""
    engineered, written = engineered_recipe(settings), plain_recipe(settings.plain_recipe, adapter)
    plain, notes = sampled_alike(written, engineered, settings)
    arms = aa_arms(settings.aa) if settings.aa else duel_arms(settings.arms, adapter, engineered)
    if engineered is None and not (settings.aa or settings.arms):
        notes += (without_recipe(settings.base_model, adapter),)
    return MetSides(engineered, written, plain, arms, notes)


async def _completed(
    settings: EngineSettings,
    backend: Backend,
    adapter: Adapter | None,
    met: MetSides,
    *,
    said: tuple[str, ...],
    choice: AdapterChoice | None,
) -> Lineup:
    """Prove adapter and recipes on an open backend, which is closed when they do not hold. Raises BadRecipe, BadAdapter, UnfairDuel."""
    notes, written = (*said, *met.notes), met.written
    try:
        alive: dict[str, Alive] = {}
        if adapter:
            proof = await backend.add_adapter(adapter, written)  # what it was trained with; sampling is no part of a training
            alive[adapter.digest] = proof
            notes += proof.notes
        kit = replace(Kit.of(backend.base, met.engineered, met.plain, adapter), elsewhere=getattr(backend, "elsewhere", None))
        lineup = Lineup(backend, kit, settings.price, met.arms, notes, written, alive, settings, choice)
        lineup = replace(lineup, notes=(*notes, *check_fair(lineup.entrants)))
        await prove(lineup.entrants, lineup.backend, lineup.price)
    except BaseException:
        await backend.aclose()
        raise
    return lineup


async def reread_lineup(lineup: Lineup) -> Lineup:
    """Read the recipes and the price list that the settings name once more. Returns the line-up that has them; adapters stay as they are.

    Raises BadRecipe, SettingsError, UnfairDuel, BackendError; then everything is as it was.
    """
    settings, old = lineup.settings, lineup.kit
    met, price = await asyncio.to_thread(met_by, settings, old.adapter), await asyncio.to_thread(lambda: settings.price)
    alone = Kit.of(old.base, met.engineered, met.plain, old.adapter)
    others = {name: recipe for name, recipe in old.recipes.items() if name not in (old.usual.engineered, *alone.recipes)}
    kit = replace(alone, elsewhere=old.elsewhere, recipes={**others, **alone.recipes}, adapters={**old.adapters, **alone.adapters})
    changed = replace(lineup, kit=kit, price=price, arms=met.arms, written=met.written)
    check_fair(changed.entrants)
    if [each.id for each in changed.entrants] != [each.id for each in lineup.entrants]:
        await prove(changed.entrants, changed.backend, changed.price)
    return changed


async def with_adapter(lineup: Lineup, folder: Path) -> Lineup:
    """Load one more adapter beside those of a line-up that runs; return the line-up that has it in its kit.

    Raises BadAdapter when it is not fit to duel or another one has its name and version; then everything is as it was.
    """
    return await loaded(lineup, await asyncio.to_thread(open_adapter, folder))


async def without_adapter(lineup: Lineup, name: Named) -> Lineup:
    """Let an adapter go; return the line-up without it, once what is being written with it has ended. Raises BadAdapter."""
    adapter = lineup.kit.adapters.get(name)
    kit = lineup.kit.without_adapter(name)
    if adapter:
        await lineup.backend.remove_adapter(adapter)
    return replace(lineup, kit=kit)


async def using_adapter(lineup: Lineup, adapter: Adapter | None, choice: AdapterChoice | None) -> Lineup:
    """Have the arms of a line-up that runs take this adapter from now on, under the plain recipe that it was trained with.

    None: no adapter. choice: what made it so. Raises BadAdapter, BadRecipe, UnfairDuel; then everything is as it was.
    """
    settings, engineered = lineup.settings, lineup.kit.engineered
    written = plain_recipe(settings.plain_recipe, adapter)
    plain, notes = sampled_alike(written, engineered, settings)
    arms = lineup.arms if settings.aa else duel_arms(settings.arms, adapter, engineered)
    if engineered is None and not (settings.aa or settings.arms):
        notes += (without_recipe(settings.base_model, adapter),)
    more = await loaded(lineup, adapter) if adapter else lineup
    usual = replace(more.kit.usual, adapter=adapter.named if adapter else None)
    kit = replace(more.kit, plain=plain, usual=usual)
    if adapter:
        notes += more.alive[adapter.digest].notes
    changed = replace(more, kit=kit, arms=arms, notes=notes, written=written, choice=choice)
    changed = replace(changed, notes=(*changed.notes, *check_fair(changed.entrants)))
    await prove(changed.entrants, changed.backend, changed.price)
    return changed


def tuned_with(lineup: Lineup, name: Named) -> Contestant:
    """Make the tuned contestant of a loaded adapter, under the plain recipe that it was trained with. Raises BadAdapter, BadRecipe."""
    if name not in lineup.kit.adapters:
        raise BadAdapter(f"The adapter {name} is not loaded.")
    adapter = lineup.kit.adapters[name]
    plain, _ = sampled_alike(plain_recipe(lineup.settings.plain_recipe, adapter), lineup.kit.engineered, lineup.settings)
    return Contestant(Arm.TUNED, plain, adapter, lineup.kit.base)


async def loaded(lineup: Lineup, adapter: Adapter) -> Lineup:
    """Load an adapter that has been read, or that a server has, as `with_adapter` does."""
    kit = lineup.kit.with_adapter(adapter)
    proof = await lineup.backend.add_adapter(adapter, plain_recipe(lineup.settings.plain_recipe, adapter))
    alive = {**lineup.alive, adapter.digest: proof}
    return replace(lineup, kit=kit, notes=(*lineup.notes, *proof.notes), alive=alive)
