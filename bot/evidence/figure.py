"""A figure as a value: what it is called, what kind of thing it is, and why it is not known. Words are made of it at the edges alone."""

from dataclasses import dataclass
from enum import StrEnum

from bot.evidence.bets import LEAST_UNITS
from bot.evidence.capital import Interval
from engine.named import Named


class FigureKind(StrEnum):
    """The kinds of values; a kind says how its value is written."""

    COUNT = "count"  # of the figure's unit; a median of counts may be a fraction
    SHARE = "share"  # in [0, 1]
    USD = "usd"
    SECONDS = "seconds"
    MONTHS = "months"
    TEXT = "text"


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure of one side. The label may be a team's own text (a tag), so nothing follows from it."""

    label: str
    kind: FigureKind
    value: int | float | str | Named | None  # None: not known, shown as such and never made up
    unit: str = ""  # one of what a COUNT counts, or of what a SHARE is a share of: "word", "request"
    interval: Interval | None = None
    n: int | None = None  # units behind a SHARE; None: not said
    why: str = ""  # why there is no value


def few(n: int, what: str = "an interval", noun: str = "request") -> str:
    """Say why something is not shown of n units; empty when there are enough."""
    return "" if n >= LEAST_UNITS else f"{what} is shown from {LEAST_UNITS} {noun}s on, so far {n}"
