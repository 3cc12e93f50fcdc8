"""Successive versions of one craft, each tested against the same rival: the error rate that the t-th one may use.

Ten edited recipes in a row, each tested at 5 %, name some false winner in about a quarter of teams. e-LOND gives the t-th version
the level alpha_t = alpha gamma_t (R + 1), where R counts the versions before it that were found to win or lose: then the expected
share of false ones among all found is at most alpha after every version, however their evidence depends on each other and
whenever each is stopped, because a capital at a stopping time is an e-value. While no version truly differs, that share is the
chance of any false one.
Source: Xu & Ramdas, "Online multiple testing with e-values", AISTATS 2024, PMLR 238, 3997-4005: e-LOND.

gamma_t = 6 / (pi t)^2 was chosen by duels to a winner at a share of .70 (median; 41 without a correction), versions 1, 2, 5, 10:
48, 65, 91, 108; with 1 / (t (t + 1)) 51, 64, 87, 104; with 3/4 for the first and 1/4 over t (t - 1) 47, 70, 100, 120.
"""

import math

from bot.evidence.bets import BadEvidence


def level(alpha: float, version: int, found_before: int) -> float:
    """Compute the error rate of the version-th tested version (1 is the first) of a family. Raises BadEvidence.

    `found_before`: versions tested before it that were found to win or lose. Take it as of this version's first unit and keep it:
    the level of a running test must not follow results.
    """
    if not 0 < alpha < 1 or version < 1 or not 0 <= found_before < version:
        raise BadEvidence(f"Version {version} after {found_before} found, at an error rate of {alpha:g}, means nothing.")
    return alpha * 6 / (math.pi * version) ** 2 * (found_before + 1)
