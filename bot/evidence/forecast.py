"""How many more duels a decision will take, simulated from the present estimate."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from bot.evidence.bets import LEAST_UNITS, BadEvidence, Floats, claim_factors, claims_reached
from bot.evidence.capital import Capital
from bot.evidence.decision import State, check, decide
from bot.margins import ALPHA, DELTA

PATHS, HORIZON = 200, 2000  # bounded work: at most 400,000 simulated duels


@dataclass(frozen=True, slots=True)
class Forecast:
    """Further duels until a decision: quantiles over simulated futures; None where that many futures stay open to the horizon."""

    median: int | None
    low: int | None  # 10 % of futures decide by then
    high: int | None  # 90 %
    decided: float  # share of futures decided within the horizon
    horizon: int  # duels simulated at most
    paths: int


def further_duels(
    capital: Capital,
    seen: Mapping[float, int],
    rng: np.random.Generator,
    *,
    delta: float = DELTA,
    alpha: float = ALPHA,
    pairs: float = 1,
    paths: int = PATHS,
    horizon: int = HORIZON,
) -> Forecast | None:
    """Forecast from the state and the histogram of the scores in it. Raises BadEvidence.

    None below LEAST_UNITS, where the prior would speak rather than the votes, and when the share has changed.

    Each future draws its own score distribution from the Bayesian bootstrap (Rubin 1981): Dirichlet weights on the scores seen,
    with one further score spread over 0, 1/2 and 1, so that a short unanimous record does not count as certain. It then draws
    duels from it and goes on from today's capitals behind the claims, by the rule of `decide`.
    """
    bar = check(delta, alpha, pairs)
    if sum(seen.values()) != capital.n:
        raise BadEvidence(f"The histogram holds {sum(seen.values())} scores, the capital {capital.n}.")
    state = decide(capital, delta=delta, alpha=alpha, pairs=pairs).state
    if capital.n < LEAST_UNITS or state is State.CHANGED:
        return None
    if state is not State.COLLECT:
        return Forecast(0, 0, 0, 1.0, horizon, paths)
    return _summary(_run(capital, _futures(seen, rng, paths), rng, bar=bar, horizon=horizon), horizon)


def _futures(seen: Mapping[float, int], rng: np.random.Generator, paths: int) -> tuple[Floats, Floats]:
    """Distinct scores (u,), and per path the cumulated chance of each (paths, u)."""
    weights = {score: float(count) for score, count in seen.items()}
    for score in (0.0, 0.5, 1.0):
        weights[score] = weights.get(score, 0.0) + 1 / 3
    return np.array(list(weights)), np.cumsum(rng.dirichlet(list(weights.values()), size=paths), axis=1)


def _run(capital: Capital, draws: tuple[Floats, Floats], rng: np.random.Generator, *, bar: float, horizon: int) -> npt.NDArray[np.int64]:
    """Duels until the decision per path; horizon + 1 for paths still open."""
    values, chances = draws
    paths, factors = len(chances), np.exp(claim_factors(values, capital.delta))
    held = np.tile(np.exp(np.clip(capital.held, -600, 600)), (paths, 1))
    out = np.tile(np.array(capital.claims(bar)), (paths, 1))
    leads, when = np.full(paths, capital.total - capital.n / 2), np.full(paths, horizon + 1)
    open_ = np.arange(paths)
    for step in range(1, horizon + 1):
        picks = (rng.random(len(open_))[:, None] > chances[open_]).sum(axis=1).clip(max=len(values) - 1)
        held *= factors[picks]
        leads += values[picks] - 0.5
        out |= claims_reached(held, leads, bar)
        decided = (out[:, 0] ^ out[:, 1]) | (out[:, 2] & out[:, 3])
        if decided.any():
            when[open_[decided]] = step
            held, out, leads, open_ = (array[~decided] for array in (held, out, leads, open_))
            if not len(open_):
                break
    return when


def _summary(when: npt.NDArray[np.int64], horizon: int) -> Forecast:
    reached = [int(value) for value in np.quantile(when, [0.1, 0.5, 0.9], method="inverted_cdf")]
    low, median, high = (value if value <= horizon else None for value in reached)
    return Forecast(median, low, high, float(np.mean(when <= horizon)), horizon, len(when))
