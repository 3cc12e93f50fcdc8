"""Key-value memory of the compiled loop: pages of columns, which rows and what is kept of prompts share (Kwon et al. 2023).

A row fills its own columns from 0 on. What several rows begin with lies in memory once: a row takes over whole pages, and copies the
columns that it shares of its last one, as it writes behind them. A page is written by the row that made it alone, and goes when nobody
holds it any more.
"""

import mmap
from collections.abc import Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np

from engine.backends.local.products import PAGE, ModelShape


class Page:
    """Keys and values of PAGE columns in all layers: `numbers`, float32 (layers, 2, heads, PAGE, size of a head), zeros at first."""

    __slots__ = ("address", "numbers")

    def __init__(self, sizes: ModelShape) -> None:
        shape = (sizes.layers, 2, sizes.keys, PAGE, sizes.size)
        # Memory of its own, which the system has back with the page: an allocator's would be kept, with holes in it.
        self.numbers: Any = np.frombuffer(mmap.mmap(-1, 4 * prod(shape), mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS), np.float32).reshape(shape)
        self.address: int = self.numbers.ctypes.data


@dataclass(frozen=True, slots=True)
class HeldPages:
    """The states of a text's tokens start to end - 1, in the pages that hold them; the first has those before `start`, too."""

    start: int
    end: int
    pages: tuple[Page, ...]

    def cut(self, start: int, end: int) -> "HeldPages":
        """Hold a part of it alone, counted from its own start. Nothing is copied."""
        first = self.start // PAGE
        start, end = self.start + start, self.start + end
        return HeldPages(start, end, self.pages[start // PAGE - first : -(-end // PAGE) - first])


class PagedCache:
    """The pages of each slot, and of what is kept."""

    def __init__(self, sizes: ModelShape, slots: int) -> None:
        self._sizes = sizes
        self._slots: list[list[Page]] = [[] for _ in range(slots)]
        self.token_bytes = 2 * sizes.layers * sizes.keys * sizes.size * 4  # of one token's keys and values in all layers

    def room(self, slot: int, columns: int) -> list[Page]:
        """Make room for so many columns in a slot. Returns all of its pages."""
        pages = self._slots[slot]
        pages += [Page(self._sizes) for _ in range(len(pages), -(-columns // PAGE))]
        return pages

    def free(self, slot: int) -> None:
        """Let a slot's memory go."""
        self._slots[slot] = []

    def move(self, source: int, target: int) -> None:
        """Give one slot's memory to another, which loses its own, so that rows stay packed when one leaves."""
        self._slots[target], self._slots[source] = self._slots[source], []

    def hold(self, slot: int, start: int, end: int) -> HeldPages:
        """Hold the columns start to end - 1 of a slot, which must not be written again."""
        return HeldPages(start, end, tuple(self._slots[slot][start // PAGE : -(-end // PAGE)]))

    def put(self, slot: int, parts: Sequence[tuple[HeldPages, int]]) -> None:
        """Begin a slot with parts behind one another, of each its first columns, as many as it says; what it had goes."""
        held = joined(parts)
        whole, left = divmod(held.end, PAGE)
        pages = self._slots[slot] = list(held.pages[:whole])
        if left:
            pages.append(Page(self._sizes))
            pages[-1].numbers[..., :left, :] = held.pages[whole].numbers[..., :left, :]

    def taken(self, pieces: Sequence[Any]) -> HeldPages:
        """Hold states from elsewhere, of each page (layers, 2, heads, columns, size); all but the last fill theirs."""
        pages = []
        for piece in pieces:
            pages.append(Page(self._sizes))
            pages[-1].numbers[..., : piece.shape[-2], :] = piece
        return HeldPages(0, (len(pages) - 1) * PAGE + pieces[-1].shape[-2], tuple(pages))

    def cut(self, held: HeldPages, start: int, end: int) -> HeldPages:
        """Hold a part alone, counted from its own start."""
        return held.cut(start, end)

    def size_of(self, held: HeldPages) -> int:
        """Count the bytes of the pages that are held."""
        return len(held.pages) * PAGE * self.token_bytes

    def bytes_of(self, columns: Sequence[int]) -> int:
        """Count the bytes of rows that fill so many columns each, none of them shared."""
        return sum(-(-width // PAGE) * PAGE for width in columns) * self.token_bytes


def joined(parts: Sequence[tuple[HeldPages, int]]) -> HeldPages:
    """Hold parts behind one another, which begin at 0, of each its first columns, as many as it says.

    Where two have columns in one page, the later has those of both: whoever wrote it had the earlier ones, too.
    """
    pages: list[Page] = []
    end = 0
    for held, columns in parts:
        own = held.cut(0, columns)
        pages[own.start // PAGE :] = own.pages
        end = own.end
    return HeldPages(0, end, tuple(pages))


def pieces_of(held: HeldPages) -> list[Any]:
    """List the states of held columns that begin at 0, of each page (layers, 2, heads, columns, size); nothing is copied."""
    return [page.numbers[..., : min(PAGE, held.end - number * PAGE), :] for number, page in enumerate(held.pages)]
