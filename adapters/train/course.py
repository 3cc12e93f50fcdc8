"""The seam between a run and the ways to train: what is taught to which model, and what has come of it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from adapters.train.exercises import Exercise
from adapters.train.heldout import Score
from adapters.train.loop import Watch
from adapters.train.plan import TrainingPlan
from engine.backends.local.loading import Loaded
from engine.contestants import Adapter


@dataclass(frozen=True, slots=True)
class Course:
    """What is taught to which model."""

    name: str
    loaded: Loaded  # the base, on its device; it is changed
    parent: Adapter | None  # the adapter that the training begins with
    plan: TrainingPlan
    train: Sequence[Exercise]
    held_out: Sequence[Exercise]
    checkpoint: Path

    @property
    def steps(self) -> int:
        """The number of steps from beginning to end."""
        return self.plan.epochs(len(self.train)) * -(-len(self.train) // self.plan.steps.batch_rows)


@dataclass(frozen=True, slots=True)
class Follower:
    """Whoever waits for a course: told of phases, of steps, and asked whether to stop."""

    phase: Callable[[str, int, int], None]  # takes the name, how much of it is done, and how much there is
    watch: Watch
    measured: Callable[[int, Score], None] = lambda _step, _score: None  # takes how right the model is after a step


@dataclass(frozen=True, slots=True)
class Learned:
    """What has come of a course."""

    tuned: Any = field(repr=False)  # peft's model
    steps: int  # done; fewer than the course has where it was stopped
    tokens: int  # prompt and answer, repeats counted
    loss: float  # nats a token, mean over the last tenth of the steps
    spent_s: float  # of the training, stops not counted
    before: Score | None  # on the held-out rows, with what the training began with
    after: Score | None
    kept: bool  # whether the lower layers' states fitted into the plan's memory
    ended: bool = True  # False: stopped before its end
    preferred: "Preferred | None" = None  # of a training on preferences


@dataclass(frozen=True, slots=True)
class Preferred:
    """How well held-out preferences are told apart, as rewards: beta times a likelihood's logarithm against the reference's."""

    rows: int  # held out: pairs of dpo, answers of kto
    right: float  # share of pairs (of kto: of every good answer with every bad one) whose better answer has the higher reward
    margin: float  # mean difference of the rewards
