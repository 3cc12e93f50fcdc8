"""Duels to count, in one line each."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np
import numpy.typing as npt

from bot.ballots import Ballot, Choice, Entrant, ballot, seats_of
from bot.evidence.bets import Floats
from bot.evidence.duels import Absence, ClosedDuel, Pair, ScoredDuel, Took, scored
from bot.evidence.pooling import TagShare, shares_of
from bot.evidence.record import Histogram

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
PAIR: Pair = ("prompted-1", "tuned-1")
TOOK = (Took(200, 0.2, 1.0, 0.001), Took(300, 0.1, 0.8, 0.0005))


def cast(number: int, voter: str, choice: Choice, left: Entrant, minute: int = 0) -> Ballot:
    return ballot(f"d{number}", voter, choice, seats_of(left), NOON + timedelta(minutes=minute))


def closed(number: int, choices: dict[str, Choice], left: Entrant = 0, tag: str = "", entrants: Pair = PAIR) -> ClosedDuel:
    """A closed duel whose voters chose places."""
    ballots = tuple(cast(number, voter, choice, left) for voter, choice in choices.items())
    return ClosedDuel(number, entrants, left, ballots, TOOK, tag)


def team(rng: np.random.Generator, duels: int, voters: int, theta: float = 0.6) -> list[ClosedDuel]:
    """A team that prefers entrant 1 with chance theta, sometimes ties, and does not vote on everything."""
    made = []
    for number in range(duels):
        left: Entrant = 1 if rng.random() < 0.5 else 0
        better = Choice.RIGHT if left == 0 else Choice.LEFT
        worse = Choice.LEFT if left == 0 else Choice.RIGHT
        choices = {}
        for voter in range(voters):
            drawn = rng.random(3)
            if drawn[0] < 0.6:
                tie = Choice.TIE if drawn[1] < 0.5 else Choice.BOTH_BAD
                choices[f"v{voter}"] = tie if drawn[2] < 0.2 else (better if drawn[1] < theta else worse)
        made.append(closed(number, choices, left))
    return made


@dataclass(frozen=True, slots=True)
class Scored:
    """A pair's evidence in closing order, and what was left out."""

    duels: tuple[ScoredDuel, ...]
    absent: dict[Absence, int]

    @property
    def scores(self) -> list[float]:
        return [duel.score for duel in self.duels]


def score_all(duels: Iterable[ClosedDuel], pair: Pair) -> Scored:
    """Score all closed duels of the pair, put in closing order."""
    outcomes = [scored(duel, pair) for duel in sorted(duels, key=lambda closed: closed.number)]
    absent = {reason: outcomes.count(reason) for reason in Absence}
    return Scored(tuple(outcome for outcome in outcomes if isinstance(outcome, ScoredDuel)), absent)


def tag_shares(scores: Mapping[str, npt.ArrayLike]) -> tuple[TagShare, ...]:
    """Pool each tag's scores."""
    return shares_of({tag: Histogram.start().after(values) for tag, values in scores.items()})


def score(duels: list[ClosedDuel]) -> tuple[ScoredDuel, ...]:
    return score_all(duels, PAIR).duels


def coin(rng: np.random.Generator, theta: float, n: int) -> Floats:
    return (rng.random(n) < theta).astype(np.float64)
