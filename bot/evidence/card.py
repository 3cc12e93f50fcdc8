"""The decision card: eight aspects, each with the team's own figures for both sides and the side they favour, or "open"."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from bot.evidence.breakeven import BreakEven
from bot.evidence.decision import Decision, State
from bot.evidence.latency import difference, quantile
from bot.evidence.pooling import TagShare

Favours = Literal["prompted", "tuned", "open"]
Value = float | int | str | None
PAYS_BACK = 0.95  # how likely a fine-tune must pay back within its shelf life for cost to favour it


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure of one side. value None: not known, shown as such and never made up."""

    name: str
    value: Value
    unit: str = ""


@dataclass(frozen=True, slots=True)
class Aspect:
    """A line of the card."""

    name: str
    prompted: tuple[Figure, ...]
    tuned: tuple[Figure, ...]
    favours: Favours
    reason: str  # one sentence
    n: int  # duels, samples or changes behind it; 0 where nothing was counted


@dataclass(frozen=True, slots=True)
class RecipeFacts:
    """The prompt side as it is kept. None: not known."""

    name: str
    version: str
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
    """The fine-tuned side as its card tells it. None: not known."""

    name: str
    version: str
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
    """All that the card is made of. Tuples of two are (prompted, tuned); samples are paired, one for each duel."""

    recipe: RecipeFacts
    adapter: AdapterFacts
    decision: Decision  # for the pair (prompted, tuned)
    both_bad: float | None  # share of voters, mean over duels
    first_token_s: tuple[Sequence[float], Sequence[float]] = ((), ())
    total_s: tuple[Sequence[float], Sequence[float]] = ((), ())
    usd: tuple[Sequence[float], Sequence[float]] = ((), ())
    break_even: BreakEven | None = None
    wage_usd_per_hour: float | None = None
    tags: tuple[TagShare, ...] = ()
    offline: Offline | None = None


def card(inputs: CardInputs) -> tuple[Aspect, ...]:
    """The eight aspects in their order."""
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
        Figure("recipe", f"{recipe.name} {recipe.version}"),
        Figure("length", recipe.words, "words"),
        Figure("examples", recipe.examples),
    )
    tuned = (
        Figure("adapter", f"{adapter.name} {adapter.version}"),
        Figure("rank", adapter.rank),
        Figure("trainable parameters", adapter.trainable_parameters),
        Figure("base", adapter.base),
    )
    return Aspect("definition", prompted, tuned, "open", "This says what they are, not which is better.", 0)


def _purpose(inputs: CardInputs) -> Aspect:
    decision = inputs.decision
    low, high = decision.interval
    theta = decision.theta
    shares = ((None if theta is None else 1 - theta, 1 - high, 1 - low), (theta, low, high))
    prompted, tuned = ([Figure("share of votes", share), Figure("from", a), Figure("to", b)] for share, a, b in shares)
    for at, figures in enumerate((prompted, tuned)):
        figures.append(Figure("both bad", inputs.both_bad))
        if inputs.offline:
            figures.append(Figure(f"offline {inputs.offline.metric}", inputs.offline.scores[at]))
    favours: dict[State, Favours] = {State.FIRST: "prompted", State.SECOND: "tuned"}
    reasons = {
        State.FIRST: "Voters prefer the prompt's answers.",
        State.SECOND: "Voters prefer the fine-tune's answers.",
        State.EQUAL: f"Practically equal: the share lies within 1/2 ± {decision.delta:g}.",
        State.COLLECT: "The votes do not decide yet.",
        State.CHANGED: "Earlier and later votes contradict each other.",
    }
    return Aspect("purpose", tuple(prompted), tuple(tuned), favours.get(decision.state, "open"), reasons[decision.state], decision.n)


