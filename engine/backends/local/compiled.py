"""Llama's and Qwen's kinds of model as one compiled loop over the layers, run by several threads together.

A forward reads tokens, each of some row at some column: a prompt's, or one of each of several rows, or both. Each thread runs `forward`
with its number and takes its share of every phase: of the outputs of a product, of the heads, of the tokens. They meet after each phase.

A row's numbers depend on nothing but the row: each sum has one order (see kernels.py), and each token looks at its own columns.
Nothing is checked here: `Fused` gives addresses and sizes that fit.
"""

import math
from typing import Any

import numpy as np
from numba import carray

from engine.backends.local.compiling import compiled
from engine.backends.local.kernels import (
    COLUMNS,
    LANES,
    ROWS,
    address_of,
    floats_at,
    gate,
    meet,
    plain_1,
    plain_4,
    soften,
    weighed_4_1,
    weighed_4_2,
)
from engine.backends.local.products import (
    NARROW,
    NONE,
    NORM_KEY,
    NORM_QUERY,
    NORMS,
    OUT,
    PAGE,
    PIECE,
    QKV,
    WIDE,
    ModelShape,
    ReadBatch,
    Space,
    Weights,
    add_weighed,
    address,
    finish,
    linear,
    share,
)


@compiled
def _norm(x: Any, eps: float, weights: int, out: Any) -> None:
    """out = x / root mean square of x, by the weights (Zhang and Sennrich 2019)."""
    size = x.shape[0]
    total0, total1, total2, total3 = np.float32(0), np.float32(0), np.float32(0), np.float32(0)
    for at in range(0, size, 4):
        total0 += x[at] * x[at]
        total1 += x[at + 1] * x[at + 1]
        total2 += x[at + 2] * x[at + 2]
        total3 += x[at + 3] * x[at + 3]
    mean = (total0 + total1 + (total2 + total3)) / np.float32(size)
    factor = np.float32(1) / np.float32(math.sqrt(mean + np.float32(eps)))
    scale = carray(floats_at(weights), (size,))
    for at in range(size):
        out[at] = x[at] * factor * scale[at]


@compiled
def _rotate(head: Any, cosines: Any, sines: Any) -> None:
    """Turn a head by its token's position: its two halves are the parts of complex numbers (Su et al. 2021)."""
    half = cosines.shape[0]
    for at in range(half):
        real, imaginary = head[at], head[at + half]
        head[at] = real * cosines[at] - imaginary * sines[at]
        head[at + half] = imaginary * cosines[at] + real * sines[at]


@compiled
def _in_page(sizes: ModelShape, layer: int, values: int, head: int) -> int:
    """How far into a page a layer's keys, or its values, of a head begin, in bytes."""
    return 4 * ((2 * layer + values) * sizes.keys + head) * PAGE * sizes.size


