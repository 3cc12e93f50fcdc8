"""After how many answers has a fine-tune paid for itself, if ever: N* = (T_tuned - T_prompt) / (c_prompt - c_tuned)."""

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from bot.evidence.bets import LEAST_UNITS, BadEvidence, Floats
from bot.evidence.capital import Interval

RESAMPLES = 2000
BLOCKS = 2000  # beyond this many answers, means of equal blocks are resampled: bounded work, the same variance of the mean


@dataclass(frozen=True, slots=True)
class BreakEven:
    """N* and its distribution over resamples of the measured costs. None answers or months means never."""

    answers: int | None  # N* from the means as measured; 0 when the fine-tune costs no more up front and per answer
    months: float | None  # N* / requests per month; None also when nobody said how many
    extra_usd: float  # T_tuned - T_prompt
    saving_usd: float  # c_prompt - c_tuned per answer, mean over duels; negative when the fine-tune is dearer
    saving: Interval  # 95 % of the saving, bootstrap percentiles
    never: float  # share of resamples that never pay back
    answers_low: int | None  # 5 % of resamples pay back by then; None: fewer do
    answers_high: int | None  # 95 %
    in_time: float | None  # P(pays back before the shelf life); None without requests per month or shelf life
    n: int  # duels with both costs


def break_even(
    usd: tuple[npt.ArrayLike, npt.ArrayLike],
    extra_usd: float,
    rng: np.random.Generator,
    *,
    requests_per_month: float | None = None,
    shelf_life_months: float | None = None,
    resamples: int = RESAMPLES,
) -> BreakEven | None:
    """Compute N* from paired per-answer costs (prompted, tuned) in usd, each (n,); None from fewer than LEAST_UNITS. Raises BadEvidence.

    Duels are resampled whole, because both sides of one share its request. `extra_usd`: training, and authoring minutes x wage
    where given, of the fine-tune minus those of the prompt. A fine-tune that costs no more up front has nothing to pay back:
    it is ahead at once (0) unless it is dearer per answer, which then overtakes: never.
    """
    saved = _savings(usd)
    if not math.isfinite(extra_usd) or (requests_per_month is not None and requests_per_month < 0):
        raise BadEvidence("Up-front dollars must be a number and requests per month not negative.")
    if len(saved) < LEAST_UNITS:
        return None
    units = _units(saved)
    means = units[rng.integers(len(units), size=(resamples, len(units)))].mean(axis=1)
    needed = answers_needed(means, extra_usd)
    point = float(answers_needed(np.array([saved.mean()]), extra_usd)[0])
    low, high = np.quantile(means, [0.025, 0.975])
    early, late = np.quantile(needed, [0.05, 0.95], method="inverted_cdf")
    return BreakEven(
        answers=_whole(point),
        months=point / requests_per_month if requests_per_month and math.isfinite(point) else None,
        extra_usd=extra_usd,
        saving_usd=float(saved.mean()),
        saving=Interval(float(low), float(high)),
        never=float(np.mean(np.isinf(needed))),
        answers_low=_whole(float(early)),
        answers_high=_whole(float(late)),
        in_time=_in_time(needed, requests_per_month, shelf_life_months),
        n=len(saved),
    )


def answers_needed(savings: Floats, extra_usd: float) -> Floats:
    """Compute N* for each mean saving per answer; infinity is never."""
    if extra_usd <= 0:
        return np.where(savings >= 0, 0.0, np.inf)
    with np.errstate(divide="ignore", over="ignore"):
        return np.where(savings > 0, np.ceil(extra_usd / np.maximum(savings, 0)), np.inf)


def _savings(usd: tuple[npt.ArrayLike, npt.ArrayLike]) -> Floats:
    prompted, tuned = (np.asarray(side, dtype=np.float64).reshape(-1) for side in usd)
    if len(prompted) != len(tuned) or not bool(np.isfinite(prompted).all() and np.isfinite(tuned).all()):
        raise BadEvidence("Costs must be finite dollars and paired, one for each side of a duel.")
    return np.asarray(prompted - tuned)


def _units(saved: Floats) -> Floats:
    """What is resampled: the savings, or block means of them."""
    size = -(-len(saved) // BLOCKS)
    whole = len(saved) // size * size  # the last incomplete block is left out of the resampling, not of the mean
    blocks: Floats = saved[:whole].reshape(-1, size).mean(axis=1)
    return blocks


def _in_time(needed: Floats, requests_per_month: float | None, shelf_life_months: float | None) -> float | None:
    if requests_per_month is None or shelf_life_months is None:
        return None
    return float(np.mean(needed <= requests_per_month * shelf_life_months))


def _whole(answers: float) -> int | None:
    return int(answers) if math.isfinite(answers) else None
