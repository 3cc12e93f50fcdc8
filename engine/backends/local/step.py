"""The model on tensors: one row's prompt, or one token for all rows of the batch.

Nothing here chooses who runs. A row sits in its slot of the key-value memory; one slot more is the house's own, in which adapters are tried
while rows run in theirs.
"""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

from engine.backends.base import NOT_LOADED
from engine.backends.local.factors import NONE
from engine.backends.local.fused import Fused, FusedRows
from engine.backends.local.machine import kept_bytes
from engine.backends.local.paged import HeldPages, joined
from engine.backends.local.prefixes import PrefixStore, common_length
from engine.backends.local.reading import ModelRows, Read
from engine.backends.local.schedule import Room
from engine.backends.local.writing import WeighedText, Writing
from engine.errors import BackendError


class Step:
    """A loaded model with the memory of its rows. Used by one thread alone, within `rows.running()`."""

    def __init__(self, model: Any, *, max_rows: int, device: str, budget_bytes: int) -> None:
        """budget_bytes: for the keys and values of rows; what is kept of prompts and answers comes beside it."""
        self.rows = _rows_of(model, max_rows + 1, device)
        self.lora = self.rows.lora
        self._house = max_rows
        self._cache = self.rows.cache
        self._budget_bytes = budget_bytes
        self._kept: PrefixStore[Any] = PrefixStore(
            lambda: self._cache.token_bytes, self._cache.size_of, self._cache.cut, kept_bytes(budget_bytes, self._cache.token_bytes)
        )

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
        parts = self._kept.find(row.adapter, row.tokens)
        self._cache.put(row.slot, parts)
        row.cached = row.read = sum(columns for _, columns in parts)

    def read(self, row: Writing, most: int) -> Any:
        """Read the next tokens of a row's prompt, at most so many. Returns the logits after the last (vocabulary,)."""
        assert row.slot is not None
        end = min(row.read + most, len(row.tokens))
        logits = self.read_span(row.tokens, row.read, end, row.adapter, row.slot)
        row.read = end
        return logits

    def weigh(self, row: Writing, wanted: WeighedText, most: int) -> Any:
        """Read the next tokens of a row's prompt and of the answer that is wanted behind it, at most so many.

        Returns the logits from the prompt's end on, one for each token that has an answer's token after it (tokens, vocabulary); where the
        prompt has not been read, those after the last token that has (1, vocabulary).
        """
        assert row.slot is not None and row.size is not None
        tokens, start = [*row.tokens, *wanted.tokens], row.read
        row.read = end = min(start + most, row.size)
        ends = [*range(max(start + 1, min(len(row.tokens), end)), end + 1)]  # behind each of these tokens the logits are wanted
        return self.rows.read([Read(row.slot, first, tokens[first:behind], row.adapter) for first, behind in pairwise([start, *ends])])

    def keep(self, row: Writing) -> None:
        """Keep the states of a row's prompt and of what it has written, for prompts that begin like it. All of them have to be numbers."""
        slot = row.slot
        assert slot is not None
        self._kept.keep(row.adapter, row.known, lambda start, end: self._cache.hold(slot, start, end))

    def recall(self, adapter: str, tokens: Sequence[int], pieces: Sequence[Any]) -> None:
        """Keep states that were computed at an earlier start, for prompts that begin with these tokens.

        pieces: of the model that runs in pages, as PagedCache.taken has them.
        """
        if isinstance(self.rows, FusedRows):
            held = self.rows.cache.taken(pieces)
            self._kept.keep(adapter, tokens, held.cut)

    def remembered(self, adapter: str, tokens: Sequence[int]) -> HeldPages | None:
        """Find the kept states of these tokens; None where not all of them are kept in pages."""
        parts = self._kept.find(adapter, [*tokens, -1])
        if not isinstance(self.rows, FusedRows) or sum(columns for _, columns in parts) < len(tokens):
            return None
        return joined(parts)

    def read_span(self, tokens: Sequence[int], start: int, end: int, adapter: str, slot: int) -> Any:
        """Read tokens[start:end] of one row into its slot, which holds those before. Returns the logits after the last (vocabulary,)."""
        if start == 0:
            self.free(slot)
        return self.rows.read([Read(slot, start, tokens[start:end], adapter)])[0]

    def decode(self, rows: Sequence[Writing]) -> Any:
        """Read each row's newest token, row i in slot i, in one forward. Returns the next tokens' logits (rows, vocabulary)."""
        return self.rows.step([Read(slot, row.length, row.new[-1:], row.adapter) for slot, row in enumerate(rows)])

    def probe(self, tokens: list[int], adapter: str) -> Any:
        """Read a prompt that is nobody's, in the house's slot. Returns the next token's logits (vocabulary,), a copy."""
        return self.probe_each([tokens], adapter)[0]

    def probe_each(self, prompts: Sequence[list[int]], adapter: str) -> list[Any]:
        """Read prompts as `probe` does; what all of them begin with is read once."""
        first = prompts[0]
        shared = min(len(first) - 1, *(min(common_length(first, other), len(other) - 1) for other in prompts))
        logits = [
            self.read_span(tokens, shared if number else 0, len(tokens), adapter, self._house) for number, tokens in enumerate(prompts)
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


def _rows_of(model: Any, slots: int, device: str) -> ModelRows:
    if isinstance(model, Fused):
        return FusedRows(model, slots)
    from engine.backends.local.slotted import SlottedRows  # with transformers' models, which take seconds to import

    return SlottedRows(model, slots, device)
