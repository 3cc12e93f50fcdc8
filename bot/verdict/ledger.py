"""Everything that is kept of a scope's closed duels, so that one more duel costs the same at any time. Pure.

    closed duels -> fold -> Ledger -> bot.verdict.judge -> Verdict

A ledger is a function of the closed duels alone, in closing order: rebuilt from the store it is the same. `Ledger.after` takes a look
after every duel, as a team that follows its votes does; bot.verdict.outcomes.fold takes few, because a look costs milliseconds and a
store may hold a million duels. tests/bot/test_outcomes.py holds the two to one result.
"""

import base64
import json
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Self

from bot.ballots import Said, most_said
from bot.evidence.bets import BadEvidence
from bot.evidence.capital import Capital
from bot.evidence.decision import Bounds
from bot.evidence.diagnostics import Diagnostics, Kind
from bot.evidence.duels import Absence, ClosedDuel, Opinion, Pair, ScoredDuel, Vote, scored
from bot.evidence.record import Histogram
from bot.evidence.robustness import LeaveOneOut
from bot.verdict.samples import Sample, Samples
from bot.verdict.scope import Scope
from bot.verdict.trail import Point, Trail

FORMAT = 3
MISSING = (0.0, 1.0)  # what a missing duel may have said: all for X, all for Y
MOST_VOTERS = 1000  # leaving each voter out costs time for every voter; above this many the robustness line does without


@dataclass(frozen=True, slots=True)
class Filed:
    """A closed duel as the store gives it; sample in the order of the duel's entrants, None when a side's usage is unknown."""

    duel: ClosedDuel
    sample: Sample | None


