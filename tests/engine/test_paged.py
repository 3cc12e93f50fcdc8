"""Pages that rows and kept prompts share: whoever writes, everybody reads what is theirs, and what nobody holds is gone."""

import gc
import weakref
from collections.abc import Sequence
from pathlib import Path
from zlib import crc32

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.backends.local.compiling import can_compile
from engine.backends.local.factors import NONE
from engine.backends.local.loading import load_base
from engine.backends.local.machine import kept_bytes
from engine.backends.local.paged import HeldPages, PagedCache, joined, pieces_of
from engine.backends.local.prefixes import PrefixStore
from engine.backends.local.products import COLUMNS, PAGE, ModelShape
from engine.backends.local.step import Step
from tests.engine import tiny

SIZES = ModelShape(layers=2, hidden=8, heads=1, keys=1, size=8, inner=8, vocabulary=9, eps=1e-5, scaling=1.0)
SLOTS = 3


def states_of(tokens: Sequence[int]) -> list[float]:
    """For each token a number that all tokens up to it make, as keys and values are."""
    return [float(crc32(bytes(tokens[: at + 1])) % (1 << 24)) for at in range(len(tokens))]


class Rows:
    """Slots as the step uses them, with numbers in place of a model's."""

    def __init__(self, kept_bytes: int) -> None:
        self.cache = PagedCache(SIZES, SLOTS)
        self.store: PrefixStore[HeldPages] = PrefixStore(lambda: self.cache.token_bytes, self.cache.size_of, self.cache.cut, kept_bytes)
        self.tokens: list[list[int]] = [[] for _ in range(SLOTS)]

    def begin(self, slot: int, tokens: Sequence[int]) -> None:
        parts = self.store.find("", tokens)
        self.cache.put(slot, parts)
        self.tokens[slot] = list(tokens[: sum(columns for _, columns in parts)])
        self.write(slot, tokens[len(self.tokens[slot]) :])

    def write(self, slot: int, tokens: Sequence[int]) -> None:
        start = len(self.tokens[slot])
        self.tokens[slot] += tokens
        pages = self.cache.room(slot, len(self.tokens[slot]))
        for column, state in enumerate(states_of(self.tokens[slot])[start:], start):
            pages[column // PAGE].numbers[:, :, :, column % PAGE] = state

    def keep(self, slot: int) -> None:
        if self.tokens[slot]:
            self.store.keep("", self.tokens[slot], lambda start, end: self.cache.hold(slot, start, end))

    def leave(self, slot: int, mover: int) -> None:
        self.cache.free(slot)
        self.tokens[slot] = []
        if mover != slot:
            self.cache.move(mover, slot)
            self.tokens[slot], self.tokens[mover] = self.tokens[mover], []

    def check(self) -> None:
        for slot, tokens in enumerate(self.tokens):
            pages = self.cache.room(slot, len(tokens))
            read = [pages[column // PAGE].numbers[1, 1, 0, column % PAGE, 7] for column in range(len(tokens))]
            assert read == states_of(tokens)


TEXTS = st.tuples(
    st.integers(0, 2), st.sampled_from([1, 5, PAGE - 1, PAGE, PAGE + 1, 2 * PAGE, 100]), st.integers(0, 2), st.integers(1, 60)
)
MOVES = st.one_of(
    st.tuples(st.just("begin"), st.integers(0, SLOTS - 1), TEXTS),
    st.tuples(st.just("write"), st.integers(0, SLOTS - 1), st.integers(1, 60)),
    st.tuples(st.just("keep"), st.integers(0, SLOTS - 1), st.just(0)),
    st.tuples(st.just("leave"), st.integers(0, SLOTS - 1), st.integers(0, SLOTS - 1)),
)


@settings(max_examples=150, deadline=None)
@given(moves=st.lists(MOVES, max_size=25), kept_pages=st.integers(1, 40))
def test_every_row_and_every_kept_text_reads_its_own_whoever_writes_beside_it(
    moves: list[tuple[str, int, object]], kept_pages: int
) -> None:
    rows = Rows(kept_pages * PAGE * PagedCache(SIZES, 0).token_bytes)
    known = set[tuple[int, ...]]()
    for move, slot, more in moves:
        if move == "begin":
            one, many, other, rest = more  # type: ignore[misc]
            rows.begin(slot, [one] * many + [other] * rest)
        elif move == "write":
            rows.write(slot, [more % 3] * more)  # type: ignore[operator]
        elif move == "keep":
            rows.keep(slot)
            known.add(tuple(rows.tokens[slot]))
        else:
            rows.leave(slot, more)  # type: ignore[arg-type]
        rows.check()
        assert rows.store.size_bytes <= kept_pages * PAGE * rows.cache.token_bytes
        for tokens in known:
            held = joined(rows.store.find("", [*tokens, 9]))
            read = [number for piece in pieces_of(held) for number in piece[1, 0, 0, :, 3].tolist()]
            assert read == states_of(tokens)[: held.end]


def test_a_text_for_which_there_is_no_room_leaves_no_more_than_there_may_be() -> None:
    """Its beginning is parted from the rest of another all the same, and both parts hold the page between them."""
    rows = Rows(3 * PAGE * PagedCache(SIZES, 0).token_bytes)
    rows.begin(0, [1] * 96 + [0])
    rows.keep(0)
    rows.write(2, [1] * 28 + [2] * 100)
    rows.keep(2)
    assert rows.store.size_bytes <= 3 * PAGE * rows.cache.token_bytes
    rows.check()


def test_what_rows_begin_with_lies_in_memory_once_and_goes_with_the_last() -> None:
    rows = Rows(1 << 20)
    rows.begin(0, [1] * (2 * PAGE + 5))
    rows.keep(0)
    rows.begin(1, [1] * (2 * PAGE + 5) + [2] * 4)
    one, other = rows.cache.room(0, 1), rows.cache.room(1, 1)
    assert [own is there for own, there in zip(one, other, strict=True)] == [True, True, False]
    pages = [weakref.ref(page.numbers) for page in {*one, *other}]
    del one, other
    rows.leave(0, 0)
    rows.leave(1, 1)
    gc.collect()
    assert sum(page() is not None for page in pages) == 3, "they are kept"
    rows.store.forget("")
    gc.collect()
    assert not any(page() is not None for page in pages) and rows.store.size_bytes == 0


def test_states_from_elsewhere_are_held_as_they_came() -> None:
    rows = Rows(1 << 20)
    tokens = [1, 2] * PAGE + [1, 1, 0]
    rows.begin(0, tokens)
    pieces = [piece.copy() for piece in pieces_of(rows.cache.hold(0, 0, len(tokens)))]
    other = Rows(1 << 20)
    other.store.keep("", tokens, other.cache.taken(pieces).cut)
    other.begin(2, [*tokens, 2, 2])
    other.check()
    assert PAGE % COLUMNS == 0, "a tile of keys lies in one page"


@pytest.mark.skipif(not can_compile(), reason="this machine does not run the compiled loop")
def test_a_long_row_reads_on_over_the_edges_of_pages_and_of_room(tmp_path: Path) -> None:
    model = load_base(tiny.save_base(tmp_path, context=2048), "tiny", "float32", "cpu", "best").model
    tokens = [5 + (7 * at + at // 11) % 40 for at in range(1030)]
    whole, pieces = (Step(model, max_rows=2, device="cpu", budget_bytes=1 << 30) for _ in range(2))
    expected = [whole.read_span(tokens, 0, end, NONE, 0) for end in range(1020, 1031)]
    found = [pieces.read_span(tokens, start, end, NONE, 1) for start, end in [(0, 700), (700, 1020)]][1:]
    found += [pieces.read_span(tokens, at, at + 1, NONE, 1) for at in range(1020, 1030)]
    assert all(np.array_equal(own, other) for own, other in zip(found, expected, strict=True))


def test_what_is_kept_is_bounded_by_memory_and_by_tokens() -> None:
    assert kept_bytes(6 << 30) == kept_bytes(6 << 30, 1 << 20) == 384 << 20, "a sixteenth of the budget"
    assert kept_bytes(6 << 30, 46_080) == 3072 * 46_080, "of a small model so many tokens"
    assert kept_bytes(6 << 30, 100) == kept_bytes(1 << 30, 46_080) == 128 << 20, "but so much at least"
    assert kept_bytes(64 << 20, 46_080) == 64 << 20, "and never more than rows may have"
