"""Many closed duels folded into a ledger at once, at LOOKS looks in place of one a duel. Pure.

Nobody has looked at a scope that was never asked for, so the looks that are left out were looks of nobody: the confidence sequence
at the looks that remain holds as it did (bot.evidence.capital). What comes out is the ledger that folding one by one gives, but for
peaks between looks, which can only be lower. Work is done on columns: a million ballots take less than a second, where folding one
by one (Ledger.after, which a followed vote needs, for its look after every duel) would take minutes.
"""

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple, Self

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
# as bot.evidence.duels.scored asks
REASONS = (Absence.TRAINED_ON, Absence.AUTO_TIE, Absence.SAYS_WHO, Absence.NO_BALLOTS, Absence.REPEAT, Absence.BY_HAND)
COUNTS = len(REASONS)  # stands for no reason: the duel counts
TIE, BOTH_BAD = 2, 3  # codes of votes; 0 and 1 name the better entrant
Ints = npt.NDArray[np.int64]


class Told(NamedTuple):
    """Closed duels summed up by the store, n of them with k votes; whole numbers as text, parted by blanks."""

    duels: str  # 2n: for each duel a packed number, how many ballots
    tags: str  # n: JSON texts, parted by commas
    votes: str  # 2k: of each duel in the same order, for each vote the voter's number and a code


SHIFT, LONGER = 256, 64  # a packed number is closing * SHIFT + LONGER * (0 equal lengths, 1 entrant 0 longer, 2 entrant 1) + its flags
STRAIGHT, LEFT, IDENTICAL, TRAINED_ON, BY_HAND, SAYS_WHO = 1, 2, 4, 8, 16, 32  # flags: entrant 0 is X; entrant 1 sits left; as in the store


def repeats(units: Sequence[str], speaks: Sequence[bool], spent: Iterable[str]) -> list[bool]:
    """Find, for each duel in closing order, whether its request was spent before. spent: requests that were before the first of these."""
    seen, found = set(spent), []
    for unit, speaking in zip(units, speaks, strict=True):
        found.append(unit in seen)
        if speaking:
            seen.add(unit)
    return found


@dataclass(frozen=True, slots=True)
class Columns:
    """n duels with k votes, as columns in closing order, seen from the pair: entrant 0 is X."""

    closing: Ints  # (n,)
    absence: Ints  # (n,) place in REASONS of why it does not count; COUNTS for one that does
    score: Floats  # (n,) Y's share; 1/2 without votes
    left: Floats  # (n,) the left seat's share
    longer: Floats  # (n,) the longer answer's share; NaN for equal lengths
    guess: Floats  # (n,) NaN when nobody was asked
    shares: Floats  # (n, 4) of votes by code
    tags: npt.NDArray[np.object_]  # (n,)
    owner: Ints  # (k,) row of each vote
    voters: Ints  # (k,) their numbers
    worth: Floats  # (k,)

    def only(self, kept: npt.NDArray[np.bool_]) -> Self:
        """Keep the duels of these rows alone, kept (n,)."""
        votes, row = kept[self.owner], np.cumsum(kept) - 1
        names = ("closing", "absence", "score", "left", "longer", "guess", "shares", "tags")
        rows = {name: getattr(self, name)[kept] for name in names}
        return type(self)(**rows, owner=row[self.owner[votes]], voters=self.voters[votes], worth=self.worth[votes])


def columns(told: Sequence[Told], guesses: Mapping[int, float], repeated: Iterable[int]) -> Columns:
    """Turn what was told into columns. guesses by closing number; repeated: closing numbers of duels whose request was spent before."""
    table, votes = (_parsed([getattr(part, name) for part in told]).reshape(-1, 2) for name in ("duels", "votes"))
    order = np.argsort(table[:, 0], kind="stable")
    place = np.empty(len(order), dtype=np.int64)
    place[order] = np.arange(len(order))
    owner = place[np.repeat(np.arange(len(order)), table[:, 1])]
    by_row = np.argsort(owner, kind="stable")
    tags = np.array(json.loads(f"[{','.join(part.tags for part in told)}]"), dtype=object)[order]
    return _seen(table[order], tags, owner=owner[by_row], votes=votes[by_row], guesses=guesses, repeated=set(repeated))


def _parsed(texts: Sequence[str]) -> Ints:
    return np.concatenate([*(np.fromstring(text, dtype=np.int64, sep=" ") for text in texts if text), np.empty(0, np.int64)])


def _seen(
    table: Ints, tags: npt.NDArray[np.object_], *, owner: Ints, votes: Ints, guesses: Mapping[int, float], repeated: set[int]
) -> Columns:
    packed, ballots = table.T
    closing, longer, flags = packed // SHIFT, packed % SHIFT // LONGER, packed % LONGER
    flipped = (flags & STRAIGHT) == 0
    codes = np.where((votes[:, 1] < TIE) & flipped[owner], 1 - votes[:, 1], votes[:, 1])
    worth = np.array([0.0, 1.0, 0.5, 0.5])[codes]
    shares = np.bincount(owner * 4 + codes, minlength=4 * len(table)).reshape(-1, 4) / np.maximum(ballots, 1)[:, None]
    score = np.where(ballots > 0, np.bincount(owner, worth, minlength=len(table)) / np.maximum(ballots, 1), 0.5)  # a sum of halves: exact
    by_hand = (flags & BY_HAND) > 0
    again = np.isin(closing, list(repeated))
    spoken = [(flags & flag) > 0 for flag in (TRAINED_ON, IDENTICAL, SAYS_WHO)]
    reasons = (*spoken, (ballots == 0) & ~by_hand, again, by_hand)
    guess = np.full(len(table), np.nan)
    guess[np.isin(closing, list(guesses))] = [guesses[number] for number in closing.tolist() if number in guesses] if guesses else []
    return Columns(
        closing=closing,
        absence=np.select(reasons, range(COUNTS), default=COUNTS),
        score=score,
        left=np.where(((flags & LEFT) > 0) ^ flipped, score, 1 - score),
        longer=np.where(longer == 0, np.nan, np.where((longer == 2) ^ flipped, score, 1 - score)),
        guess=guess,
        shares=shares,
        tags=tags,
        owner=owner,
        voters=votes[:, 0],
        worth=worth,
    )


