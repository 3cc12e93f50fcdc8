"""Groups of near-duplicates among many texts: the connected parts of the graph whose edges are pairs with Jaccard >= LIMIT.

Exact, by prefixes (Chaudhuri et al. 2006; Bayardo et al. 2007): with the 5-grams of every text in one order, the rarest first, two texts
that overlap by t share one of the first |x| - ceil(t |x|) + 1 grams of either. Pairs that share one are counted in full. Two things keep
it fast where texts come from templates: texts that agree in a few minimal hashes are joined first, after the same exact count; and pairs
of one group are not looked for again where a gram is common in it. Where that would still take more than MOST_WORK steps (tens of
thousands of texts from a few templates), the commonest grams are passed over, and more minimal hashes stand in for them: what is joined
is near all the same, and a pair in some thousands may be missed.
"""

from collections.abc import Iterator, Sequence
from functools import cache

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components

from engine.near import LIMIT, Hashes, all_grams, grams, jaccard, mixed
from engine.request import folded

Numbers = npt.NDArray[np.int64]
BANDS, BAND = 6, 4  # minimal hashes: so many times so many
MORE_BANDS = 16  # where not every pair can be looked at: a pair at the limit agrees in one of them in 9,998 of 10,000 cases
PAIRS = 2_000_000  # candidates at a time
MOST_WORK = 300_000_000  # steps of looking for candidates; some ten seconds
_EXACT = 1e-9  # below a half step of any ratio of counts


def near_groups(texts: Sequence[str]) -> list[int]:
    """Give each text the number of its group: that of the group's first text. Texts of one group are linked by near-duplicates."""
    first: dict[str, int] = {}
    unique = [number for number, text in enumerate(map(folded, texts)) if first.setdefault(text, number) == number]
    groups = _groups([texts[number] for number in unique])
    group_of = {folded(texts[number]): unique[group] for number, group in zip(unique, groups, strict=True)}
    return [group_of[folded(text)] for text in texts]


def near_pairs(texts: Sequence[str], others: Sequence[str]) -> list[int | None]:
    """Find for each text the first of `others` that is a near-duplicate of it, by its number; None where there is none."""
    groups = near_groups([*others, *texts])
    before: dict[int, list[int]] = {}
    for number, group in enumerate(groups[: len(others)]):
        before.setdefault(group, []).append(number)
    cut = cache(grams)
    return [
        next((number for number in before.get(group, ()) if jaccard(cut(text), cut(others[number])) >= LIMIT), None)
        for text, group in zip(texts, groups[len(others) :], strict=True)
    ]


def _groups(texts: Sequence[str]) -> list[int]:
    if len(texts) < 2:
        return list(range(len(texts)))
    table = _Grams.of(texts)
    edges = [table.alike(BANDS)]
    groups = _joined(len(texts), edges)
    candidates = table.candidates(groups)
    if not candidates.complete:
        edges.append(table.alike(MORE_BANDS))
        groups = _joined(len(texts), edges)
    for possible in candidates:
        one, other = (side[groups[possible[0]] != groups[possible[1]]] for side in possible)
        near = table.near(one, other)
        if near.any():
            edges.append((one[near], other[near]))
            groups = _joined(len(texts), edges)
    return _named_by_first(groups)


def _joined(texts: int, edges: list[tuple[Numbers, Numbers]]) -> Numbers:
    ones, others = (np.concatenate([edge[side] for edge in edges]) for side in (0, 1))
    _, groups = connected_components(csr_array((np.ones(len(ones)), (ones, others)), shape=(texts, texts)), directed=False)
    edges[:] = [(ones, others)]
    found: Numbers = groups.astype(np.int64)
    return found


def _named_by_first(groups: Numbers) -> list[int]:
    _, first, which = np.unique(groups, return_index=True, return_inverse=True)
    named: list[int] = first[which].tolist()
    return named


