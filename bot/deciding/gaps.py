"""What the scores of test rows prove: the arms' own shares, and the difference between any two, by bets on the rows in their order.

Every interval is a confidence sequence (bot/evidence/capital.py), so measuring may stop at any row: at the end of the budget, or earlier.
A difference d of two scores lies in [-1, 1]; (1 + d) / 2 is the score that is bet on, so 1/2 is no difference.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from bot.evidence.bets import LEAST_UNITS
from bot.evidence.capital import Capital, Interval
from bot.evidence.decision import State, decide
from bot.margins import ALPHA
from engine.contestants import Arm

MARGIN = 0.10  # of the score, below which a difference is practically none: some 250 rows can show it
FAMILIES = (frozenset({Arm.TUNED, Arm.COMBINED}), frozenset({Arm.PROMPTED, Arm.COMBINED}))  # arms of one craft: advice can be given on it
Scores = Mapping[Arm, Sequence[float | None]]  # of the same rows in the same order, each in [0, 1]; None: the arm was not asked


@dataclass(frozen=True, slots=True)
class ShareRight:
    """An arm's mean score, with its 95 % interval; None below LEAST_UNITS rows."""

    mean: float
    interval: Interval | None


@dataclass(frozen=True, slots=True)
class Gap:
    """Two arms compared: second minus first."""

    first: Arm
    second: Arm
    mean: float
    interval: Interval | None  # 95 % for this pair, in [-1, 1]; None below LEAST_UNITS rows
    state: State  # at an error rate that all pairs share
    rows_needed: int | None  # test rows after which it would probably be settled; None where it is, or nothing can be told

    @property
    def better(self) -> Arm | None:
        """The arm that is proven better, if one is."""
        return {State.FIRST: self.first, State.SECOND: self.second}.get(self.state)


def share_right(scores: Sequence[float | None]) -> ShareRight:
    """Compute an arm's mean score and its interval, of the rows that it was asked."""
    state = Capital.start().after([score for score in scores if score is not None])
    return ShareRight(state.mean or 0.0, state.interval(1 / ALPHA) if state.n >= LEAST_UNITS else None)


def compared(scores: Scores, margin: float = MARGIN) -> tuple[Gap, ...]:
    """Compare all arms with each other. The claims of all pairs together are wrong with a chance of ALPHA at most.

    margin: of the score, below which a difference counts as none.
    """
    pairs = list(combinations(scores, 2))
    return tuple(_gap(first, second, scores, margin, len(pairs)) for first, second in pairs)


def beaten(gaps: Sequence[Gap]) -> frozenset[Arm]:
    """Find the arms than which another is proven better."""
    return frozenset(gap.first if gap.better is gap.second else gap.second for gap in gaps if gap.better)


def is_open(gaps: Sequence[Gap]) -> bool:
    """Whether it is not known yet which craft to take: arms of more than one are left, and something between them is not settled."""
    left = {arm for gap in gaps for arm in (gap.first, gap.second)} - beaten(gaps)
    between = [gap for gap in gaps if {gap.first, gap.second} <= left]
    return any(gap.state is State.COLLECT for gap in between) and not any(left <= family for family in FAMILIES)


def _gap(first: Arm, second: Arm, scores: Scores, margin: float, pairs: int) -> Gap:
    both = [(one, other) for one, other in zip(scores[first], scores[second], strict=True) if one is not None and other is not None]
    gaps = np.asarray([other - one for one, other in both], dtype=np.float64)
    capital = Capital.start(delta=margin / 2).after((1 + gaps) / 2)
    found = decide(capital, delta=margin / 2, alpha=ALPHA, pairs=pairs)
    state, mean = found.state, float(gaps.mean()) if len(gaps) else 0.0
    if state in (State.COLLECT, State.EQUAL) and capital.n >= LEAST_UNITS:
        state = State.EQUAL if _within(capital, margin / 2, 2 * pairs / ALPHA) else State.COLLECT
    shown = found.shown
    interval = Interval(2 * shown.low - 1, 2 * shown.high - 1) if shown else None
    return Gap(first, second, mean, interval, state, _needed(gaps, mean, margin, pairs, state))


def _within(capital: Capital, delta: float, threshold: float) -> bool:
    """Whether the mean is proven to lie within 1/2 +- delta, in either of two ways, each wrong at most once in `threshold`.

    The tests of a margin are made for wide ones; where few rows differ, the interval is sharper.
    """
    interval = capital.interval(threshold)
    return capital.claims(threshold).within or 0.5 - delta <= interval.low <= interval.high <= 0.5 + delta


def _needed(gaps: np.typing.NDArray[np.float64], mean: float, margin: float, pairs: int, state: State) -> int | None:
    """Estimate the test rows that would settle a pair.

    The capital of a bettor at the best stake grows by about m^2 / 2 s^2 a row, m the distance that is to be told and s the spread of the
    differences; it has to reach pairs / ALPHA. What would be told first is a winner, or that there is none beyond the margin.
    """
    if state is not State.COLLECT or len(gaps) < LEAST_UNITS:
        return None
    spread = float(gaps.var()) + 1 / len(gaps)  # one row lost by everything more: equal rows do not promise that all will be
    distance = max(abs(mean), margin - abs(mean))
    return max(len(gaps) + 1, math.ceil(2 * spread * math.log(pairs / ALPHA) / distance**2)) if distance > 1e-3 else None
