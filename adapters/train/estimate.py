"""What a training will take here, from parts of it that are timed, and whether it will pay, from a probe."""

import asyncio
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import torch

from adapters.train.exercises import Exercise, beginning_of, exercises_of
from adapters.train.heldout import parted
from adapters.train.kept import KeptBase
from adapters.train.ordering import Wish, engineered_name, plain_name
from adapters.train.paying import ProbedShare, will_it_pay
from adapters.train.pilot import PilotFigures, in_words, pilot
from adapters.train.plan import BadPlan, load_plan
from adapters.train.probe import curve, is_closed
from adapters.train.timing import PartTimes, TimedTraining, TrainingTask, time_engine, time_parts
from adapters.train.training import free_threads, rows_in
from engine.backends.local.loading import Loaded, load_base, pick_device
from engine.backends.local.pages import give_back_freed
from engine.errors import BadRequest
from engine.lineup import base_folder
from engine.recipes import load_recipe
from engine.scoring import guess_metric, key_of, metric_named
from engine.settings import EngineSettings

PROBED_ROWS = 800  # at most; more say little more
LEAST_SPREAD = 0.15  # share by which a time is unsure even when all timed steps agree
MEMORY_SPREAD = 0.15
HEAP_GROWTH = 0.1  # of what the timed steps add to the memory: by so much it grows on over many steps, whose batches are of many lengths
FEATURE_BYTES = 1 << 30  # of states that are kept for it; of longer rows each is computed by itself
FEATURE_LAYERS = 2 / 3  # share of the layers whose states the probe reads


@dataclass(frozen=True, slots=True)
class Foretold:
    """A figure with the range in which it is expected."""

    value: float
    least: float
    most: float


@dataclass(frozen=True, slots=True)
class TrainingEstimate:
    """What a training will take, and what it will reach."""

    rows: int  # to learn
    held_out: int
    steps: int
    tokens: int  # prompt and answer, repeats counted
    seconds: Foretold  # from the command to the card
    memory_bytes: Foretold  # the most at one time
    usd: Foretold | None  # None: nobody said what the device costs
    threads: int
    points: tuple[ProbedShare, ...]  # of growing numbers of rows; none where the answers are free text
    step_s: float = 0.0  # of these seconds, for each step; what is left does not depend on how many there are
    metric: str = "exact"  # by which an answer of these points is right
    pilot: tuple[PilotFigures, ...] = ()  # of a quarter and half of the rows, and foretold of all and twice as many; empty: none was made
    parts: PartTimes = field(default_factory=PartTimes)  # of these seconds


def estimate(
    wish: Wish, settings: EngineSettings, probed: int = PROBED_ROWS, *, piloted: bool = False, started_s: float = 0.0
) -> TrainingEstimate:
    """Time parts of a training that is thrown away, and probe. Raises what a training raises before it begins.

    probed: rows at most that the probe looks at; each is run forward once. piloted: train on parts of the rows, which takes about as
    long as the training itself, and tells of free text too. started_s: what this process took until now; the training's takes as long.
    """
    began = time.perf_counter()
    if wish.file is None:
        raise BadRequest("Name the file with the rows to learn.")
    plan = load_plan(wish.plan or "standard")
    if plan.run.way != "kept":
        raise BadPlan('An estimate times steps of the way "kept". For "deep", train with steps.epochs = 1 and look at the time left.')
    threads = free_threads(settings)
    torch.set_num_threads(threads)
    base, recipe, engineered = wish.base or settings.base_model, load_recipe(plain_name(wish, settings)), engineered_name(wish, settings)
    parts = parted(rows_in(wish.file))
    loaded = load_base(base_folder(base), base, plan.run.precision, pick_device(settings.device))
    longest = min(plan.steps.longest_tokens, loaded.base.context_tokens)
    measured = parts.held_out if plan.run.measure == "all" else ()
    taught = exercises_of((*parts.train, *measured), recipe, loaded.chat, loaded.end_ids, longest)
    train, held_out = taught[: len(parts.train)], taught[len(parts.train) :]
    shown = exercises_of(measured, load_recipe(engineered), loaded.chat, loaded.end_ids, loaded.base.context_tokens) if engineered else ()
    start_s = started_s + time.perf_counter() - began
    metric = guess_metric([row.references[0] for row in parts.train])
    answers = [key_of(metric, row.references[0]) for row in parts.train][:probed]
    features = _features(loaded, train[:probed]) if is_closed(answers) else None
    took = time_parts(TrainingTask(loaded, plan, train, held_out, shown), _peak_bytes)
    memory = _around(_peak_bytes() + HEAP_GROWTH * took.added_bytes + took.kept_bytes, MEMORY_SPREAD)
    tried = pilot(loaded, plan, train, held_out) if piloted else ()
    del loaded
    give_back_freed()
    alive_s, forgetting_s = asyncio.run(time_engine(base, settings, recipe, asked=plan.run.measure != "none"))
    seconds = PartTimes(start_s, took.lower_s, took.measured_s, took.steps_s, took.beside_s, alive_s, forgetting_s)
    total, hour = _summed(seconds, took), settings.price.usd_per_hour
    return TrainingEstimate(
        rows=len(train),
        held_out=len(parts.held_out),
        steps=took.steps,
        tokens=took.tokens,
        seconds=total,
        memory_bytes=memory,
        usd=None if hour is None else Foretold(*(each * hour / 3600 for each in (total.value, total.least, total.most))),
        threads=threads,
        points=() if features is None else curve(features, answers, plan.run.seed),
        step_s=took.steps_s / took.steps,
        metric=metric.name,
        pilot=tried,
        parts=seconds,
    )


