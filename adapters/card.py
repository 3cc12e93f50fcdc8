"""The card of an adapter: what it is, what it was trained on, what it scored. No card, no place in a duel."""

import json
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from engine.errors import BadAdapter
from engine.parsing import read_json, reason

FILE = "card.json"
MOST = 1e15  # of a figure: beyond it no float is a whole number for certain


@dataclass(frozen=True, slots=True)
class BaseRef:
    """The base model that the adapter was trained on."""

    name: str
    revision: str  # 16 hex digits over the folder's files, or the hub's commit


@dataclass(frozen=True, slots=True)
class RecipeRef:
    """The recipe that the adapter was trained with."""

    name: str
    version: str
    digest: str


@dataclass(frozen=True, slots=True)
class Card:
    """Everything that a person should know before trusting an adapter."""

    name: str
    version: str
    base: BaseRef
    recipe: RecipeRef
    training: dict[str, Any]  # plan, seed, tokens, hours, LoRA settings
    figures: dict[str, float]  # measure -> share, as `adapters demo eval` prints them
    limits: tuple[str, ...]  # one sentence each

    def write(self, folder: Path) -> None:
        """Save as card.json, readable and in the order of the fields."""
        (folder / FILE).write_text(json.dumps(asdict(self), indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def read_card(folder: Path) -> Card:
    """The card in an adapter folder. Raises BadAdapter when it is missing or damaged."""
    path = folder / FILE
    try:
        table = read_json(path)
    except OSError as error:
        raise BadAdapter(f"The adapter folder {folder} has no readable {FILE}: {error.strerror}.") from error
    except ValueError as error:
        raise BadAdapter(f"The card {path} is damaged: {reason(error)}.") from error
    try:
        return parse_card(table)
    except BadAdapter as error:
        raise BadAdapter(f"The card {path} is damaged: {error}") from error


def parse_card(table: Any) -> Card:
    """A card from parsed JSON. Raises BadAdapter for missing, unknown and mistyped keys."""
    _check(table, Card, "the card")
    _check(table["base"], BaseRef, "base")
    _check(table["recipe"], RecipeRef, "recipe")
    texts = (table["name"], table["version"], *table["base"].values(), *table["recipe"].values())
    if not all(isinstance(text, str) and text for text in texts):
        raise BadAdapter("name, version and all of base and recipe must be text.")
    if not isinstance(table["training"], dict):
        raise BadAdapter("training must be a table.")
    figures, limits = table["figures"], table["limits"]
    if not isinstance(figures, dict) or not all(
        isinstance(n, (int, float)) and not isinstance(n, bool) and abs(n) <= MOST for n in figures.values()
    ):
        raise BadAdapter(f"figures must be numbers by name, none beyond {MOST:g}.")
    if not isinstance(limits, list) or not all(isinstance(limit, str) for limit in limits):
        raise BadAdapter("limits must be a list of sentences.")
    parts = {"base": BaseRef(**table["base"]), "recipe": RecipeRef(**table["recipe"]), "limits": tuple(limits)}
    return Card(**{**table, **parts})


def _check(table: Any, kind: Any, what: str) -> None:
    if not isinstance(table, dict):
        raise BadAdapter(f"{what} must be a table.")
    known = {field.name for field in fields(kind)}
    if table.keys() != known:
        wrong = ", ".join(sorted(str(key)[:80] for key in table.keys() ^ known))
        raise BadAdapter(f"{what} must have exactly the keys {', '.join(sorted(known))} (missing or unknown: {wrong}).")
