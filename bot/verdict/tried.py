"""Among how many comparisons a verdict stands: pairs compared side by side, and versions of one craft tried one after the other. Pure.

Whoever compares many finds a winner by chance: 20 equal contestants gave 4.5 false winners a tournament, ten edits of one recipe in
a row gave 24 % of teams one. So the pairs share the error rate equally (union bound), and the versions of one line get what
bot.evidence.versions grants each, in the order in which they came.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import NamedTuple

from bot.evidence.duels import Pair
from bot.evidence.versions import level
from bot.margins import ALPHA
from bot.verdict.scope import Scope
from bot.who import Who
from engine.contestants import Arm


class Line(NamedTuple):
    """A line of versions: what stays the same while a contestant is edited or trained again."""

    arm: Arm
    recipe: str
    adapter: str

    @classmethod
    def of(cls, who: Who) -> "Line":
        """Name a contestant's line."""
        return cls(who.arm, who.recipe.name, who.adapter.name if who.adapter else "")


@dataclass(frozen=True, slots=True)
class Met:
    """A pair that closed duels of a team."""

    who: tuple[Who, Who]  # in the order of evidence
    team: str | None
    duels: int
    began: int  # its first closing number
    last: int
    began_at: datetime  # UTC, of the first close
    last_at: datetime

    def plus(self, other: "Met") -> "Met":
        """Put the same pair's duels together."""
        first = self if self.began <= other.began else other
        last = max(self.last, other.last), max(self.last_at, other.last_at)
        return replace(first, duels=self.duels + other.duels, last=last[0], last_at=last[1])

    @property
    def pair(self) -> Pair:
        """Ids of both."""
        return self.who[0].id, self.who[1].id

    @property
    def lines(self) -> tuple[Line, Line]:
        """Lines of both."""
        return Line.of(self.who[0]), Line.of(self.who[1])


@dataclass(frozen=True, slots=True)
class Tried:
    """The company in which one verdict stands. 1 and 1: it is the only one."""

    pairs: int = 1  # of lines, compared in the scope
    versions: int = 1  # of this line, tried so far
    place: int = 1  # of this version among them, from 1
    won: int = 0  # versions before this one that had a winner before the next one came
    craft: Arm = Arm.PROMPTED  # whose versions they are

    @property
    def comparisons(self) -> float:
        """Factor by which the threshold of the evidence rises: pairs over the share that this version gets of its line's error rate."""
        return self.pairs * ALPHA / level(ALPHA, self.place, self.won)


ONE_TRY = Tried()


def compared(scope: Scope, who: tuple[Who, Who], met: Iterable[Met]) -> tuple[int, list[Met]]:
    """Count the pairs of lines compared in the scope, and list the versions of this pair of lines in the order in which they came.

    A pair counts when it closed a duel of the team between the ends of the period; tags are not told apart, which errs on the safe
    side. A copy against itself is a check and no comparison.
    """
    own = (Line.of(who[0]), Line.of(who[1]))
    within = [each for each in _of_team(scope.team, met) if each.who[0].id != each.who[1].id and _overlaps(each, scope)]
    versions = sorted((each for each in within if each.lines == own), key=lambda each: each.began)
    return len({each.lines for each in within} | {own}), versions


def _overlaps(met: Met, scope: Scope) -> bool:
    return (scope.since is None or met.last_at >= scope.since) and (scope.until is None or met.began_at < scope.until)


def _of_team(team: str | None, met: Iterable[Met]) -> list[Met]:
    """Of one team, or (None) each pair over all teams."""
    found: dict[Pair, Met] = {}
    for each in met:
        if team is None or each.team == team:
            found[each.pair] = found[each.pair].plus(each) if each.pair in found else each
    return list(found.values())


def craft(who: tuple[Who, Who], versions: Sequence[Met]) -> Arm:
    """Tell whose versions they are: the side that was edited most often; the first, the prompt, when both were."""
    edited = [len({each.who[side].id for each in versions} | {who[side].id}) for side in (0, 1)]
    return who[0 if edited[0] >= edited[1] else 1].arm
