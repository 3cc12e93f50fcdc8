"""Outcomes as programs read them (JSON) and as people read them (figures in words). Pure."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from statistics import median
from typing import Any, NamedTuple

from engine.backends.base import Usage
from engine.contestants import Arm, Contestant
from engine.cost import Cost
from engine.duel import Answer, Failure

NOTHING = "–"  # stands where a side has no figure at all
UNKNOWN = "unknown"  # stands where a figure exists and nobody knows it
FIRST_WORDS, FULL_ANSWER, PER_1000 = "first words", "full answer", "per 1,000 answers"  # labels of figures
QUEUED_S = 0.05  # seconds in the queue from which on they are shown


def json_line(value: Any) -> str:
    """Write a value as one line of JSON.

    Letters of every script stay readable; whatever a terminal could act on, or a reader could take for a line end, is escaped.
    """
    dumped = json.dumps(value, ensure_ascii=False, allow_nan=False)
    return "".join(c if c.isprintable() else json.dumps(c)[1:-1] for c in dumped)


def side_json(outcome: Answer | Failure, contestant: Contestant) -> dict[str, Any]:
    """Turn one side into a table: {text, finish, contestant, usage, cost}, or {failure, contestant, usage, cost}.

    A failure's usage and cost are null unless the engine still took time for it.
    """
    if isinstance(outcome, Failure):
        said: dict[str, Any] = {"failure": {"kind": outcome.kind, "words": outcome.words}}
    else:
        said = {"text": outcome.text, "finish": outcome.finish}
    usage = asdict(outcome.usage) if outcome.usage else None
    return {**said, "contestant": contestant.id, "usage": usage, "cost": cost_json(outcome.cost)}


def cost_json(cost: Cost | None) -> dict[str, Any] | None:
    """Turn a cost into a table, with US dollars for 1,000 such answers."""
    return None if cost is None else {**asdict(cost), "usd_per_1000": cost.usd_per_1000}


def duel_json(request: str, outcomes: Mapping[Arm, Answer | Failure], entrants: Mapping[Arm, Contestant]) -> dict[str, Any]:
    """Turn one request with all its sides, by arm, into a table."""
    return {"request": request, "sides": {str(arm): side_json(outcome, entrants[arm]) for arm, outcome in outcomes.items()}}


def seconds(value_s: float) -> str:
    """Say how long: "45 ms", "1.24 s", "12.3 s", "2 min 5 s", "1 h 30 min", "3 days"; as many digits as matter."""
    if value_s < 0.0995:
        return "0 s" if value_s == 0 else f"{value_s * 1000:.0f} ms" if value_s >= 0.0005 else "under 1 ms"
    if value_s < 119.5:
        return f"{value_s:.{2 if value_s < 9.995 else 1 if value_s < 99.95 else 0}f} s"
    if value_s < 172_800:
        large, small, size = ("min", "s", 1) if value_s < 3599.5 else ("h", "min", 60)
        whole, rest = divmod(round(value_s / size), 60)
        return f"{whole} {large} {rest} {small}" if rest else f"{whole} {large}"
    return f"{value_s / 86_400:,.0f} days"


def dollars(usd: float | None) -> str:
    """Say US dollars: two digits that matter when small, never in powers of ten; no figure is made up for an unknown price."""
    if usd is None:
        return UNKNOWN
    if usd == 0:
        return "$0"
    if usd < 1e-9:
        return "under $0.000000001"
    exponent = int(f"{usd:.1e}".split("e")[1])
    return f"${usd:,.{max(2, 1 - exponent)}f}"


def tokens_in(usage: Usage) -> str:
    """Say how many prompt tokens there were, and how many of them came from the cache."""
    cached = f" ({usage.cached_prompt_tokens:,} cached)" if usage.cached_prompt_tokens else ""
    return f"{usage.prompt_tokens:,}{cached}"


Taken = tuple[Usage, Cost]  # of one answer


class FigureRow(NamedTuple):
    """A row of a comparison: a label, each side's figure in words, and the places of the sides that took least."""

    label: str
    cells: list[str]
    least: frozenset[int]  # none where all read alike, or where a figure is not known


