"""The parts of a training that takes minutes, foretold one by one: a little of each is done and timed as the training will do it."""

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from statistics import median
from typing import Any

import torch

from adapters.train.beside import Prefixed, scored, text_loss
from adapters.train.exercises import BatchOrder, Exercise, beginning_of
from adapters.train.forgetting import ask_some
from adapters.train.heldout import BATCH_ROWS, score
from adapters.train.kept import KeptBase
from adapters.train.loop import LONGEST_GRADIENT
from adapters.train.lora import adapted, lowest_layer
from adapters.train.plan import TrainingPlan
from adapters.train.shallow import MEASURED, MEASURED_ROWS
from engine.backends.local.loading import Loaded
from engine.lineup import base_folder, open_backend
from engine.recipes import Recipe
from engine.settings import EngineSettings

PAIRS = (
    (5 / 12, 7 / 12),
    (1 / 12, 11 / 12),
    (3 / 12, 9 / 12),
)  # of timed steps, a short and a long one: where they stand by tokens
MEASUREMENTS = 2  # of all held-out rows, before and after; those on the way are fewer rows
ARMS = 2  # the base and the adapter, both measured on text and with the engineered recipe
OPENINGS = 2  # of the engine, whose time it takes to open it and to prove an adapter in it, as measured


@dataclass(frozen=True, slots=True)
class TrainingTask:
    """What shall be learned, as a training has it before it begins."""

    loaded: Loaded
    plan: TrainingPlan
    train: Sequence[Exercise]
    held_out: Sequence[Exercise]  # that are measured
    shown: Sequence[Exercise] = ()  # the same with an engineered recipe


@dataclass(frozen=True, slots=True)
class PartTimes:
    """Seconds of a training by its parts, in their order; together from the command to the card."""

    start: float = 0.0  # imports, reading, loading
    lower: float = 0.0  # the once-only pass of the lower layers
    measuring: float = 0.0  # the held-out rows, before, on the way and after
    steps: float = 0.0
    beside: float = 0.0  # the engineered recipe's arms, and unrelated text
    alive: float = 0.0  # writing, and loading once more as a duel does
    forgetting: float = 0.0  # instructions that are asked

    @property
    def total(self) -> float:
        """All of them."""
        return sum((self.start, self.lower, self.measuring, self.steps, self.beside, self.alive, self.forgetting))


@dataclass(frozen=True, slots=True)
class TimedStep:
    """One step of a training that is thrown away."""

    tokens: int  # after the shared beginning
    padded: int  # with padding
    lower_s: float  # to run the lower layers
    step_s: float


@dataclass(frozen=True, slots=True)
class TimedTraining:
    """What was timed of a training, and how much of it there is."""

    steps: int
    tokens: int  # prompt and answer, repeats counted
    padded: int  # of all steps, padding included, without the shared beginning
    pairs: tuple[tuple[TimedStep, TimedStep], ...]  # of a short and a long step each
    lower_tokens: int  # that the lower layers read in all
    measured_tokens: int  # of all measurements of held-out rows, padding included
    measured_rate: float  # seconds for each of them
    beside_s: float
    kept_bytes: int  # of states that are not there yet
    added_bytes: int  # to the most memory
    spent_s: float  # on the timing itself

    @property
    def lower_s(self) -> float:
        """The seconds of the lower layers' passes, at the middle pair's speed: what else the machine did for a while counts for little."""
        return median(sum(step.lower_s for step in pair) / sum(step.tokens for step in pair) for pair in self.pairs) * self.lower_tokens

    @property
    def steps_s(self) -> float:
        """The seconds of all steps, at the middle pair's speed."""
        return median(self._rates) * self.padded

    @property
    def steps_range_s(self) -> tuple[float, float]:
        """The seconds of all steps, at the speed of the fastest pair and of the slowest."""
        return min(self._rates) * self.padded, max(self._rates) * self.padded

    @property
    def _rates(self) -> list[float]:
        """Seconds for each token of a pair, with padding. A long step has cheaper tokens than a short one; both together are as all are."""
        return [sum(step.step_s for step in pair) / sum(step.padded for step in pair) for pair in self.pairs]

    @property
    def measured_s(self) -> float:
        """The seconds of all measurements of held-out rows."""
        return self.measured_rate * self.measured_tokens


def time_parts(task: TrainingTask, peak_bytes: Callable[[], int]) -> TimedTraining:
    """Do a little of a training, which is thrown away. peak_bytes: returns the most memory so far. Raises BadPlan as a training does."""
    began, (loaded, plan, train) = time.perf_counter(), (task.loaded, task.plan, task.train)
    lower = lowest_layer(loaded.model, plan.lora, None)
    base = KeptBase(loaded.model, lower, loaded.base.name, plan.run.kept_most_mb * 1_000_000, beginning_of((*train, *task.held_out)))
    base.prove(min(train, key=len))
    tuned = adapted(loaded.model, plan.lora, None, loaded.base.name, plan.run.seed)
    optimizer = torch.optim.AdamW([each for each in tuned.parameters() if each.requires_grad], lr=1e-6, weight_decay=0.0)
    lengths, epochs = [base.tokens([each]) for each in train], plan.epochs(len(train))
    batches = _batches(lengths, plan)
    before_bytes = peak_bytes()
    do = partial(_one_step, base, optimizer)
    do([train[place] for place in batches[-1]])  # the longest, untimed: it warms up and fills the memory
    pairs = tuple((do(short), do(long)) for short, long in _paired(train, batches))
    beside_s, rate = _beside_s(tuned, task), _measured_rate(base, task.held_out)
    tuned.unload()
    return TimedTraining(
        steps=epochs * len(batches),
        tokens=epochs * sum(map(len, train)),
        padded=epochs * sum(padded(lengths[place] for place in batch) for batch in batches),
        pairs=pairs,
        lower_tokens=_lower_tokens(base, task, epochs),
        measured_tokens=measured_tokens([base.tokens([each]) for each in task.held_out]),
        measured_rate=rate,
        beside_s=beside_s,
        kept_bytes=base.kept_bytes(train) + base.kept_bytes(task.held_out),
        added_bytes=peak_bytes() - before_bytes,
        spent_s=time.perf_counter() - began,
    )


