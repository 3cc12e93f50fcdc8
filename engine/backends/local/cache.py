"""Key-value memory: a slot for each row of the batch, as a cache that transformers' models write into.

Every row fills its own columns from 0 on, so rows of any length decode together without padding in front, and a position is the same
number alone and together.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from transformers.cache_utils import Cache, CacheLayerMixin

FEWEST_COLUMNS = 256  # tokens: room for a short prompt and its answer, so that most slots are never copied into larger ones
States = list[tuple[Tensor, Tensor]]  # for each layer keys and values of one row, (heads, columns, head size)


@dataclass(slots=True)
class Window:
    """Where the next forward writes and reads; set before each one."""

    first: int  # the slots are first to first + rows - 1
    rows: int
    write: Tensor  # columns: (rows,) for a step of one token each, (tokens,) for the prompt of a single row
    width: int  # columns that are read


def roomy(width: int) -> int:
    """Choose the columns of every slot, where one of them needs `width`."""
    return max(FEWEST_COLUMNS, 1 << (width - 1).bit_length()) if width > 0 else FEWEST_COLUMNS


class SlotLayer(CacheLayerMixin):  # type: ignore[no-untyped-call]
    """One layer's keys and values, (slots, heads, columns, head size); grows when a window needs more columns."""

    def __init__(self, slots: int) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._slots = slots
        self.window: Window | None = None

    def lazy_initialization(self, key_states: Tensor, value_states: Tensor) -> None:
        """Make the tensors, shaped as the model's first states are. transformers calls it."""
        self._grow(key_states, value_states, 0)

    def update(self, key_states: Tensor, value_states: Tensor, *args: Any, **kwargs: Any) -> tuple[Tensor, Tensor]:
        """Write the new states, (rows, heads, tokens, head size), into the window's columns; return views of all columns that it reads."""
        window = self.window
        assert window is not None, "a window is aimed at first"
        if not self.is_initialized or self.columns < window.width:
            self._grow(key_states, value_states, window.width)
        for kept, new in ((self.keys, key_states), (self.values, value_states)):
            assert kept is not None
            if window.rows == new.shape[0] and new.shape[2] == 1:
                kept[torch.arange(window.first, window.first + window.rows, device=kept.device), :, window.write] = new[:, :, 0]
            else:
                kept[window.first, :, window.write] = new[0]
        span = slice(window.first, window.first + window.rows)
        assert self.keys is not None and self.values is not None
        return self.keys[span, :, : window.width], self.values[span, :, : window.width]

    @property
    def columns(self) -> int:
        """Tokens that a slot has room for."""
        return 0 if self.keys is None else self.keys.shape[2]

    def _grow(self, like_keys: Tensor, like_values: Tensor, width: int) -> None:
        """Make room for `width` tokens in every slot: the next power of two.

        Growing copies all slots. Doubling each time, a row of n tokens costs fewer than n copied columns in all; growing by the one column
        that a step needs would copy all of them at every step. No more than half the columns stay empty for it.
        """
        columns = roomy(width)
        for name, like in (("keys", like_keys), ("values", like_values)):
            old = getattr(self, name)
            new = like.new_zeros(self._slots, like.shape[1], columns, like.shape[3])
            if old is not None:
                new[:, :, : old.shape[2]] = old
            setattr(self, name, new)
        self.is_initialized = True

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
    """All layers' slots. The mask that goes with a window is given to the model as a 4D mask by the caller."""

    def __init__(self, layers: int, slots: int) -> None:
        self.slot_layers = [SlotLayer(slots) for _ in range(layers)]
        self._slots = slots
        super().__init__(layers=list(self.slot_layers))

    def aim(self, window: Window) -> None:
        """Point every layer at the window of the next forward."""
        for layer in self.slot_layers:
            layer.window = window

    def move(self, source: int, target: int, length: int) -> None:
        """Copy the first `length` columns of one slot over another, so that rows stay packed when one leaves."""
        for kept in self._tensors():
            kept[target, :, :length] = kept[source, :, :length]

    def wipe(self, slot: int) -> None:
        """Zero a slot whose row left numbers behind that are none, before another row sits there.

        A shorter row is masked where its slot's older columns begin, so that they weigh nothing in its attention; but nothing times
        not-a-number is not a number, and would spoil it.
        """
        for kept in self._tensors():
            kept[slot].zero_()

    def copy_out(self, slot: int, start: int, end: int) -> States:
        """Copy the columns start to end - 1 of a slot."""
        return [
            (layer.keys[slot, :, start:end].clone(), layer.values[slot, :, start:end].clone())
            for layer in self.slot_layers
            if layer.keys is not None and layer.values is not None
        ]

    def copy_in(self, slot: int, states: States, start: int, length: int) -> None:
        """Put the first `length` columns of kept states into a slot, from its column `start` on."""
        end = start + length
        for layer, (keys, values) in zip(self.slot_layers, states, strict=True):
            if layer.columns < end:
                layer._grow(keys[None], values[None], end)
            assert layer.keys is not None and layer.values is not None
            layer.keys[slot, :, start:end] = keys[:, :length]
            layer.values[slot, :, start:end] = values[:, :length]

    @property
    def token_bytes(self) -> int:
        """Bytes of one token's keys and values in all layers; 0 before the first forward."""
        return sum(kept.shape[1] * kept.shape[3] * kept.element_size() for kept in self._tensors())

    def bytes_of(self, columns: Sequence[int]) -> int:
        """Count the bytes of all slots where rows fill so many columns each: every slot has room for the longest."""
        return self._slots * roomy(max(columns, default=0)) * self.token_bytes

    def _tensors(self) -> Iterator[Tensor]:
        for layer in self.slot_layers:
            yield from (kept for kept in (layer.keys, layer.values) if kept is not None)


def cut(states: States, start: int, end: int) -> States:
    """Copy the columns start to end - 1 of kept states."""
    return [(keys[:, start:end].clone(), values[:, start:end].clone()) for keys, values in states]
