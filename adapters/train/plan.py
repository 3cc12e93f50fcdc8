"""A plan: how an adapter is trained, in TOML with units. adapters/plans/ holds those that ship; standard.toml says what each key means.

A key that is not known is an error with its line; one that is left out has the value of standard.toml.
"""

import math
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any, Literal

from adapters.train.schedule import RateSchedule
from engine.errors import DuelbotError
from engine.parsing import Malformed, is_number, shown, toml_table

SHIPPED_PLANS = Path(__file__).parents[1] / "plans"
RATES = ((200e6, 2e-3), (1e9, 5e-4), (math.inf, 2e-4))  # parameters of a base up to which this is the highest learning rate
PASSES_A_ROOT = 40  # row passes for each root of the number of rows: 277 for 48 rows, 800 for 400


class BadPlan(DuelbotError):
    """A training plan is unknown or malformed."""


@dataclass(frozen=True, slots=True)
class RunPlan:
    """The way of a training and its numbers' precision."""

    way: Literal["kept", "deep"] = "kept"
    precision: Literal["float32", "bfloat16"] = "float32"  # of the base's weights
    seed: int = 0
    kept_most_mb: int = 2_000  # of the lower layers' states
    recompute: bool = False  # activations, in the backward pass: less memory, about 1.5 times the time
    measure: Literal["all", "forgetting", "none"] = "all"  # less where whoever trains measures elsewhere


@dataclass(frozen=True, slots=True)
class LoraPlan:
    """The shape of the adapter."""

    rank: int = 16
    alpha: int = 32
    dropout: float = 0.0
    layers: float = 0.34  # share, from the top
    targets: str | tuple[str, ...] = "all-linear"


@dataclass(frozen=True, slots=True)
class StepsPlan:
    """The amount of training."""

    batch_rows: int = 8
    epochs: int = 0  # 0: by the number of rows
    row_passes_least: int = 300
    row_passes_most: int = 800
    longest_tokens: int = 1_024  # of a row with its answer


@dataclass(frozen=True, slots=True)
class RatePlan:
    """The learning rate."""

    highest: float = 0.0  # 0: by the size of the base
    warm_up: float = 0.06  # share of the steps


@dataclass(frozen=True, slots=True)
class FocusPlan:
    """The part of an answer by which it is right or wrong, where that is a line of it."""

    line: str = ""  # its name, as in "Team: Returns"; "": all tokens of an answer weigh the same
    weight: float = 0.5  # of the mean loss of the tokens of its value, beside the mean of all others


@dataclass(frozen=True, slots=True)
class PreferencePlan:
    """The amount of a training on preferences (dpo, kto), and when it has learned them."""

    beta: float = 0.1  # how much a likelihood against the reference's counts
    rate: float = 0.25  # share of the highest learning rate
    answer_weight: float = 2.0  # of the chosen answers' own loss beside dpo's; 0: none
    row_passes_least: int = 300  # pairs are repeated until they are that many
    enough_right: float = 0.95  # share of held-out pairs told apart, from which on the training may end
    enough_margin: float = 4.5  # mean difference of rewards that goes with it


@dataclass(frozen=True, slots=True)
class SafetyPlan:
    """The checkpoints of a training, and when it counts as finished."""

    checkpoint: float = 0.05  # share of the steps between two
    finished_loss: float = 0.1  # nats a token


