"""The capital of one pair: what all bettors hold after each score, kept so that a new score costs the same at any time.

For a candidate mean m the capital K_n(m) is the average over the bettors of bot.evidence.bets. K_n is log-convex in m
(each bettor's log capital is convex in m, and averages of log-convex functions are log-convex) and at most 1 at the mean of
the scores so far. So what the scores have ever excluded lies in two tails, and a grid of candidate means is enough:

- `peaks[0]` at a grid point is the highest log K_t so far among the looks t at which the point lay below the mean of the
  scores, at least 0; `peaks[1]` likewise for above. Both are convex functions of m, known exactly on the grid.
- A point is excluded when its peak has reached log(1/alpha). The 95 % sequence is what has not been: the running
  intersection of {m: K_t(m) < 20} over all looks t. With probability 95 % it holds the true mean at all looks at once.
- The true end lies between the last excluded grid point and the next one. A line through two excluded points, drawn on,
  stays below a convex function; so where it meets log(1/alpha), exclusion is still proven. That point is reported:
  the reported interval always contains the true one, and is wider by at most one grid step (0.0025) at each end.

Points whose peak passed FROZEN (capital 1,000,000, more than any threshold in use) are no longer updated, except two next
to the living ones, which the line needs.
"""

import math
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple, Self

import numpy as np
import numpy.typing as npt

from bot.evidence.bets import BETTORS, BadEvidence, Floats, checked, log_average, log_factors

STEPS = 400  # 1/2 and the usual deltas (.05, .10, .15 ...) are grid points, where exclusion is exact
MAX_THRESHOLD = 1e6
FROZEN = math.log(MAX_THRESHOLD)
HALF = np.array([0.5])
CELLS = 1 << 18  # floats worked on at a time: 2 MiB
FORMAT = 1.0  # of to_bytes


class Interval(NamedTuple):
    """A share in [0, 1] between two ends. low > high when the looks excluded every value: the scores contradict themselves."""

    low: float
    high: float


def grid(steps: int = STEPS) -> Floats:
    """Candidate means 1/steps ... 1 - 1/steps. Ends 0 and 1 cannot be bet against, so the interval keeps them until excluded."""
    return np.arange(1, steps, dtype=np.float64) / steps


