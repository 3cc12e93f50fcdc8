"""Which adapters there are: those that ship, and those in a folder of one's own."""

import hashlib
import shutil
from dataclasses import dataclass
from pathlib import Path

from engine.card import FILE as CARD_FILE
from engine.card import BaseRef, Card, RecipeRef
from engine.chosen import AdapterChoice, choose, forget_choice, roll_back
from engine.contestants import Adapter, check_made_for, folder_revision, open_adapter
from engine.errors import BadAdapter, SettingsError
from engine.kit import named_in
from engine.lineup import base_folder, plain_recipe
from engine.plain_lora import check_plain
from engine.recipes import load_recipe
from engine.rows import read_rows
from engine.settings import EngineSettings
from engine.shipped import SHIPPED_ADAPTERS, SMOLLM2
from engine.trained_on import write_trained_on


@dataclass(frozen=True, slots=True)
class Listed:
    """An adapter folder, read; where it cannot be used, `trouble` says why."""

    folder: Path
    adapter: Adapter | None
    trouble: str = ""

    @property
    def card(self) -> Card | None:
        """Its card; None where it has none, or cannot be used."""
        return self.adapter.card if self.adapter else None


def list_adapters(folders: tuple[Path, ...] = (SHIPPED_ADAPTERS,)) -> tuple[Listed, ...]:
    """Read every adapter in these folders, by name; a broken one is listed with its trouble. Raises BadAdapter for no folder."""
    found = []
    for folder in folders:
        if not folder.is_dir():
            raise BadAdapter(f"There is no folder {folder}.")
        for inner in sorted(path.parent for path in folder.glob("*/adapter_config.json")):
            try:
                found.append(Listed(inner, _read(inner)))
            except BadAdapter as error:
                found.append(Listed(inner, None, error.words))
    return tuple(found)


def shelves(settings: EngineSettings) -> tuple[Path, ...]:
    """List the folders that hold adapters: the one that ships, and one's own where it is there."""
    own = Path(settings.adapters)
    return (SHIPPED_ADAPTERS, own) if own.is_dir() else (SHIPPED_ADAPTERS,)


def find_adapter(name: str, settings: EngineSettings) -> Listed:
    """Find an adapter by name@version, by a name that has one version, or by its folder. Raises BadAdapter, for a broken one as well."""
    if "/" in name or name.startswith("."):
        return Listed(Path(name), _read(Path(name)))
    listed = list_adapters(shelves(settings))
    if broken := next((each for each in listed if each.adapter is None and each.folder.name == name), None):
        raise BadAdapter(f"The adapter in {broken.folder} cannot be used: {broken.trouble}")
    there = {each.adapter.named: each for each in listed if each.adapter}
    by_folder = next((each for each in there.values() if each.folder.name == name), None)
    if by_folder and not any(name in (each.name, f"{each.name}@{each.version}", str(each)) for each in there):
        return by_folder
    return there[named_in(name, there, "adapter", BadAdapter)]


def use_adapter(name: str, settings: EngineSettings) -> tuple[AdapterChoice, tuple[str, ...]]:
    """Have the tuned side take an adapter from now on, in programs that run as well. Returns it, and what should be said of it.

    Raises BadAdapter where it was made for another base or plain recipe, SettingsError while DUEL_ADAPTER names one.
    """
    refuse_pinned(settings)
    adapter, notes = check_adapter(find_adapter(name, settings).folder, settings.base_model, settings.plain_recipe)
    return choose(Path(settings.adapters), settings.base_model, adapter), notes


def roll_back_adapter(settings: EngineSettings) -> AdapterChoice | None:
    """Have the tuned side take the adapter that it took before; None: what ships. Raises BadAdapter, SettingsError."""
    refuse_pinned(settings)
    return roll_back(Path(settings.adapters), settings.base_model)


