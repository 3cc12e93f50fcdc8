"""Outcomes as programs read them (JSON) and as people read them (figures in words). Pure."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from statistics import median
from typing import Any

from engine.backends.base import Usage
from engine.contestants import Arm, Contestant
from engine.cost import Cost
from engine.duel import Answer, Failure

NOTHING = "–"  # shown where a figure is not known


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
    """Word seconds with as many digits as matter."""
    if value_s < 0.0005:
        return "0 s"
    if value_s < 10:
        return f"{value_s:.3f} s" if value_s < 0.1 else f"{value_s:.2f} s"
    return f"{value_s:.1f} s" if value_s < 100 else f"{value_s:,.0f} s"


def dollars(usd: float | None) -> str:
    """Word US dollars: two significant digits when small, never in powers of ten."""
    if usd is None:
        return NOTHING
    if usd == 0:
        return "$0"
    if usd >= 1:
        return f"${usd:,.2f}"
    decimals = next(places for places in range(2, 13) if usd >= 10.0 ** (1 - places) or places == 12)
    return f"${usd:.{decimals}f}"


def tokens_in(usage: Usage) -> str:
    """Word prompt tokens, and how many of them came from the cache."""
    cached = f" ({usage.cached_prompt_tokens:,} cached)" if usage.cached_prompt_tokens else ""
    return f"{usage.prompt_tokens:,}{cached}"


def figures(sides: Sequence[tuple[Usage, Cost] | None]) -> list[tuple[str, list[str]]]:
    """Word the rows of a comparison: a label, and a cell for each side in the order given; None is a side without figures."""

    def row(label: str, *cells: str) -> tuple[str, list[str]]:
        return (label, list(cells))

    def of(label: str, cell: Any) -> tuple[str, list[str]]:
        return row(label, *(NOTHING if side is None else cell(*side) for side in sides))

    rows = [
        of("first words", lambda usage, cost: seconds(usage.first_token_s)),
        of("total time", lambda usage, cost: seconds(usage.total_s)),
        of("tokens in", lambda usage, cost: tokens_in(usage)),
        of("tokens out", lambda usage, cost: f"{usage.new_tokens:,}"),
        of("cost", lambda usage, cost: dollars(cost.usd)),
        of("per 1,000", lambda usage, cost: dollars(cost.usd_per_1000)),
    ]
    if any(side is not None and side[0].queued_s >= 0.05 for side in sides):
        rows.insert(0, of("in the queue", lambda usage, cost: seconds(usage.queued_s)))
    return rows


def footnote(sides: Sequence[tuple[Usage, Cost] | None]) -> str:
    """Word how the figures were got: where the price comes from, and whether the sides shared the engine."""
    known = [side for side in sides if side is not None]
    if not known:
        return ""
    cost = known[0][1]
    words = {
        "device_hour": f"Cost: engine time at the price of the device per hour ({cost.source}, {cost.date}).",
        "token_price": f"Cost: tokens at the server's price ({cost.source}, {cost.date}).",
        "unknown": "Cost is not known: DUEL_DEVICE_USD_PER_HOUR is empty.",
    }[cost.basis]
    shared = any(usage.ran == "together" for usage, _ in known)
    return words + (" Times include the other answers' work: they ran together." if shared else "")


def summary(outcomes: Mapping[Arm, Sequence[Answer | Failure]]) -> list[tuple[str, list[str]]]:
    """Word a whole file in a few rows, a cell for each arm: counts, medians of times and tokens, and the bill.

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
        ("first words, median", middle(lambda usage: usage.first_token_s, seconds)),
        ("total time, median", middle(lambda usage: usage.total_s, seconds)),
        ("tokens in, median", middle(lambda usage: usage.prompt_tokens, "{:,.0f}".format)),
        ("tokens out, median", middle(lambda usage: usage.new_tokens, "{:,.0f}".format)),
        ("cost", [dollars(total) for total in totals]),
        ("per 1,000 answers", [dollars(share) for share in shares]),
    ]
