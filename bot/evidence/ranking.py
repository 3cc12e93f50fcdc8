"""Several contestants: strengths for a leader board, from Bradley-Terry. For display only; decisions come from pairwise capitals.

Source: Bradley & Terry, Biometrika 39, 1952, as fitted by evalica. A contestant that no one has beaten has no finite strength
(evalica then gives 1e-06 to all), so each contestant draws once with one virtual opponent, which also ties in those that never
met. A draw for every pair would do so too, but would drown the duels of many contestants: 1,711 draws for 59.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from bot.ballots import Entrant
from bot.evidence.bets import LEAST_UNITS, BadEvidence, Floats, checked
from bot.evidence.capital import Interval
from bot.evidence.decision import Decision, State
from bot.evidence.duels import Pair

RESAMPLES = 200
VIRTUAL = "\0virtual"  # the opponent of one draw each; no contestant's id begins so


@dataclass(frozen=True, slots=True)
class Standing:
    """A line of the leader board."""

    contestant: str
    share: float  # expected share of a duel against the other contestants, each equally often; 1/2 is average
    interval: Interval | None  # 95 %, duels bootstrapped within each pair; percentiles; not anytime-valid; None below LEAST_UNITS
    duels: int  # with this contestant in them


def leader(decisions: Mapping[Pair, Decision], contestants: Sequence[str]) -> str | None:
    """Find the contestant decided better than every other, None while there is none. Decide with pairs = comparisons(K)."""

    def beats(one: str, other: str) -> bool:
        if (one, other) in decisions:
            return decisions[one, other].state is State.FIRST
        return (other, one) in decisions and decisions[other, one].state is State.SECOND

    winners = [one for one in contestants if all(beats(one, other) for other in contestants if other != one)]
    return winners[0] if winners else None


def leader_board(scores: Mapping[Pair, npt.ArrayLike], rng: np.random.Generator, resamples: int = RESAMPLES) -> tuple[Standing, ...]:
    """Rank the contestants, strongest first. scores: for each pair (X, Y) its duels' scores, 1 for Y. Raises BadEvidence."""
    games = {pair: checked(values) for pair, values in scores.items()}
    if any(first == second for first, second in games):
        raise BadEvidence("A leader board needs two different contestants in every pair.")
    names = sorted({name for pair in games for name in pair})
    if len(names) < 2:
        return ()
    share = _shares(names, {pair: values.sum() for pair, values in games.items()}, games)
    again = np.array([_shares(names, _resampled(games, rng), games) for _ in range(resamples)])
    low, high = np.quantile(again, [0.025, 0.975], axis=0) if resamples else (share, share)
    played = {name: sum(len(values) for pair, values in games.items() if name in pair) for name in names}
    standings = [
        Standing(name, float(share[at]), Interval(float(low[at]), float(high[at])) if played[name] >= LEAST_UNITS else None, played[name])
        for at, name in enumerate(names)
    ]
    return tuple(sorted(standings, key=lambda standing: -standing.share))


def _resampled(games: Mapping[Pair, Floats], rng: np.random.Generator) -> dict[Pair, float]:
    """Y's total score in a bootstrap resample of each pair's duels."""
    totals = {}
    for pair, values in games.items():
        levels, counts = np.unique(values, return_counts=True)
        totals[pair] = float(levels @ rng.multinomial(len(values), counts / len(values))) if len(values) else 0.0
    return totals


def _shares(names: Sequence[str], totals: Mapping[Pair, float], games: Mapping[Pair, Floats]) -> Floats:
    """Each contestant's expected share against the others. A score s counts as s of a win for Y and 1 - s for X."""
    from evalica import Winner, bradley_terry  # brings pandas, which takes most of a second to import

    rows = [(pair, winner, weight) for pair, total in totals.items() for winner, weight in _weights(total, len(games[pair]))]
    rows += [((name, VIRTUAL), winner, 0.5) for name in names for winner in (0, 1)]
    fitted = bradley_terry(
        [pair[0] for pair, _, _ in rows],
        [pair[1] for pair, _, _ in rows],
        [Winner.X if winner == 0 else Winner.Y for _, winner, _ in rows],
        weights=[weight for _, _, weight in rows],
        tolerance=1e-9,
        limit=10_000,
    ).scores
    strength = np.array([fitted[name] for name in names], dtype=np.float64)
    against = strength[:, None] / (strength[:, None] + strength)
    shares: Floats = (against.sum(axis=1) - 0.5) / (len(names) - 1)
    return shares


def _weights(total: float, duels: int) -> list[tuple[Entrant, float]]:
    return [(0, duels - total), (1, total)]