def figures(sides: Sequence[Taken | None]) -> list[FigureRow]:
    """Say what each side took, in the order given; None is a side without figures."""

    def row(label: str, value: Callable[[Usage, Cost], float | None], words: Callable[[Usage, Cost], str]) -> FigureRow:
        cells = [NOTHING if side is None else words(*side) for side in sides]
        return FigureRow(label, cells, _least([None if side is None else value(*side) for side in sides], cells))

    rows = [
        row(FIRST_WORDS, lambda usage, cost: usage.first_token_s, lambda usage, cost: seconds(usage.first_token_s)),
        row(FULL_ANSWER, lambda usage, cost: usage.total_s, lambda usage, cost: seconds(usage.total_s)),
        row("tokens in", lambda usage, cost: usage.prompt_tokens, lambda usage, cost: tokens_in(usage)),
        row("tokens out", lambda usage, cost: usage.new_tokens, lambda usage, cost: f"{usage.new_tokens:,}"),
        row("cost", lambda usage, cost: cost.usd, lambda usage, cost: dollars(cost.usd)),
        row(PER_1000, lambda usage, cost: cost.usd_per_1000, lambda usage, cost: dollars(cost.usd_per_1000)),
    ]
    if any(side is not None and side[0].queued_s >= QUEUED_S for side in sides):
        rows.insert(0, row("in the queue", lambda usage, cost: usage.queued_s, lambda usage, cost: seconds(usage.queued_s)))
    return rows


def _least(values: Sequence[float | None], cells: Sequence[str]) -> frozenset[int]:
    known = [value for value in values if value is not None]
    if len(known) < len(values) or len(set(cells)) < 2:
        return frozenset()
    return frozenset(at for at, value in enumerate(values) if value == min(known))


def price_note(sides: Sequence[Taken | None]) -> str:
    """Say how the figures were got: where each price comes from, and whether the sides shared the engine."""
    known = [side for side in sides if side is not None]
    shared = any(usage.ran == "together" for usage, _ in known)
    prices = dict.fromkeys(_priced(cost) for _, cost in known)
    return " ".join([*prices, *(["Times include the other answers' work: they ran together."] if shared else [])])


def _priced(cost: Cost) -> str:
    match cost.basis:
        case "device_hour":
            return f"Cost: engine time at the device's price per hour ({cost.source}, {cost.date})."
        case "token_price":
            return f"Cost: tokens at the server's price ({cost.source}, {cost.date})."
        case _:
            return "Cost: unknown, because no price is set (DUEL_DEVICE_USD_PER_HOUR)."


def summary(outcomes: Mapping[Arm, Sequence[Answer | Failure]]) -> list[tuple[str, list[str]]]:
    """Say of a whole file in a few rows, a cell for each arm: counts, medians of times and tokens, and the bill.

    Failures that took engine time are on the bill; an unknown cost makes the sum unknown.
    """
    answers = [[outcome for outcome in each if isinstance(outcome, Answer)] for each in outcomes.values()]
    bills = [[outcome.cost.usd for outcome in each if outcome.cost] for each in outcomes.values()]

    def middle(of: Callable[[Usage], float], words: Callable[[float], str]) -> list[str]:
        return [words(median(of(each.usage) for each in done)) if done else NOTHING for done in answers]

    totals = [None if not bill or None in bill else sum(usd for usd in bill if usd is not None) for bill in bills]
    shares = [None if total is None or not done else total / len(done) * 1000 for total, done in zip(totals, answers, strict=True)]
    return [
        ("answered", [f"{len(done):,}" for done in answers]),
        ("failed", [f"{len(each) - len(done):,}" for each, done in zip(outcomes.values(), answers, strict=True)]),
        (f"{FIRST_WORDS}, median", middle(lambda usage: usage.first_token_s, seconds)),
        (f"{FULL_ANSWER}, median", middle(lambda usage: usage.total_s, seconds)),
        ("tokens in, median", middle(lambda usage: usage.prompt_tokens, "{:,.0f}".format)),
        ("tokens out, median", middle(lambda usage: usage.new_tokens, "{:,.0f}".format)),
        ("cost", [dollars(total) if bill else NOTHING for total, bill in zip(totals, bills, strict=True)]),
        (PER_1000, [dollars(share) if done else NOTHING for share, done in zip(shares, answers, strict=True)]),
    ]