@dataclass(frozen=True, slots=True)
class TrainingPlan:
    """All that decides how an adapter is trained, but rows, base and recipe."""

    name: str = "standard"
    run: RunPlan = field(default_factory=RunPlan)
    lora: LoraPlan = field(default_factory=LoraPlan)
    steps: StepsPlan = field(default_factory=StepsPlan)
    rate: RatePlan = field(default_factory=RatePlan)
    safety: SafetyPlan = field(default_factory=SafetyPlan)
    preference: PreferencePlan = field(default_factory=PreferencePlan)
    focus: FocusPlan = field(default_factory=FocusPlan)

    def epochs(self, rows: int) -> int:
        """Return how many times each of so many rows is learned."""
        if self.steps.epochs:
            return self.steps.epochs
        root = PASSES_A_ROOT * math.sqrt(rows)
        passes = min(self.steps.row_passes_most, max(self.steps.row_passes_least, root))
        return max(1, round(passes / rows))

    def preference_epochs(self, rows: int) -> int:
        """Return how many times each of so many pairs is learned, at most."""
        return self.steps.epochs or max(1, round(self.preference.row_passes_least / rows))

    def highest_rate(self, parameters: int) -> float:
        """Return the highest learning rate for a base of so many parameters."""
        return self.rate.highest or next(rate for most, rate in RATES if parameters <= most)

    def schedule(self, steps: int) -> RateSchedule:
        """Return the rates of so many steps: up, then straight down to 0."""
        up = max(1, math.ceil(steps * self.rate.warm_up))
        return RateSchedule(steps, up, (steps - up) / steps if steps > up else 1.0)

    def checkpoint_steps(self, steps: int) -> int:
        """Return the number of steps between two checkpoints."""
        return max(1, round(steps * self.safety.checkpoint))

    def table(self) -> dict[str, Any]:
        """The plan as parsed TOML, all keys of it."""
        return asdict(self)


PARTS: dict[str, Any] = {
    "run": RunPlan,
    "lora": LoraPlan,
    "steps": StepsPlan,
    "rate": RatePlan,
    "focus": FocusPlan,
    "safety": SafetyPlan,
    "preference": PreferencePlan,
}
BOUNDS: dict[str, tuple[float, float]] = {
    "run.seed": (0, 2**32 - 1),
    "run.kept_most_mb": (0, 1e9),
    "lora.rank": (1, 1_024),
    "lora.alpha": (1, 65_536),
    "lora.dropout": (0, 0.9),
    "lora.layers": (1e-3, 1),
    "steps.batch_rows": (1, 4_096),
    "steps.epochs": (0, 10_000),
    "steps.row_passes_least": (1, 1e9),
    "steps.row_passes_most": (1, 1e9),
    "steps.longest_tokens": (8, 1e6),
    "rate.highest": (0, 1),
    "rate.warm_up": (0, 0.9),
    "focus.weight": (0, 100),
    "safety.checkpoint": (1e-4, 1),
    "safety.finished_loss": (0, 100),
    "preference.beta": (1e-4, 10),
    "preference.rate": (1e-3, 10),
    "preference.answer_weight": (0, 100),
    "preference.row_passes_least": (1, 1e9),
    "preference.enough_right": (0.5, 1),
    "preference.enough_margin": (0, 100),
}  # least and most of each number
WORDS = {"run.way": ("kept", "deep"), "run.precision": ("float32", "bfloat16"), "run.measure": ("all", "forgetting", "none")}


def load_plan(name_or_path: str) -> TrainingPlan:
    """Load a shipped plan by its name, or any plan by the path of its TOML file. Raises BadPlan."""
    path = Path(name_or_path).expanduser()
    if path.suffix != ".toml":
        known = sorted(each.stem for each in SHIPPED_PLANS.glob("*.toml"))
        if name_or_path not in known:
            raise BadPlan(
                f"There is no plan {shown(name_or_path)} (there are: {', '.join(known)}); give a name or the path of a .toml file."
            )
        path = SHIPPED_PLANS / f"{name_or_path}.toml"
    try:
        return parse_plan(path.read_bytes(), path.stem, f"The plan {path}")
    except OSError as error:
        raise BadPlan(f"The plan {path} cannot be read: {error.strerror}.") from error


