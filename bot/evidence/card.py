"""The decision card: eight aspects, each with the team's own figures for both sides and the side they favour, or "open"."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import zip_longest
from typing import Literal

import numpy as np

from bot.evidence.bets import LEAST_UNITS
from bot.evidence.breakeven import BreakEven
from bot.evidence.capital import Interval
from bot.evidence.decision import Decision, State
from bot.evidence.figure import Figure, FigureKind, few
from bot.evidence.latency import difference, quantile
from bot.evidence.pooling import TagShare
from bot.words import ARMS, FIRST_WORDS, FULL_ANSWER, PER_1000, listed, percent, started
from bot.words import quantile as quantile_name
from engine.contestants import Arm
from engine.named import Named

Favours = Literal["prompted", "tuned", "open"]
Row = tuple[Figure | None, Figure | None]  # figures side by side; None where a side has no such figure
PAYS_BACK = 0.95  # how likely a fine-tune must pay back within its shelf life for cost to favour it
NO_FIGURES = "there is no price for both sides"  # why there is no break-even, unless the caller knows better


@dataclass(frozen=True, slots=True)
class Aspect:
    """A line of the card."""

    name: str
    rows: tuple[Row, ...]
    favours: Favours
    reason: str  # one sentence; may name tags, which are the team's own text
    n: int  # requests, samples or changes behind it; 0 where nothing was counted

    def side(self, at: int) -> tuple[Figure, ...]:
        """List the figures of the prompt (0) or the fine-tune (1)."""
        return tuple(figure for row in self.rows if (figure := row[at]) is not None)


def _rows(prompted: Sequence[Figure], tuned: Sequence[Figure]) -> tuple[Row, ...]:
    return tuple(zip_longest(prompted, tuned))


@dataclass(frozen=True, slots=True)
class RecipeFacts:
    """The prompt side as it is kept. None stands for what is not known."""

    named: Named
    words: int
    examples: int
    base: str
    licence: str | None
    runs_on: str  # "local", or the server's name
    prompt_tokens: float | None = None  # median per answer
    versions_tried: int | None = None
    authoring_minutes: float | None = None
    edit_to_live_s: tuple[float, ...] = ()  # one per change in the period


@dataclass(frozen=True, slots=True)
class AdapterFacts:
    """The fine-tuned side as its card tells it. None stands for what is not known."""

    named: Named
    base: str
    base_revision: str | None  # None: the adapter's card pins none
    rank: int | None = None
    trainable_parameters: int | None = None
    labelled_examples: int | None = None
    steps: int | None = None
    failed_runs: int | None = None
    authoring_minutes: float | None = None
    training_usd: float | None = None
    training_tools: str | None = None
    gpu: str | None = None
    shelf_life_months: float | None = None
    data_to_live_s: tuple[float, ...] = ()  # one per change in the period


@dataclass(frozen=True, slots=True)
class Offline:
    """An evaluation set's result, beside the votes and never mixed with them."""

    metric: str
    scores: tuple[float, float]  # prompted, tuned
    rows: int


@dataclass(frozen=True, slots=True)
class CardInputs:
    """The inputs of the card. Tuples of two are (without, with an adapter); samples are paired, one for each duel."""

    recipe: RecipeFacts
    adapter: AdapterFacts
    decision: Decision  # for the pair (prompted, tuned)
    both_bad: float | None  # share of voters, mean over duels
    first_token_s: tuple[Sequence[float], Sequence[float]] = ((), ())
    total_s: tuple[Sequence[float], Sequence[float]] = ((), ())
    usd: tuple[Sequence[float], Sequence[float]] = ((), ())
    break_even: BreakEven | None = None
    no_break_even: str = NO_FIGURES  # why there is none
    wage_usd_per_hour: float | None = None
    tags: tuple[TagShare, ...] = ()
    offline: Offline | None = None
    arms: tuple[Arm, Arm] = (Arm.PROMPTED, Arm.TUNED)

    @property
    def sides(self) -> tuple[str, str]:
        """Both sides' names in a sentence."""
        return ARMS[self.arms[0]].named, ARMS[self.arms[1]].named


