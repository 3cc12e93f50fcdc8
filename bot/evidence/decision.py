"""The decision for a pair (X, Y) from its capital, at whatever moment the team looks."""

from dataclasses import dataclass
from enum import StrEnum

from bot.ballots import Entrant
from bot.evidence.bets import BadEvidence
from bot.evidence.capital import Capital, Interval

DELTA = 0.15  # shares within 1/2 +- DELTA are called practically equal
ALPHA = 0.05  # error rate of the whole sequence of looks


class State(StrEnum):
    """What to do. For the pair (prompted, tuned), FIRST is "use the prompt" and SECOND is "fine-tune"."""

    FIRST = "first"
    SECOND = "second"
    EQUAL = "equal"  # practically equal, take the cheaper
    COLLECT = "collect"  # keep collecting


WORDS = {
    State.FIRST: "use the prompt",
    State.SECOND: "fine-tune",
    State.EQUAL: "practically equal, take the cheaper",
    State.COLLECT: "keep collecting",
}
"""For the pair (prompted, tuned)."""


@dataclass(frozen=True, slots=True)
class Decision:
    """A state with its evidence. theta: Y's expected share, 1/2 is no preference."""

    state: State
    n: int  # duels
    theta: float | None  # mean score so far; None before the first duel
    interval: Interval  # holds theta at all looks at once with probability 1 - alpha
    log_e_value: float  # log K_n(1/2)
    delta: float
    alpha: float
    comparisons: int  # pairs judged together; the threshold is comparisons / alpha

    @property
    def drifted(self) -> bool:
        """Every value is excluded: later duels contradict earlier ones. One share does not describe them, whatever the state."""
        return self.interval.low > self.interval.high

    @property
    def within_delta(self) -> bool:
        """The sequence lies inside 1/2 +- delta; with FIRST or SECOND: a true difference, but a small one."""
        return inside(self.interval, self.delta)


def comparisons(contestants: int) -> int:
    """Pairs among K contestants, K(K-1)/2: with the threshold 20 K(K-1)/2, all pairs together err in at most 5 % (union bound)."""
    return contestants * (contestants - 1) // 2


def check(delta: float, alpha: float, pairs: int) -> float:
    """The capital threshold. Raises BadEvidence for settings that mean nothing."""
    if not 0 < delta < 0.5:
        raise BadEvidence(f"The margin delta must lie between 0 and 1/2, not {delta:g}.")
    if not 0 < alpha < 1 or pairs < 1:
        raise BadEvidence(f"An error rate between 0 and 1 and at least one pair are needed, not {alpha:g} and {pairs}.")
    return pairs / alpha


def decide(capital: Capital, *, delta: float = DELTA, alpha: float = ALPHA, pairs: int = 1) -> Decision:
    """FIRST or SECOND when the sequence excludes 1/2, EQUAL when it lies inside 1/2 +- delta, else COLLECT.

    P(ever FIRST or SECOND when theta = 1/2) <= alpha, and P(ever EQUAL when |theta - 1/2| >= delta) <= alpha. Raises BadEvidence.
    """
    threshold = check(delta, alpha, pairs)
    interval = capital.interval(threshold)
    state = state_of(interval, capital.excludes_half(threshold), delta)
    return Decision(state, capital.n, capital.mean, interval, capital.log_e_value(), delta, alpha, pairs)


def state_of(interval: Interval, excludes_half: tuple[bool, bool], delta: float) -> State:
    """The state that the sequence demands; having excluded 1/2 as too low at one look and as too high at another, it demands none."""
    match excludes_half:
        case (True, False):
            return State.SECOND
        case (False, True):
            return State.FIRST
        case (False, False) if inside(interval, delta):
            return State.EQUAL
        case _:
            return State.COLLECT


def inside(interval: Interval, delta: float) -> bool:
    """Whether the interval lies inside 1/2 +- delta."""
    return interval.low >= 0.5 - delta - 1e-12 and interval.high <= 0.5 + delta + 1e-12


def take(state: State, usd: tuple[float | None, float | None]) -> Entrant | None:
    """Whom to take: the better, or of two equals the cheaper per answer; None while open or when costs are unknown or equal."""
    if state in (State.FIRST, State.SECOND):
        return 0 if state is State.FIRST else 1
    first, second = usd
    if state is State.COLLECT or first is None or second is None or first == second:
        return None
    return 0 if first < second else 1
