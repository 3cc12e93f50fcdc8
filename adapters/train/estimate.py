"""What a training will take here, from three timed steps, and whether it will pay, from a probe."""

import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import torch

from adapters.train.exercises import BatchOrder, Exercise, beginning_of, exercises_of
from adapters.train.heldout import parted
from adapters.train.kept import KeptBase
from adapters.train.lora import adapted, lowest_layer
from adapters.train.ordering import Wish, plain_name
from adapters.train.pilot import PilotFigures, in_words, pilot
from adapters.train.plan import BadPlan, TrainingPlan, load_plan
from adapters.train.probe import ProbedShare, curve, is_closed, rows_needed
from adapters.train.shallow import MEASURED, MEASURED_ROWS
from adapters.train.training import free_threads, rows_in
from engine.backends.local.loading import Loaded, load_base, pick_device
from engine.errors import BadRequest
from engine.lineup import base_folder
from engine.recipes import load_recipe
from engine.scoring import guess_metric, key_of, metric_named
from engine.settings import EngineSettings

PROBED_ROWS = 800  # at most; more say little more
TIMED = (1 / 6, 1 / 2, 5 / 6)  # where the timed steps stand among all, by their tokens
LEAST_SPREAD = 0.15  # share by which a time is unsure even when three steps agree
MEMORY_SPREAD = 0.15
HEAP_GROWTH = 0.7  # of what the timed steps add to the memory: by so much it grows over many steps, whose batches are of many lengths
FORGETTING_TOKENS = 4_500  # that ask what was forgotten: thirty instructions with their answers and a text of 480, twice each
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


