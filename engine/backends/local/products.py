"""What a compiled forward is given, and its products: rows by weights, and what a row's adapter adds."""

from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
from numba import carray

from engine.backends.local.compiling import compiled, unknown
from engine.backends.local.kernels import (
    COLUMNS,
    LANES,
    ROWS,
    address_of,
    floats_at,
    halves_of_bfloat16,
    halves_of_float16,
    halves_of_float32,
    meet,
    packed_1,
    packed_2,
    packed_4,
    packed_half_1,
    packed_half_2,
    packed_half_4,
    weighed_1_1,
    weighed_1_4,
)

# numba compiles a function anew for each value of a Python number that it is called with; these are numbers that it does not know.
NONE, QKV, OUT, WIDE, NARROW = map(unknown, (0, 0, 1, 2, 3))  # products of a layer: queries, keys, values; out of attention; gate, up; down
PIECE, TILE = map(unknown, (LANES, COLUMNS))
BLOCK = 64  # rows that share a turn of the weights, few enough to stay in the processor's own memory
PAGE = 48  # columns of a row's memory that lie together: whole tiles of keys
PARTS = 3  # linear layers of the checkpoint in one product, at most
UP, FIRST, WIDTH, RANKS, RANK = range(5)  # of a part of an adapter: address (rank, width), its outputs, its ranks
NORMS, NORM_QUERY, NORM_KEY, LINEARS = 0, 2, 3, 4  # columns of the table of layers; a linear layer has three: address, float16 or not, bias


class ModelShape(NamedTuple):
    """A model's, and what is fixed in its arithmetic."""

    layers: int
    hidden: int
    heads: int  # of queries
    keys: int  # heads of keys and values
    size: int  # of a head
    inner: int
    vocabulary: int
    eps: float
    scaling: float  # of attention


class Space(NamedTuple):
    """Room for a forward's numbers, float32, a row for each token; widths are filled up to whole tiles."""

    x: Any  # (tokens, hidden): what the layers add to
    h: Any  # (tokens, hidden): the same, normed
    qkv: Any
    looked: Any  # (tokens, heads * size): out of attention
    wide: Any
    gated: Any  # (tokens, inner): silu(gate) * up
    out: Any  # of the products whose outputs are added to x
    small: Any  # (tokens, rank): x by an adapter's first matrices
    scores: Any  # (threads, ROWS, columns)
    logits: Any  # (rows wanted, vocabulary)


class Weights(NamedTuple):
    """Where its weights are: tables of addresses, int64."""

    sizes: ModelShape
    layers: Any  # (layers + 1, LINEARS + 4 * 3); the last row is the head: its norm, and itself where others have QKV


class ReadBatch(NamedTuple):
    """What is read in a forward."""

    tokens: Any  # (tokens, 3) int64: row of the batch, column, adapter or -1
    groups: Any  # (groups, 2) int64: first token, and how many behind one another of one row, at most ROWS
    runs: Any  # (runs, 3) int64: first token, end, adapter: neighbours with the same, those without one left out
    cosines: Any  # (tokens, size / 2) float32
    sines: Any
    memory: Any  # (rows, pages) int64: addresses of pages (layers, 2, heads, PAGE, size), of keys and values; 0 behind a row's last
    wanted: Any  # (rows wanted) int64: tokens after which the logits are wanted
    last_runs: Any  # `runs`, of the wanted
    adapters: Any  # (adapters, layers + 1, 4, 2 + 5 * PARTS) int64: address of the first matrices, ranks, then the parts


class LayerAdapters(NamedTuple):
    """What rows' adapters add to one linear layer."""

    adapters: Any  # (adapters, 2 + 5 * PARTS) int64, each as in a ReadBatch
    runs: Any  # as in a ReadBatch
    small: Any  # room for x by an adapter's first matrices, float32 (rows, rank)


def runs_of(owners: Any) -> Any:
    """Find neighbours with the same adapter, of owners (tokens,), -1 for none: first, end, adapter, as in a ReadBatch."""
    bounds = [0, *(np.flatnonzero(np.diff(owners)) + 1).tolist(), len(owners)]
    found = [(first, end, owners[first]) for first, end in pairwise(bounds) if owners[first] >= 0]
    return np.array(found, np.int64).reshape(-1, 3)


@compiled
def address(array: Any, row: int) -> Any:
    return address_of(array) + 4 * row * array.shape[1]


