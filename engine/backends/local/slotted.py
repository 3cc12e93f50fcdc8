"""The rows of any model of transformers: one slot of memory each, all rows' newest tokens in one forward.

A row's numbers do not depend on the others, to the bit: each row's attention is its own, and a forward has an even number of rows (see
packed.py), filled up with copies that nobody reads, unless all of its products are of a kind in which any number is.
"""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import Any

import torch
from torch import Tensor

from engine.backends.local.attend import ROWS
from engine.backends.local.cache import AIM, OtherAttention, SlotCache, Window
from engine.backends.local.hooks import HookedLayers
from engine.backends.local.lora import LoraRows
from engine.backends.local.packed import FEWEST, even, is_tiled
from engine.backends.local.reading import Read


class SlottedRows:
    """The rows of such a model, as ModelRows says."""

    def __init__(self, model: Any, slots: int, device: str) -> None:
        self.layers = HookedLayers(model)
        self.lora, self.cache = LoraRows(self.layers), SlotCache(model.config.get_text_config().num_hidden_layers, slots)
        self.model, self._device = model, device
        self.stacked = not (model._supports_attention_backend and model._can_set_attn_implementation())
        model.set_attn_implementation("sdpa" if self.stacked else ROWS)
        self._tiled = is_tiled(model)

    def _filled(self, rows: int) -> int:
        """Round a number of rows up to one at which no product rounds otherwise than for each row alone."""
        return rows if self._tiled else even(rows)

    def use_threads(self, threads: int) -> None:
        """Run in so many processor threads from now on."""
        torch.set_num_threads(threads)

    def running(self) -> AbstractContextManager[object]:
        """Make the context in which all is read: that of no training."""
        return torch.inference_mode()

    def read(self, reads: Sequence[Read]) -> Any:
        """Read tokens, one read after the other, as ModelRows.read says."""
        return _array(torch.stack([self._read(read) for read in reads]))

    def _read(self, read: Read) -> Tensor:
        more = self._filled(len(read.tokens)) - len(read.tokens)
        start, end = read.start, read.start + len(read.tokens)
        columns = torch.tensor([start] * more + list(range(start, end)), device=self._device)
        ids = torch.tensor([read.tokens[0]] * more + list(read.tokens), device=self._device)
        self.cache.aim(Window([read.slot], [start], end - start, prompt=True, stacked=self.stacked))
        self.layers.names = [read.adapter]
        mask = columns[:, None] >= torch.arange(end, device=self._device)
        return self._forward(ids[None], columns[None], mask[None, None])[0]

    def step(self, reads: Sequence[Read]) -> Any:
        """Read each row's newest token, as ModelRows.step says."""
        filled = [*reads, *[reads[-1]] * (self._filled(len(reads)) - len(reads))]
        lengths = torch.tensor([read.start for read in filled], device=self._device)
        starts = [read.start for read in reads]
        self.cache.aim(window := Window(range(len(reads)), starts, 1, prompt=False, stacked=self.stacked))
        self.layers.names = [read.adapter for read in filled]
        mask = torch.arange(window.width, device=self._device) <= lengths[:, None]
        ids = torch.tensor([[*read.tokens] for read in filled], device=self._device)
        return _array(self._forward(ids, lengths[:, None], mask[:, None, None])[: len(reads)])

    def _forward(self, ids: Tensor, positions: Tensor, mask: Tensor) -> Tensor:
        """ids, positions (rows, tokens), mask (rows, 1, tokens, columns), true where a token may look. Last logits (rows, vocabulary)."""
        AIM.layer = None
        try:
            out: Any = self.model(
                input_ids=ids,
                position_ids=positions,
                attention_mask=mask,
                past_key_values=self.cache,
                use_cache=True,
                logits_to_keep=1 if self._tiled else min(ids.shape[1], FEWEST),
            )
        except OtherAttention:
            self._give_all()
            return self._forward(ids, positions, mask)
        logits: Tensor = out.logits[:, -1]
        return logits

    def _give_all(self) -> None:
        """Give the model all rows' columns from now on, for the attention that it has of its own. The present window is read again."""
        self.stacked = True
        self.model.set_attn_implementation("sdpa")
        for layer in self.cache.slot_layers:
            if layer.window is not None:
                layer.window.stacked = True


def _array(logits: Tensor) -> Any:
    return logits.float().cpu().numpy()
