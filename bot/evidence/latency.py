"""Latency as quantiles with bootstrap intervals, and no tail where there are too few samples to have one."""

import math
from bisect import bisect_left
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from bot.evidence.bets import LEAST_UNITS, BadEvidence, Floats
from bot.evidence.capital import Interval

TAIL_SAMPLES = 40  # a p95 of fewer than 40 is one of the two slowest samples


@dataclass(frozen=True, slots=True)
class Quantile:
    """A quantile of n samples, in their unit. None comes with the reason in `why`."""

    q: float
    value: float | None
    interval: Interval | None  # 95 %, bootstrap percentiles; for one look, not anytime-valid
    n: int
    why: str = ""  # why value or interval is None


def quantile(samples: npt.ArrayLike, q: float) -> Quantile:
    """Find the q-quantile (the ceil(nq)-th smallest sample) with its interval. Raises BadEvidence for samples that are not finite."""
    ordered = np.sort(np.asarray(samples, dtype=np.float64).reshape(-1))
    n = len(ordered)
    if not bool(np.isfinite(ordered).all()):
        raise BadEvidence("A latency sample must be a finite number of seconds.")
    if n == 0:
        return Quantile(q, None, None, 0, "no samples yet")
    if q > 0.9 and n < TAIL_SAMPLES:
        return Quantile(q, None, None, n, f"p{q * 100:g} is shown from {TAIL_SAMPLES} samples on, so far {n}")
    rank = _rank(n, q)
    if n < LEAST_UNITS:
        return Quantile(q, float(ordered[rank - 1]), None, n, f"an interval is shown from {LEAST_UNITS} samples on, so far {n}")
    return Quantile(q, float(ordered[rank - 1]), _bootstrap(ordered, rank), n)


def difference(first: npt.ArrayLike, second: npt.ArrayLike) -> Quantile:
    """Find the median of second minus first over duels, paired: both sides of a duel ran under the same load."""
    pairs = np.asarray(first, dtype=np.float64), np.asarray(second, dtype=np.float64)
    if pairs[0].shape != pairs[1].shape:
        raise BadEvidence(f"Paired samples are needed, not {pairs[0].size} against {pairs[1].size}.")
    return quantile(pairs[1] - pairs[0], 0.5)


def _rank(n: int, q: float) -> int:
    return max(1, math.ceil(n * q - 1e-9))


def _bootstrap(ordered: Floats, rank: int) -> Interval:
    """Percentiles of the bootstrap distribution of the rank-th smallest of n, in closed form rather than by resampling.

    A resample's rank-th smallest is at most the k-th sample when at least `rank` of its n draws are among the k smallest:
    P = P(Bin(n, k/n) >= rank). Source: Efron, "Bootstrap methods", Ann. Statist. 7, 1979, section 3.
    """
    from scipy.special import bdtrc  # type: ignore[import-untyped]  # takes twice as long to import as numpy, and no page needs it

    n = len(ordered)

    def chance(k: int) -> float:
        return float(bdtrc(rank - 1, n, k / n)) if k < n else 1.0

    low, high = (bisect_left(range(1, n + 1), level, key=chance) for level in (0.025, 0.975))
    return Interval(float(ordered[low]), float(ordered[high]))