def _summed(parts: PartTimes, took: TimedTraining) -> Foretold:
    """Add up the times; the range is that of the timed steps, and never narrower than LEAST_SPREAD."""
    value, (least, most) = parts.total, took.steps_range_s
    fixed = value - parts.steps
    return Foretold(value, min(fixed + least, value * (1 - LEAST_SPREAD)), max(fixed + most, value * (1 + LEAST_SPREAD)))


def _around(value: float, spread: float) -> Foretold:
    return Foretold(value, value * (1 - spread), value * (1 + spread))


def _peak_bytes() -> int:
    """Return the most memory that this process has had, with a GPU's in its place where there is one."""
    if torch.cuda.is_available():
        return int(torch.cuda.max_memory_allocated())
    try:
        import resource
    except ImportError:  # Windows
        return 0
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def _features(loaded: Loaded, train: Sequence[Exercise]) -> torch.Tensor:
    """Compute for each row the state of the prompt's last token beside the mean over the request's, (rows, 2 x width)."""
    count: int = loaded.model.config.get_text_config().num_hidden_layers
    base = KeptBase(loaded.model, max(1, round(count * FEATURE_LAYERS)), loaded.base.name, FEATURE_BYTES, beginning_of(train))
    rows, kept = [], base.keep(train)
    for place, each in enumerate(train):
        states, begins = kept.states(place).float(), len(base.begins)
        asked = states[each.asked_at - begins : len(each.prompt) - begins]
        rows.append(torch.cat([asked[-1], asked.mean(0)]).cpu())
    return torch.stack(rows)


# --- in words


def told(given: TrainingEstimate, prompt_right: float | None) -> Iterator[str]:
    """Word an estimate, a line each."""
    seconds, memory = given.seconds, given.memory_bytes
    yield f"{given.rows:,} rows to learn and {given.held_out:,} held out: {given.steps:,} steps, {given.tokens:,} tokens."
    minutes = f"{seconds.value / 60:.1f} min here ({seconds.least / 60:.1f} to {seconds.most / 60:.1f})"
    yield f"It takes about {minutes}, with {given.threads} of the processor's threads, and more beside other work."
    yield f"It needs about {memory.value / 1e9:.1f} GB of memory ({memory.least / 1e9:.1f} to {memory.most / 1e9:.1f})."
    if given.usd:
        yield f"It costs about ${given.usd.value:.4f} (${given.usd.least:.4f} to ${given.usd.most:.4f})."
    if given.points and (metric := metric_named(given.metric)).line:
        yield f"Right means here: {metric.words}."
    for point in given.points[:-1]:
        yield f"  {point.rows:6,} rows: right on about {point.right:.0%} ({point.least:.0%} to {point.most:.0%})"
    if given.points or not given.pilot:
        yield will_it_pay(given.points, given.rows, prompt_right)
    if given.pilot:
        yield in_words(given.pilot)
