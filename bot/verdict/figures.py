"""Figures of a verdict in words, the same for page, terminal, Discord and pictures. Pure."""

from collections.abc import Iterable

from bot.evidence import diagnostics
from bot.evidence.bets import LEAST_UNITS
from bot.evidence.breakeven import BreakEven
from bot.evidence.capital import Interval
from bot.evidence.card import Aspect, Favours, better_on
from bot.evidence.diagnostics import Reading
from bot.evidence.duels import Absence
from bot.evidence.figure import Figure, FigureKind, few
from bot.evidence.latency import Quantile
from bot.evidence.pooling import TagShare
from bot.verdict.facts import Latency, OfflineLine
from bot.verdict.words import names
from bot.who import Who
from bot.words import PER_1000, UNKNOWN, counted, dollars, percent, quantile, seconds, started
from engine.named import Named

READINGS = {
    diagnostics.Kind.POSITION: ("Left answer preferred", "near 50% is good: a coin seats them"),
    diagnostics.Kind.LENGTH: ("Longer answer preferred", "far from 50%, length may be what is voted on"),
    diagnostics.Kind.BLINDING: ("Right minus wrong guesses at the fine-tune", "near 0 is good: nobody can tell"),
    diagnostics.Kind.TIE: ("Voters who said tie", ""),
    diagnostics.Kind.BOTH_BAD: ("Voters who said both bad", ""),
}
ABSENT: dict[str, str] = {
    Absence.FAILED: "in which a side failed",
    Absence.TRAINED_ON: "on requests that a side was made with",
    Absence.AUTO_TIE: "with identical answers",
    Absence.SAYS_WHO: "in which an answer says which side it is",
    Absence.NO_BALLOTS: "without a ballot",
    "repeat": "of a request that was asked before",
    "by_hand": "closed by hand",
}


WAYS: dict[str, str] = {  # what makes a figure known, by its label
    "share of votes": "Ask something, and vote.",
    "both bad": "Ask something, and vote.",
    "prompt": "Ask something: it is counted with every answer.",
    PER_1000: "Set DUEL_DEVICE_USD_PER_HOUR, or the prices of the server's tokens.",
    "per 1,000 accepted": "Set the price of the device or of the tokens, and vote.",
    "versions tried": "Edit the recipe on the page of recipes; each version is counted.",
    "licence": "Write the base's licence on the adapter's card.",
    "training": "Train the adapter here, or write it on its card; DUEL_TEAM_TRAINING_USD says what it cost.",
    "labelled examples": "Train the adapter here, or write it on its card.",
    "failed runs": "Train the adapter here, or write it on its card.",
    "training tools": "Write them on the adapter's card.",
    "training device": "Write it on the adapter's card.",
    "base revision": "Write it on the adapter's card.",
    "rank": "Write it on the adapter's card.",
    "trainable parameters": "Write them on the adapter's card.",
    "shelf life": "Set DUEL_TEAM_SHELF_LIFE_MONTHS.",
    "edit to live": "Edit the recipe on the page of recipes and use it.",
    "data to live": "Train an adapter on the page of adapters and use it.",
    "each": "Change each side once; how long that takes is measured.",
}


def unknown_ways(aspects: Iterable[Aspect], sides: tuple[str, str]) -> dict[str, str]:
    """Say of each figure that is not known what makes it known, by aspect, figure and side."""
    ways: dict[str, str] = {}
    for aspect in aspects:
        unknown = [{figure.label: figure for figure in aspect.side(at) if figure.value is None} for at in (0, 1)]
        for label, figure in (unknown[0] | unknown[1]).items():
            lacking = [sides[at] for at in (0, 1) if label in unknown[at]]
            ways[f"{started(aspect.name)}: {label} of {' and '.join(lacking)}"] = _way(label, figure, lacking == [sides[0]])
    return ways


def _way(label: str, figure: Figure, prompt: bool) -> str:
    """What to do about a figure that is not known."""
    if label == "authoring" and figure.kind is FigureKind.SECONDS:
        return f"Set DUEL_TEAM_{'PROMPT' if prompt else 'TUNED'}_MINUTES, or write it on the card."
    if label == "authoring":
        return "Set DUEL_TEAM_WAGE_USD_PER_HOUR and the minutes that people spent."
    if figure.why:
        return f"{started(figure.why)}."
    return WAYS.get(label, "It is measured with more votes and answers.")


def value_words(figure: Figure) -> str:
    """Write the value with its unit and interval, as its kind is written; what is not known says why."""
    if figure.value is None:
        return figure.why or UNKNOWN
    within = f" {between(figure.interval, figure.kind)}" if figure.interval else ""
    behind = "" if figure.n is None else f", {counted(figure.n, figure.unit)}"
    return f"{_amount(figure.value, figure.kind, figure.unit)}{within}{behind}"


def _amount(value: int | float | str | Named, kind: FigureKind, unit: str = "") -> str:
    if isinstance(value, str | Named):
        return str(value)
    match kind:
        case FigureKind.SHARE:
            return percent(value)
        case FigureKind.USD:
            return dollars(value)
        case FigureKind.SECONDS:
            return seconds(value)
        case FigureKind.MONTHS:
            return counted_months(value)
        case _ if value == int(value):
            return counted(int(value), unit) if unit else f"{int(value):,}"
        case _:
            return f"{value:,.1f} {unit}{'s' if unit else ''}".strip()


