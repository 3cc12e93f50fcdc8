"""The fine-tune's share with its confidence sequence, look by look."""

from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, PercentFormatter

from bot.charts.look import Look, drawable, dress, empty, figure
from bot.evidence.bets import LEAST_UNITS
from bot.verdict import Verdict
from bot.verdict.words import names

SIZE = (5.6, 3.0)


def paint(verdict: Verdict, look: Look) -> Figure:
    """Draw the share and its sequence: the band is what no look has excluded; the grey strip counts as equal."""
    first, second = names(verdict.who)
    if not verdict.trail:
        return empty(look, "The first closed duel will show here.", *SIZE)
    fig = figure(look, *SIZE)
    axes = fig.add_subplot()
    dress(axes, look)
    looks = np.array(verdict.trail)
    if looks[0, 0] > 1 or len(looks) == 1:
        looks = np.vstack([[0, looks[0, 1], 0, 1], looks])  # a line needs two points
    n, theta, low, high = looks.T
    low, high = (np.where((n >= LEAST_UNITS) & (low <= theta) & (theta <= high), end, np.nan) for end in (low, high))
    delta = verdict.decision.delta
    axes.axhspan(0.5 - delta, 0.5 + delta, color=look.line, alpha=0.35, linewidth=0)
    axes.axhline(0.5, color=look.soft, linewidth=1)
    axes.fill_between(n, low, high, color=look.second, alpha=0.22, linewidth=0, step="post")
    for edge in (low, high):
        axes.step(n, edge, color=look.second, linewidth=1, alpha=0.65, where="post")
    axes.plot(n, theta, color=look.second, linewidth=2.2, solid_capstyle="round")
    axes.plot(n[-1], theta[-1], "o", color=look.second, markersize=6)
    axes.set(ylim=(0, 1), xlim=(0, max(n[-1] * 1.02, 2)))
    axes.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=7))
    axes.set_xlabel("requests decided")
    right: dict[str, Any] = {"x": 0.992, "ha": "right", "transform": axes.get_yaxis_transform(), "fontsize": 9}
    axes.text(y=0.965, s=f"{drawable(second)} is better  ↑", va="top", color=look.second, fontweight="bold", **right)
    axes.text(y=0.035, s=f"{drawable(first)} is better  ↓", va="bottom", color=look.first, fontweight="bold", **right)
    axes.text(y=0.5 - delta + 0.012, s="practically equal", va="bottom", color=look.soft, **right)
    return fig
