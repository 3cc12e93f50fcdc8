"""Seconds and dollars: an account after an answer, an estimate before one."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median
from typing import Literal

from engine.backends.base import Usage


@dataclass(frozen=True, slots=True)
class Price:
    """What the device costs. usd_per_hour None: nobody said, and then no cost is made up."""

    usd_per_hour: float | None
    source: str
    date: str  # ISO, when the price was true


@dataclass(frozen=True, slots=True)
class Cost:
    """US dollars of one answer, and where the figure comes from."""

    usd: float | None
    basis: Literal["device_hour", "token_price", "unknown"]
    source: str
    date: str

    @property
    def usd_per_1000(self) -> float | None:
        """What 1,000 such answers would cost."""
        return None if self.usd is None else self.usd * 1000


def account(usage: Usage, price: Price) -> Cost:
    """Device basis: the engine time charged to the answer times the device's price per hour."""
    if price.usd_per_hour is None:
        return Cost(None, "unknown", price.source, price.date)
    return Cost(usage.busy_s * price.usd_per_hour / 3600, "device_hour", price.source, price.date)


@dataclass(frozen=True, slots=True)
class Spent:
    """What one finished duel took, both sides together: a row of the history that an estimate is drawn from."""

    total_s: float  # the slower side, from asking to the last token
    usd: float | None  # both sides


@dataclass(frozen=True, slots=True)
class Estimate:
    """What the next duel will probably take: medians of `duels` recent ones."""

    duels: int
    total_s: float
    usd: float | None


def estimate(history: Sequence[Spent]) -> Estimate | None:
    """Medians of the history; None when there is none. Cost is None unless every duel of it has one."""
    if not history:
        return None
    costs = [spent.usd for spent in history if spent.usd is not None]
    return Estimate(
        duels=len(history),
        total_s=median(spent.total_s for spent in history),
        usd=median(costs) if len(costs) == len(history) else None,
    )
