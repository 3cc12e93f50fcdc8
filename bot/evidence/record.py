"""A record of scores whose order does not matter: of one tag, of one diagnostic.

Source: Waudby-Smith & Ramdas, "Estimating means of bounded random variables by betting", JRSS-B 86(1), 2024, sections 4 and 5.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt

from bot.evidence.bets import BadEvidence, Floats, checked, checked_counts, log_average, log_factors
from bot.evidence.capital import Interval, complement, grid, log_bar, proven_reach
from bot.margins import ALPHA


@dataclass(frozen=True, slots=True)
class Histogram:
    """Scores by how often each came, where their order does not matter."""

    counts: Mapping[float, int]  # score -> how often

    @classmethod
    def start(cls) -> Self:
        """Begin without a score."""
        return cls({})

    def after(self, scores: npt.ArrayLike) -> Self:
        """Add these scores. Raises BadEvidence."""
        values, counts = np.unique(checked(scores), return_counts=True)
        return self.after_counts(values, counts)

    def after_counts(self, values: npt.ArrayLike, counts: npt.ArrayLike) -> Self:
        """Add each of `values` (k,) `counts` (k,) times. Raises BadEvidence."""
        levels, times = checked_counts(values, counts)
        more = Counter(dict(self.counts))
        for value, count in zip(levels, times, strict=True):
            more[float(value)] += int(count)
        return type(self)({value: more[value] for value in sorted(more) if more[value]})

    @property
    def n(self) -> int:
        """Number of scores."""
        return sum(self.counts.values())

    @property
    def mean(self) -> float:
        """Mean score; there is at least one."""
        return sum(value * count for value, count in self.counts.items()) / self.n

    @property
    def scatter(self) -> float:
        """Sum of squared deviations from the mean."""
        return sum(count * (value - self.mean) ** 2 for value, count in self.counts.items()) if self.counts else 0.0


@dataclass(frozen=True, slots=True, eq=False)
class Record:
    """A histogram of scores as it speaks now: the capitals at every candidate mean, without the looks before.

    Still {m: K_n(m) < 1/alpha} holds the true mean at all looks at once with probability 1 - alpha; it is the confidence sequence
    of bot.evidence.capital without its running intersection, so it can never contradict the scores that it stands beside.
    """

    means: Floats  # (m,) grid
    logs: Floats  # (m,) log K_n at each
    mean: float  # of the scores

    @classmethod
    def of(cls, histogram: Histogram) -> Self:
        """Build the record of at least one score. Raises BadEvidence."""
        values, times = checked_counts(list(histogram.counts), list(histogram.counts.values()))
        if not times.sum():
            raise BadEvidence("A record needs at least one score.")
        means = grid()
        logs = log_average(np.tensordot(times, log_factors(values, means), axes=1))
        return cls(means, logs, float(values @ times / times.sum()))

    @property
    def log_e_value(self) -> float:
        """Log of the evidence against a mean of 1/2: excluded by `interval` exactly when it reaches the log of the threshold."""
        return float(self.logs[len(self.means) // 2])

    def interval(self, threshold: float = 1 / ALPHA) -> Interval:
        """Find {m: K_n(m) < threshold}: it holds the mean with probability 1 - 1/threshold, however many scores. Raises BadEvidence.

        K_n(mean of the scores) is at most 1, so that mean always lies inside, and equal scores do not shrink it to a point.
        """
        bar = log_bar(threshold)
        low = proven_reach(self.means, np.where(self.means < self.mean, self.logs, -np.inf), bar)
        high = proven_reach((1 - self.means)[::-1], np.where(self.means > self.mean, self.logs, -np.inf)[::-1], bar)
        return Interval(low, complement(high, self.means))
