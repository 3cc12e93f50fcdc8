"""What both sides have cost after so many requests, and where the lines cross, if they do."""

import textwrap
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator

from bot.charts.look import Look, drawable, dress, empty, figure
from bot.verdict import Verdict
from bot.verdict.figures import break_even_words
from bot.verdict.words import names
from bot.words import PER_1000, dollars

SIZE = (5.6, 3.5)
MOST = 10**9  # requests that a picture reaches


def paint(verdict: Verdict, look: Look) -> Figure:
    """Draw cumulative dollars: up front plus the mean per answer, with the 95 % band of the saving."""
    even = verdict.even
    prices = [sample.usd[0] for sample in verdict.samples if sample.usd[0] is not None and sample.usd[1] is not None]
    if even is None or not prices:
        return empty(look, "\n".join(textwrap.wrap(break_even_words(even, verdict.no_break_even), 48)), *SIZE)
    fig = figure(look, *SIZE)
    axes = fig.add_subplot()
    dress(axes, look)
    first, second = names(verdict.who)
    each = float(np.mean(prices))
    up_front = (max(0.0, -even.extra_usd), max(0.0, even.extra_usd))
    reach = _reach(verdict, each)
    requests = np.linspace(0, reach, 200)
    tuned = each - even.saving_usd
    axes.fill_between(
        requests,
        up_front[1] + (each - even.saving.high) * requests,
        up_front[1] + (each - even.saving.low) * requests,
        color=look.second,
        alpha=0.2,
        linewidth=0,
    )
    axes.plot(requests, up_front[0] + each * requests, color=look.first, linewidth=2.2)
    axes.plot(requests, up_front[1] + tuned * requests, color=look.second, linewidth=2.2)
    axes.set(xlim=(0, reach), ylim=(0, None))
    _band(axes, look, verdict)
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: dollars(value)))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: _short(value)))
    axes.xaxis.set_major_locator(MaxNLocator(nbins=6))
    axes.set_xlabel("requests")
    for name, color, at, up in ((first, look.first, each, up_front[0]), (second, look.second, tuned, up_front[1])):
        label = f"{drawable(name)}: {dollars(up)} + {dollars(at * 1000)} {PER_1000}"
        axes.plot([], [], color=color, linewidth=2.2, label=label)
    legend = axes.legend(loc="upper left", frameon=True, facecolor=look.ground, edgecolor="none", framealpha=0.85, fontsize=9)
    for text in legend.get_texts():
        text.set_color(look.ink)
    return fig


def _reach(verdict: Verdict, each: float) -> float:
    """How far the picture goes: past the break-even, or, where there is none, until running cost dwarfs what was paid up front."""
    even = verdict.even
    assert even is not None
    if even.answers:
        late = even.answers_high if even.answers_high is not None and even.answers_high < 4 * even.answers else even.answers * 1.6
        return float(min(MOST, max(1.25 * late, 1.6 * even.answers, 100)))
    return float(min(MOST, max(1000.0, 3 * abs(even.extra_usd) / each if each > 0 else 1000.0)))


def _band(axes: Axes, look: Look, verdict: Verdict) -> None:
    even = verdict.even
    assert even is not None
    place: dict[str, Any] = {"transform": axes.get_xaxis_transform(), "color": look.ink, "fontsize": 9}
    if even.answers is None:
        axes.text(0.985, 0.06, "never pays back", transform=axes.transAxes, ha="right", color=look.ink, fontsize=11, fontweight="bold")
    elif even.answers:
        low = even.answers_low or 0
        high = even.answers_high if even.answers_high is not None else axes.get_xlim()[1]
        axes.axvspan(low, min(high, axes.get_xlim()[1]), color=look.soft, alpha=0.16, linewidth=0)
        axes.axvline(even.answers, color=look.soft, linewidth=1.2, linestyle=(0, (4, 2)))
        axes.text(even.answers, 0.03, f" break-even {_short(even.answers)}", va="bottom", **place)


def _short(value: float) -> str:
    """1,500; 12k; 3.4M."""
    for size, unit in ((1e9, "G"), (1e6, "M"), (1e4, "k")):
        if value >= size:
            return f"{value / (1000 if unit == 'k' else size):.3g}{unit}"
    return f"{value:,.0f}"
