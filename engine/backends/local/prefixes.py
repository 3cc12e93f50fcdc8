"""Prompts whose states are kept, and which of them a new prompt begins with. Nothing here knows what a state is, but for its size."""

from collections import OrderedDict
from dataclasses import dataclass
from typing import Generic, TypeVar

KEPT_BYTES = 128 << 20  # of states, for all adapters together
KEPT_PER_ADAPTER = 4  # prompts

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class _Kept(Generic[T]):
    adapter: str
    tokens: tuple[int, ...]
    states: T
    size: int  # bytes of the states


class PromptStore(Generic[T]):
    """Recent prompts' states by adapter, found by their longest common beginning with a new prompt.

    A recipe's long text is the beginning of every prompt made with it, so it is computed once. At most KEPT_PER_ADAPTER prompts of each
    adapter and `kept_bytes` of states in all are kept; the least recently used go first. States of one adapter are wrong for every other.
    """

    def __init__(self, kept_bytes: int = KEPT_BYTES) -> None:
        self._limit = kept_bytes
        self._kept: OrderedDict[int, _Kept[T]] = OrderedDict()  # by number, the least recently used first
        self._next = 0

    def best(self, adapter: str, tokens: list[int]) -> tuple[int, T | None]:
        """Find the kept prompt with the longest beginning in common: that length in tokens, and the states of the whole kept prompt.

        The length is less than that of `tokens`, as at least one has to be computed to know what comes next. (0, None) when none fits.
        """
        length, found = 0, None
        for key, kept in self._kept.items():
            common = _common(kept.tokens, tokens) if kept.adapter == adapter else 0
            if common > length:
                length, found = common, key
        length = min(length, len(tokens) - 1)
        if found is None or length <= 0:
            return 0, None
        self._kept.move_to_end(found)
        return length, self._kept[found].states

    def keep(self, adapter: str, tokens: list[int], states: T, size: int) -> None:
        """Keep a prompt's states, of `size` bytes, and let the least recently used prompts go."""
        self._kept[self._next] = _Kept(adapter, tuple(tokens), states, size)
        self._next += 1
        mine = [key for key, kept in self._kept.items() if kept.adapter == adapter]
        for key in mine[:-KEPT_PER_ADAPTER]:
            del self._kept[key]
        while self._kept and sum(kept.size for kept in self._kept.values()) > self._limit:
            self._kept.popitem(last=False)

    def forget(self, adapter: str) -> None:
        """Let all prompts of an adapter go."""
        for key in [key for key, kept in self._kept.items() if kept.adapter == adapter]:
            del self._kept[key]


def _common(one: tuple[int, ...], other: list[int]) -> int:
    """Length of the common beginning."""
    for index, (a, b) in enumerate(zip(one, other, strict=False)):
        if a != b:
            return index
    return min(len(one), len(other))