class _Grams:
    """The 5-grams of texts as a sparse table: a row a text, a column a gram, rare grams first."""

    def __init__(self, table: csr_array, kinds: Hashes) -> None:
        """kinds: the hash of each column's gram."""
        self._table, self._kinds = table, kinds
        self.sizes: Numbers = np.diff(table.indptr).astype(np.int64)
        self._prefix = self.sizes - np.ceil(LIMIT * self.sizes - _EXACT).astype(np.int64) + 1

    @classmethod
    def of(cls, texts: Sequence[str]) -> "_Grams":
        hashes, owner = all_grams(texts)
        kinds, which = np.unique(hashes, return_inverse=True)
        table = csr_array((np.ones(len(hashes), dtype=np.int32), (owner, which)), shape=(len(texts), len(kinds)))
        table.sum_duplicates()
        table.data[:] = 1
        order = np.argsort(np.bincount(table.indices, minlength=len(kinds)), kind="stable")
        rank = np.empty(len(kinds), dtype=table.indices.dtype)
        rank[order] = np.arange(len(kinds))
        table.indices = rank[table.indices]
        table.has_sorted_indices = False
        table.sort_indices()
        return cls(table, kinds[order])

    def near(self, one: Numbers, other: Numbers) -> npt.NDArray[np.bool_]:
        """Whether the texts of each pair are near-duplicates, counted in full."""
        near = np.zeros(len(one), dtype=bool)
        for at in range(0, len(one), PAIRS // 20):
            some = slice(at, at + PAIRS // 20)
            shared = np.asarray(self._table[one[some]].multiply(self._table[other[some]]).sum(axis=1)).ravel()
            near[some] = shared >= LIMIT * (self.sizes[one[some]] + self.sizes[other[some]] - shared) - _EXACT
        return near

    def alike(self, bands: int) -> tuple[Numbers, Numbers]:
        """Pair texts with the first text that agrees with them in a band of minimal hashes, where the pair is near."""
        ones, others = list[Numbers](), list[Numbers]()
        for band in range(bands):
            key = np.zeros(len(self.sizes), dtype=np.uint64)
            for place in range(BAND):
                seed = np.uint64((band * BAND + place + 1) * 0x9E3779B97F4A7C15 % 2**64)
                key = mixed(key ^ np.minimum.reduceat(mixed(self._kinds ^ seed)[self._table.indices], self._table.indptr[:-1]))
            _, first, which = np.unique(key, return_index=True, return_inverse=True)
            one, other = np.arange(len(key)), first[which]
            apart = one != other
            near = self.near(one[apart], other[apart])
            ones.append(one[apart][near])
            others.append(other[apart][near])
        return np.concatenate(ones), np.concatenate(others)

    def candidates(self, groups: Numbers) -> "_Candidates":
        """Gather the pairs of different groups that share a gram of their prefixes."""
        place = np.arange(self._table.nnz) - np.repeat(self._table.indptr[:-1], self.sizes)
        kept = place < np.repeat(self._prefix, self.sizes)
        owner, column = np.repeat(np.arange(len(self.sizes)), self.sizes)[kept], self._table.indices[kept].astype(np.int64)
        common = _common(groups[owner], column)
        inside = groups[owner] == common[column]
        # A text of the gram's common group is held in its odd column, any other in its even one. The former looks into the even alone.
        sought = np.concatenate([2 * column, 2 * column[~inside] + 1])
        seekers = np.concatenate([owner, owner[~inside]])
        return _Candidates(self.sizes, self._prefix, (owner, 2 * column + inside), (seekers, sought))


class _Candidates:
    """Pairs of texts that may be near-duplicates, worked out a slice at a time."""

    def __init__(self, sizes: Numbers, prefix: Numbers, held: tuple[Numbers, Numbers], sought: tuple[Numbers, Numbers]) -> None:
        """held, sought: texts and columns, of what can be found and of who looks for it."""
        self._sizes, self._suffix = sizes, sizes - prefix
        columns = int(max(held[1].max(initial=0), sought[1].max(initial=0))) + 1
        lengths = np.bincount(held[1], minlength=columns)
        kept, self.complete = self._affordable(lengths, np.bincount(sought[1], minlength=columns))
        chosen = kept[sought[1]]
        self._left_out = np.bincount(sought[0][~chosen], minlength=len(sizes))
        seekers, looked = sought[0][chosen], sought[1][chosen]
        shape = (len(sizes), columns)
        self._holders = csr_array((np.ones(len(held[0]), dtype=np.int32), held), shape=shape).T.tocsr()
        self._seeking = csr_array((np.ones(len(seekers), dtype=np.int32), (seekers, looked)), shape=shape)
        self._work = np.concatenate([[0], np.cumsum(np.bincount(seekers, weights=lengths[looked], minlength=len(sizes)))])

    @staticmethod
    def _affordable(lengths: Numbers, seekers: Numbers) -> tuple[npt.NDArray[np.bool_], bool]:
        """Choose the columns that are looked into: all, or the rarest ones that cost MOST_WORK steps in all."""
        work = lengths * seekers
        order = np.argsort(work, kind="stable")
        kept = np.zeros(len(work), dtype=bool)
        kept[order] = np.cumsum(work[order]) <= MOST_WORK
        return kept, bool(kept.all())

    def __iter__(self) -> Iterator[tuple[Numbers, Numbers]]:
        at, texts = 0, len(self._sizes)
        while at < texts:
            upto = max(at + 1, int(np.searchsorted(self._work, self._work[at] + PAIRS, side="right")) - 1)
            met = (self._seeking[at:upto] @ self._holders).tocoo()
            one, other = met.coords[0].astype(np.int64) + at, met.coords[1].astype(np.int64)
            possible = self._possible(one, other, met.data)
            yield one[possible], other[possible]
            at = upto

    def _possible(self, one: Numbers, other: Numbers, shared: Numbers) -> npt.NDArray[np.bool_]:
        """Whether pairs can be near-duplicates, given how many grams of their prefixes they share.

        Of the two prefixes one ends earlier in the order; what the pair shares beyond that lies in the other part of that text.
        """
        needed = LIMIT / (1 + LIMIT) * (self._sizes[one] + self._sizes[other])
        most = shared + self._left_out[one] + np.maximum(self._suffix[one], self._suffix[other])
        alike = np.minimum(self._sizes[one], self._sizes[other]) >= LIMIT * np.maximum(self._sizes[one], self._sizes[other]) - _EXACT
        possible: npt.NDArray[np.bool_] = (one != other) & alike & (most >= needed - _EXACT)
        return possible


def _common(groups: Numbers, columns: Numbers) -> Numbers:
    """Find by gram the group to which most of its texts belong."""
    order = np.lexsort((groups, columns))
    groups, columns = groups[order], columns[order]
    new = np.flatnonzero(np.concatenate([[True], (groups[1:] != groups[:-1]) | (columns[1:] != columns[:-1])]))
    counts = np.diff([*new.tolist(), len(groups)])
    found = np.full(int(columns.max(initial=0)) + 1, -1, dtype=np.int64)
    by_count = np.argsort(counts, kind="stable")
    found[columns[new[by_count]]] = groups[new[by_count]]  # the last, most frequent one stays
    return found
