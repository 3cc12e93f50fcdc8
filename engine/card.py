"""The card of an adapter, card.json in its folder: what it is, what it was trained on, what it scored. Read, written and checked here.

    {"name": "support", "version": "3",
     "base": {"name": "some/base", "revision": "…"},             revision: see folder_revision
     "recipe": {"name": "plain", "version": "1", "digest": "…"},     the plain recipe that it was trained with
     "training": {"steps": 2400, "hours": 0.5, …}, "figures": {"right decision": 0.94}, "limits": ["Knows one subject."]}

A training on rows may add `held_out`, every arm's figures on the rows kept apart, and `forgetting`, what it cost beside its task:

     "held_out": {"rows": 100, "before": {"exact": 0.0, "loss": 2.1}, "tuned": {"exact": 0.9, "loss": 0.03}, …},
     "forgetting": {"text_tokens": 480, "text_loss_before": 3.0, "text_loss_after": 3.1, "instructions": 30, …}

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
class ArmScore:
    """How right one arm is on the rows kept apart."""

    exact: float  # share of rows whose whole answer it gives, token by token
    loss: float  # nats a token, over all tokens of the answers


@dataclass(frozen=True, slots=True)
class HeldOut:
    """All arms on the same rows kept apart. None: not measured."""

    rows: int
    before: ArmScore | None = None  # what the training began with: the base, or the adapter that it goes on from
    plain: ArmScore | None = None  # the base with the plain recipe
    tuned: ArmScore | None = None  # the adapter with the plain recipe
    prompted: ArmScore | None = None  # the base with the engineered recipe
    combined: ArmScore | None = None  # the adapter with the engineered recipe
    recipe: str = ""  # the engineered recipe, its name and version


@dataclass(frozen=True, slots=True)
class Forgetting:
    """What a training cost beside its task: the base without (before) and with the adapter (after), asked with the plain recipe."""

    text_tokens: int  # of text that has nothing to do with any task
    text_loss_before: float  # nats a token of that text
    text_loss_after: float
    instructions: int  # whose answers a rule checks
    followed_before: int
    followed_after: int
    kept: int  # of those followed before, still followed

    @property
    def kept_share(self) -> float | None:
        """The share kept of what was followed before; None where nothing was."""
        return self.kept / self.followed_before if self.followed_before else None


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
    held_out: HeldOut | None = None
    forgetting: Forgetting | None = None
    others: tuple[str, ...] = ()  # keys of the file that mean nothing here

    @property
    def trained(self) -> Training:
        """The figures of its training."""
        return Training.of(self.training)

    def write(self, folder: Path) -> None:
        """Save as card.json, readable and in the order of the fields."""
        table = {name: value for name, value in asdict(self).items() if name != "others" and value is not None}
        (folder / FILE).write_text(json.dumps(table, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")

    def check_made_for(self, base: str, revision: str, plain: Recipe) -> None:
        """Raise BadAdapter unless it was trained on this revision of the base, which is called `base`, and with this plain recipe."""
        self.check_recipe(plain)
        if self.base.revision != revision:
            raise BadAdapter(
                f"The adapter {self.name} {self.version} was trained on base revision {self.base.revision[:12]}, "
                f"but {base} is {revision[:12]}. Set DUEL_ADAPTER to an adapter made for this base."
            )

    def check_recipe(self, plain: Recipe) -> None:
        """Raise BadAdapter unless it was trained with this plain recipe."""
        if self.recipe.digest != plain.digest:
            raise BadAdapter(
                f"The adapter {self.name} {self.version} was trained with another plain recipe (digest {self.recipe.digest[:80]}) "
                f"than {plain.name} {plain.version} ({plain.digest}). Set DUEL_PLAIN_RECIPE to the one it was trained with."
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
        held_out=_held_out(own.get("held_out")),
        forgetting=_measured(own.get("forgetting"), Forgetting, "forgetting"),
        others=(*others, *(f"base.{key}" for key in more), *(f"recipe.{key}" for key in most)),
    )


def _held_out(table: Any) -> HeldOut | None:
    if table is None:
        return None
    own, _ = taken(table, HeldOut, "held_out", BadAdapter, ("rows",))
    if not is_number(own["rows"]) or not isinstance(own.get("recipe", ""), str):
        raise BadAdapter("held_out.rows must be a number, and held_out.recipe text.")
    arms = {name: _measured(value, ArmScore, f"held_out.{name}") for name, value in own.items() if name not in ("rows", "recipe")}
    return HeldOut(own["rows"], recipe=own.get("recipe", ""), **arms)


def _measured(table: Any, kind: Any, what: str) -> Any:
    """Read a table of which every field of its kind must be a number."""
    if table is None:
        return None
    own, _ = taken(table, kind, what, BadAdapter, tuple(each.name for each in fields(kind)))
    if not all(is_number(value) and abs(value) <= MOST for value in own.values()):
        raise BadAdapter(f"{what} must hold numbers, none beyond {MOST:g}.")
    return kind(**own)


def _number(given: Any) -> Any:
    return given if is_number(given) and given >= 0 else None


def _text(given: Any) -> str | None:
    return given if isinstance(given, str) and given else None