def refuse_pinned(settings: EngineSettings) -> None:
    """Raise SettingsError while DUEL_ADAPTER says which adapter is in use."""
    if settings.adapter:
        raise SettingsError(
            f"DUEL_ADAPTER is {settings.adapter}, and that is what the tuned side takes. Unset it, then choose another one."
        )


def remove_adapter(name: str, settings: EngineSettings) -> Path:
    """Delete the folder of an adapter of one's own. Returns where it was. Duels with it stay in the store.

    Raises BadAdapter for one that ships, lies outside of the folder of adapters, or is in use.
    """
    listed = find_adapter(name, settings)
    assert listed.adapter
    folder, own = listed.folder.absolute(), Path(settings.adapters).absolute()
    if folder.parent != own or folder.is_symlink():
        raise BadAdapter(f"Only adapters in {own} are removed; this one lies in {folder}.")
    if settings.adapter and Path(settings.adapter).absolute() == folder:
        raise BadAdapter(f"The adapter {listed.adapter.named} is in use: DUEL_ADAPTER names it.")
    forget_choice(own, listed.adapter.digest)
    leaving = folder.with_name(f".{folder.name}.leaving")  # so that nobody finds half of it
    folder.rename(leaving)
    shutil.rmtree(leaving)
    return folder


@dataclass(frozen=True, slots=True)
class CardWish:
    """What is told of an adapter from elsewhere, for its card. "" and None: not told."""

    name: str
    version: str
    base: str  # as DUEL_BASE_MODEL names it
    recipe: str  # the plain recipe that it was trained with, as DUEL_PLAIN_RECIPE names it
    data: Path | None = None  # the rows that it was trained on
    limits: tuple[str, ...] = ()
    usd: float | None = None  # US dollars that the training cost
    hours: float | None = None


def write_card(folder: Path, wish: CardWish) -> Card:
    """Write the card of an adapter from elsewhere, and the list of the requests that it was trained on where they are told.

    Raises BadAdapter where it has a card, BadModel, BadRecipe, BadRequest.
    """
    adapter = _read(folder)
    if adapter.card:
        raise BadAdapter(f"The adapter {adapter.named} has a card already: {folder / CARD_FILE}. Move it away to write another.")
    recipe = load_recipe(wish.recipe or "plain")
    training: dict[str, object] = {name: value for name, value in (("usd", wish.usd), ("hours", wish.hours)) if value is not None}
    if wish.data:
        with wish.data.open("rb") as file:
            rows = read_rows(file, wish.data.name).rows
        training |= {"examples": len(rows), "data": hashlib.sha256(wish.data.read_bytes()).hexdigest()}
    unknown = () if wish.data else ("Nobody has said what it was trained on, so requests of its training may count as evidence.",)
    card = Card(
        wish.name or folder.name,
        wish.version or "1",
        BaseRef(wish.base, folder_revision(base_folder(wish.base))),
        RecipeRef(recipe.name, recipe.version, recipe.digest),
        training,
        limits=(*unknown, *wish.limits),
    )
    if wish.data:
        write_trained_on(folder, [row.text for row in rows])
    card.write(folder)
    return card


def check_adapter(folder: Path, base: str | Path = SMOLLM2, recipe: str = "") -> tuple[Adapter, tuple[str, ...]]:
    """Check all that can be known of an adapter without loading the model. Returns it, and what should be said of it.

    base and recipe: as DUEL_BASE_MODEL and DUEL_PLAIN_RECIPE name them; without a recipe, the shipped one that its card names. Raises
    BadAdapter for what is no plain LoRA or was made for another base or plain recipe, BadModel or BadRecipe for a base or recipe that
    is not there.
    """
    adapter = _read(folder)
    return adapter, check_made_for(adapter, str(base), folder_revision(base_folder(str(base))), plain_recipe(recipe, adapter))


def _read(folder: Path) -> Adapter:
    adapter = open_adapter(folder)
    check_plain(folder, adapter.name)
    return adapter