def padded(lengths: Iterable[int]) -> int:
    """Count the tokens of a batch of rows of these lengths, with padding."""
    own = list(lengths)
    return max(own, default=0) * len(own)


def measured_tokens(lengths: Sequence[int]) -> int:
    """Count the tokens, with padding, that all measurements of held-out rows of these lengths run."""
    return MEASUREMENTS * _sorted_tokens(lengths) + len(MEASURED) * _sorted_tokens(lengths[:MEASURED_ROWS])


def _sorted_tokens(lengths: Sequence[int]) -> int:
    order = sorted(lengths)
    return sum(padded(order[at : at + BATCH_ROWS]) for at in range(0, len(order), BATCH_ROWS))


def _batches(lengths: Sequence[int], plan: TrainingPlan) -> list[list[int]]:
    """The places of an epoch's batches, by their tokens with padding, the fewest first."""
    order = BatchOrder(lengths, plan.steps.batch_rows, plan.run.seed)
    found = [batch for batch, _ in zip(order, range(order.batches_an_epoch), strict=False)]
    return sorted(found, key=lambda batch: padded(lengths[place] for place in batch))


def _paired(train: Sequence[Exercise], batches: Sequence[Sequence[int]]) -> list[list[list[Exercise]]]:
    return [[[train[place] for place in batches[int(len(batches) * part)]] for part in pair] for pair in PAIRS]


def _one_step(base: KeptBase, optimizer: torch.optim.Optimizer, batch: Sequence[Exercise]) -> TimedStep:
    """Do a step once, as a training meets each size: what comes again is in warm caches."""
    began = time.perf_counter()
    kept = base.keep(batch)
    lower_s, between = time.perf_counter() - began, time.perf_counter()
    with base.upper():
        kept.loss(list(range(len(batch)))).total.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_([weight for group in optimizer.param_groups for weight in group["params"]], LONGEST_GRADIENT)
        optimizer.step()
        optimizer.zero_grad()
    lengths = [base.tokens([each]) for each in batch]
    return TimedStep(sum(lengths), padded(lengths), lower_s, time.perf_counter() - between)


def _lower_tokens(base: KeptBase, task: TrainingTask, epochs: int) -> int:
    """Count the tokens that the lower layers read: once, or for each step and measurement where what they give cannot be kept."""
    train, held_out = base.tokens(task.train), base.tokens(task.held_out)
    if not base.lower:
        return 0
    again = MEASUREMENTS * held_out + len(MEASURED) * base.tokens(task.held_out[:MEASURED_ROWS])
    return train * (1 if base.kept_bytes(task.train) else epochs) + (held_out if base.kept_bytes(task.held_out) else again)


def _measured_rate(base: KeptBase, held_out: Sequence[Exercise]) -> float:
    """Measure a batch of held-out rows of middle length; returns the seconds for each token, with padding.

    A pass forward is no fixed share of a step: the longer the answers, the more of it goes into their words' likelihoods.
    """
    if not held_out:
        return 0.0
    order = sorted(held_out, key=len)
    first = max(0, len(order) // 2 - BATCH_ROWS // 2)
    rows = order[first : first + BATCH_ROWS]
    kept = base.keep(rows)
    began = time.perf_counter()
    with base.upper():
        score(kept.logits, rows)
    return (time.perf_counter() - began) / padded(base.tokens([each]) for each in rows)


def _beside_s(tuned: Any, task: TrainingTask) -> float:
    """Time the loss on unrelated text, measured without and with the adapter, and the longest rows with the engineered recipe."""
    beside_s = 0.0
    if task.plan.run.measure != "none":
        began = time.perf_counter()
        text_loss(tuned, task.loaded.tokenizer, adapted=True)
        beside_s = ARMS * (time.perf_counter() - began)
    if task.shown:
        longest = sorted(task.shown, key=len)[-BATCH_ROWS:]
        began = time.perf_counter()
        scored(tuned, longest, adapted=True)
        beside_s += ARMS * (time.perf_counter() - began) * _shown_tokens(tuned, task.shown) / _shown_tokens(tuned, longest)
    return beside_s


def _shown_tokens(tuned: Any, shown: Sequence[Exercise]) -> int:
    """Count the tokens, with padding, that measuring an engineered recipe runs: what all prompts begin with once."""
    shared = Prefixed(tuned, shown).shared
    return shared + _sorted_tokens([len(each) - shared for each in shown])


async def time_engine(base: str, settings: EngineSettings, plain: Recipe, *, asked: bool) -> tuple[float, float]:
    """Open the engine as the proof of an adapter does, and ask some instructions. Returns the seconds of the one, and of asking all.

    asked: whether the training asks any. Raises BadModel, SettingsError.
    """
    began = time.perf_counter()
    folder = base_folder(base)
    backend = await open_backend(folder, settings.but({"base_model": base}))
    try:
        opened_s, between = OPENINGS * (time.perf_counter() - began), time.perf_counter()
        if not asked:
            return opened_s, 0.0
        share = await ask_some(backend, plain, settings.price)
        return opened_s, (time.perf_counter() - between) / share
    finally:
        await backend.aclose()
