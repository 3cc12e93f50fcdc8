"""A decision's figures as pictures for the report, as SVG that stands in a page."""

import io
import re
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING

from bot.deciding.findings import DecisionFindings
from bot.words import ARMS
from engine.contestants import Arm

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_ONE_AT_A_TIME = threading.Lock()  # matplotlib's settings and font cache belong to the process
WIDE, ROW = 7.2, 0.62  # inches: the width of a picture, and the height of an arm's row


def right_picture(found: DecisionFindings) -> str:
    """Draw each arm's share of right answers with its interval. Returns an SVG element, "" where nothing was measured."""
    return _drawn(lambda: _right(found)) if found.arms else ""


def learning_picture(found: DecisionFindings) -> str:
    """Draw what the fine-tune would reach by number of rows, what it did reach, and the prompt's line. "" where nothing was foretold."""
    return _drawn(lambda: _learning(found)) if found.foretold else ""


def _drawn(paint: Callable[[], "Figure"]) -> str:
    import matplotlib
    from matplotlib.backends.backend_svg import FigureCanvasSVG

    from bot.charts.look import SETTINGS, fonts

    with _ONE_AT_A_TIME, matplotlib.rc_context(SETTINGS | {"font.sans-serif": fonts()}):
        file = io.BytesIO()
        FigureCanvasSVG(paint()).print_figure(file, format="svg", metadata={"Date": None})
    svg = file.getvalue().decode()
    return re.sub(r"<metadata>.*?</metadata>", "", svg[svg.index("<svg") :], flags=re.DOTALL)


def _right(found: DecisionFindings) -> "Figure":
    from matplotlib.ticker import PercentFormatter

    from bot.charts.look import LOOKS, dress, figure

    look = LOOKS["light"]
    arms = sorted(found.arms, key=lambda each: each.right.mean)
    fig = figure(look, WIDE, 0.8 + ROW * len(arms))
    axes = fig.add_subplot()
    dress(axes, look, grid="x")
    colors = {Arm.PROMPTED: look.first, Arm.TUNED: look.second, Arm.COMBINED: "#7d4f8f", Arm.PLAIN: look.soft}
    for place, each in enumerate(arms):
        axes.barh(place, each.right.mean, height=0.56, color=colors[each.arm], alpha=0.9)
        end = each.right.mean
        if within := each.right.interval:
            axes.plot([within.low, within.high], [place, place], color=look.ink, linewidth=1.4, solid_capstyle="butt")
            end = max(end, within.high)
        axes.text(end + 0.015, place, f"{each.right.mean:.0%}", va="center", color=look.ink, fontsize=10)
    axes.set_yticks(range(len(arms)), [ARMS[each.arm].label for each in arms], color=look.ink, fontsize=10)
    axes.set(xlim=(0, 1.08))
    axes.set_xticks([0, 0.25, 0.5, 0.75, 1])
    axes.xaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    return fig


def _learning(found: DecisionFindings) -> "Figure":
    from matplotlib.ticker import NullLocator, PercentFormatter, ScalarFormatter

    from bot.charts.look import LOOKS, dress, figure

    look = LOOKS["light"]
    fig = figure(look, WIDE, 3.2)
    axes = fig.add_subplot()
    dress(axes, look)
    rows = [point.rows for point in found.foretold]
    axes.fill_between(
        rows,
        [point.least for point in found.foretold],
        [point.most for point in found.foretold],
        color=look.second,
        alpha=0.16,
        linewidth=0,
    )
    axes.plot(rows, [point.right for point in found.foretold], color=look.second, linewidth=1.8, marker="o", markersize=4)
    axes.text(rows[0], found.foretold[0].most + 0.02, "fine-tune, foretold", color=look.second, fontsize=9, va="bottom")
    learned = max(rows[-1], found.rows.get("train", 0))
    if tuned := found.of(Arm.TUNED):
        axes.plot(learned, tuned.right.mean, "D", color=look.second, markersize=8, markeredgecolor=look.ink)
        axes.annotate(
            f"measured {tuned.right.mean:.0%}", (learned, tuned.right.mean), (-12, 9), textcoords="offset points", ha="right", fontsize=9
        )
    if prompted := found.of(Arm.PROMPTED):
        axes.axhline(prompted.right.mean, color=look.first, linewidth=1.6, linestyle=(0, (5, 3)))
        low = prompted.right.mean < 0.15 or (tuned is not None and abs(tuned.right.mean - prompted.right.mean) > 0.15)
        offset, side = ((0, 5), "bottom") if low else ((0, -5), "top")  # clear of the fine-tune's own figure
        words, end = f"the prompt, measured {prompted.right.mean:.0%}", (learned, prompted.right.mean)
        axes.annotate(words, end, offset, textcoords="offset points", ha="right", va=side, color=look.first, fontsize=9)
    axes.set_xscale("log", base=2)
    axes.set_xticks(rows)
    axes.xaxis.set_major_formatter(ScalarFormatter())
    axes.xaxis.set_minor_locator(NullLocator())
    axes.set(ylim=(0, 1.05))
    axes.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    axes.set_xlabel("rows to learn from")
    return fig
