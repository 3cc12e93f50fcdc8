"""Would the decision stand without any one voter, and without the duels that speak loudest for it?"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt

from bot.evidence.bets import LEAST_UNITS, Floats, checked, claim_factors
from bot.evidence.capital import Capital, claim_reach
from bot.evidence.decision import State, check, decide
from bot.evidence.duels import WORTH, ScoredDuel
from bot.margins import ALPHA, DELTA

SPARE_LIMIT = 1000  # loudest duels looked at


@dataclass(frozen=True, slots=True, eq=False)
class LeaveOneOut:
    """The pair's capital as it would be had one person never voted, for every person: exact, O(voters) per new duel.

    Only the claims that a decision rests on are kept, no interval. Until a person's first ballot their state is that of all, so a
    new voter starts from `everyone`.
    """

    everyone: Capital
    without: dict[str, Capital]

    @classmethod
    def start(cls, delta: float = DELTA) -> Self:
        """Begin before any duel; delta is fixed here. Raises BadEvidence."""
        return cls(Capital.start(np.zeros(0), delta), {})

    def after(self, duels: Sequence[ScoredDuel]) -> Self:
        """Add these duels, in closing order. A duel that only the left-out person voted on drops out."""
        scores = np.array([duel.score for duel in duels], dtype=np.float64)
        changed: dict[str, list[tuple[int, float]]] = {voter: [] for voter in self.without}
        for at, duel in enumerate(duels):
            others = len(duel.votes) - 1
            worth = sum(WORTH[vote.opinion] for vote in duel.votes)  # a sum of halves: exact
            for vote in duel.votes:
                rest = (worth - WORTH[vote.opinion]) / others if others else np.nan
                changed.setdefault(vote.voter, []).append((at, rest))
        without = {}
        for voter, rests in changed.items():
            kept = scores.copy()
            kept[[at for at, _ in rests]] = [rest for _, rest in rests]
            without[voter] = self.without.get(voter, self.everyone).after(kept[~np.isnan(kept)])
        return type(self)(self.everyone.after(scores), without)

    def states(self, *, delta: float = DELTA, alpha: float = ALPHA, pairs: float = 1) -> dict[str, State]:
        """Decide without each voter."""
        return {voter: decide(capital, delta=delta, alpha=alpha, pairs=pairs).state for voter, capital in self.without.items()}


@dataclass(frozen=True, slots=True)
class Robustness:
    """The line under a decision."""

    state: State
    voters: int
    pivotal: tuple[str, ...]  # voters without whom the decision would be another
    spare_duels: (
        int | None
    )  # the decision stands without its loudest k duels for k up to this, at most SPARE_LIMIT; None: see spare_duels()


def robustness(
    scores: npt.ArrayLike, left_out: LeaveOneOut, state: State, *, delta: float = DELTA, alpha: float = ALPHA, pairs: float = 1
) -> Robustness:
    """Test how robust a state is; scores (n,) as entered, delta as in LeaveOneOut.start."""
    others = left_out.states(delta=delta, alpha=alpha, pairs=pairs)
    pivotal = tuple(sorted(voter for voter, other in others.items() if other is not state))
    return Robustness(state, len(others), pivotal, spare_duels(scores, state, delta=delta, alpha=alpha, pairs=pairs))


def spare_duels(
    scores: npt.ArrayLike, state: State, *, delta: float = DELTA, alpha: float = ALPHA, pairs: float = 1, limit: int = SPARE_LIMIT
) -> int | None:
    """Find the largest k (up to limit) such that the state still follows when its 1 ... k loudest duels are left out.

    It is asked of the capitals of the remaining duels as of now, which do not depend on their order: without the k highest scores
    (SECOND), the k lowest (FIRST), or either (EQUAL). None when already k = 0 fails, because the decision was reached at an earlier
    look and the duels since have weakened it, and for COLLECT and CHANGED, which claim nothing.
    """
    kept, bar = np.sort(checked(scores)), float(np.log(check(delta, alpha, pairs)))
    most = min(limit, len(kept) - LEAST_UNITS)
    if state in (State.COLLECT, State.CHANGED) or most < 0:
        return None
    claims = {State.SECOND: [0], State.FIRST: [1], State.EQUAL: [2, 3]}[state]
    orders = {State.FIRST: [kept], State.SECOND: [kept[::-1]], State.EQUAL: [kept, kept[::-1]]}[state]
    stands = [_reach(order, most, delta)[:, claims] >= bar for order in orders]
    survived = int(np.logical_and.accumulate(np.concatenate(stands, axis=1).all(axis=1)).sum()) - 1
    return survived if survived >= 0 else None


def _reach(order: Floats, most: int, delta: float) -> Floats:
    """Without the first 0 ... most of these scores: the log capital of the rest for each of Claims, (most + 1, 4)."""
    values, which = np.unique(order, return_inverse=True)
    steps = claim_factors(values, delta)
    gone = np.concatenate([np.zeros((1, steps.shape[1])), np.add.accumulate(steps[which[:most]], axis=0)])
    totals = order.sum() - np.concatenate([[0.0], np.add.accumulate(order[:most])])
    return claim_reach(np.bincount(which) @ steps - gone, totals / (len(order) - np.arange(most + 1)))
