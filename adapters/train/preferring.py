"""The way of preferences, by trl's DPOTrainer and KTOTrainer.

The reference is what the training begins with, which trl keeps as a frozen copy. The rows go in as tokens, as the engine renders them.
It ends when held-out preferences are told apart, long before the likelihoods run
away: without that, answers come out shorter than any that people chose.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path
from typing import Any

import torch
from datasets import Dataset  # type: ignore[import-untyped]
from torch import Tensor
from trl.trainer.dpo_config import DPOConfig
from trl.trainer.dpo_trainer import DPOTrainer
from trl.trainer.kto_config import KTOConfig
from trl.trainer.kto_trainer import KTOTrainer

from adapters.train.beside import Prefixed
from adapters.train.course import Follower, Learned, Preferred
from adapters.train.exercises import BatchOrder, Exercise
from adapters.train.heldout import BATCH_ROWS, score
from adapters.train.lora import adapted
from adapters.train.plan import TrainingPlan
from adapters.train.preferences import Judged, Pair, weights_of
from adapters.train.stepping import Steps, common_arguments
from engine.backends.local.loading import Loaded
from engine.contestants import Adapter

REFERENCE = "ref"  # trl's name of the frozen copy
LOOKS = 10  # times at the held-out preferences, over all steps
MOST_LOOKED = 32  # held-out rows that a look takes; the end is measured on all


@dataclass(frozen=True, slots=True)
class PreferenceCourse:
    """What is preferred, taught to which model: pairs by dpo, judged answers by kto."""

    name: str
    loaded: Loaded  # the base, on its device; it is changed
    parent: Adapter | None  # the adapter that the training begins with, and is compared with
    plan: TrainingPlan
    train: Sequence[Pair] | Sequence[Judged]
    held_out: Sequence[Pair] | Sequence[Judged]
    checkpoint: Path

    @property
    def steps(self) -> int:
        """The number of steps from beginning to end, where it does not end before."""
        return self.plan.preference_epochs(len(self.train)) * -(-len(self.train) // self.plan.steps.batch_rows)


def learn(course: PreferenceCourse, follower: Follower) -> Learned:
    """Teach a course from its checkpoint, or from the beginning, to its end or a stop. Raises BadRequest for judged answers of one kind,
    BadCheckpoint, and ArithmeticError where the loss is no number any more."""
    plan, loaded = course.plan, course.loaded
    tuned = adapted(loaded.model, plan.lora, course.parent, loaded.base.name, plan.run.seed)
    wanted = _wanted(course.held_out)
    follower.phase("before", 0, len(wanted))
    before = score(Prefixed(tuned, wanted).logits, wanted)
    rate = plan.highest_rate(loaded.base.parameters) * plan.preference.rate
    lesson = Steps(course.name, tuned, rate, plan.schedule(course.steps), saved=course.checkpoint, watch=follower.watch)
    judge = Judge(tuned, course.held_out, plan.preference.beta)  # before a checkpoint's weights are put back: of the reference
    every = max(1, course.steps // LOOKS)

    def enough(step: int) -> bool:
        return step % every == 0 and _told_apart(judge.look(MOST_LOOKED), plan)

    lesson.go(lambda steps, folder, first: _trainer(course, tuned, steps, folder, first), enough)
    if REFERENCE in tuned.peft_config:
        tuned.delete_adapter(REFERENCE)
    tuned.eval()
    if lesson.ended:
        follower.phase("after", 0, len(wanted))
    after = score(Prefixed(tuned, wanted).logits, wanted) if lesson.ended else None
    tokens = sum(len(course.train[place]) for place in islice(_places(course), lesson.step * plan.steps.batch_rows))
    preferred = judge.look() if lesson.ended else None
    return Learned(
        tuned, lesson.step, tokens, lesson.tail(), lesson.spent_s, before, after, kept=False, ended=lesson.ended, preferred=preferred
    )


class Judge:
    """Held-out preferences with their likelihoods by the reference, which is the model as it is when this is made."""

    def __init__(self, tuned: Any, held_out: Sequence[Pair] | Sequence[Judged], beta: float) -> None:
        self.tuned, self.beta = tuned, beta
        chosen = [each.chosen for each in held_out if isinstance(each, Pair)]
        rejected = [each.rejected for each in held_out if isinstance(each, Pair)]
        judged = [each for each in held_out if isinstance(each, Judged)]
        self.paired = not judged
        self.better = chosen or [each.exercise for each in judged if each.good]
        self.worse = rejected or [each.exercise for each in judged if not each.good]
        self.reference = [likelihoods(tuned, each) for each in (self.better, self.worse)]

    def look(self, most: int | None = None) -> Preferred | None:
        """Measure how well they are told apart now, on the first `most` of each kind; None where there is nothing to tell apart."""
        if not self.better or not self.worse:
            return None
        better, worse = (
            self.beta * (likelihoods(self.tuned, each[:most]) - before[:most])
            for each, before in zip((self.better, self.worse), self.reference, strict=True)
        )
        apart = better - worse if self.paired else (better[:, None] - worse[None]).flatten()
        rows = len(better) if self.paired else len(better) + len(worse)
        return Preferred(rows, float((apart > 0).float().mean()), float(apart.mean()))


def likelihoods(model: Any, exercises: Sequence[Exercise]) -> Tensor:
    """Compute the logarithm of each answer's likelihood, in nats, (answers,)."""
    found = torch.zeros(len(exercises))
    order = sorted(range(len(exercises)), key=lambda place: len(exercises[place]))
    trained, prefixed = model.training, Prefixed(model, exercises)
    model.eval()
    with torch.no_grad():
        for at in range(0, len(order), BATCH_ROWS):
            places = order[at : at + BATCH_ROWS]
            logits, wanted = prefixed.logits(places)
            said = logits.float().log_softmax(-1).gather(1, wanted[:, None])[:, 0]
            parts = torch.split(said, [len(exercises[place].answer) for place in places])
            found[places] = torch.stack([part.sum() for part in parts]).cpu()
    model.train(trained)
    return found