def _complexity(inputs: CardInputs) -> Aspect:
    recipe, adapter = inputs.recipe, inputs.adapter
    prompted = (
        Figure("prompt", recipe.prompt_tokens, "tokens"),
        Figure("examples", recipe.examples),
        Figure("versions tried", recipe.versions_tried),
        Figure("authoring", recipe.authoring_minutes, "minutes"),
    )
    tuned = (
        Figure("labelled examples", adapter.labelled_examples),
        Figure("training", adapter.steps, "steps"),
        Figure("failed runs", adapter.failed_runs),
        Figure("authoring", adapter.authoring_minutes, "minutes"),
    )
    favours, reason = _lower((recipe.authoring_minutes, adapter.authoring_minutes), "took less of people's time", "authoring minutes")
    return Aspect("complexity", prompted, tuned, favours, reason, 0)


def _lower(values: tuple[float | None, float | None], better: str, what: str) -> tuple[Favours, str]:
    """The side with the lower figure; open when one is unknown or both are equal."""
    prompted, tuned = values
    if prompted is None or tuned is None:
        return "open", f"There are no {what} for both sides."
    if prompted == tuned:
        return "open", f"Both sides have the same {what}."
    return ("prompted", f"The prompt {better}.") if prompted < tuned else ("tuned", f"The fine-tune {better}.")


def _authoring_usd(minutes: float | None, wage: float | None) -> float | None:
    return None if minutes is None or wage is None else minutes / 60 * wage


def _cost(inputs: CardInputs) -> Aspect:
    wage, paid = inputs.wage_usd_per_hour, []
    minutes = (inputs.recipe.authoring_minutes, inputs.adapter.authoring_minutes)
    for side, spent in zip(inputs.usd, minutes, strict=True):
        each = float(np.mean(side)) * 1000 if len(side) else None
        accepted = None if each is None or inputs.both_bad is None or inputs.both_bad >= 1 else each / (1 - inputs.both_bad)
        figures = [Figure("per 1,000 answers", each, "usd"), Figure("per 1,000 accepted", accepted, "usd")]
        paid.append([*figures, Figure("authoring", _authoring_usd(spent, wage), "usd")])
    tuned = (*paid[1], Figure("training", inputs.adapter.training_usd, "usd"), *_break_even_figures(inputs.break_even))
    favours, reason = _cost_favours(inputs.break_even)
    return Aspect("cost", tuple(paid[0]), tuned, favours, reason, len(inputs.usd[0]))


def _break_even_figures(even: BreakEven | None) -> tuple[Figure, ...]:
    if even is None:
        return (Figure("break-even", None, "answers"),)
    answers: Value = "never" if even.answers is None else even.answers
    months: Value = "never" if even.answers is None else even.months
    return (
        Figure("break-even", answers, "answers"),
        Figure("break-even", months, "months"),
        Figure("chance that it never pays back", even.never),
        Figure("chance that it pays back within its shelf life", even.in_time),
    )


def _cost_favours(even: BreakEven | None) -> tuple[Favours, str]:
    """By the break-even distribution: sure enough to pay back in time, sure enough never to, or open."""
    if even is None:
        return "open", "Without a price for both sides nothing can be said about cost."
    if even.never >= PAYS_BACK:
        return "prompted", "The fine-tune is not cheaper per answer, so it never pays back."
    if even.in_time is None:
        if even.answers == 0 and even.never <= 1 - PAYS_BACK:
            return "tuned", "The fine-tune costs no more up front and no more per answer."
        return "open", "Whether it pays back in time depends on requests per month and shelf life, which are not set."
    if even.in_time >= PAYS_BACK:
        return "tuned", f"The fine-tune pays back within its shelf life with a chance of {even.in_time:.0%}."
    if even.in_time <= 1 - PAYS_BACK:
        return "prompted", f"The fine-tune pays back within its shelf life with a chance of only {even.in_time:.0%}."
    return "open", f"The fine-tune pays back within its shelf life with a chance of {even.in_time:.0%}, which is not settled."


