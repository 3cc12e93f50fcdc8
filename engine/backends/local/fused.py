"""Llama's and Qwen's kinds of model without transformers' operations: the same weights, the same numbers to rounding.

What has one input is one product: queries, keys and values, and gate and up. Weights that are exact in float16 are kept so. The arithmetic
is in compiled.py; here are the weights, the adapters and the rows, as it wants them.
"""

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import numpy as np

from engine.backends.local.blueprint import PRODUCTS, Blueprint
from engine.backends.local.compiled import forward
from engine.backends.local.factors import NONE, Factors, Placed, placed
from engine.backends.local.kernels import COLUMNS, LANES, ROWS
from engine.backends.local.lora import LoraRows
from engine.backends.local.machine import usual_threads
from engine.backends.local.paged import PagedCache
from engine.backends.local.products import PARTS, ModelShape, ReadBatch, Space, runs_of
from engine.backends.local.reading import Read
from engine.backends.local.team import ThreadTeam
from engine.backends.local.weights import ModelWeights, Place

SCORES = 1024  # columns by which the room for scores grows


class Tuned:
    """An adapter's matrices, placed as the model's products are. `table` (layers + 1, 4, ...) says where they lie."""

    def __init__(self, factors: Mapping[str, Factors], products: Mapping[Place, tuple[Sequence[str], Sequence[int]]], layers: int) -> None:
        self.table = np.zeros((layers + 1, len(PRODUCTS), 2 + 5 * PARTS), np.int64)
        self.rank = 0
        self._kept: list[Placed] = []
        for (layer, which), (names, widths) in products.items():
            if any(name in factors for name in names):
                own = placed([factors.get(name) for name in names], widths)
                self.table[layer, which] = own.row
                self.rank = max(self.rank, int(own.row[1]))
                self._kept.append(own)