def _told_apart(seen: Preferred | None, plan: TrainingPlan) -> bool:
    wanted = plan.preference
    return seen is not None and seen.right >= wanted.enough_right and seen.margin >= wanted.enough_margin


def _wanted(rows: Sequence[Pair] | Sequence[Judged]) -> list[Exercise]:
    """The answers that people want."""
    return [each.chosen if isinstance(each, Pair) else each.exercise for each in rows if isinstance(each, Pair) or each.good]


class _PairTrainer(DPOTrainer):
    """Dpo on rows that are tokens already."""

    def _prepare_dataset(self, dataset: Any, *_: Any) -> Any:
        return dataset


class _JudgedTrainer(KTOTrainer):
    """Kto on rows that are tokens already."""

    def _prepare_dataset(self, dataset: Any, *_: Any) -> Any:
        return dataset


def _trainer(course: PreferenceCourse, tuned: Any, steps: Steps, folder: str, first: int) -> Any:
    plan, on_cpu = course.plan, course.loaded.model.device.type == "cpu"
    left = common_arguments(folder, course.steps - first, plan, on_cpu=on_cpu)
    size = plan.steps.batch_rows
    rows = [course.train[place] for place in islice(_places(course), first * size, course.steps * size)]
    given = {
        "model": tuned,
        "processing_class": course.loaded.tokenizer,
        "optimizers": (steps.optimizer, steps.rates()),
        "callbacks": [steps],
    }
    if pairs := [each for each in rows if isinstance(each, Pair)]:
        weight = plan.preference.answer_weight
        loss = {"loss_type": ["sigmoid", "sft"], "loss_weights": [1.0, weight]} if weight else {"loss_type": ["sigmoid"]}
        return _PairTrainer(args=DPOConfig(**left, beta=plan.preference.beta, **loss), train_dataset=_pair_table(pairs), **given)
    judged = [each for each in rows if isinstance(each, Judged)]
    desirable, undesirable = weights_of([each for each in course.train if isinstance(each, Judged)])
    arguments = KTOConfig(**left, beta=plan.preference.beta, desirable_weight=desirable, undesirable_weight=undesirable)
    return _JudgedTrainer(args=arguments, train_dataset=_judged_table(judged, size), **given)


def _places(course: PreferenceCourse) -> Iterator[int]:
    order = BatchOrder([len(each) for each in course.train], course.plan.steps.batch_rows, course.plan.run.seed)
    return chain.from_iterable(order)


def _pair_table(pairs: Sequence[Pair]) -> Dataset:
    return Dataset.from_dict(
        {
            "prompt_ids": [list(each.chosen.prompt) for each in pairs],
            "chosen_ids": [list(each.chosen.answer) for each in pairs],
            "rejected_ids": [list(each.rejected.answer) for each in pairs],
        }
    )


def _judged_table(rows: Sequence[Judged], size: int) -> Dataset:
    """Lay out judged answers, each beside the answer to another request of its batch, from which kto takes its point of comparison."""
    others = [rows[at - 1 if at % size else min(at + size, len(rows)) - 1] for at in range(len(rows))]
    return Dataset.from_dict(
        {
            "prompt_ids": [list(each.exercise.prompt) for each in rows],
            "completion_ids": [list(each.exercise.answer) for each in rows],
            "KL_completion_ids": [list(each.exercise.answer) for each in others],
            "label": [each.good for each in rows],
        }
    )