@dataclass(frozen=True, slots=True)
class Looks:
    """The looks of a fold: which look each of n duels belongs to."""

    of: Ints  # (n,) rising, from 0
    count: int
    stride: int  # duels between two

    @classmethod
    def after(cls, seen: int, more: int) -> Self:
        """Place looks at every `stride`-th duel in all, and at the last one; `seen` duels were folded before, `more` are to be."""
        stride = 1
        while (seen + more) // stride >= LOOKS:
            stride *= 2
        of = (np.arange(seen, seen + more) // stride) - seen // stride
        return cls(of, int(of[-1]) + 1 if more else 0, stride)

    def counts(self, values: Floats) -> tuple[Floats, Floats]:
        """Count the distinct values (u,) in each look (count, u)."""
        levels, index = np.unique(values, return_inverse=True)
        flat = np.bincount(self.of * len(levels) + index, minlength=self.count * len(levels))
        return levels, flat.reshape(self.count, len(levels)).astype(np.float64)


def fold(
    ledger: Ledger,
    told: Sequence[Told],
    upto: int,
    *,
    guesses: Mapping[int, float],
    repeated: Iterable[int],
    names: Mapping[int, str],
    samples: Sequence[Sample],
) -> Ledger:
    """Fold these duels into the ledger, up to closing number `upto`. names: of the voters; samples: the latest in all."""
    seen = columns(told, guesses, repeated)
    table = seen.only(seen.absence == COUNTS)
    looks = Looks.after(ledger.capital.n, len(table.score))
    voters = ledger.voters.union(names[number] for number in np.unique(table.voters).tolist())
    levels, counts = looks.counts(table.score)
    capital, trail = _walk(ledger, levels, counts, table.score, looks)
    return replace(
        ledger,
        closing=upto,
        capital=capital,
        bounds=_bounded(ledger, table.score, seen.absence),
        left_out=_left_out(ledger.left_out, table, looks, names) if len(voters) <= MOST_VOTERS else None,
        voters=voters,
        diagnostics=_diagnosed(ledger.diagnostics, table),
        scores=ledger.scores + Counter(dict(zip(levels.tolist(), counts.sum(axis=0).astype(int).tolist(), strict=True))),
        results=ledger.results + _results(table.shares),
        absent=ledger.absent + Counter(dict(zip(REASONS, np.bincount(seen.absence, minlength=COUNTS).tolist(), strict=False))),
        ballots=ledger.ballots + len(table.voters),
        tags=_tagged(ledger.tags, table),
        samples=replace(ledger.samples, kept=tuple(samples)),
        trail=trail,
    )


def _bounded(ledger: Ledger, scores: Floats, absence: Ints) -> Bounds | None:
    """As Ledger.after has it, at few looks."""
    entering = absence[(absence == COUNTS) | (absence == REASONS.index(Absence.BY_HAND))]
    if ledger.bounds is None and bool((entering == COUNTS).all()):
        return None
    start = ledger.bounds or Bounds(ledger.capital, ledger.capital)
    looks, capitals = Looks.after(start.for_first.n, len(entering)), []
    for capital, worst in zip(start, MISSING, strict=True):
        values = np.full(len(entering), worst)
        values[entering == COUNTS] = scores
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
    found = {tag: table.score[table.tags == tag] for tag in dict.fromkeys(table.tags.tolist()) if tag}
    return tags | {tag: tags.get(tag, Histogram.start()).after(scores) for tag, scores in found.items()}


def _results(shares: Floats) -> Counter[str]:
    """Count duels by what most of their voters said: bot.ballots.most_said over columns, tested against it."""
    first, second = shares[:, 0], shares[:, 1]
    bad = (first == second) & (shares[:, BOTH_BAD] > 0.5)
    tie = (first == second) & ~bad
    counted = {Opinion.FIRST: first > second, Opinion.SECOND: second > first, Opinion.TIE: tie, Opinion.BOTH_BAD: bad}
    return Counter({opinion.value: int(which.sum()) for opinion, which in counted.items() if which.any()})


def _left_out(kept: LeaveOneOut | None, table: Columns, looks: Looks, names: Mapping[int, str]) -> LeaveOneOut | None:
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
    numbers, who = np.unique(table.voters, return_inverse=True)
    order = np.argsort(who, kind="stable")
    parts = np.split(order, np.cumsum(np.bincount(who, minlength=len(numbers)))[:-1]) if len(numbers) else []
    own = dict(zip([names[number] for number in numbers.tolist()], parts, strict=True))
    without = {voter: state.after_counts(levels, base[:, : len(levels)]) for voter, state in kept.without.items() if voter not in own}
    for voter, votes_of in own.items():
        place = looks.of[table.owner[votes_of]] * size
        moved = base.ravel() - np.bincount(place + old[table.owner[votes_of]], minlength=base.size)
        moved += np.bincount(place + new[votes_of], minlength=base.size)
        counts = moved.reshape(looks.count, size)[:, : len(levels)]
        without[voter] = kept.without.get(voter, kept.everyone).after_counts(levels, counts)
    return type(kept)(kept.everyone.after_counts(levels, base[:, : len(levels)]), without)
