"""Which adapters there are: those that ship, and those in a folder of one's own."""

from dataclasses import dataclass
from pathlib import Path

from adapters.card import Card, read_card
from engine.contestants import Adapter, folder_revision, open_adapter
from engine.errors import BadAdapter, BadRecipe
from engine.recipes import load_recipe

SHIPPED = Path(__file__).with_name("shipped")
DEMO_ADAPTER = SHIPPED / "demo"
DEMO_BASE = Path(__file__).parent.parent / "engine" / "models" / "demo"


@dataclass(frozen=True, slots=True)
class Listed:
    """An adapter folder; `trouble` says why it cannot be used, `card` is None then."""

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
                open_adapter(inner)
                found.append(Listed(inner, read_card(inner)))
            except BadAdapter as error:
                found.append(Listed(inner, None, error.words))
    return tuple(found)


def check_adapter(folder: Path, base: Path = DEMO_BASE) -> tuple[Adapter, Card]:
    """The adapter and its card, if both are readable and made for this base and a shipped recipe. Raises BadAdapter."""
    adapter, card = open_adapter(folder), read_card(folder)
    revision = folder_revision(base)
    if card.base.revision != revision:
        raise BadAdapter(f"{card.name} was trained on {card.base.name} at {card.base.revision}; the base in {base} is {revision}.")
    try:
        recipe = load_recipe(card.recipe.name)
    except BadRecipe as error:
        raise BadAdapter(f"{card.name} was trained with a recipe that is not here: {error}") from error
    if recipe.digest != card.recipe.digest:
        raise BadAdapter(
            f"{card.name} was trained with the recipe {card.recipe.name} at {card.recipe.digest}; the one here is {recipe.digest}. "
            "Train it again or bring that recipe back."
        )
    return adapter, card
