"""All contestants with their expected share against the others."""

from collections.abc import Sequence

from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from bot.charts.look import Look, drawable, dress, empty, figure
from bot.charts.words import NO_BOARD, BoardLine
from bot.words import counted, percent


def paint(lines: Sequence[BoardLine], look: Look) -> Figure:
    """Draw all contestants, strongest first."""
    if len(lines) < 2:
        return empty(look, NO_BOARD, 5.6, 2.2)
    fig = figure(look, 5.6, 1.1 + 0.46 * len(lines))
    axes = fig.add_subplot()
    dress(axes, look, grid="x")
    for at, line in enumerate(lines):
        color = look.second if line.adapted else look.first
        if line.interval is not None:
            axes.plot(line.interval, [at, at], color=color, linewidth=5, alpha=0.35, solid_capstyle="round")
        axes.plot(line.share, at, "o", color=color, markersize=8)
        axes.text(line.share, at - 0.3, f"{percent(line.share)}", ha="center", va="center", color=look.ink, fontsize=9)
    axes.axvline(0.5, color=look.soft, linewidth=1)
    axes.set(xlim=(0, 1), ylim=(len(lines) - 0.5, -0.6))
    labels = [f"{drawable(line.name)}{'  ✓' if line.ahead else ''}\n{counted(line.duels, 'duel')}" for line in lines]
    axes.set_yticks(range(len(lines)), labels, fontsize=9, color=look.ink)
    axes.xaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    axes.set_xlabel("expected share against the others, 95% intervals")
    return fig