@compiled
def _place_heads(model: Weights, batch: ReadBatch, space: Space, layer: int, thread: int, threads: int) -> None:
    """Finish this thread's heads of queries, keys and values; keys and values go into their rows' memory."""
    sizes, table = model.sizes, model.layers[layer]
    size, turned = sizes.size, sizes.heads + sizes.keys
    every = turned + sizes.keys
    for unit in range(thread, batch.tokens.shape[0] * every, threads):
        token, head = unit // every, unit % every
        start, out = head * size, address(space.qkv, token)
        small = address(space.small, token)
        finish(model, batch, layer, QKV, batch.tokens[token, 2], small, start, start + size, out)
        own = space.qkv[token, start : start + size]
        if head < turned:
            norm = table[NORM_QUERY if head < sizes.heads else NORM_KEY]
            if norm:
                _norm(own, sizes.eps, norm, own)
            _rotate(own, batch.cosines[token], batch.sines[token])
        if head >= sizes.heads:
            number = (head - sizes.heads) % sizes.keys
            column = batch.tokens[token, 1]
            page = batch.memory[batch.tokens[token, 0], column // PAGE]
            place = page + _in_page(sizes, layer, 1 if head >= turned else 0, number) + 4 * (column % PAGE) * size
            kept = carray(floats_at(place), (size,))
            for at in range(size):
                kept[at] = own[at]


@compiled
def _shares(scores: Any, columns: int, scaling: Any) -> Any:
    """Turn scores into shares of a sum. Returns 1 / the sum, by which they are still to be multiplied."""
    for at in range(columns, -(-columns // LANES) * LANES):
        scores[at] = np.float32(-math.inf)
    return np.float32(1) / soften(address_of(scores), columns, scaling)


@compiled
def _score(queries: int, between: int, count: int, pages: Any, inside: int, size: int, columns: int, scores: int, along: int) -> None:
    """scores[r, c] = query r by key c. A page holds whole tiles; what is read of the last one behind the columns counts for nothing."""
    for tile in range(-(-columns // COLUMNS)):
        column = tile * COLUMNS
        own = pages[column // PAGE] + inside + 4 * (column % PAGE) * size
        if count == ROWS:
            plain_4(queries, between, own, size, size, scores + 4 * column, along)
        else:
            for row in range(count):
                plain_1(queries + 4 * row * between, between, own, size, size, scores + 4 * (row * along + column), along)


@compiled
def _look(model: Weights, batch: ReadBatch, space: Space, layer: int, thread: int, threads: int) -> None:
    """Attention of this thread's share of heads: each token over its row's columns up to its own."""
    sizes = model.sizes
    size, along = sizes.size, space.scores.shape[2]
    for unit in range(thread, batch.groups.shape[0] * sizes.heads, threads):
        first, count = batch.groups[unit // sizes.heads]
        head = unit % sizes.heads
        pages, shared = batch.memory[batch.tokens[first, 0]], batch.tokens[first, 1] + 1
        number = head // (sizes.heads // sizes.keys)
        keys, values = _in_page(sizes, layer, 0, number), _in_page(sizes, layer, 1, number)
        scores = space.scores[thread]
        queries = address(space.qkv, first) + 4 * head * size
        _score(queries, space.qkv.shape[1], count, pages, keys, size, shared + count - 1, address_of(scores), along)
        looked = space.looked[first : first + count, head * size : (head + 1) * size]
        looked[:] = np.float32(0)
        factors = (
            _shares(scores[0], shared, np.float32(sizes.scaling)),
            _shares(scores[1], shared + 1, np.float32(sizes.scaling)) if count > 1 else np.float32(0),
            _shares(scores[2], shared + 2, np.float32(sizes.scaling)) if count > 2 else np.float32(0),
            _shares(scores[3], shared + 3, np.float32(sizes.scaling)) if count > 3 else np.float32(0),
        )
        out = address(space.looked, first) + 4 * head * size
        _weigh(address_of(scores), along, count, shared, pages, values, size, out, space.looked.shape[1])
        for row in range(count):
            for at in range(size):
                looked[row, at] *= factors[row]


@compiled
def _weigh(shares: int, apart: int, count: int, shared: int, pages: Any, inside: int, size: int, out: int, along: int) -> None:
    """Add the values by their shares to each row of a group: row r has shared + r columns. Four rows take those they share together.

    All rows look at a page before the next: its values stay in the nearest memory.
    """
    done = 0
    if count == ROWS:
        for first in range(0, shared, PAGE):
            values, many = pages[first // PAGE] + inside, min(PAGE, shared - first)
            at = 0
            while at < size:
                own, place = values + 4 * at, out + 4 * at
                if at + 2 * LANES <= size:
                    weighed_4_2(shares + 4 * first, apart, own, size, many, place, along)
                    at += 2 * LANES
                else:
                    weighed_4_1(shares + 4 * first, apart, own, size, many, place, along)
                    at += LANES
        done = shared
    for row in range(count):
        first, end = done, shared + row
        while first < end:
            inner = first % PAGE
            many = min(PAGE - inner, end - first)
            values = pages[first // PAGE] + inside + 4 * inner * size
            add_weighed(shares + 4 * (row * apart + first), many, values, size, size, out + 4 * row * along)
            first += many


@compiled
def _add_and_norm(model: Weights, batch: ReadBatch, space: Space, layer: int, which: int, norm: int, thread: int, threads: int) -> None:
    """Add a product's outputs to x, for this thread's tokens, and norm what comes of it for the next."""
    hidden = model.sizes.hidden
    for token in range(thread, batch.tokens.shape[0], threads):
        out, small = address(space.out, token), address(space.small, token)
        finish(model, batch, layer, which, batch.tokens[token, 2], small, NONE, hidden, out)
        x, added = space.x[token], space.out[token]
        for at in range(hidden):
            x[at] += added[at]
        if norm:
            _norm(x, model.sizes.eps, norm, space.h[token])


@compiled
def _gate(model: Weights, batch: ReadBatch, space: Space, layer: int, thread: int, threads: int) -> None:
    """This thread's share of silu(gate) * up."""
    inner = model.sizes.inner
    first, end = share(inner, PIECE, thread, threads)
    for token in range(batch.tokens.shape[0]):
        out, small, owner = address(space.wide, token), address(space.small, token), batch.tokens[token, 2]
        finish(model, batch, layer, WIDE, owner, small, first, end, out)
        finish(model, batch, layer, WIDE, owner, small, inner + first, inner + end, out)
        if first < end:
            gate(out + 4 * first, out + 4 * (inner + first), address(space.gated, token) + 4 * first, end - first)


@compiled
def forward(model: Weights, batch: ReadBatch, space: Space, barrier: int, thread: int, threads: int) -> None:
    """Read the batch: keys and values into its rows' memory, logits into the space. x holds the tokens' embeddings."""
    sizes, table, small = model.sizes, model.layers, space.small
    for token in range(thread, batch.tokens.shape[0], threads):
        _norm(space.x[token], sizes.eps, table[0, NORMS], space.h[token])
    meet(barrier, threads)
    for layer in range(sizes.layers):
        outputs = (sizes.heads + 2 * sizes.keys) * sizes.size
        linear(model, batch, space.h, layer, QKV, outputs, space.qkv, small, thread, threads)
        meet(barrier, threads)
        _place_heads(model, batch, space, layer, thread, threads)
        meet(barrier, threads)
        _look(model, batch, space, layer, thread, threads)
        meet(barrier, threads)
        linear(model, batch, space.looked, layer, OUT, sizes.hidden, space.out, small, thread, threads)
        meet(barrier, threads)
        _add_and_norm(model, batch, space, layer, OUT, table[layer, NORMS + 1], thread, threads)
        meet(barrier, threads)
        linear(model, batch, space.h, layer, WIDE, 2 * sizes.inner, space.wide, small, thread, threads)
        meet(barrier, threads)
        _gate(model, batch, space, layer, thread, threads)
        meet(barrier, threads)
        linear(model, batch, space.gated, layer, NARROW, sizes.hidden, space.out, small, thread, threads)
        meet(barrier, threads)
        following = table[layer + 1, NORMS] if layer + 1 < sizes.layers else NONE
        _add_and_norm(model, batch, space, layer, NARROW, following, thread, threads)
        meet(barrier, threads)
    for row in range(thread, batch.wanted.shape[0], threads):
        _norm(space.x[batch.wanted[row]], sizes.eps, table[sizes.layers, NORMS], space.h[row])
    meet(barrier, threads)
    linear(model, batch, space.h, sizes.layers, QKV, sizes.vocabulary, space.logits, small, thread, threads)
    meet(barrier, threads)
    for row in range(thread, batch.wanted.shape[0], threads):
        out, owner = address(space.logits, row), batch.tokens[batch.wanted[row], 2]
        finish(model, batch, sizes.layers, QKV, owner, address(small, row), NONE, sizes.vocabulary, out)
    meet(barrier, threads)
