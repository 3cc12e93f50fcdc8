"""Which adapters there are: those that ship, and those in a folder of one's own."""

from dataclasses import dataclass
from pathlib import Path

from engine.card import Card
from engine.contestants import Adapter, check_made_for, folder_revision, open_adapter
from engine.errors import BadAdapter
from engine.lineup import base_folder, plain_recipe
from engine.plain_lora import check_plain
from engine.shipped import SHIPPED_ADAPTERS, SMOLLM2


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
