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

Points whose peak passed FROZEN are no longer updated, except two next to the living ones, which the line needs.

Beside the interval stand the tests that a decision asks about (bot.evidence.bets.claim_factors), with bets of their own that
find a winner or equality after fewer scores: against 1/2 in both signs, above 1/2 - delta, below 1/2 + delta.
"""

import math
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import NamedTuple, Self

import numpy as np
import numpy.typing as npt

from bot.evidence.bets import (
    BETTORS,
    CLAIM_BETTORS,
    BadEvidence,
    Floats,
    checked,
    checked_counts,
    claim_factors,
    claim_logs,
    log_average,
    log_factors,
)
from bot.margins import ALPHA, DELTA

STEPS = 400  # 1/2 and the usual deltas (.05, .10, .15 ...) are grid points, where exclusion is exact
FROZEN = math.log(1e9)  # intervals at higher thresholds are valid, but wider than they need be
CELLS = 1 << 18  # floats worked on at a time: 2 MiB
RECENT = 30  # latest scores that are remembered, to be shown when the share has changed
HEAD = 8  # numbers before the arrays in to_bytes
FORMAT = 2.0  # of to_bytes


class Interval(NamedTuple):
    """A share in [0, 1] between two ends. low > high when the looks excluded every value: the scores contradict themselves."""

    low: float
    high: float


def grid(steps: int = STEPS) -> Floats:
    """List the candidate means 1/steps ... 1 - 1/steps. Ends 0 and 1 cannot be bet against, so the interval keeps them until excluded."""
    return np.arange(1, steps, dtype=np.float64) / steps


class Claims(NamedTuple):
    """The claims about the mean that were proven at some look, each at the whole error rate."""

    more_than_half: bool
    less_than_half: bool
    above_low: bool  # more than 1/2 - delta
    below_high: bool  # less than 1/2 + delta

    @property
    def within(self) -> bool:
        """Whether the mean lies within 1/2 +- delta."""
        return self.above_low and self.below_high


@dataclass(frozen=True, slots=True, eq=False)
class Capital:
    """The state after n scores. Arrays are never changed in place; `after` gives a new state."""

    means: Floats  # (m,) ascending, in (0, 1); none for a state that only tests claims
    logs: Floats  # (m, BETTORS) log capitals; stale outside `live`
    held: Floats  # (CLAIM_BETTORS,) log capitals of the tests of claims
    proven: Floats  # (4,) highest log capital so far for each of Claims, at least 0
    peaks: Floats  # (2, m) see above: [0] excluded from below, [1] from above
    live: tuple[int, int]  # grid points [start, stop) that are still updated
    n: int  # scores so far
    total: float  # their sum
    recent: Floats  # the latest scores in order, at most RECENT; fewer where they are not known
    delta: float  # margin of the claims

    @classmethod
    def start(cls, means: Floats | None = None, delta: float = DELTA) -> Self:
        """Begin before any score: every bettor holds 1. Raises BadEvidence."""
        if not 0 < delta < 0.5:
            raise BadEvidence(f"The margin delta must lie between 0 and 1/2, not {delta:g}.")
        points = grid() if means is None else np.asarray(means, dtype=np.float64)
        size, claims = len(points), (np.zeros(CLAIM_BETTORS), np.zeros(len(Claims._fields)))
        return cls(points, np.zeros((size, BETTORS)), *claims, np.zeros((2, size)), (0, size), 0, 0.0, np.zeros(0), delta)

    @property
    def mean(self) -> float | None:
        """Mean of the scores, None before the first."""
        return self.total / self.n if self.n else None

    def update(self, score: float) -> Self:
        """Add one score in [0, 1]: O(1), no history needed."""
        return self.after([score])

    def after(self, scores: npt.ArrayLike) -> Self:
        """Add these scores, in this order; the same state as updating one by one, up to float rounding. Raises BadEvidence."""
        state, rest = self, checked(scores)
        while len(rest):
            width = (state.live[1] - state.live[0]) * BETTORS
            take = max(1, min(CELLS // max(width, CLAIM_BETTORS), 32 + state.n // 4))  # short at first, while many points soon freeze
            state, rest = state._advance(rest[:take]), rest[take:]
        return state

    def after_counts(self, values: npt.ArrayLike, counts: npt.ArrayLike, recent: npt.ArrayLike | None = None) -> Self:
        """Add many scores with few looks: before each, each of `values` (k,) came `counts` (k,) or (looks, k) times, in whatever order.

        The log capitals are those of `after`; looks that nobody took raise no peak, so fewer values are excluded and the interval
        holds as surely. `recent`: the last of these scores, in order; None: not known, and then none are remembered. Raises
        BadEvidence.
        """
        levels, times = checked_counts(values, np.atleast_2d(counts))
        more, latest = int(times.sum()), checked([] if recent is None else recent)
        if len(latest) > more:
            raise BadEvidence(f"{len(latest)} recent scores cannot be among {more}.")
        if not more:
            return self
        start, stop = self.live
        steps = np.tensordot(times, log_factors(levels, self.means[start:stop]), axes=1)
        walk = (self.logs[start:stop] + np.add.accumulate(steps, axis=0)).swapaxes(1, 2)
        held = self.held + np.add.accumulate(times @ claim_factors(levels, self.delta), axis=0)
        totals, sizes = self.total + np.add.accumulate(times @ levels), self.n + np.add.accumulate(times.sum(axis=1))
        known = np.concatenate([self.recent, latest]) if len(latest) == more else latest
        seen = sizes > 0  # a look before the first score sees nothing
        return self._looked(walk[seen], held[seen], totals[seen], sizes[seen], known)

    def _advance(self, scores: Floats) -> Self:
        start, stop = self.live
        values, which = np.unique(scores, return_inverse=True)
        walk = _walk(self.logs[start:stop].T, log_factors(values, self.means[start:stop]).swapaxes(1, 2).copy(), which)
        held = _walk(self.held, claim_factors(values, self.delta), which)
        totals = np.add.accumulate(np.concatenate(([self.total], scores)))[1:]
        sizes = np.arange(self.n + 1, self.n + len(scores) + 1, dtype=np.float64)
        return self._looked(walk, held, totals, sizes, np.concatenate([self.recent, scores]))

    def _looked(self, walk: Floats, held: Floats, totals: Floats, sizes: Floats, recent: Floats) -> Self:
        """The state at the last of t looks: walk (t, BETTORS, live), held (t, CLAIM_BETTORS), sum and number of scores (t,)."""
        start, stop = self.live
        so_far = totals / sizes
        logs, peaks = self.logs.copy(), self.peaks.copy()
        logs[start:stop] = walk[-1].T
        peaks[:, start:stop] = _raised(peaks[:, start:stop], walk, so_far[:, None] - self.means[start:stop])
        proven = np.maximum(self.proven, claim_reach(held, so_far).max(axis=0))
        living, n, total = _living(peaks, self.live), int(sizes[-1]), float(totals[-1])
        return replace(self, logs=logs, held=held[-1], proven=proven, peaks=peaks, live=living, n=n, total=total, recent=recent[-RECENT:])

    def interval(self, threshold: float = 1 / ALPHA) -> Interval:
        """Compute the confidence sequence at error rate 1/threshold, open at both ends that are not 0 or 1. Raises BadEvidence."""
        bar = log_bar(threshold)
        low, high = proven_reach(self.means, self.peaks[0], bar), proven_reach((1 - self.means)[::-1], self.peaks[1][::-1], bar)
        return Interval(low, complement(high, self.means))

    def claims(self, threshold: float = 1 / ALPHA) -> Claims:
        """Find what was proven at some look, each claim wrong at most once in `threshold`. Raises BadEvidence."""
        return Claims(*(bool(reached) for reached in self.proven >= log_bar(threshold)))

    def log_e_value(self) -> float:
        """Compute the log of the evidence against a mean of 1/2 now, by the winner's bets. An e-value at any time the team stops."""
        return float(claim_logs(self.held)[0])

    def to_bytes(self) -> bytes:
        """Pack the state into a flat float64 record: only the living rows, so it shrinks as evidence grows."""
        start, stop = self.live
        head = [FORMAT, len(self.means), start, stop, self.n, len(self.recent), self.total, self.delta]
        parts = [np.array(head), self.recent, self.means, self.peaks.ravel(), self.proven, self.held, self.logs[start:stop].ravel()]
        return np.concatenate(parts).tobytes()

    @classmethod
    def from_bytes(cls, stored: bytes) -> Self:
        """Unpack what to_bytes gave, as a state that goes on exactly alike. Raises BadEvidence for anything else."""
        if len(stored) % 8 or len(stored) < 8 * HEAD:
            raise BadEvidence("The stored evidence is damaged: its length is wrong. Rebuild it from the ballots.")
        flat = np.frombuffer(stored, dtype=np.float64)
        form, size, start, stop, n, late = (int(value) if np.isfinite(value) else -1 for value in flat[:6])
        known = form == FORMAT and 0 <= start <= stop <= size and 0 <= late <= RECENT
        cuts = np.cumsum([HEAD, late, size, 2 * size, len(Claims._fields), CLAIM_BETTORS, (stop - start) * BETTORS])
        if not known or len(flat) != cuts[-1]:
            raise BadEvidence("The stored evidence is damaged or of another format. Rebuild it from the ballots.")
        recent, means, peaks, proven, held, living = (flat[a:b].copy() for a, b in pairwise(cuts))
        logs = np.zeros((size, BETTORS))
        logs[start:stop] = living.reshape(-1, BETTORS)
        return cls(means, logs, held, proven, peaks.reshape(2, size), (start, stop), n, float(flat[6]), recent=recent, delta=float(flat[7]))


