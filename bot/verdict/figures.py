"""Figures of a verdict in words, the same for page, terminal, Discord and pictures. Pure."""

from bot.evidence.breakeven import BreakEven
from bot.evidence.card import Aspect, Figure
from bot.evidence.diagnostics import Kind, Reading
from bot.evidence.latency import Quantile
from bot.evidence.pooling import TagShare
from bot.verdict.facts import Latency, OfflineLine
from engine.report import dollars, seconds

UNKNOWN = "unknown"
FAVOURS = {"prompted": "the prompt", "tuned": "the fine-tune", "open": "open"}
_SHARES = {"share of votes", "from", "to", "both bad"}
KINDS = {
    Kind.POSITION: ("Left answer preferred", "near 50\u00a0% is good: a coin seats them"),
    Kind.LENGTH: ("Longer answer preferred", "far from 50\u00a0%, length may be what is voted on"),
    Kind.BLINDING: ("Right minus wrong guesses at the fine-tune", "near 0 is good: nobody can tell"),
    Kind.TIE: ("Voters who said tie", ""),
    Kind.BOTH_BAD: ("Voters who said both bad", ""),
}


def figure_words(figure: Figure) -> str:
    """The value with its unit; what is not known says so."""
    value, unit = figure.value, figure.unit
    if value is None:
        return unit.removeprefix("s (").removesuffix(")") if unit.startswith("s (") else UNKNOWN
    if isinstance(value, str):
        return value
    if figure.name in _SHARES or figure.name.startswith(("chance", "offline")) or unit.startswith("of "):
        return f"{value:.0%}{f' {unit}' if unit else ''}"
    if unit == "usd":
        return dollars(value)
    if unit == "s":
        return span(value)
    amount = f"{value:,}" if isinstance(value, int) or value == int(value) else f"{value:,.1f}"
    return f"{amount.removesuffix('.0')} {unit}".strip()


def span(value_s: float) -> str:
    """Seconds while they are few, else minutes, hours or days."""
    for limit, unit, size in ((120, "", 0), (7200, "min", 60), (172_800, "h", 3600)):
        if value_s < limit:
            return seconds(value_s) if not unit else f"{value_s / size:,.0f} {unit}"
    return f"{value_s / 86_400:,.0f} days"


def rows_of(aspect: Aspect) -> list[tuple[str, str]]:
    """The aspect's figures as lines for both sides: those of one name side by side, joined where they belong together."""
    sides = [[(figure.name, figure_words(figure)) for figure in _joined(figures)] for figures in (aspect.prompted, aspect.tuned)]
    lines = []
    for at in range(max(map(len, sides), default=0)):
        pair = [f"{side[at][0]}: {side[at][1]}" if at < len(side) else "" for side in sides]
        lines.append((pair[0], pair[1]))
    return lines


def _joined(figures: tuple[Figure, ...]) -> list[Figure]:
    """A share with its ends is one line."""
    names = [figure.name for figure in figures]
    if "from" not in names:
        return list(figures)
    share, low, high, *rest = figures
    if share.value is None:
        return [Figure("share of votes", "no duel yet"), *rest]
    said = f"{figure_words(share)} ({figure_words(low)} to {figure_words(high)})"
    return [Figure("share of votes", said), *rest]


def reading_words(reading: Reading) -> tuple[str, str, str]:
    """What is read, the value with its interval, what it means."""
    name, meaning = KINDS[reading.kind]
    if reading.value is None:
        return name, "no duel says anything yet", meaning
    told = "{:+.2f} ({:+.2f} to {:+.2f})" if reading.kind is Kind.BLINDING else "{:.0%} ({:.0%} to {:.0%})"
    if reading.interval is None:
        told = told.split(" (", maxsplit=1)[0]
    value = told.format(reading.value, *(reading.interval or ()))
    return name, f"{value}, {counted(reading.n, 'duel')}", f"look into this: {meaning}" if reading.amiss else meaning


def quantile_words(found: Quantile) -> str:
    """A quantile with its interval, or why there is none."""
    if found.value is None:
        return found.why
    return span(found.value) + (f" ({span(found.interval.low)} to {span(found.interval.high)})" if found.interval else "")


def latency_words(line: Latency) -> list[tuple[str, str, str]]:
    """A row per quantile that a side has: name, first side, second side."""
    names = {0.5: "median", 0.95: "p95"}
    return [
        (f"{line.figure}, {names[first.q]}, {line.condition}", quantile_words(first), quantile_words(second))
        for first, second in zip(*line.sides, strict=True)
        if first.value is not None or second.value is not None
    ]


def break_even_words(even: BreakEven | None) -> str:
    """When the fine-tune has paid for itself, in one or two sentences; never is an answer."""
    if even is None:
        return "Break-even is not known: it needs a price for both sides and the cost of training."
    each = f"{dollars(abs(even.saving_usd) * 1000)} per 1,000 answers"
    if even.answers is None:
        after = "It never pays back: the fine-tune costs" + (f" {each} more." if even.saving_usd < 0 else " as much per answer.")
    elif even.answers == 0:
        after = f"The fine-tune is ahead from the first answer: it costs no more up front and saves {each}."
    else:
        months = "" if even.months is None else f", {counted_months(even.months)}"
        after = f"The fine-tune pays back after {even.answers:,} answers{months}: {dollars(even.extra_usd)} more up front, {each} saved."
    chance = f" Resampled over {counted(even.n, 'duel')}, it never pays back with a chance of {even.never:.0%}"
    in_time = "" if even.in_time is None else f", and pays back within its shelf life with {even.in_time:.0%}"
    return f"{after}{chance}{in_time}."


def counted_months(months: float) -> str:
    if months < 0.1:
        return "within days"
    return f"{months:,.1f} months" if months < 24 else f"{months / 12:,.0f} years"


def tag_words(tag: TagShare) -> tuple[str, str, str]:
    """Tag, the fine-tune's share there, what is found."""
    ends = f" ({tag.interval.low:.0%} to {tag.interval.high:.0%})" if tag.interval else ""
    share = f"{tag.pooled:.0%}{ends}, {counted(tag.n, 'duel')}"
    if not tag.differs:
        return tag.tag, share, "open"
    return tag.tag, share, "the fine-tune is better" if tag.raw > 0.5 else "the prompt is better"


def offline_words(line: OfflineLine) -> tuple[str, str, str, str]:
    """Metric, both scores, their difference with its interval."""
    gap = f"{line.difference:+.1%} ({line.low:+.1%} to {line.high:+.1%}), {counted(line.rows, 'row')}"
    return line.metric, f"{line.scores[0]:.1%}", f"{line.scores[1]:.1%}", gap


def counted(count: int, thing: str) -> str:
    return f"{count:,} {thing}{'' if count == 1 else 's'}"