@dataclass(frozen=True, slots=True, eq=False)
class Ledger:
    """The state after the duels up to closing number `closing`."""

    scope: Scope
    closing: int
    capital: Capital
    bounds: Bounds | None  # with the duels that were closed by hand; None while there are none
    left_out: LeaveOneOut | None  # None: more than MOST_VOTERS have voted
    voters: frozenset[str]
    diagnostics: Diagnostics
    scores: Counter[float]  # histogram
    results: Counter[str]  # duels by what most voters said: values of Opinion
    absent: Counter[Absence]
    ballots: int
    tags: dict[str, Histogram]
    samples: Samples
    trail: Trail

    @classmethod
    def start(cls, scope: Scope) -> Self:
        """Begin before any duel."""
        return cls(
            scope=scope,
            closing=0,
            capital=Capital.start(delta=scope.delta),
            bounds=None,
            left_out=LeaveOneOut.start(scope.delta),
            voters=frozenset(),
            diagnostics=Diagnostics.start(),
            scores=Counter(),
            results=Counter(),
            absent=Counter(),
            ballots=0,
            tags={},
            samples=Samples(),
            trail=Trail(),
        )

    @property
    def voted_share(self) -> float | None:
        """Duels with a ballot among those that people could vote on."""
        asked = self.duels + self.absent[Absence.NO_BALLOTS]
        return self.duels / asked if asked else None

    @property
    def duels(self) -> int:
        """Duels whose votes ended by the rules; `capital.n` of them were the first of their request, and count."""
        return self.capital.n + self.absent[Absence.REPEAT]

    def after(self, filed: Sequence[Filed], upto: int) -> Self:
        """Fold the duels with closing numbers above `closing` and up to `upto`, in that order. Others' duels are passed over."""
        pair = self.scope.pair
        outcomes = [(each, scored(each.duel, pair)) for each in filed]
        duels = [outcome for _, outcome in outcomes if isinstance(outcome, ScoredDuel)]
        absent = [outcome for _, outcome in outcomes if isinstance(outcome, Absence)]
        voters = self.voters.union(vote.voter for duel in duels for vote in duel.votes)
        capital, trail = self._walk([duel.score for duel in duels])
        return replace(
            self,
            closing=upto,
            capital=capital,
            bounds=self._bounds([_entering(each) for _, each in outcomes if isinstance(each, ScoredDuel) or each is Absence.BY_HAND]),
            left_out=self.left_out.after(duels) if self.left_out and len(voters) <= MOST_VOTERS else None,
            voters=voters,
            diagnostics=self.diagnostics.after(duels) if duels else self.diagnostics,
            scores=self.scores + Counter(duel.score for duel in duels),
            results=self.results + Counter(majority(duel.votes) for duel in duels),
            absent=self.absent + Counter(absent),
            ballots=self.ballots + sum(len(duel.votes) for duel in duels),
            tags=self._tagged(duels),
            samples=self.samples.after(_sampled(outcomes, pair)),
            trail=trail,
        )

    def _walk(self, scores: list[float]) -> tuple[Capital, Trail]:
        """From kept look to kept look."""
        capital, trail = self.capital, self.trail
        while scores:
            step = trail.due(capital.n)
            capital, scores = capital.after(scores[:step]), scores[step:]
            trail = trail.with_look(capital, 1 / self.scope.alpha)
        return capital, trail

    def _bounds(self, entering: Sequence[float | None]) -> Bounds | None:
        """With these scores more, in closing order; None is a duel that was closed by hand."""
        if self.bounds is None and None not in entering:
            return None
        start = self.bounds or Bounds(self.capital, self.capital)
        scores = [[worst if score is None else score for score in entering] for worst in MISSING]
        return Bounds(*(capital.after(values) for capital, values in zip(start, scores, strict=True)))

    def _tagged(self, duels: Sequence[ScoredDuel]) -> dict[str, Histogram]:
        by_tag: dict[str, list[float]] = {}
        for duel in duels:
            if duel.tag:
                by_tag.setdefault(duel.tag, []).append(duel.score)
        return self.tags | {tag: self.tags.get(tag, Histogram.start()).after(values) for tag, values in by_tag.items()}

    # --- kept in the store

    def to_text(self) -> str:
        """Write the ledger as JSON, without the scope. Names voters, as the ballots do."""
        left_out = self.left_out
        return json.dumps(
            {
                "format": FORMAT,
                "closing": self.closing,
                "capital": _packed(self.capital),
                "bounds": self.bounds and [_packed(capital) for capital in self.bounds],
                "everyone": left_out and _packed(left_out.everyone),
                "without": {voter: _packed(capital) for voter, capital in left_out.without.items()} if left_out else {},
                "voters": sorted(self.voters),
                "diagnostics": {kind: list(state.counts.items()) for kind, state in self.diagnostics.histograms.items()},
                "scores": list(self.scores.items()),
                "results": dict(self.results),
                "absent": dict(self.absent),
                "ballots": self.ballots,
                "tags": {tag: list(state.counts.items()) for tag, state in self.tags.items()},
                "samples": self.samples.kept,
                "trail": [self.trail.points, self.trail.stride],
            }
        )

    @classmethod
    def from_text(cls, scope: Scope, text: str) -> Self:
        """Read what to_text gave. Raises BadEvidence for anything else."""
        try:
            table = json.loads(text)
            if table["format"] != FORMAT:
                raise BadEvidence("The stored evidence has another format. Rebuild it from the ballots.")
            return cls._read(scope, table)
        except (ValueError, KeyError, TypeError) as error:
            raise BadEvidence(f"The stored evidence is damaged ({error}). Rebuild it from the ballots.") from error

    @classmethod
    def _read(cls, scope: Scope, table: dict[str, Any]) -> Self:
        points, stride = table["trail"]
        without = {voter: _unpacked(packed) for voter, packed in table["without"].items()}
        return cls(
            scope=scope,
            closing=table["closing"],
            capital=_unpacked(table["capital"]),
            bounds=Bounds(*map(_unpacked, table["bounds"])) if table["bounds"] else None,
            left_out=LeaveOneOut(_unpacked(table["everyone"]), without) if table["everyone"] else None,
            voters=frozenset(table["voters"]),
            diagnostics=Diagnostics({Kind(kind): _counted(counts) for kind, counts in table["diagnostics"].items()}),
            scores=Counter(dict(table["scores"])),
            results=Counter(table["results"]),
            absent=Counter({Absence(reason): count for reason, count in table["absent"].items()}),
            ballots=table["ballots"],
            tags={tag: _counted(counts) for tag, counts in table["tags"].items()},
            samples=Samples(tuple(Sample(*map(tuple, sample)) for sample in table["samples"])),
            trail=Trail(tuple(Point(*point) for point in points), stride),
        )


def majority(votes: Sequence[Vote]) -> Opinion:
    """Sum up what the voters of a duel said of the pair, by bot.ballots.most_said."""
    counted = Counter(vote.opinion for vote in votes)
    found = most_said(counted[Opinion.FIRST], counted[Opinion.SECOND], counted[Opinion.BOTH_BAD], len(votes))
    return Opinion(found.value) if isinstance(found, Said) else (Opinion.FIRST, Opinion.SECOND)[found or 0]


def _sampled(outcomes: Sequence[tuple[Filed, object]], pair: Pair) -> Iterator[Sample]:
    for filed, outcome in outcomes:
        if filed.sample is not None and outcome is not None:
            yield filed.sample if filed.duel.entrants == pair else filed.sample.flipped()


def _entering(outcome: object) -> float | None:
    return outcome.score if isinstance(outcome, ScoredDuel) else None


def _packed(capital: Capital) -> str:
    return base64.b64encode(capital.to_bytes()).decode("ascii")


def _unpacked(packed: str) -> Capital:
    return Capital.from_bytes(base64.b64decode(packed))


def _counted(counts: list[list[Any]]) -> Histogram:
    return Histogram.start().after_counts([score for score, _ in counts], [count for _, count in counts])
