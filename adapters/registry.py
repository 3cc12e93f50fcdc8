"""Which adapters there are: those that ship, and those in a folder of one's own."""

from dataclasses import dataclass
from pathlib import Path

from adapters.card import FILE, Card, read_card
from engine.contestants import Adapter, check_made_for, folder_revision, open_adapter
from engine.errors import BadAdapter, BadModel
from engine.plain_lora import check_plain
from engine.recipes import load_recipe

SHIPPED = Path(__file__).with_name("shipped")
DEMO_ADAPTER = SHIPPED / "demo"
DEMO_BASE = Path(__file__).parent.parent / "engine" / "models" / "demo"


@dataclass(frozen=True, slots=True)
class Listed:
    """An adapter folder; `trouble` says why it cannot be used. One from elsewhere has no card."""

    folder: Path
    card: Card | None
    trouble: str = ""


def list_adapters(folders: tuple[Path, ...] = (SHIPPED,)) -> tuple[Listed, ...]:
    """Every adapter in these folders, by name; a broken one is listed with its trouble."""
    found = []
    for folder in folders:
        if not folder.is_dir():
            raise BadAdapter(f"There is no folder {folder}.")
        for inner in sorted(path.parent for path in folder.glob("*/adapter_config.json")):
            try:
                found.append(Listed(inner, _read(inner)[1]))
            except BadAdapter as error:
                found.append(Listed(inner, None, error.words))
    return tuple(found)


def check_adapter(folder: Path, base: Path = DEMO_BASE, recipe: str = "plain") -> tuple[Adapter, Card | None, tuple[str, ...]]:
    """The adapter, its card if it has one, and what should be said of it: all that can be known without loading the model.

    Raises BadAdapter for what is no plain LoRA or was made for another base or plain recipe, BadModel or BadRecipe for a base or
    recipe that is not there.
    """
    adapter, card = _read(folder)
    if not base.is_dir():
        raise BadModel(f"There is no folder {base} for the base model.")
    return adapter, card, check_made_for(adapter, base.name, folder_revision(base), load_recipe(recipe))


def _read(folder: Path) -> tuple[Adapter, Card | None]:
    adapter = open_adapter(folder)
    check_plain(folder, adapter.name)
    return adapter, read_card(folder) if (folder / FILE).exists() else None
