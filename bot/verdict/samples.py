"""What the latest answers of a pair took: a window of bounded size, paired by duel."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

WINDOW = 2000  # duels; clocks and bills are about how things are now, evidence from votes uses all duels


class Sample(NamedTuple):
    """One duel's answers as served; tuples in the order of the pair."""

    prompt_tokens: tuple[int, int]
    first_token_s: tuple[float, float]
    total_s: tuple[float, float]
    usd: tuple[float | None, float | None]

    def flipped(self) -> "Sample":
        """Turn the sides round."""
        return Sample(*(part[::-1] for part in self))  # type: ignore[arg-type]


@dataclass(frozen=True, slots=True)
class Samples:
    """The last WINDOW duels in which both sides answered, voted on or not."""

    kept: tuple[Sample, ...] = ()

    def after(self, more: Iterable[Sample]) -> "Samples":
        """Add samples, and drop what leaves the window."""
        return Samples((*self.kept, *more)[-WINDOW:])

    def column(self, name: str) -> tuple[tuple[float, ...], tuple[float, ...]]:
        """List one figure of both sides, paired: duels in which a side lacks it are left out."""
        pairs = [values for sample in self.kept if None not in (values := getattr(sample, name))]
        first, second = zip(*pairs, strict=True) if pairs else ((), ())
        return first, second
