"""The model on tensors: one row's prompt, or one token for all rows of the batch.

Nothing here chooses who runs. A row sits in its slot of the key-value memory; one slot more is the house's own, in which adapters are tried
while rows run in theirs.

A row's numbers do not depend on the others, to the bit: every forward has an even number of rows (see packed.py), filled up with copies
that nobody reads, and each row's attention is its own.
"""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from engine.backends.local.attention import ROWS
from engine.backends.local.cache import AIM, OtherAttention, SlotCache, States, Window, size_of
from engine.backends.local.fused import Fused
from engine.backends.local.lora import LoraRows
from engine.backends.local.packed import FEWEST, even
from engine.backends.local.prefixes import PromptStore
from engine.backends.local.writing import Writing
from engine.errors import BackendError

NOT_LOADED = "The adapter {} is not loaded, so it cannot answer."


class Step:
    """A loaded model with the memory of its rows. Used by one thread alone, within torch.inference_mode."""

    def __init__(self, model: Any, *, max_rows: int, device: str) -> None:
        self.lora = LoraRows(model, model.places if isinstance(model, Fused) else None)
        self._model, self._device, self._house = model, device, max_rows
        self._cache = SlotCache(model.config.get_text_config().num_hidden_layers, max_rows + 1)
        self._prompts: PromptStore[States] = PromptStore()
        self._stacked = False
        if not isinstance(model, Fused):
            self._stacked = not (model._supports_attention_backend and model._can_set_attn_implementation())
            model.set_attn_implementation("sdpa" if self._stacked else ROWS)

    def read(self, row: Writing) -> Tensor:
        """Read a row's prompt, from its first token that no kept prompt has, and keep it. Returns the next token's logits (vocabulary,).

        Raises BackendError for an adapter that is not loaded, before it could spoil a step for everybody.
        """
        assert row.slot is not None
        if row.adapter not in self.lora.loaded:
            name = row.prompt.adapter.name if row.prompt.adapter else row.adapter
            raise BackendError("bad_prompt", NOT_LOADED.format(name))
        row.cached, states = self._prompts.best(row.adapter, row.tokens)
        if states is not None:
            self._cache.copy_in(row.slot, states, row.cached)
        logits = self.read_span(row.tokens, row.cached, len(row.tokens), row.adapter, row.slot)
        if bool(logits.isfinite().all()):  # damaged states must not spread to later prompts
            states = self._cache.copy_out(row.slot, len(row.tokens))
            self._prompts.keep(row.adapter, row.tokens, states, size_of(states))
        return logits

    def read_span(self, tokens: Sequence[int], start: int, end: int, adapter: str, slot: int) -> Tensor:
        """Read tokens[start:end] of one row into its slot, which holds those before. Returns the logits after the last (vocabulary,)."""
        if start == 0:
            self._cache.free(slot)
        more = even(end - start) - (end - start)
        columns = torch.tensor([start] * more + list(range(start, end)), device=self._device)
        ids = torch.tensor([tokens[start]] * more + list(tokens[start:end]), device=self._device)
        self._cache.aim(Window([slot], [start], end - start, prompt=True, stacked=self._stacked))
        self.lora.names = [adapter]
        mask = columns[:, None] >= torch.arange(end, device=self._device)
        return self._forward(ids[None], columns[None], mask[None, None])[0]

    def decode(self, rows: Sequence[Writing]) -> Tensor:
        """Read each row's newest token, row i in slot i, in one forward. Returns the next tokens' logits (rows, vocabulary)."""
        filled = [*rows, *[rows[-1]] * (even(len(rows)) - len(rows))]
        lengths = torch.tensor([row.length for row in filled], device=self._device)
        starts = [row.length for row in rows]
        self._cache.aim(window := Window(range(len(rows)), starts, 1, prompt=False, stacked=self._stacked))
        self.lora.names = [row.adapter for row in filled]
        mask = torch.arange(window.width, device=self._device) <= lengths[:, None]
        ids = torch.tensor([[row.new[-1]] for row in filled], device=self._device)
        return self._forward(ids, lengths[:, None], mask[:, None, None])[: len(rows)]

    def probe(self, tokens: list[int], adapter: str) -> Tensor:
        """Read a prompt that is nobody's, in the house's slot. Returns the next token's logits (vocabulary,), a copy."""
        logits = self.read_span(tokens, 0, len(tokens), adapter, self._house).clone()
        self.free(self._house)
        return logits

    def move(self, source: int, target: int) -> None:
        """Give the memory of one slot to another, which loses its own."""
        self._cache.move(source, target)

    def free(self, slot: int) -> None:
        """Let the memory of a slot go, and with it numbers that may be none."""
        self._cache.free(slot)

    def remove(self, adapter: str) -> None:
        """Let an adapter's weights and its kept prompts go."""
        self.lora.remove(adapter)
        self._prompts.forget(adapter)

    def _forward(self, ids: Tensor, positions: Tensor, mask: Tensor) -> Tensor:
        """ids, positions (rows, tokens), mask (rows, 1, tokens, columns), true where a token may look. Last logits (rows, vocabulary)."""
        if isinstance(self._model, Fused):
            last: Tensor = self._model(ids, positions, self._cache)
            return last
        AIM.layer = None
        try:
            out: Any = self._model(
                input_ids=ids,
                position_ids=positions,
                attention_mask=mask,
                past_key_values=self._cache,
                use_cache=True,
                logits_to_keep=min(ids.shape[1], FEWEST),
            )
        except OtherAttention:
            self._give_all()
            return self._forward(ids, positions, mask)
        logits: Tensor = out.logits[:, -1]
        return logits

    def _give_all(self) -> None:
        """Give the model all rows' columns from now on, for the attention that it has of its own. The present window is read again."""
        self._stacked = True
        self._model.set_attn_implementation("sdpa")
        for layer in self._cache.slot_layers:
            if layer.window is not None:
                layer.window.stacked = True