def parse_plan(data: bytes, name: str, what: str) -> TrainingPlan:
    """Read a plan from TOML text; `what` begins the sentences about it. Raises BadPlan."""
    try:
        table = toml_table(data)
    except Malformed as error:
        raise BadPlan(f"{what} cannot be read, for it is not valid TOML: {error}") from error
    text = data.decode("utf-8-sig")
    parts = {part: _part(part, value, text, what) for part, value in table.items()}
    plan = TrainingPlan(name, **parts)
    if plan.run.recompute and plan.run.way == "kept":
        raise BadPlan(f'{what}: run.recompute goes with run.way = "deep" alone; what is kept is not computed again.')
    if plan.focus.line and plan.run.way == "deep":
        raise BadPlan(f'{what}: focus.line goes with run.way = "kept" alone; trl weighs all tokens of an answer the same.')
    if plan.steps.row_passes_least > plan.steps.row_passes_most:
        raise BadPlan(f"{what}: steps.row_passes_least is above steps.row_passes_most.")
    return plan


def plan_of(table: Mapping[str, Any]) -> TrainingPlan:
    """Make the plan again that `table` was made of; a part that is newer than the table is as standard.toml has it."""
    there = {part: kind for part, kind in PARTS.items() if part in table}
    parts = {part: kind(**{key: _frozen(value) for key, value in table[part].items()}) for part, kind in there.items()}
    return TrainingPlan(table["name"], **parts)


def _part(part: str, given: Any, text: str, what: str) -> Any:
    if part not in PARTS:
        raise BadPlan(f"{what}, line {_line(text, '', part)}: unknown key {shown(part)} (known: {', '.join(PARTS)}).")
    kind = PARTS[part]
    if not isinstance(given, dict):
        raise BadPlan(f"{what}, line {_line(text, '', part)}: {part} must be a table, [{part}].")
    known = {each.name: each for each in fields(kind)}
    for key, value in given.items():
        where = f"{what}, line {_line(text, part, key)}"
        if key not in known:
            raise BadPlan(f"{where}: unknown key {shown(key)} in [{part}] (known: {', '.join(known)}).")
        _check(f"{part}.{key}", value, known[key].default, where)
    return kind(**{key: _frozen(value) for key, value in given.items()})


def _check(name: str, value: Any, default: Any, where: str) -> None:
    if words := WORDS.get(name):
        if value not in words:
            raise BadPlan(f"{where}: {name} is {shown(value)} and must be {' or '.join(words)}.")
    elif bounds := BOUNDS.get(name):
        whole = isinstance(default, int)
        if not is_number(value) or (whole and not isinstance(value, int)) or not bounds[0] <= value <= bounds[1]:
            kind = "a whole number" if whole else "a number"
            raise BadPlan(f"{where}: {name} is {shown(value)} and must be {kind} from {bounds[0]:,g} to {bounds[1]:,g}.")
    elif isinstance(default, bool):
        if not isinstance(value, bool):
            raise BadPlan(f"{where}: {name} is {shown(value)} and must be true or false.")
    elif isinstance(default, str) and name == "focus.line":
        if not isinstance(value, str) or ":" in value or "\n" in value:
            raise BadPlan(f"{where}: {name} is {shown(value)} and must be the name of a line, without its colon.")
    elif value != "all-linear" and not (isinstance(value, list) and value and all(isinstance(each, str) and each for each in value)):
        raise BadPlan(f'{where}: {name} is {shown(value)} and must be "all-linear" or a list of names.')


def _frozen(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


def _line(text: str, part: str, key: str) -> int:
    """Find the line on which a key is set, within its table; 1 where its form is too unusual to be found."""
    within = not part
    spelt = re.compile(rf"""\s*\[*\s*["']?(?:{re.escape(part)}\.)?{re.escape(key)}["']?\s*[\].=]""")
    for number, line in enumerate(text.splitlines(), 1):
        if part and re.match(r"\s*\[", line):
            within = line.split("#")[0].strip() == f"[{part}]"
        elif spelt.match(line) and (within or line.lstrip().startswith(f"{part}.")):
            return number
    return 1
