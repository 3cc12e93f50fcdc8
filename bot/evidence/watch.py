"""The watch over a winner that answers alone: whether the duels since then say that the other one has become better.

A verdict over all duels is slow to hear of a change: what was true for a long time outweighs it. So beside it stands a sum of bets that
begin anew at every duel, R_n = (R_{n-1} + 1) L_n, where L_n is the factor by which a bet "the other one is better than 1/2" pays
at the n-th score (bot.evidence.bets). While the winner is at least as good as the other, E[L_n | past] <= 1, so R_n - n is a
supermartingale and the mean number of duels until R_n first reaches A is at least A, whatever the scores' order and dependence.
An alarm names nobody: it makes all requests duels again, and the evidence from then on is counted anew.
Source: Shin, Ramdas & Rinaldo, "E-detectors: a nonparametric framework for sequential change detection", NEJSDS 2(2), 2024, section 2:
the Shiryaev-Roberts e-detector.
"""

import math
from dataclasses import dataclass
from typing import Self

import numpy as np

from bot.evidence.bets import WINNER_SIZES, checked, log_factors

ALARM = 1000.0  # duels, on average at least, until an alarm without a change


@dataclass(frozen=True, slots=True)
class WinnerWatch:
    """The sums after n duels, one for each size of bet."""

    sums: tuple[float, ...] = (0.0,) * len(WINNER_SIZES)
    n: int = 0

    def after(self, score: float) -> Self:
        """Add a duel. score: the share of the one that does not answer alone, in [0, 1]. Raises BadEvidence."""
        [logs] = log_factors(checked([score]), np.array([0.5]), WINNER_SIZES)[:, 0, : len(WINNER_SIZES)]
        sums = tuple((held + 1) * math.exp(log) for held, log in zip(self.sums, logs.tolist(), strict=True))
        return type(self)(sums, self.n + 1)

    @property
    def alarmed(self) -> bool:
        """Whether the duels speak against the winner."""
        return sum(self.sums) / len(self.sums) >= ALARM