def _time(inputs: CardInputs) -> Aspect:
    changes = (inputs.recipe.edit_to_live_s, inputs.adapter.data_to_live_s)
    figures = []
    for at, name in enumerate(("edit to live", "data to live")):
        lines = []
        for label, samples in (("first token", inputs.first_token_s[at]), ("full answer", inputs.total_s[at])):
            for q in (0.5, 0.95):
                found = quantile(samples, q)
                lines.append(Figure(f"{label} p{q * 100:g}", found.value, f"s ({found.why})" if found.value is None else "s"))
        figures.append((*lines, Figure(name, _median(changes[at]), "s")))
    gap = difference(*inputs.total_s)
    favours, reason = _faster(gap.interval, gap.n)
    return Aspect("time", figures[0], figures[1], favours, reason, gap.n)


def _faster(gap: tuple[float, float] | None, n: int) -> tuple[Favours, str]:
    """From the interval of the median paired difference, tuned minus prompted, in full answers."""
    if gap is None:
        return "open", f"Too few answers to compare their times: {n} on each side."
    if gap[0] <= 0 <= gap[1]:
        return "open", "The two are equally fast as far as the samples show."
    return ("prompted", "The prompt's full answers are faster.") if gap[0] > 0 else ("tuned", "The fine-tune's full answers are faster.")


def _median(samples: Sequence[float]) -> float | None:
    return float(np.median(samples)) if len(samples) else None


def _flexibility(inputs: CardInputs) -> Aspect:
    changes = (inputs.recipe.edit_to_live_s, inputs.adapter.data_to_live_s)
    taken = (_median(changes[0]), _median(changes[1]))
    prompted = (Figure("changes", len(changes[0])), Figure("each", taken[0], "s"))
    tuned = (Figure("changes", len(changes[1])), Figure("each", None if taken[1] is None else taken[1] / 60, "minutes"))
    favours, reason = _lower(taken, "is changed in less time", "measured changes")
    return Aspect("flexibility", prompted, tuned, favours, reason, len(changes[0]) + len(changes[1]))


def _use_cases(inputs: CardInputs) -> Aspect:
    found: dict[Favours, list[str]] = {"prompted": [], "tuned": []}
    for tag in inputs.tags:
        if tag.differs:
            found["tuned" if tag.raw > 0.5 else "prompted"].append(tag.tag)
    sides = [[Figure(tag.tag, share, f"of {tag.n} duels") for tag, share in _tag_shares(inputs.tags, side)] for side in (0, 1)]
    winners = [side for side, tags in found.items() if tags]
    told = {"prompted": "the prompt", "tuned": "the fine-tune"}
    words = "; ".join(f"{told[side]} is better on {', '.join(found[side])}" for side in winners)
    favours: Favours = winners[0] if len(winners) == 1 else "open"
    reason = f"{words[0].upper()}{words[1:]}." if words else "No tag shows a difference yet."
    return Aspect("use cases", tuple(sides[0]), tuple(sides[1]), favours, reason, sum(tag.n for tag in inputs.tags))


def _tag_shares(tags: Sequence[TagShare], side: int) -> list[tuple[TagShare, float]]:
    return [(tag, tag.pooled if side == 1 else 1 - tag.pooled) for tag in tags]


def _dependency(inputs: CardInputs) -> Aspect:
    recipe, adapter = inputs.recipe, inputs.adapter
    prompted = (Figure("base model", recipe.base), Figure("licence", recipe.licence), Figure("runs on", recipe.runs_on))
    tuned = (
        Figure("base revision", adapter.base_revision),
        Figure("training tools", adapter.training_tools),
        Figure("training device", adapter.gpu),
        Figure("shelf life", adapter.shelf_life_months, "months"),
    )
    if adapter.base_revision is None:
        return Aspect("dependency", prompted, tuned, "open", "The adapter's card pins no base revision, so its ties are not known.", 0)
    return Aspect("dependency", prompted, tuned, "prompted", "The adapter works on one base revision only; a recipe can move.", 0)
