"""The model on tensors: one row's prompt, or one token for all rows of the batch.

Nothing here chooses who runs. A row sits in its slot of the key-value memory; one slot more is the house's own, in which adapters are tried
while rows run in theirs.

A row's numbers do not depend on the others, to the bit: every forward has an even number of rows (see packed.py), filled up with copies
that nobody reads, and each row's attention is its own.
"""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor

from engine.backends.base import NOT_LOADED
from engine.backends.local.cache import AIM, OtherAttention, SlotCache, States, Window, cut, joined
from engine.backends.local.factors import NONE
from engine.backends.local.fused import Fused, Read
from engine.backends.local.lora import LoraRows
from engine.backends.local.machine import kept_bytes
from engine.backends.local.packed import FEWEST, even
from engine.backends.local.prefixes import PrefixStore, common_length
from engine.backends.local.schedule import Room
from engine.backends.local.writing import WeighedText, Writing
from engine.errors import BackendError


class Step:
    """A loaded model with the memory of its rows. Used by one thread alone, within torch.inference_mode."""

    def __init__(self, model: Any, *, max_rows: int, device: str, budget_bytes: int) -> None:
        """budget_bytes: for the keys and values of rows; what is kept of prompts and answers comes beside it."""
        self.lora = LoraRows(model, model if isinstance(model, Fused) else None)
        self._model, self._device, self._house = model, device, max_rows
        self._cache = SlotCache(model.config.get_text_config().num_hidden_layers, max_rows + 1)
        self._budget_bytes = budget_bytes
        self._kept: PrefixStore[States] = PrefixStore(lambda: self._cache.token_bytes, cut, kept_bytes(budget_bytes))
        self._stacked = False
        if not isinstance(model, Fused):
            from engine.backends.local.attend import ROWS  # with transformers' models, which take seconds to import

            self._stacked = not (model._supports_attention_backend and model._can_set_attn_implementation())
            model.set_attn_implementation("sdpa" if self._stacked else ROWS)

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

    def weigh(self, row: Writing, wanted: WeighedText, most: int) -> Tensor:
        """Read the next tokens of a row's prompt and of the answer that is wanted behind it, at most so many.

        Returns the logits from the prompt's end on, one for each token that has an answer's token after it (tokens, vocabulary); where the
        prompt has not been read, those after the last token that has (1, vocabulary).
        """
        assert row.slot is not None and row.size is not None
        tokens, start = [*row.tokens, *wanted.tokens], row.read
        row.read = end = min(start + most, row.size)
        ends = [*range(max(start + 1, min(len(row.tokens), end)), end + 1)]  # behind each of these tokens the logits are wanted
        spans = [*pairwise([start, *ends])]
        if not isinstance(self._model, Fused):
            return torch.stack([self.read_span(tokens, *span, row.adapter, row.slot) for span in spans])
        if start == 0:
            self._cache.free(row.slot)
        # The last comes first, so that the slot has room for all before anybody is told where it is.
        reads = [Read(row.slot, first, tokens[first:behind], row.adapter) for first, behind in reversed(spans)]
        return self._model.read(reads, self._cache).flip(0)

    def keep(self, row: Writing) -> None:
        """Keep the states of a row's prompt and of what it has written, for prompts that begin like it. All of them have to be numbers."""
        slot = row.slot
        assert slot is not None
        self._kept.keep(row.adapter, row.known, lambda start, end: self._cache.copy_out(slot, start, end))

    def recall(self, adapter: str, tokens: Sequence[int], states: States) -> None:
        """Keep states that were computed at an earlier start, for prompts that begin with these tokens."""
        whole = (0, len(tokens))
        self._kept.keep(adapter, tokens, lambda start, end: states if (start, end) == whole else cut(states, start, end))

    def remembered(self, adapter: str, tokens: Sequence[int]) -> States | None:
        """Copy the kept states of these tokens; None where not all of them are kept."""
        spans = self._kept.find(adapter, [*tokens, -1])
        if sum(common for _, common in spans) < len(tokens):
            return None
        return joined([cut(states, 0, common) for states, common in spans])

    def read_span(self, tokens: Sequence[int], start: int, end: int, adapter: str, slot: int) -> Tensor:
        """Read tokens[start:end] of one row into its slot, which holds those before. Returns the logits after the last (vocabulary,)."""
        if start == 0:
            self._cache.free(slot)
        if isinstance(self._model, Fused):
            return self._model.read([Read(slot, start, tokens[start:end], adapter)], self._cache)[0]
        more = even(end - start) - (end - start)
        columns = torch.tensor([start] * more + list(range(start, end)), device=self._device)
        ids = torch.tensor([tokens[start]] * more + list(tokens[start:end]), device=self._device)
        self._cache.aim(Window([slot], [start], end - start, prompt=True, stacked=self._stacked))
        self.lora.names = [adapter]
        mask = columns[:, None] >= torch.arange(end, device=self._device)
        return self._forward(ids[None], columns[None], mask[None, None])[0]

    def decode(self, rows: Sequence[Writing]) -> Tensor:
        """Read each row's newest token, row i in slot i, in one forward. Returns the next tokens' logits (rows, vocabulary)."""
        if isinstance(self._model, Fused):
            return self._model.read([Read(slot, row.length, row.new[-1:], row.adapter) for slot, row in enumerate(rows)], self._cache)
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
        return self.probe_each([tokens], adapter)[0]

    def probe_each(self, prompts: Sequence[list[int]], adapter: str) -> list[Tensor]:
        """Read prompts as `probe` does; what all of them begin with is read once."""
        first = prompts[0]
        shared = min(len(first) - 1, *(min(common_length(first, other), len(other) - 1) for other in prompts))
        logits = [
            self.read_span(tokens, shared if number else 0, len(tokens), adapter, self._house).clone()
            for number, tokens in enumerate(prompts)
        ]
        self.free(self._house)
        return logits

    def try_out(self) -> None:
        """Read two tokens that are nobody's, which takes about as long as a step of a duel."""
        self.read_span([0, 0], 0, 2, NONE, self._house)
        self.free(self._house)

    def refusal(self, row: Writing) -> BackendError:
        """Word why a row can never join."""
        needs, there = (f"{size / (1 << 20):,.0f} MiB" for size in (self.room.bytes_of([row.columns]), self.room.budget_bytes))
        return BackendError(
            "too_long",
            f"Request, conversation, instructions and answer may be {row.columns:,} tokens together, which need {needs} of memory; "
            f"{there} may be used (DUEL_KV_MIB). Shorten the request, or start a new conversation.",
        )

    def move(self, source: int, target: int) -> None:
        """Give the memory of one slot to another, which loses its own."""
        self._cache.move(source, target)

    def free(self, slot: int) -> None:
        """Let the memory of a slot go, and with it numbers that may be none."""
        self._cache.free(slot)

    def remove(self, adapter: str) -> None:
        """Let an adapter's weights and its kept prompts go."""
        self.lora.remove(adapter)
        self._kept.forget(adapter)

    def _forward(self, ids: Tensor, positions: Tensor, mask: Tensor) -> Tensor:
        """ids, positions (rows, tokens), mask (rows, 1, tokens, columns), true where a token may look. Last logits (rows, vocabulary)."""
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
