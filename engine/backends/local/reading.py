"""What a step needs of a model, whichever way it runs: rows that read tokens, and their memory."""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, Protocol

from engine.backends.local.lora import LoraRows


@dataclass(frozen=True, slots=True)
class Read:
    """The next tokens of a row: a prompt's, or the newest."""

    slot: int
    start: int  # the column of the first
    tokens: Sequence[int]
    adapter: str


class RowMemory(Protocol):
    """Keys and values of each slot's row, and of what is kept of rows. What is kept has a type that it alone knows."""

    @property
    def token_bytes(self) -> int:
        """Bytes of one token's keys and values in all layers; 0 where the first forward is still to tell."""
        ...

    def free(self, slot: int) -> None:
        """Let a slot's memory go, and with it numbers that may be none."""
        ...

    def move(self, source: int, target: int) -> None:
        """Give one slot's memory to another, which loses its own, so that rows stay packed when one leaves."""
        ...

    def hold(self, slot: int, start: int, end: int) -> Any:
        """Keep the columns start to end - 1 of a slot, whatever becomes of it."""
        ...

    def put(self, slot: int, parts: Sequence[tuple[Any, int]]) -> None:
        """Begin a slot with kept parts behind one another, of each its first columns, as many as it says; what it had goes."""
        ...

    def cut(self, kept: Any, start: int, end: int) -> Any:
        """Keep a part of what is kept alone, counted from its own start."""
        ...

    def size_of(self, kept: Any) -> int:
        """Count the bytes of what is kept."""
        ...

    def bytes_of(self, columns: Sequence[int]) -> int:
        """Count the bytes of rows that fill so many columns each."""
        ...


class ModelRows(Protocol):
    """A model's rows, each in its slot. A row's numbers do not depend on the others, to the bit."""

    model: Any
    lora: LoraRows

    @property
    def cache(self) -> RowMemory:
        """The memory of the rows."""
        ...

    def use_threads(self, threads: int) -> None:
        """Run in so many processor threads from now on."""
        ...

    def running(self) -> AbstractContextManager[object]:
        """Make the context in which all is read."""
        ...

    def read(self, reads: Sequence[Read]) -> Any:
        """Read tokens into their rows' memory, which holds those before. Returns the logits after each one's last (reads, vocabulary).

        They are an array of float32, as are those of a step.
        """
        ...

    def step(self, reads: Sequence[Read]) -> Any:
        """Read one token of each row, row i in slot i, in one forward. Returns the logits after them (rows, vocabulary)."""
        ...
