"""Key-value memory: a slot for each row of the batch, and prompts kept so that their beginnings are not computed twice.

Rows are packed in slots 0..n-1 and every row fills its own columns from 0 on, so rows of any length decode together
without padding in front, and a position is the same number alone and together.
"""

from collections import OrderedDict
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from transformers.cache_utils import Cache, CacheLayerMixin

KEPT_BYTES = 128 << 20
KEPT_PER_ADAPTER = 4


@dataclass(slots=True)
class Window:
    """Where the next forward writes and reads; set by the model thread before each one.

    first, rows: the slots [first, first + rows). write: columns, (rows,) for a decode step of one token each,
    or (tokens,) of a single row's prefill. width: columns that are read.
    """

    first: int
    rows: int
    write: Tensor
    width: int


class SlotLayer(CacheLayerMixin):  # type: ignore[no-untyped-call]
    """One layer's keys and values, (slots, heads, columns, head size); grows when a window needs more columns."""

    def __init__(self, slots: int) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._slots = slots
        self.window: Window | None = None

    def lazy_initialization(self, key_states: Tensor, value_states: Tensor) -> None:
        self._grow(key_states, value_states, 0)
        self.is_initialized = True

    def update(self, key_states: Tensor, value_states: Tensor, *args: Any, **kwargs: Any) -> tuple[Tensor, Tensor]:
        """Write the new states into the window's columns; return the window's columns of its rows, views."""
        window = self.window
        assert window is not None, "the model thread sets the window first"
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
        return 0 if self.keys is None else self.keys.shape[2]

    def _grow(self, like_keys: Tensor, like_values: Tensor, width: int) -> None:
        columns = max(256, 1 << (width - 1).bit_length()) if width > 0 else 256
        for name, like in (("keys", like_keys), ("values", like_values)):
            old = getattr(self, name)
            new = like.new_zeros(self._slots, like.shape[1], columns, like.shape[3])
            if old is not None:
                new[:, :, : old.shape[2]] = old
            setattr(self, name, new)
        self.is_initialized = True

    def get_seq_length(self) -> int:
        return 0 if self.window is None else self.window.width

    def get_max_length(self) -> int:
        return -1

    def get_mask_sizes(self, query_length: int) -> tuple[int, int]:
        return self.get_seq_length(), 0


class SlotCache(Cache):
    """All layers' slots. The mask that goes with a window is given to the model as a 4D mask by the caller."""

    def __init__(self, layers: int, slots: int) -> None:
        self.slot_layers = [SlotLayer(slots) for _ in range(layers)]
        super().__init__(layers=list(self.slot_layers))

    def aim(self, window: Window) -> None:
        """Point every layer at the window of the next forward."""
        for layer in self.slot_layers:
            layer.window = window

    def move(self, source: int, target: int, length: int) -> None:
        """Copy the first `length` columns of one slot over another, so that rows stay packed when one leaves."""
        for layer in self.slot_layers:
            for kept in (layer.keys, layer.values):
                if kept is not None:
                    kept[target, :, :length] = kept[source, :, :length]

    def wipe(self, slot: int) -> None:
        """Zero a slot. Masked columns weigh nothing, but nothing times not-a-number is not a number."""
        for layer in self.slot_layers:
            for kept in (layer.keys, layer.values):
                if kept is not None:
                    kept[slot].zero_()

    def copy_out(self, slot: int, length: int) -> list[tuple[Tensor, Tensor]]:
        """The first `length` columns of a slot, (heads, length, head size) for each layer, as copies."""
        return [
            (layer.keys[slot, :, :length].clone(), layer.values[slot, :, :length].clone())
            for layer in self.slot_layers
            if layer.keys is not None and layer.values is not None
        ]

    def copy_in(self, slot: int, states: list[tuple[Tensor, Tensor]], length: int) -> None:
        """Put the first `length` columns of kept states into a slot."""
        for layer, (keys, values) in zip(self.slot_layers, states, strict=True):
            if layer.columns < length:
                layer._grow(keys[None], values[None], length)
            assert layer.keys is not None and layer.values is not None
            layer.keys[slot, :, :length] = keys[:, :length]
            layer.values[slot, :, :length] = values[:, :length]


@dataclass(slots=True)
class _Kept:
    tokens: list[int]
    states: list[tuple[Tensor, Tensor]]

    @property
    def bytes(self) -> int:
        return sum(t.numel() * t.element_size() for pair in self.states for t in pair)


class PromptStore:
    """Recent prompts' keys and values by adapter, found by their longest common beginning.

    A recipe's long text is the beginning of every prompt made with it, so it is computed once. At most
    KEPT_PER_ADAPTER prompts for each adapter and KEPT_BYTES in all, least recently used out first.
    """

    def __init__(self, kept_bytes: int = KEPT_BYTES) -> None:
        self._limit = kept_bytes
        self._kept: OrderedDict[int, tuple[str, _Kept]] = OrderedDict()
        self._next = 0

    def best(self, adapter: str, tokens: list[int]) -> tuple[int, list[tuple[Tensor, Tensor]]]:
        """(length, states) of the longest kept beginning of `tokens`; never all of them, one is left to compute."""
        length, found = 0, None
        for key, (owner, kept) in self._kept.items():
            common = _common(kept.tokens, tokens) if owner == adapter else 0
            if common > length:
                length, found = common, key
        length = min(length, len(tokens) - 1)
        if found is None or length <= 0:
            return 0, []
        self._kept.move_to_end(found)
        return length, self._kept[found][1].states

    def keep(self, adapter: str, tokens: list[int], states: list[tuple[Tensor, Tensor]]) -> None:
        """Keep a prompt, and let the least recently used go."""
        self._kept[self._next] = (adapter, _Kept(list(tokens), states))
        self._next += 1
        mine = [key for key, (owner, _) in self._kept.items() if owner == adapter]
        for key in mine[:-KEPT_PER_ADAPTER]:
            del self._kept[key]
        while self._kept and sum(kept.bytes for _, kept in self._kept.values()) > self._limit:
            self._kept.popitem(last=False)


def _common(one: list[int], other: list[int]) -> int:
    """Length of the common beginning."""
    for index, (a, b) in enumerate(zip(one, other, strict=False)):
        if a != b:
            return index
    return min(len(one), len(other))
