"""The decision for a pair (X, Y) from its capital, at whatever moment the team looks."""

import math
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from bot.evidence.bets import LEAST_UNITS, BadEvidence
from bot.evidence.capital import Capital, Claims, Interval
from bot.margins import ALPHA, DELTA


class State(StrEnum):
    """The states of a decision. For the pair (prompted, tuned), FIRST is "use the prompt" and SECOND is "fine-tune"."""

    FIRST = "first"
    SECOND = "second"
    EQUAL = "equal"  # practically equal, take the cheaper
    COLLECT = "collect"  # keep collecting
    CHANGED = "changed"  # the scores contradict themselves: one share does not describe them


class Recent(NamedTuple):
    """The latest units by themselves."""

    n: int  # at most bot.evidence.capital.RECENT
    mean: float


@dataclass(frozen=True, slots=True)
class Decision:
    """A state with its evidence. theta: Y's expected share, 1/2 is no preference.

    The winner's test has bets of its own and is sharper than the interval: a winner may stand while the interval still holds 1/2.
    Unless the state is CHANGED, theta lies in the interval, on the winner's side of 1/2, and within 1/2 +- delta when that was
    found.
    """

    state: State
    n: int  # units
    theta: float | None  # mean score so far; None before the first unit
    interval: Interval  # holds theta at all looks at once with probability 1 - alpha, whatever else is compared
    log_e_value: float  # log of the evidence against 1/2 now, by the winner's bets
    delta: float
    alpha: float
    comparisons: float  # that share alpha; the threshold is comparisons / alpha
    log_e_peak: float  # the highest that the evidence against 1/2 ever was; a winner is found when it reaches log_threshold
    small: bool  # found to lie within 1/2 +- delta; with FIRST or SECOND: a true difference, but a small one
    outnumbered: bool  # the pair by itself would be decided, were it not one comparison of several
    held_back: bool  # the units that count would decide, were it not for those that are missing
    recent: Recent | None  # None where the order of the latest units is not known

    @property
    def log_threshold(self) -> float:
        """The log evidence that a winner must reach."""
        return math.log(self.comparisons / self.alpha)

    @property
    def drifted(self) -> bool:
        """Whether later units contradict earlier ones, so that one share does not describe them."""
        return self.state is State.CHANGED

    @property
    def within_delta(self) -> bool:
        """Whether the share was found to lie within 1/2 +- delta, and not contradicted since."""
        return self.small and not self.drifted

    @property
    def shown(self) -> Interval | None:
        """The interval, where one may be shown: from LEAST_UNITS units on, and while one share describes them."""
        if self.theta is None or self.n < LEAST_UNITS or self.drifted:
            return None
        return self.interval if self.interval.low <= self.theta <= self.interval.high else None


def comparisons(contestants: int) -> int:
    """Count the pairs among K contestants, K(K-1)/2: at as many times the threshold, all together err at most at alpha (union bound)."""
    return contestants * (contestants - 1) // 2


def check(delta: float, alpha: float, pairs: float) -> float:
    """Compute the capital threshold. Raises BadEvidence for settings that mean nothing."""
    if not 0 < delta < 0.5:
        raise BadEvidence(f"The margin delta must lie between 0 and 1/2, not {delta:g}.")
    if not 0 < alpha < 1 or pairs < 1:
        raise BadEvidence(f"An error rate between 0 and 1 and at least one pair are needed, not {alpha:g} and {pairs}.")
    return pairs / alpha


class Bounds(NamedTuple):
    """The capital with what is missing put in: as if all of it had spoken for X (0), and as if all of it had spoken for Y (1).

    Who may choose which duels count can make any null team look decided: an asker with a taste who closes by hand whatever
    they like leaves what they dislike. Whatever the missing duels would have said, the truth lies between these two (Manski,
    "Partial Identification of Probability Distributions", 2003); so a claim that stands for both is wrong at most as often.
    """

    for_first: Capital
    for_second: Capital

    def claims(self, threshold: float) -> Claims:
        """Find what is proven whatever the missing ones would have said."""
        low, high = self.for_first.claims(threshold), self.for_second.claims(threshold)
        return Claims(low.more_than_half, high.less_than_half, low.above_low, high.below_high)

    def interval(self, threshold: float) -> Interval:
        """Span from the least that the mean can be to the most."""
        return Interval(self.for_first.interval(threshold).low, self.for_second.interval(threshold).high)


def decide(capital: Capital, *, delta: float = DELTA, alpha: float = ALPHA, pairs: float = 1, bounds: Bounds | None = None) -> Decision:
    """FIRST or SECOND when a test of 1/2 says so, EQUAL when two one-sided tests place the share within 1/2 +- delta, else COLLECT.

    CHANGED where the mean has left what was proven. Below LEAST_UNITS units nothing is decided. delta is the capital's own.
    pairs: comparisons that share alpha. bounds: where duels are missing by somebody's choice, nothing is claimed that they could turn.
    P(ever FIRST or SECOND when theta = 1/2) <= alpha, and P(ever EQUAL when |theta - 1/2| >= delta) <= alpha. Raises BadEvidence.
    """
    threshold = check(delta, alpha, pairs)
    if delta != capital.delta:
        raise BadEvidence(f"The evidence was gathered for a margin of {capital.delta:g}, not {delta:g}. Rebuild it from the ballots.")
    interval, claims = capital.interval(1 / alpha), capital.claims(threshold)
    alone, counting = _state(capital, interval, capital.claims(1 / alpha)), _state(capital, interval, claims)
    state = counting
    if bounds and counting is not State.CHANGED:
        interval, claims = bounds.interval(1 / alpha), bounds.claims(threshold)
        state = _state(capital, interval, claims)
    latest = capital.recent
    return Decision(
        state=state,
        n=capital.n,
        theta=capital.mean,
        interval=interval,
        log_e_value=capital.log_e_value(),
        delta=delta,
        alpha=alpha,
        comparisons=pairs,
        log_e_peak=float(capital.proven[:2].max()),
        small=claims.within,
        held_back=state is not counting,
        outnumbered=counting is not alone,
        recent=Recent(len(latest), float(latest.mean())) if len(latest) else None,
    )


def _state(capital: Capital, interval: Interval, claims: Claims) -> State:
    if capital.mean is None or capital.n < LEAST_UNITS:
        return State.COLLECT
    return State.CHANGED if contradicted(capital.mean, interval, claims, capital.delta) else state_of(claims)


def state_of(claims: Claims) -> State:
    """Name the state that the claims demand; 1/2 proven too low at one look and too high at another contradict each other."""
    match claims.more_than_half, claims.less_than_half:
        case True, True:
            return State.CHANGED
        case True, False:
            return State.SECOND
        case False, True:
            return State.FIRST
        case _:
            return State.EQUAL if claims.within else State.COLLECT


def contradicted(mean: float, interval: Interval, claims: Claims, delta: float) -> bool:
    """Whether the mean lies outside its interval or on the wrong side of what was claimed; an empty interval holds no mean."""
    sided = (not claims.more_than_half or mean > 0.5) and (not claims.less_than_half or mean < 0.5)
    near = not claims.within or abs(mean - 0.5) < delta
    return not (interval.low <= mean <= interval.high and sided and near)
