"""What is known about a pair besides its duels: who they are, what they cost to make, how fast each is alone."""

from dataclasses import dataclass

from bot.evidence.bets import LEAST_UNITS
from bot.evidence.capital import Interval
from bot.evidence.card import AdapterFacts, Offline, RecipeFacts
from bot.evidence.latency import Quantile, difference, quantile
from bot.verdict.tried import ONE_TRY, Tried
from bot.who import Who
from bot.words import FIRST_WORDS, FULL_ANSWER

QUANTILES = (0.5, 0.95)
Paired = tuple[tuple[float, ...], tuple[float, ...]]  # seconds of both sides in the order of the pair, one each per request


@dataclass(frozen=True, slots=True)
class Timings:
    """Times of both sides under one condition."""

    first_token_s: Paired = ((), ())
    total_s: Paired = ((), ())


@dataclass(frozen=True, slots=True)
class OfflineLine:
    """One metric of an evaluation set for the pair; difference is second minus first, paired by row."""

    metric: str
    scores: tuple[float, float]
    difference: float
    interval: Interval | None  # 95 %, for one look; None below LEAST_UNITS rows
    rows: int

    @property
    def why(self) -> str:
        """Why there is no interval; empty where there is one."""
        return "" if self.interval else f"an interval is shown from {LEAST_UNITS} rows on"


@dataclass(frozen=True, slots=True)
class Facts:
    """The facts about a pair besides its duels. None stands for what is not known, and is never made up."""

    who: tuple[Who, Who]
    recipe: RecipeFacts | None = None  # of the side without the adapter
    adapter: AdapterFacts | None = None  # of the other; None when the pair is not prompt against adapter
    wage_usd_per_hour: float | None = None
    requests_per_month: float | None = None
    offline: Offline | None = None
    offline_details: tuple[OfflineLine, ...] = ()
    alone: Timings = Timings()  # replays of past requests while the engine was idle
    open: int = 0  # duels of the scope whose vote is open
    served: int = 0  # closed duels of the scope of which a program had got one answer
    tried: Tried = ONE_TRY


@dataclass(frozen=True, slots=True)
class Latency:
    """One figure under one condition, for both sides."""

    condition: str  # "as served", "alone"
    figure: str  # "first words", "full answer"
    sides: tuple[tuple[Quantile, ...], tuple[Quantile, ...]]  # QUANTILES of each
    gap: Quantile  # median of second minus first, paired


def latencies(served: Timings, alone: Timings) -> tuple[Latency, ...]:
    """Compare the times of both sides: every figure under every condition that has samples."""
    lines = []
    for condition, timings in (("as served", served), ("alone", alone)):
        for figure, paired in ((FIRST_WORDS, timings.first_token_s), (FULL_ANSWER, timings.total_s)):
            if paired[0]:
                sides = (tuple(quantile(paired[0], q) for q in QUANTILES), tuple(quantile(paired[1], q) for q in QUANTILES))
                lines.append(Latency(condition, figure, sides, difference(*paired)))
    return tuple(lines)
