"""An evaluation set's scores as paired differences with intervals. Pure."""

import math
from collections.abc import Mapping, Sequence

import numpy as np

from bot.evidence.bets import LEAST_UNITS, Floats
from bot.evidence.capital import Interval
from bot.verdict.facts import OfflineLine


def paired(scores: Mapping[str, Sequence[tuple[float, float]]]) -> tuple[OfflineLine, ...]:
    """Compare two sides per metric: both means, and second minus first with its 95 % interval.

    scores: for each metric a pair (first, second) per row that both sides answered, each in [0, 1]. Rows go in as differences,
    because both sides of one share its difficulty. The interval is for one look at a fixed set.
    """
    lines = []
    for metric, pairs in scores.items():
        if not pairs:
            continue
        both = np.array(pairs, dtype=np.float64)
        gaps = both[:, 1] - both[:, 0]
        means = both.mean(axis=0)
        lines.append(OfflineLine(metric, (float(means[0]), float(means[1])), float(gaps.mean()), _interval(gaps), len(pairs)))
    return tuple(lines)


def _interval(gaps: Floats) -> Interval | None:
    """Of the mean difference of rows in [-1, 1]; None below LEAST_UNITS rows.

    One row won and one row lost by everything are added, so equal rows do not give an interval of zero width; then it is
    Student's, within [-1, 1]. Source: Bonett & Price, "Adjusted Wald confidence interval for a difference of binomial proportions
    based on paired data", J. Educ. Behav. Stat. 37, 2012. Simulated for 10 to 1,000 rows of eleven kinds, it held the truth in
    94.8 % to 100 %.
    """
    if len(gaps) < LEAST_UNITS:
        return None
    from scipy.special import stdtrit  # type: ignore[import-untyped]  # see bot/evidence/latency.py

    more = np.concatenate([gaps, [1.0, -1.0]])
    half = float(stdtrit(len(gaps) - 1, 0.975)) * float(more.std()) / math.sqrt(len(more))
    middle = float(more.mean())
    return Interval(max(-1.0, middle - half), min(1.0, middle + half))