def card(inputs: CardInputs) -> tuple[Aspect, ...]:
    """Build the eight aspects in their order."""
    return (
        _definition(inputs),
        _purpose(inputs),
        _complexity(inputs),
        _cost(inputs),
        _time(inputs),
        _flexibility(inputs),
        _use_cases(inputs),
        _dependency(inputs),
    )


def _definition(inputs: CardInputs) -> Aspect:
    recipe, adapter = inputs.recipe, inputs.adapter
    prompted = (
        Figure("recipe", FigureKind.TEXT, recipe.named),
        Figure("length", FigureKind.COUNT, recipe.words, "word"),
        Figure("examples", FigureKind.COUNT, recipe.examples),
    )
    tuned = (
        Figure("adapter", FigureKind.TEXT, adapter.named),
        Figure("rank", FigureKind.COUNT, adapter.rank),
        Figure("trainable parameters", FigureKind.COUNT, adapter.trainable_parameters),
        Figure("base", FigureKind.TEXT, adapter.base),
    )
    return Aspect("definition", _rows(prompted, tuned), "open", _definition_reason(recipe.base, adapter.base), 0)


def _definition_reason(prompted: str, tuned: str) -> str:
    """prompted, tuned: the names of the models that the sides answer by."""
    if prompted == tuned:
        return "This says what they are, not which is better."
    return f"Two models are compared, {prompted} and {tuned}, each with its technique, and not a prompt and a fine-tune on one base."


def by_a_little(decision: Decision) -> bool:
    """Whether the share was found to lie within 1/2 ± delta; with a winner: a true difference, but a small one."""
    low, high = 0.5 - decision.delta - 1e-12, 0.5 + decision.delta + 1e-12
    interval = decision.shown
    return decision.within_delta or (interval is not None and low <= interval.low and interval.high <= high)


def _purpose(inputs: CardInputs) -> Aspect:
    decision = inputs.decision
    interval, theta = decision.shown, decision.theta
    mirrored = interval and Interval(1 - interval.high, 1 - interval.low)
    sides = ((None if theta is None else 1 - theta, mirrored), (theta, interval))
    shares = [
        [Figure("share of votes", FigureKind.SHARE, share, interval=within, why="no request is decided yet")] for share, within in sides
    ]
    for at, figures in enumerate(shares):
        figures.append(Figure("both bad", FigureKind.SHARE, inputs.both_bad))
        if inputs.offline:
            figures.append(Figure(f"offline {inputs.offline.metric}", FigureKind.SHARE, inputs.offline.scores[at]))
    favours: dict[State, Favours] = {State.FIRST: "prompted", State.SECOND: "tuned"}
    return Aspect("purpose", _rows(*shares), favours.get(decision.state, "open"), _purpose_reason(decision, inputs.sides), decision.n)


def _purpose_reason(decision: Decision, sides: tuple[str, str]) -> str:
    little = ", by a little" if by_a_little(decision) else ""
    why = f"; {few(decision.n)}" if decision.n and few(decision.n) else ""
    return {
        State.FIRST: f"Voters prefer {sides[0]}'s answers{little}.",
        State.SECOND: f"Voters prefer {sides[1]}'s answers{little}.",
        State.EQUAL: f"Practically equal: the share lies within 50% ± {percent(decision.delta)}.",
        State.COLLECT: f"The votes do not decide yet{why}.",
        State.CHANGED: "Earlier and later votes contradict each other.",
    }[decision.state]


def _complexity(inputs: CardInputs) -> Aspect:
    recipe, adapter = inputs.recipe, inputs.adapter
    prompted = (
        Figure("prompt", FigureKind.COUNT, recipe.prompt_tokens, "token"),
        Figure("examples", FigureKind.COUNT, recipe.examples),
        Figure("versions tried", FigureKind.COUNT, recipe.versions_tried),
        _minutes("authoring", recipe.authoring_minutes),
    )
    tuned = (
        Figure("labelled examples", FigureKind.COUNT, adapter.labelled_examples),
        Figure("training", FigureKind.COUNT, adapter.steps, "step"),
        Figure("failed runs", FigureKind.COUNT, adapter.failed_runs),
        _minutes("authoring", adapter.authoring_minutes),
    )
    favours, reason = _lower(
        (recipe.authoring_minutes, adapter.authoring_minutes), inputs.sides, "took less of people's time", "authoring minutes"
    )
    return Aspect("complexity", _rows(prompted, tuned), favours, reason, 0)