def claim_reach(held: Floats, so_far: Floats) -> Floats:
    """Compute the log capital for each of Claims: held (t, CLAIM_BETTORS), so_far (t,) mean scores -> (t, 4); -inf on the wrong side."""
    winner, above, below = claim_logs(held).T
    more, less = np.where(so_far > 0.5, winner, -np.inf), np.where(so_far < 0.5, winner, -np.inf)
    return np.stack([more, less, above, below], axis=1)


def _walk(logs: Floats, factors: Floats, which: npt.NDArray[np.intp]) -> Floats:
    """Log capitals after each score: logs (...), factors (distinct, ...), which (t,) -> (t, ...)."""
    walk: Floats = factors[which]
    walk[0] += logs
    np.add.accumulate(walk, axis=0, out=walk)
    return walk


def _raised(peaks: Floats, walk: Floats, above: Floats) -> Floats:
    """Peaks (2, m) after the walk (t, b, m); above (t, m) is the mean of the scores minus the point.

    The best bettor's capital bounds the average from above, and a share 1 / b of it from below. So averages, which are dear, are taken
    only where the best beats the peak, and what the best of all looks at that point is sure to reach.
    """
    best, raised = walk.max(axis=1), peaks.copy()
    sure = math.log(walk.shape[1]) + 1e-9  # a little more, for rounding
    for row, counts in enumerate((above > 0, above < 0)):
        least = np.where(counts, best, -np.inf).max(axis=0) - sure
        candidates = counts & (best > np.maximum(peaks[row], least))
        reached = np.full(candidates.shape, -np.inf)
        reached[candidates] = log_average(walk.swapaxes(1, 2)[candidates])
        raised[row] = np.maximum(peaks[row], reached.max(axis=0))
    return raised


