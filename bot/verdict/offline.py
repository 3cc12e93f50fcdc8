"""An evaluation set's scores as paired differences with intervals. Pure."""

from collections.abc import Mapping, Sequence

import numpy as np

from bot.verdict.facts import OfflineLine

RESAMPLES = 2000


def paired(scores: Mapping[str, Sequence[tuple[float, float]]], rng: np.random.Generator) -> tuple[OfflineLine, ...]:
    """Per metric: both means, and second minus first with its 95 % interval from resampled rows (Efron 1979).

    scores: for each metric a pair (first, second) per row that both sides answered. Rows are resampled whole, because both
    sides of one share its difficulty. The interval is for one look at a fixed set; with under 2 rows it spans everything.
    """
    lines = []
    for metric, pairs in scores.items():
        if not pairs:
            continue
        both = np.array(pairs, dtype=np.float64)
        gaps = both[:, 1] - both[:, 0]
        low, high = _interval(gaps, rng)
        means = both.mean(axis=0)
        lines.append(OfflineLine(metric, (float(means[0]), float(means[1])), float(gaps.mean()), low, high, len(pairs)))
    return tuple(lines)


def _interval(gaps: "np.ndarray[tuple[int], np.dtype[np.float64]]", rng: np.random.Generator) -> tuple[float, float]:
    if len(gaps) < 2:
        return -1.0, 1.0
    values, counts = np.unique(gaps, return_counts=True)
    drawn = rng.multinomial(len(gaps), counts / len(gaps), size=RESAMPLES) @ values / len(gaps)
    low, high = np.quantile(drawn, [0.025, 0.975])
    return float(low), float(high)