def _minutes(label: str, minutes: float | None) -> Figure:
    return Figure(label, FigureKind.SECONDS, None if minutes is None else minutes * 60)


def _lower(values: tuple[float | None, float | None], sides: tuple[str, str], better: str, what: str) -> tuple[Favours, str]:
    """The side with the lower figure; open when one is unknown or both are equal."""
    prompted, tuned = values
    if prompted is None or tuned is None:
        return "open", f"There are no {what} for both sides."
    if prompted == tuned:
        return "open", f"Both sides have the same {what}."
    return ("prompted", f"{started(sides[0])} {better}.") if prompted < tuned else ("tuned", f"{started(sides[1])} {better}.")


def _authoring_usd(minutes: float | None, wage: float | None) -> float | None:
    return None if minutes is None or wage is None else minutes / 60 * wage


def _cost(inputs: CardInputs) -> Aspect:
    wage, paid = inputs.wage_usd_per_hour, []
    minutes = (inputs.recipe.authoring_minutes, inputs.adapter.authoring_minutes)
    for side, spent in zip(inputs.usd, minutes, strict=True):
        each = float(np.mean(side)) * 1000 if len(side) else None
        accepted = None if each is None or inputs.both_bad is None or inputs.both_bad >= 1 else each / (1 - inputs.both_bad)
        figures = [Figure(PER_1000, FigureKind.USD, each), Figure("per 1,000 accepted", FigureKind.USD, accepted)]
        paid.append([*figures, Figure("authoring", FigureKind.USD, _authoring_usd(spent, wage))])
    paid[1] += [
        Figure("training", FigureKind.USD, inputs.adapter.training_usd),
        *_break_even_figures(inputs.break_even, inputs.no_break_even),
    ]
    favours, reason = cost_favours(inputs.break_even, inputs.no_break_even)
    return Aspect("cost", _rows(*paid), favours, reason, len(inputs.usd[0]))


def _break_even_figures(even: BreakEven | None, why: str) -> tuple[Figure, ...]:
    if even is None:
        return (Figure("break-even", FigureKind.COUNT, None, "answer", why=why),)
    when = Figure("break-even", FigureKind.TEXT, "never")
    if even.answers is not None:
        when = Figure("break-even", FigureKind.COUNT, even.answers, "answer")
    in_time = "requests per month or shelf life are not set"
    return (
        when,
        *(() if even.months is None else (Figure("break-even", FigureKind.MONTHS, even.months),)),
        Figure("chance that it never pays back", FigureKind.SHARE, even.never),
        Figure("chance that it pays back within its shelf life", FigureKind.SHARE, even.in_time, why=in_time),
    )


def cost_favours(even: BreakEven | None, why: str = NO_FIGURES) -> tuple[Favours, str]:
    """Say whom cost favours, training included: sure enough to pay back in time, sure enough never to, or open. why: no break-even."""
    if even is None:
        return "open", f"Nothing can be said about cost: {why}."
    if even.never >= PAYS_BACK:
        return "prompted", "The fine-tune is not cheaper per answer, so it never pays back."
    if even.in_time is None:
        if even.answers == 0 and even.never <= 1 - PAYS_BACK:
            return "tuned", "The fine-tune costs no more up front and no more per answer."
        return "open", "Whether it pays back in time depends on requests per month and shelf life, which are not set."
    if even.in_time >= PAYS_BACK:
        return "tuned", f"The fine-tune pays back within its shelf life with a chance of {percent(even.in_time)}."
    if even.in_time <= 1 - PAYS_BACK:
        return "prompted", f"The fine-tune pays back within its shelf life with a chance of only {percent(even.in_time)}."
    return "open", f"The fine-tune pays back within its shelf life with a chance of {percent(even.in_time)}, which is not settled."


