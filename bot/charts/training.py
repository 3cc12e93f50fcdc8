"""A training: how the loss fell, and how many held-out rows are right, with the prompt's line."""

from typing import Any

from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, PercentFormatter

from adapters.train.curve import TrainingCurve
from bot.charts.look import Look, dress, empty, figure

SIZE = (5.6, 3.6)


def paint(curve: TrainingCurve, prompt_right: float | None, look: Look) -> Figure:
    """Draw what is right above and the loss below, over the same steps. prompt_right: share of rows that the prompt answers right."""
    if not curve.losses:
        return empty(look, "The first steps will show here.", *SIZE)
    fig = figure(look, *SIZE)
    above, below = fig.subplots(2, 1, sharex=True, height_ratios=(3, 2))
    last = max(step for step, _ in curve.losses)
    for axes in (above, below):
        dress(axes, look)
        axes.set_xlim(0, max(last, 1))
    above.set_title("held-out rows right, word for word", loc="left", fontsize=10, color=look.ink)
    steps, shares = [each.step for each in curve.right], [each.share for each in curve.right]
    above.plot(steps, shares, "o-", color=look.second, linewidth=2, markersize=5)
    above.set_ylim(-0.02, 1.02)
    above.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    if prompt_right is not None:
        above.axhline(prompt_right, color=look.first, linewidth=1.6, linestyle=(0, (4, 2)))
        place: dict[str, Any] = {"x": 0.992, "ha": "right", "va": "bottom", "transform": above.get_yaxis_transform(), "fontsize": 9}
        above.text(y=prompt_right + 0.015, s=f"your prompt, {prompt_right:.0%}", color=look.first, fontweight="bold", **place)
    below.set_title("loss, nats a token", loc="left", fontsize=10, color=look.ink)
    below.plot([step for step, _ in curve.losses], [loss for _, loss in curve.losses], color=look.second, linewidth=1.6)
    below.set_ylim(bottom=0)
    below.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=7))
    below.set_xlabel("steps")
    return fig
