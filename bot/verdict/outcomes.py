"""Many closed duels folded into a ledger at once, at LOOKS looks in place of one a duel. Pure.

Nobody has looked at a scope that was never asked for, so the looks that are left out were looks of nobody: the confidence sequence
at the looks that remain holds as it did (bot.evidence.capital). What comes out is the ledger that folding one by one gives, but for
peaks between looks, which can only be lower. Work is done on columns: a million ballots take less than a second.
"""

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import compress
from typing import Any, NamedTuple, Self

import numpy as np
import numpy.typing as npt

from bot.evidence.bets import Floats
from bot.evidence.capital import RECENT, Capital
from bot.evidence.decision import Bounds
from bot.evidence.diagnostics import Diagnostics, Kind
from bot.evidence.duels import Absence, Opinion
from bot.evidence.record import Histogram
from bot.evidence.robustness import LeaveOneOut
from bot.verdict.ledger import MISSING, MOST_VOTERS, Ledger
from bot.verdict.samples import Sample
from bot.verdict.trail import MOST, Trail

LOOKS = MOST  # at most, in one fold
MOST_LEFT_OUT = 200_000  # ballots up to which each voter is left out in a fold of many duels; reading more would take seconds
GONE = 2.0  # stands for the score of a duel that only the left-out person voted on: it drops out; above every score
TIE, BOTH_BAD = 2, 3  # codes of votes; 0 and 1 name the better entrant
Ints = npt.NDArray[np.int64]


class Outcome(NamedTuple):
    """A closed duel as the store sums it up; first and second are the contestants of entrant 0 and 1."""

    closing: int
    first: str
    tag: str
    unit: str
    left_entrant: int
    identical: int
    trained_on: int
    by_hand: int
    first_characters: int
    second_characters: int
    guess: float | None
    ballots: int
    votes: str  # JSON without its brackets: voter, code, voter, code …

    @property
    def speaks(self) -> bool:
        """Whether the request is spent: a later duel of it says nothing new."""
        return bool((self.ballots or self.by_hand) and not self.identical and not self.trained_on)


def repeats(units: Sequence[str], speaks: Sequence[bool], spent: Iterable[str]) -> list[bool]:
    """For each duel in closing order, whether its request was spent before. spent: requests that were before the first of these."""
    seen, found = set(spent), []
    for unit, speaking in zip(units, speaks, strict=True):
        found.append(unit in seen)
        if speaking:
            seen.add(unit)
    return found


@dataclass(frozen=True, slots=True)
class Columns:
    """The duels that count, n of them with k votes, as columns in closing order, seen from the pair: entrant 0 is X."""

    score: Floats  # (n,) Y's share
    left: Floats  # (n,) the left seat's share
    longer: Floats  # (n,) the longer answer's share; NaN for equal lengths
    guess: Floats  # (n,) NaN when nobody was asked
    shares: Floats  # (n, 4) of votes by code
    tags: list[str]
    owner: Ints  # (k,) row of each vote
    voters: list[str]  # (k,)
    worth: Floats  # (k,)


def absences(rows: Sequence[tuple[Any, ...]], spent: Iterable[str]) -> list[Absence | None]:
    """Why each duel does not enter, in the order that bot.evidence.duels.scored asks; None for one that counts."""
    each = [Outcome(*row) for row in rows]
    again = repeats([one.unit for one in each], [one.speaks for one in each], spent)
    return [_absence(one, repeated) for one, repeated in zip(each, again, strict=True)]


def _absence(one: Outcome, repeated: bool) -> Absence | None:
    if one.trained_on:
        return Absence.TRAINED_ON
    if one.identical:
        return Absence.AUTO_TIE
    if not one.speaks:
        return Absence.NO_BALLOTS
    if repeated:
        return Absence.REPEAT
    return Absence.BY_HAND if one.by_hand else None