def estimate(wish: Wish, settings: EngineSettings, probed: int = PROBED_ROWS, *, piloted: bool = False) -> TrainingEstimate:
    """Time three steps of a training that is thrown away, and probe. Raises what a training raises before it begins.

    probed: rows at most that the probe looks at; each is run forward once. piloted: train on parts of the rows, which takes about as
    long as the training itself, and tells of free text too.
    """
    began = time.perf_counter()
    if wish.file is None:
        raise BadRequest("Name the file with the rows to learn.")
    plan = load_plan(wish.plan or "standard")
    if plan.run.way != "kept":
        raise BadPlan('An estimate times steps of the way "kept". For "deep", train with steps.epochs = 1 and look at the time left.')
    threads = free_threads(settings)
    torch.set_num_threads(threads)
    base = wish.base or settings.base_model
    recipe = load_recipe(plain_name(wish, settings))
    parts = parted(rows_in(wish.file))
    loading = time.perf_counter()
    loaded = load_base(base_folder(base), base, plan.run.precision, pick_device(settings.device))
    load_s = time.perf_counter() - loading
    longest = min(plan.steps.longest_tokens, loaded.base.context_tokens)
    measured = parts.held_out if plan.run.measure == "all" else ()
    taught = exercises_of((*parts.train, *measured), recipe, loaded.chat, loaded.end_ids, longest)
    train, held_out = taught[: len(parts.train)], taught[len(parts.train) :]
    metric = guess_metric([row.references[0] for row in parts.train])
    answers = [key_of(metric, row.references[0]) for row in parts.train][:probed]
    features, feature_s = _features(loaded, train[:probed]) if is_closed(answers) else (None, 0.0)
    took = _timed(loaded, plan, train, held_out)
    before_s = time.perf_counter() - began - feature_s - took.spent_s
    ends_s = 2.5 * load_s + 2.0  # loading once more to prove it alive, and writing
    forgetting_s = 0.0 if plan.run.measure == "none" else FORGETTING_TOKENS * took.token_s
    seconds = _summed(before_s + ends_s + forgetting_s, took)
    hour = settings.price.usd_per_hour
    return TrainingEstimate(
        rows=len(train),
        held_out=len(parts.held_out),
        steps=took.steps,
        tokens=took.tokens,
        seconds=seconds,
        memory_bytes=_around(_peak_bytes() + HEAP_GROWTH * took.added_bytes + took.kept_bytes, MEMORY_SPREAD),
        usd=None if hour is None else Foretold(*(each * hour / 3600 for each in (seconds.value, seconds.least, seconds.most))),
        threads=threads,
        points=() if features is None else curve(features, answers, plan.run.seed),
        step_s=took.padded / took.steps * sorted(took.rates)[len(took.rates) // 2],
        metric=metric.name,
        pilot=pilot(loaded, plan, train, held_out) if piloted else (),
    )


@dataclass(frozen=True, slots=True)
class _Took:
    """Times of parts of a training, and how much of each there is."""

    steps: int
    tokens: int
    padded: int  # tokens of all steps, padding included
    rates: tuple[float, ...]  # seconds a padded token, of each timed step
    token_s: float  # of a token read or written by the whole model
    lower_s: float  # the once-only pass over all rows
    scored_s: float  # all measurements of the held-out rows; a pass forward is a third of a step
    kept_bytes: int  # of states that are not there yet
    added_bytes: int  # to the most memory, by the timed steps
    spent_s: float  # on the timing itself


def _timed(loaded: Loaded, plan: TrainingPlan, train: Sequence[Exercise], held_out: Sequence[Exercise]) -> _Took:
    began = time.perf_counter()
    lower = lowest_layer(loaded.model, plan.lora, None)
    base = KeptBase(loaded.model, lower, loaded.base.name, plan.run.kept_most_mb * 1_000_000, beginning_of((*train, *held_out)))
    base.prove(min(train, key=len))
    tuned = adapted(loaded.model, plan.lora, None, loaded.base.name, plan.run.seed)
    optimizer = torch.optim.AdamW([each for each in tuned.parameters() if each.requires_grad], lr=1e-6, weight_decay=0.0)
    order = BatchOrder([len(each) for each in train], plan.steps.batch_rows, plan.run.seed)
    epochs = plan.epochs(len(train))
    lengths = [base.tokens([each]) for each in train]
    batches = sorted((batch for batch, _ in zip(order, range(order.batches_an_epoch), strict=False)), key=lambda b: _padded(lengths, b))
    chosen = [batches[-1], *(batches[int(len(batches) * part)] for part in TIMED)]  # the longest first: it warms up and fills the memory
    before_bytes = _peak_bytes()
    runs = [_warm_step(base, optimizer, [train[place] for place in batch]) for batch in chosen]
    lower_rate = sum(run.lower_s for run in runs[1:]) / sum(run.tokens for run in runs[1:])
    padded = epochs * sum(_padded(lengths, batch) for batch in batches)
    all_tokens = base.tokens(train) + base.tokens(held_out)
    state_bytes = loaded.model.config.get_text_config().hidden_size * next(loaded.model.parameters()).element_size()
    kept_bytes = all_tokens * state_bytes if lower else 0
    tuned.unload()
    count: int = loaded.model.config.get_text_config().num_hidden_layers
    rates = tuple(run.step_s / run.padded for run in runs[1:])
    return _Took(
        steps=epochs * len(batches),
        tokens=epochs * sum(map(len, train)),
        padded=padded,
        rates=rates,
        token_s=lower_rate * count / lower if lower else sorted(rates)[1] / 3,
        lower_s=lower_rate * all_tokens * (1 if kept_bytes <= base.most_bytes else epochs),
        scored_s=(2 * base.tokens(held_out) + len(MEASURED) * base.tokens(held_out[:MEASURED_ROWS])) * sorted(rates)[1] / 3,
        kept_bytes=kept_bytes if kept_bytes <= base.most_bytes else 0,
        added_bytes=_peak_bytes() - before_bytes,
        spent_s=time.perf_counter() - began,
    )


@dataclass(frozen=True, slots=True)
class _Step:
    tokens: int
    padded: int
    lower_s: float
    step_s: float


def _warm_step(base: KeptBase, optimizer: torch.optim.Optimizer, batch: Sequence[Exercise]) -> _Step:
    """Time a step twice, and take what was shorter: the first of its size also finds its memory."""
    runs = [_one_step(base, optimizer, batch) for _ in range(2)]
    return replace(runs[0], lower_s=min(run.lower_s for run in runs), step_s=min(run.step_s for run in runs))


def _one_step(base: KeptBase, optimizer: torch.optim.Optimizer, batch: Sequence[Exercise]) -> _Step:
    began = time.perf_counter()
    kept = base.keep(batch)
    lower_s, between = time.perf_counter() - began, time.perf_counter()
    with base.upper():
        kept.loss(list(range(len(batch)))).total.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        optimizer.zero_grad()
    lengths = [base.tokens([each]) for each in batch]
    return _Step(sum(lengths), _padded(lengths, range(len(batch))), lower_s, time.perf_counter() - between)


def _padded(lengths: Sequence[int], batch: Sequence[int]) -> int:
    return max(lengths[place] for place in batch) * len(batch)


def _summed(once_s: float, took: _Took) -> Foretold:
    """Add up the times; the range is that of the timed steps, and never narrower than LEAST_SPREAD."""
    middle = sorted(took.rates)[len(took.rates) // 2]
    fixed = once_s + took.lower_s + took.scored_s
    value = fixed + middle * took.padded
    least, most = (fixed + rate * took.padded for rate in (min(took.rates), max(took.rates)))
    return Foretold(value, min(least, value * (1 - LEAST_SPREAD)), max(most, value * (1 + LEAST_SPREAD)))


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


def _features(loaded: Loaded, train: Sequence[Exercise]) -> tuple[torch.Tensor, float]:
    """Compute for each row the state of the prompt's last token beside the mean over the request's, (rows, 2 x width), and the time."""
    began = time.perf_counter()
    count: int = loaded.model.config.get_text_config().num_hidden_layers
    base = KeptBase(loaded.model, max(1, round(count * FEATURE_LAYERS)), loaded.base.name, FEATURE_BYTES, beginning_of(train))
    rows, kept = [], base.keep(train)
    for place, each in enumerate(train):
        states, begins = kept.states(place).float(), len(base.begins)
        asked = states[each.asked_at - begins : len(each.prompt) - begins]
        rows.append(torch.cat([asked[-1], asked.mean(0)]).cpu())
    return torch.stack(rows), time.perf_counter() - began


# --- in words


def reached(points: Sequence[ProbedShare], rows: int) -> str:
    """Word what a fine-tune of these rows would reach, without an end."""
    now = points[-1]
    of = f"{now.rows:,} of {rows:,}" if now.rows < rows else f"{rows:,}"
    return f"With {of} rows a fine-tune would be right on about {now.right:.0%} ({now.least:.0%} to {now.most:.0%})"


def will_it_pay(points: Sequence[ProbedShare], rows: int, prompt_right: float | None) -> str:
    """Word what a fine-tune of these rows would reach, and whether that beats the prompt; prompt_right: its share of right answers."""
    if not points:
        untold = "so a probe tells nothing of what a fine-tune would reach"
        return f"The answers are free text, not from a closed set, {untold}: --pilot trains on parts of the rows."
    now, reach = points[-1], reached(points, rows)
    if prompt_right is None:
        return f"{reach}. To know whether that pays, give your prompt's share on the same rows: --prompt-right PERCENT."
    needed = rows_needed(points, prompt_right)
    versus = f"{reach}, your prompt on {prompt_right:.0%}"
    if now.right > prompt_right:
        since = f" It passes your prompt near {needed:,} rows." if needed else ""
        sure = "it would pay" if now.least > prompt_right else "it would likely pay, though the two are close"
        return f"{versus}: {sure}.{since}"
    more = f" It passes your prompt near {needed:,} rows; label {needed - rows:,} more." if needed and needed > rows else ""
    sure = "it would not pay yet" if now.most < prompt_right else "likely not yet"
    return f"{versus}: {sure}.{more}"


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
