"""Is the vote itself sound? Position, length, blinding, ties and both-bad, each with its own anytime-valid interval.

All five are means of one number in [0, 1] per closed duel, so the same bets cover each (bot.evidence.record): 95 % at all looks
at once, per diagnostic.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Self

from bot.evidence.bets import LEAST_UNITS
from bot.evidence.capital import Interval
from bot.evidence.duels import Opinion, ScoredDuel
from bot.evidence.record import Histogram, Record


class Kind(StrEnum):
    """The diagnostics there are."""

    POSITION = "position"  # the left answer's share; a fair coin seats them, so 1/2 unless the place itself draws votes
    LENGTH = "length"  # the longer answer's share, over duels whose lengths differ; an association, not yet a bias
    BLINDING = "blinding"  # right minus wrong guesses at which one is the fine-tune, in [-1, 1]; near 0 is good (Bang et al. 2004)
    TIE = "tie"  # share of voters who said tie
    BOTH_BAD = "both_bad"  # share of voters who said both bad; the same for both sides


NEUTRAL = {Kind.POSITION: 0.5, Kind.LENGTH: 0.5, Kind.BLINDING: 0.0}  # where nothing is amiss; ties and both-bad have no such value


@dataclass(frozen=True, slots=True)
class Reading:
    """One diagnostic as it stands."""

    kind: Kind
    value: float | None  # mean over duels; None while no duel says anything
    interval: Interval | None  # 95 %, at all looks at once; None below LEAST_UNITS
    n: int  # duels
    amiss: bool  # the interval excludes the neutral value


@dataclass(frozen=True, slots=True, eq=False)
class Diagnostics:
    """The state of all five: a new duel costs O(1)."""

    histograms: Mapping[Kind, Histogram]

    @classmethod
    def start(cls) -> Self:
        """Begin before any duel."""
        return cls({kind: Histogram.start() for kind in Kind})

    def after(self, duels: Sequence[ScoredDuel]) -> Self:
        """Add these duels."""
        return type(self)({kind: histogram.after(values_of(kind, duels)) for kind, histogram in self.histograms.items()})

    def readings(self) -> dict[Kind, Reading]:
        """Read all five as they stand."""
        return {kind: _reading(kind, histogram) for kind, histogram in self.histograms.items()}


def values_of(kind: Kind, duels: Sequence[ScoredDuel]) -> list[float]:
    """List each duel's number in [0, 1], for the duels that have one."""
    match kind:
        case Kind.POSITION:
            return [duel.left_score for duel in duels]
        case Kind.LENGTH:
            return [score for duel in duels if (score := duel.longer_score) is not None]
        case Kind.BLINDING:
            return [duel.guess for duel in duels if duel.guess is not None]
        case Kind.TIE:
            return [duel.share(Opinion.TIE) for duel in duels]
        case Kind.BOTH_BAD:
            return [duel.share(Opinion.BOTH_BAD) for duel in duels]


def _reading(kind: Kind, histogram: Histogram) -> Reading:
    if not histogram.n:
        return Reading(kind, None, None, 0, False)
    value, interval = histogram.mean, Record.of(histogram).interval() if histogram.n >= LEAST_UNITS else None
    if kind is Kind.BLINDING:  # a share of right guesses r, where "cannot tell" is 1/2, is an index of 2r - 1
        value, interval = 2 * value - 1, interval and Interval(2 * interval.low - 1, 2 * interval.high - 1)
    neutral = NEUTRAL.get(kind)
    amiss = neutral is not None and interval is not None and not interval.low < neutral < interval.high
    return Reading(kind, value, interval, histogram.n, amiss)
