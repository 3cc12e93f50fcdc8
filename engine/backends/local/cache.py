"""Key-value memory of transformers' models: each row of the batch has its own, which grows with it.

A row fills its own columns from 0 on, so that a position is the same number alone and together, and reads no more than it has.
"""

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from torch import Tensor
from transformers.cache_utils import Cache, CacheLayerMixin

BLOCK = 128  # columns (tokens) by which a row's memory grows: at each it is copied once, and half of them lie empty on average
Row = tuple[Tensor, Tensor]  # keys and values, (heads, columns, head size)
States = list[Row | None]  # one row's for each layer; None for a layer that reads another's


@dataclass(slots=True)
class Window:
    """What the next forward writes and reads; set before each one.

    Either one token for each of several rows, or several tokens of one row. The forward may have more rows behind these, or tokens before
    them: what is filled up so that kernels see an even number of them is neither kept nor read.
    """

    slots: Sequence[int]
    starts: Sequence[int]  # for each slot the column of its first new token
    tokens: int  # new ones in each row
    prompt: bool  # whether they are a prompt's, which one row has alone
    stacked: bool  # whether all rows' columns are wanted in one tensor, by a model that knows no other attention

    @property
    def width(self) -> int:
        """Columns that the longest row reads."""
        return max(self.starts) + self.tokens


class OtherAttention(Exception):
    """A model that looks at keys and values in its own way, so that it has to be given all of them."""


class _Aim(threading.local):
    layer: "SlotLayer | None" = None


AIM = _Aim()  # the layer whose states were written last on this thread, for the attention that follows


class SlotLayer(CacheLayerMixin):  # type: ignore[no-untyped-call]
    """One layer's keys and values, for each slot (heads, columns, head size)."""

    def __init__(self, slots: int) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.rows: list[Row | None] = [None] * slots
        self.window: Window | None = None
        self.token_bytes = 0  # of one token's keys and values; known with the first

    def lazy_initialization(self, key_states: Tensor, value_states: Tensor) -> None:
        """Do nothing: memory comes with the tokens. transformers calls it."""
        self.is_initialized = True

    def update(self, key_states: Tensor, value_states: Tensor, *args: Any, **kwargs: Any) -> tuple[Tensor, Tensor]:
        """Write the new states, (rows, heads, tokens, head size), into the window's columns.

        Returns them as they came, as the attention reads each row's own memory; of a stacked window all columns of all rows, zeros where a
        row has none.
        """
        window = self.window
        assert window is not None, "a window is aimed at first"
        for index, (slot, start) in enumerate(zip(window.slots, window.starts, strict=True)):
            self.write(slot, start, key_states[index], value_states[index])
        if AIM.layer is not None:
            raise OtherAttention
        AIM.layer = None if window.stacked else self
        return self._stacked(window, key_states, value_states) if window.stacked else (key_states, value_states)

    def write(self, slot: int, start: int, key_states: Tensor, value_states: Tensor) -> Row:
        """Write the window's tokens, the last of these states (heads, tokens, head size), behind column `start` of a slot. Returns all."""
        assert self.window is not None, "a window is aimed at first"
        tokens = self.window.tokens
        row = self.room(slot, start + tokens, key_states, value_states)
        row[0][:, start : start + tokens] = key_states[:, -tokens:]
        row[1][:, start : start + tokens] = value_states[:, -tokens:]
        return row

    def room(self, slot: int, columns: int, like_keys: Tensor, like_values: Tensor) -> Row:
        """Make room for so many columns in a slot, shaped as states (heads, tokens, head size) are. Returns its keys and values."""
        row = self.rows[slot]
        if row is None or row[0].shape[1] < columns:
            row = self.rows[slot] = _grown(like_keys, columns, row and row[0]), _grown(like_values, columns, row and row[1])
            self.token_bytes = sum(states.shape[0] * states.shape[2] * states.element_size() for states in row)
        return row

    def _stacked(self, window: Window, key_states: Tensor, value_states: Tensor) -> tuple[Tensor, Tensor]:
        stacked = []
        for which, like in enumerate((key_states, value_states)):
            wide = like.new_zeros(like.shape[0], like.shape[1], window.width, like.shape[3])
            for index, (slot, start) in enumerate(zip(window.slots, window.starts, strict=True)):
                if row := self.rows[slot]:
                    wide[index, :, : start + window.tokens] = row[which][:, : start + window.tokens]
            stacked.append(wide)
        return stacked[0], stacked[1]

    def get_seq_length(self) -> int:
        """Tell transformers how many columns the next forward reads."""
        return 0 if self.window is None else self.window.width

    def get_max_length(self) -> int:
        """Tell transformers that there is no limit here; the schedule's rows have theirs."""
        return -1

    def get_mask_sizes(self, query_length: int) -> tuple[int, int]:
        """Tell transformers the columns that a mask covers and the first of them."""
        return self.get_seq_length(), 0


class SlotCache(Cache):
    """All layers' slots, as a cache that transformers' models write into."""

    def __init__(self, layers: int, slots: int) -> None:
        self.slot_layers = [SlotLayer(slots) for _ in range(layers)]
        super().__init__(layers=list(self.slot_layers))

    def aim(self, window: Window) -> None:
        """Point every layer at the window of the next forward."""
        for layer in self.slot_layers:
            layer.window = window

    def move(self, source: int, target: int) -> None:
        """Give one slot's memory to another, which loses its own, so that rows stay packed when one leaves."""
        for layer in self.slot_layers:
            layer.rows[target], layer.rows[source] = layer.rows[source], None

    def free(self, slot: int) -> None:
        """Let a slot's memory go."""
        for layer in self.slot_layers:
            layer.rows[slot] = None

    def hold(self, slot: int, start: int, end: int) -> States:
        """Copy the columns start to end - 1 of a slot."""
        return self.cut([layer.rows[slot] for layer in self.slot_layers], start, end)

    def put(self, slot: int, parts: Sequence[tuple[States, int]]) -> None:
        """Begin a slot with kept parts behind one another, of each its first columns, as many as it says; what it had goes."""
        self.free(slot)
        start = 0
        for states, columns in parts:
            for layer, kept in zip(self.slot_layers, states, strict=True):
                if kept is not None:
                    for own, one in zip(layer.room(slot, start + columns, *kept), kept, strict=True):
                        own[:, start : start + columns] = one[:, :columns]
            start += columns

    def cut(self, states: States, start: int, end: int) -> States:
        """Copy the columns start to end - 1 of kept states."""
        return [row and (row[0][:, start:end].clone(), row[1][:, start:end].clone()) for row in states]

    def size_of(self, states: States) -> int:
        """Count the bytes of kept states."""
        return sum(part.numel() * part.element_size() for row in states if row is not None for part in row)

    @property
    def token_bytes(self) -> int:
        """Bytes of one token's keys and values in all layers; 0 before the first forward."""
        return sum(layer.token_bytes for layer in self.slot_layers)

    def bytes_of(self, columns: Sequence[int]) -> int:
        """Count the bytes of rows that fill so many columns each."""
        return sum(roomy(width) for width in columns) * self.token_bytes


def roomy(columns: int) -> int:
    """Round up to whole blocks."""
    return -(-columns // BLOCK) * BLOCK


def _grown(like: Tensor, columns: int, old: Tensor | None) -> Tensor:
    """Room for `columns` columns in whole blocks, zeros where `old` has none: what is never written must not be a number that is none."""
    new = like.new_zeros(like.shape[0], roomy(columns), like.shape[2])
    if old is not None:
        new[:, : old.shape[1]] = old
    return new
