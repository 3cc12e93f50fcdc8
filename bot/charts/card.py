"""The decision card as a table picture: eight aspects, both sides' figures, and whom they favour."""

import textwrap
from typing import Any

from matplotlib.figure import Figure

from bot.charts.look import LTR, Look, drawable, empty
from bot.charts.words import NO_CARD
from bot.evidence.card import Aspect
from bot.evidence.figure import Figure as Fact
from bot.verdict import Verdict
from bot.verdict.figures import favours_words, value_words
from bot.words import ARMS

WIDTH, LINE, PAD = 10.4, 0.2, 0.13  # inches
COLUMNS = (0.2, 1.75, 4.75, 7.95)  # left edges in inches: aspect, prompt, fine-tune, favours
CELL, REASON = 42, 30  # characters of a line


def paint(verdict: Verdict, look: Look) -> Figure:
    """Draw the decision card; the figure is as high as its lines."""
    if not verdict.aspects:
        return empty(look, NO_CARD, 7.6, 1.6)
    cells = [_cells(aspect) for aspect in verdict.aspects]
    heights = [max(len(first), len(second), 1 + len(reason)) * LINE + 2 * PAD for first, second, reason in cells]
    title = [LTR + line for line in textwrap.wrap(drawable(verdict.words), 100)]
    head = 0.3 + len(title) * 0.24 + 0.5
    total = head + sum(heights) + 0.1
    fig = Figure(figsize=(WIDTH, total), facecolor=look.ground)

    def put(x: float, y: float, words: str, **style: Any) -> None:
        fig.text(x / WIDTH, 1 - y / total, words, va="top", **{"color": look.ink, "fontsize": 9, **style})

    for at, line in enumerate(title):
        put(COLUMNS[0], 0.2 + at * 0.24, line, fontsize=11, fontweight="bold")
    for x, words, color in zip(
        COLUMNS, ("", *(ARMS[who.arm].label for who in verdict.who), "Favours"), (look.ink, look.first, look.second, look.ink), strict=True
    ):
        put(x, head - 0.32, words, color=color, fontweight="bold", fontsize=10)
    y = head
    for aspect, (first, second, reason), height in zip(verdict.aspects, cells, heights, strict=True):
        _rule(fig, look, 1 - y / total)
        put(COLUMNS[0], y + PAD, aspect.name, fontweight="bold")
        for x, lines in ((COLUMNS[1], first), (COLUMNS[2], second)):
            for at, line in enumerate(lines):
                put(x, y + PAD + at * LINE, line)
        color = {"prompted": look.first, "tuned": look.second}.get(aspect.favours, look.soft)
        put(COLUMNS[3], y + PAD, favours_words(aspect.favours, verdict.who), color=color, fontweight="bold")
        for at, line in enumerate(reason, 1):
            put(COLUMNS[3], y + PAD + at * LINE, line, color=look.soft, fontsize=8)
        y += height
    return fig


def _rule(fig: Figure, look: Look, y: float) -> None:
    from matplotlib.lines import Line2D

    fig.add_artist(Line2D([COLUMNS[0] / WIDTH, 1 - COLUMNS[0] / WIDTH], [y, y], color=look.line, linewidth=0.8))


def _cells(aspect: Aspect) -> tuple[list[str], list[str], list[str]]:
    """Both sides' figures and the reason, as lines that fit their columns."""
    first, second = ([part for fact in aspect.side(at) for part in _wrapped(fact)] for at in (0, 1))
    return first, second, [LTR + part for part in textwrap.wrap(drawable(aspect.reason), REASON + 6)]


def _wrapped(fact: Fact) -> list[str]:
    words = f"{drawable(fact.label)}{LTR}: {drawable(value_words(fact))}"
    return [LTR + part for part in textwrap.wrap(words, CELL, subsequent_indent="   ")]
