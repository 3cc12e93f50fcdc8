"""A process's share of every batch; pure, so that a process which only writes batches need not load torch."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Share:
    """A process's place among those that train together."""

    rank: int = 0
    ranks: int = 1

    def of(self, rows: Sequence[T]) -> Sequence[T]:
        """Take every `ranks`-th row, from the one at `rank` on."""
        return rows[self.rank :: self.ranks]