def between(interval: Interval, kind: FigureKind = FigureKind.SHARE) -> str:
    """Put both ends of an interval into brackets."""
    return f"({_amount(interval.low, kind)} to {_amount(interval.high, kind)})"


def line_words(figure: Figure | None) -> str:
    """Put label and value on one line, for fronts that have no columns for them; empty where a side has no such figure."""
    return "" if figure is None else f"{figure.label}: {value_words(figure)}"


def favours_words(favours: Favours, who: tuple[Who, Who]) -> str:
    """Say whom an aspect of the card favours."""
    return "open" if favours == "open" else names(who)[0 if favours == "prompted" else 1]


def reading_words(reading: Reading) -> tuple[str, str, str]:
    """Say what a diagnostic reads, the value with its interval or why it has none, and what it means."""
    name, meaning = READINGS[reading.kind]
    if reading.value is None:
        return name, "no duel says anything yet", meaning
    one = "{:+.2f}".format if reading.kind is diagnostics.Kind.BLINDING else percent
    value, counts, why = one(reading.value), counted(reading.n, "duel"), few(reading.n, noun="duel")
    if why or reading.interval is None:
        return name, "; ".join(filter(None, (f"{value}, {counts}", why))), meaning
    meaning = f"look into this: {meaning}" if reading.amiss else meaning
    if not reading.interval.low <= reading.value <= reading.interval.high:
        return name, f"{value}, {counts}; earlier and later ones contradict each other", meaning
    low, high = (one(end) for end in reading.interval)
    return name, f"{value} ({low} to {high}), {counts}", meaning


def absent_words(absent: dict[Absence, int]) -> str:
    """Count the closed duels that are no evidence, by reason; empty when there are none."""
    parts = [f"{counted(count, 'duel')} {ABSENT.get(reason, reason.replace('_', ' '))}" for reason, count in absent.items() if count]
    return f"Left out: {', '.join(parts)}." if parts else ""


def quantile_words(found: Quantile) -> str:
    """Write a quantile with its interval, or why there is none."""
    if found.value is None:
        return found.why
    return seconds(found.value) + (
        f" ({seconds(found.interval.low)} to {seconds(found.interval.high)})" if found.interval and found.n >= LEAST_UNITS else ""
    )


def latency_words(line: Latency) -> list[tuple[str, str, str]]:
    """Write a row per quantile that a side has: name, first side, second side."""
    return [
        (f"{line.figure}, {quantile(first.q)}, {line.condition}", quantile_words(first), quantile_words(second))
        for first, second in zip(*line.sides, strict=True)
        if first.value is not None or second.value is not None
    ]


def break_even_words(even: BreakEven | None, why: str) -> str:
    """Say when the fine-tune has paid for itself; never is an answer. why: why there is no break-even."""
    if even is None:
        return f"Break-even is not known: {why}."
    each = f"{dollars(abs(even.saving_usd) * 1000)} {PER_1000}"
    if even.answers is None:
        after = "It never pays back: the fine-tune costs" + (f" {each} more." if even.saving_usd < 0 else " as much per answer.")
    elif even.answers == 0:
        after = f"The fine-tune is ahead from the first answer: it costs no more up front and saves {each}."
    else:
        months = "" if even.months is None else f", {counted_months(even.months)}"
        after = f"The fine-tune pays back after {counted(even.answers, 'answer')}{months}"
        after = f"{after}: {dollars(even.extra_usd)} more up front, {each} saved."
    chance = f" Resampled over {counted(even.n, 'duel')}, it never pays back with a chance of {percent(even.never)}"
    in_time = "" if even.in_time is None else f", and pays back within its shelf life with {percent(even.in_time)}"
    return f"{after}{chance}{in_time}."


def counted_months(months: float) -> str:
    """Say how long, as one says it of months."""
    if months < 0.1:
        return "within days" if months else "at once"
    if months < 24:
        shown = f"{months:,.1f}".removesuffix(".0")
        return f"{shown} {'month' if shown == '1' else 'months'}"
    return f"{months / 12:,.0f} years"


def tag_words(tag: TagShare, who: tuple[Who, Who]) -> tuple[str, str, str]:
    """Say a tag, the second side's share there, and what is found."""
    within = f" {between(tag.interval)}" if tag.interval and tag.n >= LEAST_UNITS else ""
    side = better_on(tag)
    found = "open" if side is None else f"{names(who)[side]} is better"
    return tag.tag, f"{percent(tag.pooled)}{within}, {counted(tag.n, 'request')}", found


def offline_words(line: OfflineLine) -> tuple[str, str, str, str]:
    """Write a metric, both scores, and their difference with its interval."""
    within = f" ({line.interval.low:+.1%} to {line.interval.high:+.1%})" if line.interval else f"; {line.why}"
    return line.metric, f"{line.scores[0]:.1%}", f"{line.scores[1]:.1%}", f"{line.difference:+.1%}{within}, {counted(line.rows, 'row')}"