class Fused:
    """A whole model, in float32."""

    def __init__(self, plan: Blueprint, weights: ModelWeights) -> None:
        self.config = plan.config
        self.linears: Mapping[str, tuple[int, int]] = weights.linears
        self._turn, self._amplitude = plan.turn, plan.amplitude
        self._weights, self._model = weights, weights.tables
        self.threads = usual_threads()  # that a forward runs in
        self._adapters: dict[str, Tuned] = {}
        self._team, self._space = ThreadTeam(), _space(plan.sizes, (1, 1, COLUMNS, 1, SCORES))

    @property
    def sizes(self) -> ModelShape:
        """Its shape, and what is fixed in its arithmetic."""
        return self._model.sizes

    def put(self, name: str, factors: Mapping[str, Factors]) -> None:
        """Load an adapter's matrices, by the names of the linear layers that the model had."""
        products = {place: (names, self._weights.products[place].widths) for place, names in self._weights.names.items()}
        self._adapters[name] = Tuned(factors, products, self._model.sizes.layers)

    def drop(self, name: str) -> None:
        """Let an adapter's matrices go."""
        self._adapters.pop(name, None)

    def read(self, reads: Sequence[Read], cache: PagedCache) -> Any:
        """Read tokens into the rows' memory. Returns the logits after each row's last token (rows, vocabulary), float32."""
        columns = max(read.start + len(read.tokens) for read in reads)
        batch, used = self._batch(reads, cache)
        tokens, threads = len(batch.tokens), self.threads
        rank = max((self._adapters[name].rank for name in used), default=COLUMNS)
        space = self._room(tokens, len(reads), rank, threads, columns)
        space.x[:tokens] = self._embed([token for read in reads for token in read.tokens])
        model = self._model
        self._team.run(lambda barrier, thread, of: forward(model, batch, space, barrier, thread, of), threads)
        return space.logits[: len(reads), : model.sizes.vocabulary].copy()

    def _embed(self, tokens: Sequence[int]) -> Any:
        numbers = np.array(tokens)
        if self._weights.embedding is None:
            return self._weights.products[self._model.sizes.layers, 0].rows(numbers)
        return self._weights.embedding.part(numbers).floats()

    def _batch(self, reads: Sequence[Read], cache: PagedCache) -> tuple[ReadBatch, list[str]]:
        used = sorted({read.adapter for read in reads} - {NONE})
        owners = [used.index(read.adapter) if read.adapter in used else -1 for read in reads]
        tokens = [(row, read.start + at, owners[row]) for row, read in enumerate(reads) for at in range(len(read.tokens))]
        places = np.array(tokens, np.int64)
        angles = (places[:, 1, None].astype(np.float32) * self._turn).astype(np.float64)  # rounded once, as transformers' are
        lasts = np.cumsum([len(read.tokens) for read in reads], dtype=np.int64) - 1
        tables = [self._adapters[name].table for name in used]
        batch = ReadBatch(
            tokens=places,
            groups=_groups(reads),
            runs=runs_of(places[:, 2]),
            cosines=(np.cos(angles) * self._amplitude).astype(np.float32),
            sines=(np.sin(angles) * self._amplitude).astype(np.float32),
            memory=_memory(reads, cache),
            wanted=lasts,
            last_runs=runs_of(places[lasts, 2]),
            adapters=np.stack(tables) if tables else np.zeros((0, *_EMPTY), np.int64),
        )
        return batch, used

    def _room(self, tokens: int, rows: int, rank: int, threads: int, columns: int) -> Space:
        """The room of before where it is large enough."""
        space = self._space
        there = (space.x.shape[0], space.logits.shape[0], space.small.shape[1], space.scores.shape[0], space.scores.shape[2])
        wanted = (tokens, rows, rank, threads, -(-(columns + COLUMNS) // SCORES) * SCORES)  # the last tile may reach behind the columns
        if any(own < other for own, other in zip(there, wanted, strict=True)):
            self._space = space = _space(self._model.sizes, tuple(map(max, there, wanted)))
        return space


_EMPTY = (1, 1, 2 + 5 * PARTS)


class FusedRows:
    """The rows of such a model, as ModelRows says."""

    def __init__(self, model: Fused, slots: int) -> None:
        self.lora, self.cache = LoraRows(model), PagedCache(model.sizes, slots)
        self.model = model

    def read(self, reads: Sequence[Read]) -> Any:
        """Read tokens in one forward, as ModelRows.read says."""
        return self.model.read(reads, self.cache)

    def use_threads(self, threads: int) -> None:
        """Run in so many processor threads from now on."""
        self.model.threads = threads

    def running(self) -> AbstractContextManager[object]:
        """What is read within this is for no training; here it never is."""
        return nullcontext()

    def step(self, reads: Sequence[Read]) -> Any:
        """Read each row's newest token, as ModelRows.step says."""
        return self.model.read(reads, self.cache)


def _space(sizes: ModelShape, most: Sequence[int]) -> Space:
    """Make room for at most so many tokens, rows, ranks, threads and columns."""
    tokens, rows, rank, threads, columns = most

    def room(many: int, width: int) -> Any:
        whole = COLUMNS * LANES  # outputs are written in tiles and added to in registers
        return np.zeros((many, -(-width // whole) * whole), np.float32)

    return Space(
        x=np.zeros((tokens, sizes.hidden), np.float32),
        h=np.zeros((tokens, sizes.hidden), np.float32),
        qkv=room(tokens, (sizes.heads + 2 * sizes.keys) * sizes.size),
        looked=np.zeros((tokens, sizes.heads * sizes.size), np.float32),
        wide=room(tokens, 2 * sizes.inner),
        gated=np.zeros((tokens, sizes.inner), np.float32),
        out=room(tokens, sizes.hidden),
        small=room(tokens, rank),
        scores=np.zeros((threads, ROWS, columns), np.float32),
        logits=room(rows, sizes.vocabulary),
    )


def _memory(reads: Sequence[Read], cache: PagedCache) -> Any:
    """Make room in the rows' slots, and tell where it is."""
    rows = [cache.room(read.slot, read.start + len(read.tokens)) for read in reads]
    made = np.zeros((len(rows), max(map(len, rows))), np.int64)
    for own, pages in zip(made, rows, strict=True):
        own[: len(pages)] = [page.address for page in pages]
    return made


def _groups(reads: Sequence[Read]) -> Any:
    """Tokens that look back together: up to ROWS of one row behind one another."""
    found, first = [], 0
    for read in reads:
        found += [(first + at, min(ROWS, len(read.tokens) - at)) for at in range(0, len(read.tokens), ROWS)]
        first += len(read.tokens)
    return np.array(found, np.int64)
