"""What a fine-tune will reach where answers are free text: one is made of a quarter and of half of the rows, and the fall drawn on."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from adapters.train import shallow
from adapters.train.course import Course, Follower
from adapters.train.exercises import Exercise
from adapters.train.heldout import Score
from adapters.train.loop import Watch
from adapters.train.plan import TrainingPlan
from engine.backends.local.loading import Loaded
from engine.errors import BadRequest

PARTS = (1 / 4, 1 / 2)  # of the rows
LEAST_ROWS = 40  # of which anything can be told so
HELD_OUT = 5  # without held-out rows, every fifth row is measured on
MOST_MEASURED = 100  # rows


@dataclass(frozen=True, slots=True)
class PilotFigures:
    """What was measured after so many rows, or is expected of them."""

    rows: int
    loss: float  # nats a token, on rows that were not learned
    exact: float  # share of these rows right word for word


def pilot(loaded: Loaded, plan: TrainingPlan, train: Sequence[Exercise], held_out: Sequence[Exercise]) -> tuple[PilotFigures, ...]:
    """Train on a quarter and on half of the rows and measure; then foretell all rows, and twice as many.

    The model is as before afterwards. Raises BadRequest for too few rows, and what a training raises.
    """
    if len(train) < LEAST_ROWS:
        raise BadRequest(f"A pilot trains on a quarter of the rows, and {len(train):,} are too few for that: it takes {LEAST_ROWS}.")
    tested = list(held_out or train[::HELD_OUT])[:MOST_MEASURED]
    learned = list(train) if held_out else [each for place, each in enumerate(train) if place % HELD_OUT]
    seen = [_measured(loaded, plan, learned[:: round(1 / part)], tested) for part in PARTS]
    return (*seen, foretold(seen[0], seen[1], len(train)), foretold(seen[0], seen[1], 2 * len(train)))


def foretold(few: PilotFigures, many: PilotFigures, rows: int) -> PilotFigures:
    """Draw on the fall between two measurements: loss and error as a power of the rows, and never rising again."""
    return PilotFigures(
        rows,
        _power(few.rows, few.loss, many.rows, many.loss, rows),
        1 - min(1.0, _power(few.rows, 1 - few.exact, many.rows, 1 - many.exact, rows)),
    )


def _power(few: int, value: float, many: int, later: float, rows: int) -> float:
    if value <= 0 or later <= 0:
        return max(0.0, later)
    slope = max(0.0, math.log(value / later) / math.log(many / few))
    return later * math.pow(rows / many, -slope)


def _measured(loaded: Loaded, plan: TrainingPlan, train: Sequence[Exercise], tested: Sequence[Exercise]) -> PilotFigures:
    with TemporaryDirectory() as folder:
        course = Course("pilot", loaded, None, plan, train, tested, Path(folder) / "checkpoint.safetensors")
        learned = shallow.learn(course, Follower(lambda *_: None, Watch(course.steps, lambda _: None, lambda: False)))
    learned.tuned.unload()
    after = learned.after
    assert isinstance(after, Score)
    return PilotFigures(len(train), after.loss, after.exact)


def in_words(figures: Sequence[PilotFigures]) -> str:
    """Word a pilot in two sentences."""
    quarter, half, all_rows, twice = figures
    seen = " and ".join(f"{each.loss:.2f} with {each.rows:,} rows ({each.exact:.0%} right word for word)" for each in (quarter, half))
    to_come = (
        f"{all_rows.loss:.2f} with all {all_rows.rows:,} ({all_rows.exact:.0%}), {twice.loss:.2f} with {twice.rows:,} ({twice.exact:.0%})"
    )
    return f"Tried: a loss of {seen} on rows that were not learned. Expected: {to_come}."
