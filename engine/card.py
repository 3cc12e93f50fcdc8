"""The card of an adapter, card.json in its folder: what it is, what it was trained on, what it scored. Read, written and checked here.

    {"name": "support", "version": "3",
     "base": {"name": "some/base", "revision": "…"},             revision: see folder_revision
     "recipe": {"name": "plain", "version": "1", "digest": "…"},     the plain recipe that it was trained with
     "training": {"steps": 2400, "hours": 0.5, …}, "figures": {"right decision": 0.94}, "limits": ["Knows one subject."]}

Name, version, base.revision and recipe.digest must be there; what else is left out is not known. Keys that mean nothing here are kept
by name, so that somebody can be told. An adapter from elsewhere has no card at all.
"""

import json
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any, Self

from engine.errors import BadAdapter
from engine.parsing import is_number, read_json, reason, taken
from engine.recipes import Recipe

FILE = "card.json"
_TEXTS = ("device", "tools")  # fields of Training that are no numbers
MOST = 1e15  # of a figure: beyond it no float is a whole number for certain


@dataclass(frozen=True, slots=True)
class BaseRef:
    """The base model that an adapter was trained on."""

    name: str  # "": the card does not say
    revision: str  # 16 hex digits over the folder's files, or the hub's commit


@dataclass(frozen=True, slots=True)
class RecipeRef:
    """The plain recipe that an adapter was trained with."""

    name: str  # "": the card does not say
    version: str
    digest: str  # as Recipe.digest


@dataclass(frozen=True, slots=True)
class Training:
    """Figures of a training. None: not told."""

    examples: int | None = None  # labelled, in the training data
    steps: int | None = None  # of the optimiser
    tokens: int | None = None  # trained on, repeats counted
    hours: float | None = None  # on the clock, of the run that made the weights
    usd: float | None = None  # US dollars, all runs together
    device: str | None = None
    tools: str | None = None  # programs and their versions
    failed_runs: int | None = None  # before the one that made the weights
    rank: int | None = None  # of the LoRA matrices

    @classmethod
    def of(cls, table: dict[str, Any]) -> Self:
        """Read the figures in a card's training part, where steps may stand in its plan and the rank, as r, in its lora.

        Anything that is no figure is not told: what a trainer writes there is its own.
        """
        plan, lora = (part if isinstance(part := table.get(name), dict) else {} for name in ("plan", "lora"))
        given = {"steps": plan.get("steps"), "rank": lora.get("r")} | table
        told: dict[str, Any] = {each.name: (_text if each.name in _TEXTS else _number)(given.get(each.name)) for each in fields(cls)}
        return cls(**told)

    def table(self) -> dict[str, Any]:
        """The figures that are known, as a card's training part has them."""
        return {name: value for name, value in asdict(self).items() if value is not None}


@dataclass(frozen=True, slots=True)
class Card:
    """Everything that a person should know before trusting an adapter."""

    name: str
    version: str
    base: BaseRef
    recipe: RecipeRef
    training: dict[str, Any] = field(default_factory=dict)  # whatever the trainer writes; `trained` has the figures in it
    figures: dict[str, float] = field(default_factory=dict)  # measure -> share
    limits: tuple[str, ...] = ()  # one sentence each
    others: tuple[str, ...] = ()  # keys of the file that mean nothing here

    @property
    def trained(self) -> Training:
        """The figures of its training."""
        return Training.of(self.training)

    def write(self, folder: Path) -> None:
        """Save as card.json, readable and in the order of the fields."""
        table = asdict(self)
        del table["others"]
        (folder / FILE).write_text(json.dumps(table, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")

    def check_made_for(self, base: str, revision: str, plain: Recipe) -> None:
        """Raise BadAdapter unless it was trained on this revision of the base, which is called `base`, and with this plain recipe."""
        if self.recipe.digest != plain.digest:
            raise BadAdapter(
                f"The adapter {self.name} {self.version} was trained with another plain recipe (digest {self.recipe.digest[:80]}) "
                f"than {plain.name} {plain.version} ({plain.digest}). Set DUEL_PLAIN_RECIPE to the one it was trained with."
            )
        if self.base.revision != revision:
            raise BadAdapter(
                f"The adapter {self.name} {self.version} was trained on base revision {self.base.revision[:12]}, "
                f"but {base} is {revision[:12]}. Set DUEL_ADAPTER to an adapter made for this base."
            )


def read_card(folder: Path) -> Card | None:
    """Read the card in an adapter folder; None where there is none. Raises BadAdapter for a damaged one."""
    path = folder / FILE
    try:
        table = read_json(path)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise BadAdapter(f"The card {path} cannot be read: {error.strerror}.") from error
    except ValueError as error:
        raise BadAdapter(f"The card {path} is damaged: {reason(error)}.") from error
    try:
        return parse_card(table)
    except BadAdapter as error:
        raise BadAdapter(f"The card {path} is damaged: {error}") from error


def parse_card(table: Any) -> Card:
    """Build a card from parsed JSON. Raises BadAdapter for missing and mistyped keys."""
    own, others = taken(table, Card, "the card", BadAdapter, ("name", "version", "base", "recipe"))
    base, more = taken(own["base"], BaseRef, "base", BadAdapter, ("revision",))
    recipe, most = taken(own["recipe"], RecipeRef, "recipe", BadAdapter, ("digest",))
    texts = (own["name"], own["version"], *base.values(), *recipe.values())
    if not all(isinstance(text, str) and text for text in texts):
        raise BadAdapter("name, version and all of base and recipe must be text.")
    training, figures, limits = own.get("training", {}), own.get("figures", {}), own.get("limits", [])
    if not isinstance(training, dict):
        raise BadAdapter("training must be a table.")
    if not isinstance(figures, dict) or not all(is_number(n) and abs(n) <= MOST for n in figures.values()):
        raise BadAdapter(f"figures must be numbers by name, none beyond {MOST:g}.")
    if not isinstance(limits, list) or not all(isinstance(limit, str) for limit in limits):
        raise BadAdapter("limits must be a list of sentences.")
    return Card(
        name=own["name"],
        version=own["version"],
        base=BaseRef(**({"name": ""} | base)),
        recipe=RecipeRef(**({"name": "", "version": ""} | recipe)),
        training=training,
        figures=figures,
        limits=tuple(limits),
        others=(*others, *(f"base.{key}" for key in more), *(f"recipe.{key}" for key in most)),
    )


def _number(given: Any) -> Any:
    return given if is_number(given) and given >= 0 else None


def _text(given: Any) -> str | None:
    return given if isinstance(given, str) and given else None