@compiled
def share(many: int, piece: int, thread: int, threads: int) -> tuple[int, int]:
    """The first of a thread's numbers, and the one behind its last: whole pieces, as many for each."""
    pieces = -(-many // piece)
    return pieces * thread // threads * piece, pieces * (thread + 1) // threads * piece


@compiled
def _multiply(
    x: int, first: int, end: int, size: int, between: int, weights: int, half: int, start: int, stop: int, out: int, along: int
) -> None:
    """out[r, c] = x[r] by weight c, for rows first to end - 1 and columns start to stop - 1, which are whole tiles."""
    for block in range(first, end, BLOCK):
        last = min(block + BLOCK, end)
        for column in range(start, stop, COLUMNS):
            row = block
            while row < last:
                left = last - row
                more = ROWS if left >= ROWS else 2 if left >= 2 else 1
                own, place = x + 4 * row * between, out + 4 * (row * along + column)
                if half:
                    stream = weights + 2 * column * size
                    if more == ROWS:
                        packed_half_4(own, between, stream, 0, size, place, along)
                    elif more == 2:
                        packed_half_2(own, between, stream, 0, size, place, along)
                    else:
                        packed_half_1(own, between, stream, 0, size, place, along)
                else:
                    stream = weights + 4 * column * size
                    if more == ROWS:
                        packed_4(own, between, stream, 0, size, place, along)
                    elif more == 2:
                        packed_2(own, between, stream, 0, size, place, along)
                    else:
                        packed_1(own, between, stream, 0, size, place, along)
                row += more


@compiled
def tile_halves(weights: int, wide: int, rows: int, size: int, first: int, out: int) -> int:
    """Put weights (rows, size) into tiles of float16 (tiles, size / LANES, COLUMNS, LANES), from the tiles' output `first` on.

    wide: bytes of a number, 0 for bfloat16. Returns 0 where float16 holds all of them.
    """
    lost, step = 0, 2 * COLUMNS * LANES
    for row in range(rows):
        tile, column = (first + row) // COLUMNS, (first + row) % COLUMNS
        place = out + 2 * (tile * COLUMNS * size + column * LANES)
        if wide == 4:
            lost |= halves_of_float32(weights + 4 * row * size, size, place, step)
        elif wide == 2:
            lost |= halves_of_float16(weights + 2 * row * size, size, place, step)
        else:
            lost |= halves_of_bfloat16(weights + 2 * row * size, size, place, step)
    return lost


@compiled
def linear(
    model: Weights, batch: ReadBatch, x: Any, layer: int, which: int, outputs: int, out: Any, small: Any, thread: int, threads: int
) -> None:
    """This thread's share of a product: of its outputs, and of the first matrices of the rows' adapters."""
    start, size = LINEARS + 3 * which, x.shape[1]
    weights, half = model.layers[layer, start], model.layers[layer, start + 1]
    last = layer == model.sizes.layers
    rows, runs = (batch.wanted.shape[0], batch.last_runs) if last else (batch.tokens.shape[0], batch.runs)
    first, stop = share(outputs, TILE, thread, threads)
    _multiply(address_of(x), NONE, rows, size, size, weights, half, first, stop, address_of(out), out.shape[1])
    for run in range(runs.shape[0]):
        adapter = batch.adapters[runs[run, 2], layer, which]
        first, stop = share(adapter[1], TILE, thread, threads)
        _multiply(address_of(x), runs[run, 0], runs[run, 1], size, size, adapter[0], NONE, first, stop, address_of(small), small.shape[1])


@compiled
def add_weighed(shares: int, count: int, values: int, between: int, width: int, out: int) -> None:
    """out[n] += sum of shares[i] * values[i, n], n below width."""
    at = 0
    while at < width:
        if at + 4 * LANES <= width:
            weighed_1_4(shares, 0, values + 4 * at, between, count, out + 4 * at, 0)
            at += 4 * LANES
        else:
            weighed_1_1(shares, 0, values + 4 * at, between, count, out + 4 * at, 0)
            at += LANES


@compiled
def _add_adapter(adapter: Any, small: int, start: int, stop: int, out: int) -> None:
    """Add what a row's adapter adds to its outputs start to stop - 1; small, out: the row's."""
    if adapter[1] == 0:
        return
    for number in range(PARTS):
        part = adapter[2 + 5 * number : 7 + 5 * number]
        first, end = max(start, part[FIRST]), min(stop, part[FIRST] + part[WIDTH])
        if part[RANK] and first < end:
            values = part[UP] + 4 * (first - part[FIRST])
            add_weighed(small + 4 * part[RANKS], part[RANK], values, part[WIDTH], end - first, out + 4 * first)


@compiled
def finish(model: Weights, batch: ReadBatch, layer: int, which: int, owner: int, small: int, start: int, stop: int, out: int) -> None:
    """Add to a row's outputs start to stop - 1 the bias, and what the row's adapter adds."""
    place = model.layers[layer, LINEARS + 3 * which + 2]
    if place:
        bias, own = carray(floats_at(place), (stop,)), carray(floats_at(out), (stop,))
        for at in range(start, stop):
            own[at] += bias[at]
    if owner >= 0:
        _add_adapter(batch.adapters[owner, layer, which], small, start, stop, out)


@compiled
def multiply_together(
    places: tuple[int, ...], shape: tuple[int, ...], half: int, added: LayerAdapters, barrier: int, thread: int, threads: int
) -> None:
    """A linear layer by itself: this thread's share of its outputs, and of what the rows' adapters add; then all have met.

    places: addresses of x (rows, size), the weights' tiles, the bias (0 for none) and out (rows, along). shape: rows, size, outputs, along.
    """
    x, weights, bias, out = places
    rows, size, outputs, along = shape
    runs, small = added.runs, added.small
    first, stop = share(outputs, TILE, thread, threads)
    _multiply(x, NONE, rows, size, size, weights, half, first, stop, out, along)
    for run in range(runs.shape[0]):
        adapter = added.adapters[runs[run, 2]]
        first, stop = share(adapter[1], TILE, thread, threads)
        _multiply(x, runs[run, 0], runs[run, 1], size, size, adapter[0], NONE, first, stop, address_of(small), small.shape[1])
    meet(barrier, threads)
    first, stop = share(outputs, PIECE, thread, threads)
    stop = min(stop, outputs)
    if bias and first < stop:
        values = carray(floats_at(bias), (outputs,))
        for row in range(rows):
            own = carray(floats_at(out + 4 * row * along), (outputs,))
            for at in range(first, stop):
                own[at] += values[at]
    for run in range(runs.shape[0]):
        for row in range(runs[run, 0], runs[run, 1]):
            _add_adapter(added.adapters[runs[run, 2]], address(small, row), first, stop, out + 4 * row * along)
    meet(barrier, threads)
