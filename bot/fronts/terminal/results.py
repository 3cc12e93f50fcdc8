"""The verdict as text: /verdict in some lines, /results with the card, the clocks and the checks. Values in, renderables out."""

from collections.abc import Iterable, Sequence

from rich.console import Group, RenderableType
from rich.rule import Rule
from rich.table import Table
from rich.text import Text

from bot.charts import BoardLine
from bot.charts.words import standing_words
from bot.evidence.bets import LEAST_UNITS
from bot.evidence.capital import Interval
from bot.evidence.card import Aspect
from bot.verdict import Unknown, Verdict, Who
from bot.verdict.figures import (
    absent_words,
    between,
    break_even_words,
    favours_words,
    latency_words,
    line_words,
    offline_words,
    reading_words,
    tag_words,
)
from bot.verdict.trail import Point
from bot.verdict.words import names, robust_words
from bot.words import ARMS, counted, percent
from engine.printable import one_line, printable

BAR = 40  # cells of a picture made of letters
LOOKS = 8  # of the trail that are shown


def verdict(found: Verdict | Unknown) -> RenderableType:
    """Answer /verdict."""
    if isinstance(found, Unknown):
        return Text(printable(found.words))
    lines: list[RenderableType] = [Text(printable(found.words), "bold")]
    if found.duels:
        counts = f"{counted(found.ballots, 'ballot')} of {counted(found.voters, 'voter')}"
        voted = "" if found.voted_share is None else f", {percent(found.voted_share)} of duels voted on"
        lines.append(Text(f"{counts}{voted}. {robust_words(found.decision, found.robust, found.voters)}"))
    lines += [Text(f"· {printable(line)}", "dim") for line in found.change]
    return Group(*lines, Text("/results shows the card, the clocks and the checks.", "dim"))


def results(found: Verdict | Unknown, board: Sequence[BoardLine] = ()) -> RenderableType:
    """Answer /results."""
    if isinstance(found, Unknown):
        return Text(printable(found.words))
    both = names(found.who)
    parts: list[RenderableType] = [Text(printable(found.words), "bold")]
    if found.trail:
        parts += [_head("The share and its sequence"), trail(found.trail, both)]
    if found.aspects:
        parts += [_head("The decision card"), card(found.aspects, found.who)]
    parts += [_head("Cost"), Text(printable(break_even_words(found.even, found.no_break_even)))]
    if found.latency:
        rows = [row for line in found.latency for row in latency_words(line)]
        parts += [_head("Time"), _table(("", *both), rows)]
    parts += [_head("Is the vote sound?"), _table(("", "", ""), map(reading_words, found.readings.values()))]
    if left_out := absent_words(found.absent):
        parts.append(Text(left_out, "dim"))
    if found.tags:
        parts += [_head("By tag"), _tags(found)]
    if found.offline:
        parts += [_head("Evaluation set"), _table(("", *both, "difference"), map(offline_words, found.offline))]
    if len(board) > 1:
        parts += [_head("Leader board"), _table(("", "", ""), map(_standing, board))]
    parts += [_head("What would change this"), *(Text(f"· {printable(line)}") for line in found.change)]
    return Group(*parts)


def trail(points: Sequence[Point], both: tuple[str, str]) -> RenderableType:
    """Draw some looks as bars from 0 to 100%: what is left open, with the share in it."""
    step = max(1, -(-len(points) // LOOKS))
    kept = [*points[:-1:step], points[-1]]
    grid = Table.grid(padding=(0, 2, 0, 0))
    for point in kept:
        within = f" {between(Interval(point.low, point.high))}" if known(point) else ""
        grid.add_row(Text(counted(point.n, "request")), Text(bar(point)), Text(f"{percent(point.theta)}{within}"))
    axis = f"0%{'50%'.center(BAR - 5)}100%"
    grid.add_row(Text(), Text(axis, "dim"), Text(printable(f"right: {both[1]}, left: {both[0]}"), "dim"))
    return grid


def known(point: Point) -> bool:
    """Whether the look has an interval to show: of enough requests, and not contradicted by its own share."""
    return point.n >= LEAST_UNITS and point.low <= point.theta <= point.high


def bar(point: Point) -> str:
    """Draw one look: ━━━●━━━ where the sequence lies, with a mark at one half."""
    cells = ["·"] * (BAR + 1)
    if known(point):
        low, high = (round(max(0.0, min(1.0, end)) * BAR) for end in (point.low, point.high))
        cells[low : high + 1] = "━" * (high - low + 1)
    cells[BAR // 2] = "│"
    cells[round(point.theta * BAR)] = "●"
    return "".join(cells)


def card(aspects: Iterable[Aspect], who: tuple[Who, Who]) -> RenderableType:
    """Draw the eight aspects below each other, so that they fit any width."""
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), expand=True)
    table.add_column("", width=11, no_wrap=True)
    for title, ratio in ((ARMS[who[0].arm].label, 5), (ARMS[who[1].arm].label, 5), ("Favours", 4)):
        table.add_column(title, ratio=ratio, overflow="fold", header_style="bold")
    for aspect in aspects:
        cells = [Text("\n".join(printable(line_words(figure)) for figure in aspect.side(at)), overflow="fold") for at in (0, 1)]
        reason = printable(aspect.reason)
        table.add_row(Text(aspect.name, "bold"), *cells, Text.assemble((favours_words(aspect.favours, who), "bold"), f"\n{reason}\n"))
    return table


def _tags(found: Verdict) -> RenderableType:
    heads = ("", f"{names(found.who)[1]}'s share, pooled", "found")
    return _table(heads, (tag_words(tag, found.who) for tag in found.tags))


def _standing(line: BoardLine) -> tuple[str, str, str]:
    return line.name, standing_words(line), counted(line.duels, "duel")


def _head(words: str) -> RenderableType:
    return Group(Text(), Rule(Text(words, "bold"), align="left", style="dim"))


def _table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 3, 0, 0), show_header=any(heads))
    for head in heads:
        table.add_column(Text(one_line(head)), overflow="fold", header_style="bold")
    for row in rows:
        table.add_row(*(Text(one_line(cell, 200)) for cell in row))
    return table