def columns(rows: Sequence[tuple[Any, ...]], first: str) -> Columns:
    """Duels that count as columns; first: the contestant X."""
    named = dict(zip(Outcome._fields, zip(*rows, strict=True), strict=True)) if rows else dict.fromkeys(Outcome._fields, ())
    ballots = np.array(named["ballots"], dtype=np.int64)
    flipped = np.array([contestant != first for contestant in named["first"]], dtype=bool)
    said = json.loads(f"[{','.join(named['votes'])}]")
    owner = np.repeat(np.arange(len(rows)), ballots)
    codes = np.array(said[1::2], dtype=np.int64)
    codes = np.where((codes < TIE) & flipped[owner], 1 - codes, codes)
    worth = np.array([0.0, 1.0, 0.5, 0.5])[codes]
    shares = np.bincount(owner * 4 + codes, minlength=4 * len(rows)).reshape(-1, 4) / np.maximum(ballots, 1)[:, None]
    score = np.bincount(owner, worth, minlength=len(rows)) / np.maximum(ballots, 1)  # a sum of halves: exact
    seat = np.array(named["left_entrant"], dtype=np.int64) ^ flipped
    characters = np.array([named["first_characters"], named["second_characters"]], dtype=np.float64)
    more = np.where(flipped, -1, 1) * (characters[1] - characters[0])
    longer = np.where(more == 0, np.nan, np.where(more > 0, score, 1 - score))
    guess = np.array(named["guess"], dtype=np.float64)
    return Columns(score, np.where(seat == 1, score, 1 - score), longer, guess, shares, list(named["tag"]), owner, said[0::2], worth)


