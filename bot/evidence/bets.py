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

SIZES: tuple[float, ...] = (0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95)
BETTORS = 2 * len(SIZES)  # every size in both signs


class BadEvidence(DuelbotError):
    """A number that cannot be evidence: a score outside [0, 1], a damaged stored state, an impossible setting."""


def checked(scores: npt.ArrayLike) -> Floats:
    """Scores as a flat array. Raises BadEvidence unless each is in [0, 1]."""
    array = np.asarray(scores, dtype=np.float64).reshape(-1)
    if not bool(np.all((array >= 0) & (array <= 1))):  # also False for NaN
        raise BadEvidence("A score must lie between 0 and 1.")
    return array


def log_factors(scores: Floats, means: Floats) -> Floats:
    """Natural logs of the factors. scores (n,), means (m,) in (0, 1) -> (n, m, BETTORS), first all "higher", then all "lower"."""
    sizes = np.asarray(SIZES)
    higher = scores[:, None] / means
    lower = (1 - scores[:, None]) / (1 - means)
    gains = np.stack([higher, lower], axis=2)[..., None] - 1  # n, m, sign, 1
    return np.log1p(sizes * gains).reshape(len(scores), len(means), BETTORS)


def log_average(log_capitals: Floats) -> Floats:
    """Log of the average capital over bettors, the last axis; safe for any size of the logs."""
    top = log_capitals.max(axis=-1)
    total: Floats = top + np.log(np.exp(log_capitals - top[..., None]).mean(axis=-1))
    return total


def closed_form(wins: int, losses: int) -> float:
    """E-value against "no preference" from decisive single votes: 2^n w! l! / (n+1)!, n = w + l.

    It is the average over all p in (0, 1) of the likelihood ratio of p against 1/2, that is the same bet with every size
    in (-1, 1) equally often; the grid of SIZES stands for that integral.
    """
    n = wins + losses
    return math.exp(n * math.log(2) + math.lgamma(wins + 1) + math.lgamma(losses + 1) - math.lgamma(n + 2))
