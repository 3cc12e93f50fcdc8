"""An evaluation set's scores as paired differences with intervals. Pure."""

from collections.abc import Mapping, Sequence

import numpy as np

from bot.evidence.bets import LEAST_UNITS, Floats
from bot.evidence.capital import Interval
from bot.evidence.record import Histogram, Record
from bot.verdict.facts import OfflineLine


def paired(scores: Mapping[str, Sequence[tuple[float, float]]]) -> tuple[OfflineLine, ...]:
    """Per metric: both means, and second minus first with its 95 % interval. Raises BadEvidence for scores outside [0, 1].

    scores: for each metric a pair (first, second) per row that both sides answered. Rows go in as differences, because both sides
    of one share its difficulty. The interval is the one that bets make of a bounded mean (bot.evidence.record): it holds for any
    number of rows, and ten rows without a difference do not make one of zero width, as resampling them does.
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
    if len(gaps) < LEAST_UNITS:
        return None
    low, high = Record.of(Histogram.start().after((gaps + 1) / 2)).interval()  # differences lie in [-1, 1]
    return Interval(2 * low - 1, 2 * high - 1)
