"""How long both sides take, as distributions with their medians."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter

from bot.charts.look import Look, drawable, dress, empty, figure
from bot.charts.words import NO_TIMES, times
from bot.verdict import Verdict
from bot.verdict.facts import Paired
from bot.verdict.words import names
from bot.words import FULL_ANSWER, seconds, started

SIZE = (5.6, 3.5)
BINS = 36


def paint(verdict: Verdict, look: Look) -> Figure:
    """Draw the distributions of both sides: first words above, full answers below."""
    how, panels = times(verdict)
    if not panels[started(FULL_ANSWER)][0]:
        return empty(look, NO_TIMES, *SIZE)
    fig = figure(look, *SIZE)
    for row, (title, paired) in enumerate(panels.items(), 1):
        axes = fig.add_subplot(2, 1, row)
        dress(axes, look, grid="x")
        axes.set_title(f"{title}, {how}", loc="left", fontsize=10, color=look.ink)
        _panel(axes, look, paired, names(verdict.who))
    return fig


def _panel(axes: Axes, look: Look, paired: Paired, both: tuple[str, str]) -> None:
    values = [np.asarray(side) for side in paired]
    top = float(np.quantile(np.concatenate(values), 0.99)) * 1.08 or 1e-3
    edges = np.linspace(0, top, BINS + 1)
    medians = [float(np.median(side)) for side in values]
    for side, color, name, median in zip(values, (look.first, look.second), both, medians, strict=True):
        counts, _ = np.histogram(side, edges)
        axes.stairs(counts / len(side), edges, color=color, fill=True, alpha=0.28)
        axes.stairs(counts / len(side), edges, color=color, linewidth=1.4)
        axes.axvline(median, color=color, linewidth=1.6, linestyle=(0, (4, 2)), label=f"{drawable(name)}, median {seconds(median)}")
    axes.set(xlim=(0, top), yticks=[])
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: seconds(value) if value else "0"))
    legend_of = axes.legend(
        loc="upper right", frameon=True, facecolor=look.ground, edgecolor="none", framealpha=0.85, fontsize=9, handlelength=1.6
    )
    for text in legend_of.get_texts():
        text.set_color(look.ink)