def _time(inputs: CardInputs) -> Aspect:
    changes = (inputs.recipe.edit_to_live_s, inputs.adapter.data_to_live_s)
    figures = []
    for at, name in enumerate(("edit to live", "data to live")):
        lines = []
        for label, samples in ((FIRST_WORDS, inputs.first_token_s[at]), (FULL_ANSWER, inputs.total_s[at])):
            for q in (0.5, 0.95):
                found = quantile(samples, q)
                lines.append(Figure(f"{label}, {quantile_name(q)}", FigureKind.SECONDS, found.value, why=found.why))
        figures.append((*lines, Figure(name, FigureKind.SECONDS, _median(changes[at]))))
    gap = difference(*inputs.total_s)
    favours, reason = _faster(gap.interval, gap.n, inputs.sides)
    return Aspect("time", _rows(*figures), favours, reason, gap.n)


def _faster(gap: tuple[float, float] | None, n: int, sides: tuple[str, str]) -> tuple[Favours, str]:
    """Say who is faster, from the interval of the median paired difference, tuned minus prompted, in full answers."""
    if gap is None or n < LEAST_UNITS:
        return "open", f"Too few answers to compare their times: {n} on each side."
    if gap[0] <= 0 <= gap[1]:
        return "open", "The two are equally fast as far as the samples show."
    faster: Favours = "prompted" if gap[0] > 0 else "tuned"
    return faster, f"{started(sides[0 if gap[0] > 0 else 1])}'s full answers are faster."


def _median(samples: Sequence[float]) -> float | None:
    return float(np.median(samples)) if len(samples) else None


def _flexibility(inputs: CardInputs) -> Aspect:
    changes = (inputs.recipe.edit_to_live_s, inputs.adapter.data_to_live_s)
    taken = (_median(changes[0]), _median(changes[1]))
    prompted, tuned = (
        (Figure("changes", FigureKind.COUNT, len(made)), Figure("each", FigureKind.SECONDS, middle))
        for made, middle in zip(changes, taken, strict=True)
    )
    favours, reason = _lower(taken, inputs.sides, "is changed in less time", "measured changes")
    return Aspect("flexibility", _rows(prompted, tuned), favours, reason, len(changes[0]) + len(changes[1]))


def _use_cases(inputs: CardInputs) -> Aspect:
    found = {side: [f"“{tag.tag}”" for tag in inputs.tags if better_on(tag) == side] for side in (0, 1)}
    words = "; ".join(f"{inputs.sides[side]} is better on {listed(tags, 6)}" for side, tags in found.items() if tags)
    winners = [side for side, tags in found.items() if tags]
    favours: Favours = "open" if len(winners) != 1 else "tuned" if winners[0] else "prompted"
    reason = f"{started(words)}." if words else "No tag shows a difference yet."
    return Aspect("use cases", tuple(map(_tag_row, inputs.tags)), favours, reason, sum(tag.n for tag in inputs.tags))


def better_on(tag: TagShare) -> Literal[0, 1] | None:
    """Find the side that was found better on the requests of this tag; None while none was."""
    if not tag.differs:
        return None
    return 1 if tag.raw > 0.5 else 0


def _tag_row(tag: TagShare) -> Row:
    share, interval = tag.pooled, tag.interval if tag.n >= LEAST_UNITS else None
    mirrored = interval and Interval(1 - interval.high, 1 - interval.low)
    first, second = (
        Figure(tag.tag, FigureKind.SHARE, value, "request", within, tag.n) for value, within in ((1 - share, mirrored), (share, interval))
    )
    return first, second


def _dependency(inputs: CardInputs) -> Aspect:
    recipe, adapter = inputs.recipe, inputs.adapter
    prompted = (
        Figure("base model", FigureKind.TEXT, recipe.base),
        Figure("licence", FigureKind.TEXT, recipe.licence),
        Figure("runs on", FigureKind.TEXT, recipe.runs_on),
    )
    tuned = (
        Figure("base revision", FigureKind.TEXT, adapter.base_revision),
        Figure("training tools", FigureKind.TEXT, adapter.training_tools),
        Figure("training device", FigureKind.TEXT, adapter.gpu),
        Figure("shelf life", FigureKind.MONTHS, adapter.shelf_life_months),
    )
    if adapter.base_revision is None:
        reason = "The adapter's card pins no base revision, so its ties are not known."
        return Aspect("dependency", _rows(prompted, tuned), "open", reason, 0)
    reason = "The adapter works on one base revision only; a recipe can move."
    return Aspect("dependency", _rows(prompted, tuned), "prompted", reason, 0)