def log_bar(threshold: float) -> float:
    """Take the log of a capital threshold. Raises BadEvidence unless it is a number above 1."""
    if not 1 < threshold < math.inf:
        raise BadEvidence(f"A capital threshold must be a number above 1, not {threshold:g}.")
    return math.log(threshold)


def _living(peaks: Floats, live: tuple[int, int]) -> tuple[int, int]:
    """Grid points not frozen yet, and two more on each side."""
    alive = np.flatnonzero(peaks.max(axis=0) < FROZEN)
    if not len(alive):
        return live
    return (max(live[0], int(alive[0]) - 2), min(live[1], int(alive[-1]) + 3))


def proven_reach(means: Floats, peaks: Floats, bar: float) -> float:
    """Find how far from 0 every mean is excluded, given convex falling peaks on ascending means; 0 when nothing is."""
    excluded = int(np.count_nonzero(np.logical_and.accumulate(peaks >= bar)))
    if excluded == 0:
        return 0.0
    last = float(means[excluded - 1])
    if excluded == 1 or excluded == len(means):
        return last
    slope = (peaks[excluded - 1] - peaks[excluded - 2]) / (means[excluded - 1] - means[excluded - 2])
    reach = last - (peaks[excluded - 1] - bar) / slope if slope < 0 else last
    return float(min(reach, means[excluded]))


def complement(reach: float, means: Floats) -> float:
    """Subtract a reach from 1, giving exactly the grid point where it is one, so that comparing ends with 1/2 or 1/2 + delta is exact."""
    value = 1 - reach
    if not len(means):
        return value
    nearest = float(means[np.argmin(np.abs(means - value))])
    return nearest if abs(nearest - value) < 1e-12 else value
