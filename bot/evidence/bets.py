"""The bets: what each score does to the capital of a bettor who doubts a candidate mean.

Against a candidate mean m in (0, 1) there is one bettor per bet size c and sign. Betting that the mean is higher
multiplies the capital by 1 + (c/m)(s - m) = 1 - c + c s/m at each score s in [0, 1]; betting that it is lower, by
1 - c/(1-m) (s - m) = 1 - c + c (1-s)/(1-m). Both stay above 1 - c > 0, and have mean 1 when E[s | past] = m, so the average
of the capitals over bettors is a non-negative martingale: it ever reaches 1/alpha with probability at most alpha (Ville 1939).
Source: Waudby-Smith & Ramdas, "Estimating means of bounded random variables by betting", JRSS-B 86(1), 2024, section 4:
the hedged capital, with a fixed grid of bets in place of predictable ones.
"""

import math

import numpy as np
import numpy.typing as npt

from engine.errors import DuelbotError

Floats = npt.NDArray[np.float64]

SIZES: tuple[float, ...] = (0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95)  # bets behind the interval
BETTORS = 2 * len(SIZES)  # every size in both signs
WINNER_SIZES: tuple[float, ...] = (0.25, 0.45, 0.7)  # bets of the test of 1/2 alone, in both signs
EQUAL_SIZES: tuple[float, ...] = (0.1, 0.2, 0.35)  # bets of each one-sided test, "above 1/2 - delta" and "below 1/2 + delta"
CLAIM_WIDTHS = (2 * len(WINNER_SIZES), len(EQUAL_SIZES), len(EQUAL_SIZES))  # columns of claim_factors: winner, above, below
CLAIM_STARTS = (0, CLAIM_WIDTHS[0], CLAIM_WIDTHS[0] + CLAIM_WIDTHS[1])
CLAIM_BETTORS = sum(CLAIM_WIDTHS)
LEAST_UNITS = 10  # no interval, chance, break-even or decision from fewer


class BadEvidence(DuelbotError):
    """A number that cannot be evidence: a score outside [0, 1], a damaged stored state, an impossible setting."""


def checked(scores: npt.ArrayLike) -> Floats:
    """Flatten scores into an array. Raises BadEvidence unless each is in [0, 1]."""
    array = np.asarray(scores, dtype=np.float64).reshape(-1)
    if not bool(np.all((array >= 0) & (array <= 1))):  # also False for NaN
        raise BadEvidence("A score must lie between 0 and 1.")
    return array


def checked_counts(values: npt.ArrayLike, counts: npt.ArrayLike) -> tuple[Floats, Floats]:
    """Part a histogram, or one a row, into its scores (k,) and how often each came (..., k). Raises BadEvidence."""
    levels, times = checked(values), np.asarray(counts, dtype=np.float64)
    if times.shape[-1:] != levels.shape or not bool(np.all((times >= 0) & (times == np.floor(times)) & np.isfinite(times))):
        raise BadEvidence("A histogram needs one whole number of times for each score.")
    return levels, times


def log_factors(scores: Floats, means: Floats, sizes: tuple[float, ...] = SIZES) -> Floats:
    """Compute the logs of the factors. scores (n,), means (m,) in (0, 1) -> (n, m, 2 * sizes), first all "higher", then all "lower"."""
    higher = scores[:, None] / means
    lower = (1 - scores[:, None]) / (1 - means)
    gains = np.stack([higher, lower], axis=2)[..., None] - 1  # n, m, sign, 1
    return np.log1p(np.asarray(sizes) * gains).reshape(len(scores), len(means), 2 * len(sizes))


def claim_factors(scores: Floats, delta: float) -> Floats:
    """Compute the logs of the factors of the tests behind a decision. scores (n,) -> (n, CLAIM_BETTORS), parted at CLAIM_STARTS.

    First the two-sided bets against 1/2; then bets that the mean is above 1/2 - delta, then that it is below 1/2 + delta. The
    last two are one-sided tests at the whole alpha each: at most one of "the mean is at most 1/2 - delta" and "at least 1/2 +
    delta" can be true, so both together wrongly name equality with probability at most alpha (Schuirmann 1987, two one-sided
    tests; as capitals, Waudby-Smith & Ramdas 2024).
    """
    winner = log_factors(scores, np.array([0.5]), WINNER_SIZES)[:, 0]
    above = log_factors(scores, np.array([0.5 - delta]), EQUAL_SIZES)[:, 0, : len(EQUAL_SIZES)]
    below = log_factors(scores, np.array([0.5 + delta]), EQUAL_SIZES)[:, 0, len(EQUAL_SIZES) :]
    return np.concatenate([winner, above, below], axis=1)


def claim_logs(held: Floats) -> Floats:
    """Average the capital of each of the three tests: log capitals (..., CLAIM_BETTORS) -> logs (..., 3): winner, above, below."""
    return np.stack([log_average(part) for part in np.split(held, CLAIM_STARTS[1:], axis=-1)], axis=-1)


def claims_reached(held: Floats, lead: Floats, bar: float | Floats) -> npt.NDArray[np.bool_]:
    """Find the claims that many teams reach at this look: capitals (p, CLAIM_BETTORS), not logs, -> (p, 4) in the order of capital.Claims.

    lead (p,): the sum of the scores minus half their number, so its sign is the side of the mean. bar: for all, or (p,).
    """
    rich = np.add.reduceat(held, CLAIM_STARTS, axis=1) >= np.multiply.outer(bar, CLAIM_WIDTHS)
    return np.stack([rich[:, 0] & (lead > 0), rich[:, 0] & (lead < 0), rich[:, 1], rich[:, 2]], axis=1)


def log_average(log_capitals: Floats) -> Floats:
    """Average capitals over the bettors, the last axis, in logs; safe for any size of the logs."""
    top = log_capitals.max(axis=-1)
    total: Floats = top + np.log(np.exp(log_capitals - top[..., None]).mean(axis=-1))
    return total


def closed_form(wins: int, losses: int) -> float:
    """Compute the e-value against "no preference" from decisive single votes: 2^n w! l! / (n+1)!, n = w + l.

    It is the average over all p in (0, 1) of the likelihood ratio of p against 1/2, that is the same bet with every size
    in (-1, 1) equally often; the grid of SIZES stands for that integral.
    """
    n = wins + losses
    return math.exp(n * math.log(2) + math.lgamma(wins + 1) + math.lgamma(losses + 1) - math.lgamma(n + 2))
