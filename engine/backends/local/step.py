"""The model on tensors: one row's prompt, or one token for all rows of the batch.

Nothing here chooses who runs. A row sits in its slot of the key-value memory; one slot more is the house's own, in which adapters are tried
while rows run in theirs.
"""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from engine.backends.local.cache import SlotCache, States, Window, cut
from engine.backends.local.lora import NONE, LoraRows
from engine.backends.local.machine import kept_bytes
from engine.backends.local.prefixes import PrefixStore
from engine.backends.local.schedule import Room
from engine.backends.local.writing import Writing
from engine.errors import BackendError

NOT_LOADED = "The adapter {} is not loaded, so it cannot answer."


class Step:
    """A loaded model with the memory of its rows. Used by one thread alone, within torch.inference_mode."""

    def __init__(self, model: Any, *, max_rows: int, device: str, budget_bytes: int) -> None:
        """budget_bytes: for the keys and values of rows; what is kept of prompts and answers comes beside it."""
        self.lora = LoraRows(model)
        self._model, self._device, self._house = model, device, max_rows
        self._cache = SlotCache(model.config.get_text_config().num_hidden_layers, max_rows + 1)
        self._budget_bytes = budget_bytes
        self._kept: PrefixStore[States] = PrefixStore(lambda: self._cache.token_bytes, cut, kept_bytes(budget_bytes))

    @property
    def room(self) -> Room:
        """The memory that rows may fill, and how much of it they need."""
        return Room(self._budget_bytes, self._cache.bytes_of)

    def begin(self, row: Writing) -> None:
        """Put into a row's slot what is kept of its prompt's beginning.

        Raises BackendError for an adapter that is not loaded, before it could spoil a step for everybody.
        """
        assert row.slot is not None
        if row.adapter not in self.lora.loaded:
            name = row.prompt.adapter.name if row.prompt.adapter else row.adapter
            raise BackendError("bad_prompt", NOT_LOADED.format(name))
        for states, common in self._kept.find(row.adapter, row.tokens):
            self._cache.copy_in(row.slot, states, row.read, common)
            row.read += common
        row.cached = row.read

    def read(self, row: Writing, most: int) -> Tensor:
        """Read the next tokens of a row's prompt, at most so many. Returns the logits after the last (vocabulary,)."""
        assert row.slot is not None
        end = min(row.read + most, len(row.tokens))
        logits = self.read_span(row.tokens, row.read, end, row.adapter, row.slot)
        row.read = end
        return logits

    def keep(self, row: Writing) -> None:
        """Keep the states of a row's prompt and of what it has written, for prompts that begin like it. All of them have to be numbers."""
        slot = row.slot
        assert slot is not None
        self._kept.keep(row.adapter, row.known, lambda start, end: self._cache.copy_out(slot, start, end))

    def read_span(self, tokens: Sequence[int], start: int, end: int, adapter: str, slot: int) -> Tensor:
        """Read tokens[start:end] of one row into its slot, which holds those before. Returns the logits after the last (vocabulary,)."""
        columns = torch.arange(start, end, device=self._device)
        mask = columns[:, None] >= torch.arange(end, device=self._device)
        self._cache.aim(Window(slot, 1, columns, end))
        self.lora.names = [adapter]
        return self._forward(torch.tensor([list(tokens[start:end])], device=self._device), columns[None], mask[None, None])[0]

    def decode(self, rows: Sequence[Writing]) -> Tensor:
        """Read each row's newest token, row i in slot i, in one forward. Returns the next tokens' logits (rows, vocabulary)."""
        lengths = torch.tensor([row.length for row in rows], device=self._device)
        width = max(row.length for row in rows) + 1
        mask = torch.arange(width, device=self._device) <= lengths[:, None]
        self._cache.aim(Window(0, len(rows), lengths, width))
        self.lora.names = [row.adapter for row in rows]
        return self._forward(torch.tensor([[row.new[-1]] for row in rows], device=self._device), lengths[:, None], mask[:, None, None])

    def probe(self, tokens: list[int], adapter: str) -> Tensor:
        """Read a prompt that is nobody's, in the house's slot. Returns the next token's logits (vocabulary,), a copy."""
        return self.read_span(tokens, 0, len(tokens), adapter, self._house).clone()

    def try_out(self) -> None:
        """Read two tokens that are nobody's, which takes about as long as a step of a duel."""
        self.read_span([0, 0], 0, 2, NONE, self._house)

    def refusal(self, row: Writing) -> BackendError:
        """Word why a row can never join."""
        needs, there = (f"{size / (1 << 20):,.0f} MiB" for size in (self.room.bytes_of([row.columns]), self.room.budget_bytes))
        return BackendError(
            "too_long",
            f"Request, conversation, instructions and answer may be {row.columns:,} tokens together, which need {needs} of memory; "
            f"{there} may be used (DUEL_KV_MIB). Shorten the request, or start a new conversation.",
        )

    def move(self, source: int, target: int, columns: int) -> None:
        """Put a row's first `columns` columns into another slot; the slot after the rows' is free for it, too."""
        self._cache.move(source, target, columns)

    def wipe(self, slot: int) -> None:
        """Clear a slot of numbers that are none."""
        self._cache.wipe(slot)

    def remove(self, adapter: str) -> None:
        """Let an adapter's weights and its kept prompts go."""
        self.lora.remove(adapter)
        self._kept.forget(adapter)

    def _forward(self, ids: Tensor, positions: Tensor, mask: Tensor) -> Tensor:
        """ids, positions (rows, tokens), mask (rows, 1, tokens, columns), true where a token may look. Last logits (rows, vocabulary)."""
        out: Any = self._model(
            input_ids=ids, position_ids=positions, attention_mask=mask, past_key_values=self._cache, use_cache=True, logits_to_keep=1
        )
        logits: Tensor = out.logits[:, -1]
        return logits
