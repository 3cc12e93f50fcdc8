"""The way the evidence went: theta and its confidence sequence at some of the looks, few enough to draw."""

from dataclasses import dataclass
from typing import NamedTuple

from bot.evidence.bets import LEAST_UNITS
from bot.evidence.capital import Capital

MOST = 256


class Point(NamedTuple):
    """The sequence at one look."""

    n: int  # duels
    theta: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Trail:
    """Every `stride`-th look; when there are MOST of them every second one goes, so work and room stay bounded."""

    points: tuple[Point, ...] = ()
    stride: int = 1

    def due(self, n: int) -> int:
        """Count the duels until the next look that is kept, after n."""
        return self.stride - n % self.stride

    def with_look(self, capital: Capital, threshold: float) -> "Trail":
        """Add the present look, if it is one that is kept."""
        if not capital.n or capital.n % self.stride:
            return self
        points = (*self.points, look(capital, threshold))
        if len(points) < MOST:
            return Trail(points, self.stride)
        stride = self.stride * 2
        return Trail(tuple(point for point in points if point.n % stride == 0), stride)


def look(capital: Capital, threshold: float) -> Point:
    """Look now; there is at least one duel. All is open below LEAST_UNITS, and where the share has left its interval."""
    assert capital.mean is not None
    low, high = capital.interval(threshold)
    if capital.n < LEAST_UNITS or not low <= capital.mean <= high:
        low, high = 0.0, 1.0
    return Point(capital.n, capital.mean, low, high)