@dataclass(frozen=True, slots=True, eq=False)
class Capital:
    """State after n scores. Arrays are never changed in place; `after` gives a new state."""

    means: Floats  # (m,) ascending, in (0, 1)
    logs: Floats  # (m, BETTORS) log capitals; stale outside `live`
    half: Floats  # (BETTORS,) log capitals against a mean of 1/2, never frozen
    half_peaks: Floats  # (2,) peaks at 1/2, never frozen
    peaks: Floats  # (2, m) see above: [0] excluded from below, [1] from above
    live: tuple[int, int]  # grid points [start, stop) that are still updated
    n: int  # scores so far
    total: float  # their sum

    @classmethod
    def start(cls, means: Floats | None = None) -> Self:
        """Before any score: every bettor holds 1."""
        points = grid() if means is None else np.asarray(means, dtype=np.float64)
        size = len(points)
        return cls(points, np.zeros((size, BETTORS)), np.zeros(BETTORS), np.zeros(2), np.zeros((2, size)), (0, size), 0, 0.0)

    @property
    def mean(self) -> float | None:
        """Mean of the scores, None before the first."""
        return self.total / self.n if self.n else None

    def update(self, score: float) -> Self:
        """One more score in [0, 1]: O(1), no history needed."""
        return self.after([score])

    def after(self, scores: npt.ArrayLike) -> Self:
        """These scores more, in this order; the same state as updating one by one, up to float rounding. Raises BadEvidence."""
        state, rest = self, checked(scores)
        while len(rest):
            width = (state.live[1] - state.live[0]) * BETTORS
            take = max(1, min(CELLS // max(width, 1), 32 + state.n // 4))  # short at first, while many points soon freeze
            state, rest = state._advance(rest[:take]), rest[take:]
        return state

    def _advance(self, scores: Floats) -> Self:
        start, stop = self.live
        values, which = np.unique(scores, return_inverse=True)
        walk = _walk(self.logs[start:stop], log_factors(values, self.means[start:stop]), which)
        half = _walk(self.half[None], log_factors(values, HALF), which)
        totals = np.add.accumulate(np.concatenate(([self.total], scores)))[1:]
        so_far = totals / np.arange(self.n + 1, self.n + len(scores) + 1)
        logs, peaks = self.logs.copy(), self.peaks.copy()
        logs[start:stop] = walk[-1]
        peaks[:, start:stop] = _raised(peaks[:, start:stop], walk, so_far[:, None] - self.means[start:stop])
        half_peaks = _raised(self.half_peaks[:, None], half, so_far[:, None] - HALF)[:, 0]
        living = _living(peaks, self.live)
        return type(self)(self.means, logs, half[-1, 0], half_peaks, peaks, living, self.n + len(scores), float(totals[-1]))

    def interval(self, threshold: float = 20.0) -> Interval:
        """The confidence sequence at error rate 1/threshold, open at both ends that are not 0 or 1. Raises BadEvidence."""
        bar = _bar(threshold)
        high = _proven((1 - self.means)[::-1], self.peaks[1][::-1], bar)
        return Interval(_proven(self.means, self.peaks[0], bar), _complement(high, self.means))

    def excludes_half(self, threshold: float = 20.0) -> tuple[bool, bool]:
        """Whether 1/2 was ever excluded as too low, and as too high. Both: the scores contradict themselves. Raises BadEvidence."""
        low, high = self.half_peaks >= _bar(threshold)
        return bool(low), bool(high)

    def log_e_value(self) -> float:
        """Log of the evidence against a mean of 1/2 now: log K_n(1/2). An e-value at any time the team stops."""
        return float(log_average(self.half))

    def to_bytes(self) -> bytes:
        """A flat float64 record: only the living rows, so it shrinks as evidence grows."""
        start, stop = self.live
        head = [FORMAT, len(self.means), start, stop, self.n, self.total]
        return np.concatenate([head, self.means, self.peaks.ravel(), self.half_peaks, self.half, self.logs[start:stop].ravel()]).tobytes()

    @classmethod
    def from_bytes(cls, stored: bytes) -> Self:
        """What to_bytes gave, as a state that goes on exactly alike. Raises BadEvidence for anything else."""
        if len(stored) % 8 or len(stored) < 48:
            raise BadEvidence("The stored evidence is damaged: its length is wrong. Rebuild it from the ballots.")
        flat = np.frombuffer(stored, dtype=np.float64)
        form, size, start, stop, n = (int(value) if np.isfinite(value) else -1 for value in flat[:5])
        if form != FORMAT or not 0 <= start <= stop <= size or len(flat) != 8 + 3 * size + BETTORS * (1 + stop - start):
            raise BadEvidence("The stored evidence is damaged or of another format. Rebuild it from the ballots.")
        cuts = np.cumsum([6, size, 2 * size, 2, BETTORS])
        means, peaks, half_peaks, half, living = (flat[a:b] for a, b in pairwise([*cuts, len(flat)]))
        logs = np.zeros((size, BETTORS))
        logs[start:stop] = living.reshape(-1, BETTORS)
        return cls(means.copy(), logs, half.copy(), half_peaks.copy(), peaks.reshape(2, size).copy(), (start, stop), n, float(flat[5]))


def _walk(logs: Floats, factors: Floats, which: npt.NDArray[np.intp]) -> Floats:
    """Log capitals after each score: logs (m, b), factors (distinct, m, b), which (t,) -> (t, m, b)."""
    walk: Floats = factors[which]
    walk[0] += logs
    np.add.accumulate(walk, axis=0, out=walk)
    return walk


def _raised(peaks: Floats, walk: Floats, above: Floats) -> Floats:
    """Peaks (2, m) after the walk (t, m, b); above (t, m) is the mean of the scores minus the point.

    The best bettor's capital bounds the average from above, so averages are taken only where it beats the peak.
    """
    best, raised = walk.max(axis=-1), peaks.copy()
    for row, counts in enumerate((above > 0, above < 0)):
        candidates = counts & (best > peaks[row])
        reached = np.full(candidates.shape, -np.inf)
        reached[candidates] = log_average(walk[candidates])
        raised[row] = np.maximum(peaks[row], reached.max(axis=0))
    return raised


def _bar(threshold: float) -> float:
    if not 1 < threshold <= MAX_THRESHOLD:
        raise BadEvidence(f"A capital threshold must lie between 1 and {MAX_THRESHOLD:.0f}, not {threshold:g}.")
    return math.log(threshold)


def _living(peaks: Floats, live: tuple[int, int]) -> tuple[int, int]:
    """Grid points not frozen yet, and two more on each side."""
    alive = np.flatnonzero(peaks.max(axis=0) < FROZEN)
    if not len(alive):
        return live
    return (max(live[0], int(alive[0]) - 2), min(live[1], int(alive[-1]) + 3))


def _proven(means: Floats, peaks: Floats, bar: float) -> float:
    """How far from 0 every mean is excluded, given convex falling peaks on ascending means; 0 when nothing is."""
    excluded = int(np.count_nonzero(np.logical_and.accumulate(peaks >= bar)))
    if excluded == 0:
        return 0.0
    last = float(means[excluded - 1])
    if excluded == 1 or excluded == len(means):
        return last
    slope = (peaks[excluded - 1] - peaks[excluded - 2]) / (means[excluded - 1] - means[excluded - 2])
    reach = last - (peaks[excluded - 1] - bar) / slope if slope < 0 else last
    return float(min(reach, means[excluded]))


def _complement(reach: float, means: Floats) -> float:
    """1 - reach, exactly the grid point where it is one, so that comparing ends with 1/2 or 1/2 + delta is exact."""
    value = 1 - reach
    nearest = float(means[np.argmin(np.abs(means - value))])
    return nearest if abs(nearest - value) < 1e-12 else value