@dataclass(frozen=True, slots=True)
class Looks:
    """Which look each of n duels belongs to."""

    of: Ints  # (n,) rising, from 0
    count: int
    stride: int  # duels between two

    @classmethod
    def after(cls, seen: int, more: int) -> Self:
        """Looks at every `stride`-th duel in all, and at the last one; `seen` duels were folded before, `more` are to be."""
        stride = 1
        while (seen + more) // stride >= LOOKS:
            stride *= 2
        of = (np.arange(seen, seen + more) // stride) - seen // stride
        return cls(of, int(of[-1]) + 1 if more else 0, stride)

    def counts(self, values: Floats) -> tuple[Floats, Floats]:
        """Distinct values (u,), and how often each occurs in each look (count, u)."""
        levels, index = np.unique(values, return_inverse=True)
        flat = np.bincount(self.of * len(levels) + index, minlength=self.count * len(levels))
        return levels, flat.reshape(self.count, len(levels)).astype(np.float64)


def fold(ledger: Ledger, rows: Sequence[tuple[Any, ...]], samples: Sequence[Sample], spent: Iterable[str], upto: int) -> Ledger:
    """The ledger with these duels more, up to closing number `upto`. rows: Outcomes in closing order; samples: the latest in all."""
    absent = absences(rows, spent)
    table = columns(list(compress(rows, [why is None for why in absent])), ledger.scope.pair[0])
    looks = Looks.after(ledger.capital.n, len(table.score))
    voters = ledger.voters.union(table.voters)
    levels, counts = looks.counts(table.score)
    capital, trail = _walk(ledger, levels, counts, table.score, looks)
    return replace(
        ledger,
        closing=upto,
        capital=capital,
        bounds=_bounded(ledger, table.score, absent),
        left_out=_left_out(ledger.left_out, table, looks) if len(voters) <= MOST_VOTERS else None,
        voters=voters,
        diagnostics=_diagnosed(ledger.diagnostics, table),
        scores=ledger.scores + Counter(dict(zip(levels.tolist(), counts.sum(axis=0).astype(int).tolist(), strict=True))),
        results=ledger.results + _results(table.shares),
        absent=ledger.absent + Counter(why for why in absent if why is not None),
        ballots=ledger.ballots + len(table.voters),
        tags=_tagged(ledger.tags, table),
        samples=replace(ledger.samples, kept=tuple(samples)),
        trail=trail,
    )


def _bounded(ledger: Ledger, scores: Floats, absent: Sequence[Absence | None]) -> Bounds | None:
    """As Ledger.after has it, at few looks."""
    entering = [why for why in absent if why is None or why is Absence.BY_HAND]
    if ledger.bounds is None and Absence.BY_HAND not in entering:
        return None
    start, counting = ledger.bounds or Bounds(ledger.capital, ledger.capital), np.array([why is None for why in entering])
    looks, capitals = Looks.after(start.for_first.n, len(entering)), []
    for capital, worst in zip(start, MISSING, strict=True):
        values = np.full(len(entering), worst)
        values[counting] = scores
        capitals.append(capital.after_counts(*looks.counts(values), values[-RECENT:]))
    return Bounds(*capitals)


def _walk(ledger: Ledger, levels: Floats, counts: Floats, scores: Floats, looks: Looks) -> tuple[Capital, Trail]:
    capital, trail = ledger.capital, replace(ledger.trail, stride=max(ledger.trail.stride, looks.stride))
    ends = np.cumsum(counts.sum(axis=1)).astype(int)
    for look, end in zip(counts, ends, strict=True):
        capital = capital.after_counts(levels, look, scores[max(0, end - min(RECENT, int(look.sum()))) : end])
        trail = trail.with_look(capital, 1 / ledger.scope.alpha)
    return capital, trail


def _diagnosed(diagnostics: Diagnostics, table: Columns) -> Diagnostics:
    values = {
        Kind.POSITION: table.left,
        Kind.LENGTH: table.longer,
        Kind.BLINDING: table.guess,
        Kind.TIE: table.shares[:, TIE],
        Kind.BOTH_BAD: table.shares[:, BOTH_BAD],
    }
    return Diagnostics({kind: histogram.after(values[kind][~np.isnan(values[kind])]) for kind, histogram in diagnostics.histograms.items()})


def _tagged(tags: dict[str, Histogram], table: Columns) -> dict[str, Histogram]:
    names = np.array(table.tags, dtype=object)
    found = {tag: table.score[names == tag] for tag in dict.fromkeys(table.tags) if tag}
    return tags | {tag: tags.get(tag, Histogram.start()).after(scores) for tag, scores in found.items()}


def _results(shares: Floats) -> Counter[str]:
    """Duels by what most voters said, as bot.verdict.ledger.majority has it."""
    first, second = shares[:, 0], shares[:, 1]
    bad = (first == second) & (shares[:, BOTH_BAD] > 0.5)
    tie = (first == second) & ~bad
    counted = {Opinion.FIRST: first > second, Opinion.SECOND: second > first, Opinion.TIE: tie, Opinion.BOTH_BAD: bad}
    return Counter({opinion.value: int(which.sum()) for opinion, which in counted.items() if which.any()})


def _left_out(kept: LeaveOneOut | None, table: Columns, looks: Looks) -> LeaveOneOut | None:
    """As LeaveOneOut.after; None where it was none before, or where there are too many ballots."""
    if kept is None or len(table.voters) > MOST_LEFT_OUT:
        return None
    votes = np.bincount(table.owner, minlength=len(table.score))
    sums = np.bincount(table.owner, table.worth, minlength=len(table.score))
    others = votes[table.owner] - 1
    rests = np.where(others > 0, (sums[table.owner] - table.worth) / np.maximum(others, 1), GONE)
    levels, flat = np.unique(np.concatenate([table.score, rests, [GONE]]), return_inverse=True)
    old, new = flat[: len(table.score)], flat[len(table.score) : -1]
    levels, size = levels[:-1], len(levels)
    base = np.bincount(looks.of * size + old, minlength=looks.count * size).reshape(looks.count, size).astype(np.float64)
    names, who = np.unique(np.array(table.voters, dtype=object).astype(str), return_inverse=True)
    order = np.argsort(who, kind="stable")
    parts = np.split(order, np.cumsum(np.bincount(who, minlength=len(names)))[:-1]) if len(names) else []
    without = dict(kept.without)
    for voter in kept.without.keys() - set(names.tolist()):
        without[voter] = kept.without[voter].after_counts(levels, base[:, : len(levels)])
    for name, own in zip(names.tolist(), parts, strict=True):
        place = looks.of[table.owner[own]] * size
        moved = base.ravel() - np.bincount(place + old[table.owner[own]], minlength=base.size)
        moved += np.bincount(place + new[own], minlength=base.size)
        counts = moved.reshape(looks.count, size)[:, : len(levels)]
        without[name] = kept.without.get(name, kept.everyone).after_counts(levels, counts)
    return type(kept)(kept.everyone.after_counts(levels, base[:, : len(levels)]), without)
