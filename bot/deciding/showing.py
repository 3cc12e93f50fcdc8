"""A decision for people in a terminal: its progress as a list of steps, and what was found."""

import contextlib
import sys
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from bot.deciding.advice import Advice
from bot.deciding.findings import DecisionFindings
from bot.deciding.order import DecisionStatus
from bot.words import ARMS, dollars, percent, seconds
from engine.printable import one_line, printable

if TYPE_CHECKING:
    from rich.console import RenderableType

MARKS = {"waiting": "·", "running": "▸", "done": "✓", "skipped": "–", "failed": "✗"}
TITLES = {
    "check": "check and split the rows",
    "foretell": "will a fine-tune pay?",
    "prompt": "the prompt at its best",
    "fine-tune": "the fine-tune at its best",
    "measure": "measure all arms on unseen rows",
    "change": "a small change on both sides",
}


@contextlib.contextmanager
def shown_steps(wanted: bool) -> Iterator[Callable[[DecisionStatus], None]]:
    """Show the steps while this lasts: a live list on a terminal, else a line for each step that ends. Yields what takes a status."""
    if not wanted:
        yield lambda _: None
        return
    if not sys.stderr.isatty():
        yield _Lines().tell
        return
    from rich.console import Console
    from rich.live import Live

    with Live(console=Console(stderr=True, highlight=False), refresh_per_second=4, transient=False) as live:
        yield lambda status: live.update(steps_table(status))


def steps_table(status: DecisionStatus) -> "RenderableType":
    """Lay out the steps, a line each."""
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, show_header=False, padding=(0, 2, 0, 0))
    for at, width in enumerate((1, 32, 8, None)):
        table.add_column(width=width, no_wrap=at < 3, justify="right" if at == 2 else "left", ratio=1 if width is None else None)
    for step in status.steps:
        took = seconds(step.spent_s) if step.spent_s else ""
        part = f" {step.part:.0%}" if step.part is not None and step.state == "running" else ""
        style = {"waiting": "dim", "running": "bold", "failed": "red"}.get(step.state, "")
        table.add_row(MARKS[step.state], Text(TITLES[step.name] + part, style=style), took, Text(printable(step.words)))
    return table


class _Lines:
    """A line for each step that ends, for a log."""

    def __init__(self) -> None:
        self._told: set[tuple[str, str]] = set()

    def tell(self, status: DecisionStatus) -> None:
        """Tell of the steps that have ended since the last time."""
        for step in status.steps:
            if step.state in ("done", "skipped", "failed") and (step.name, step.words) not in self._told:
                self._told.add((step.name, step.words))
                words = f"{MARKS[step.state]} {TITLES[step.name]}, {seconds(step.spent_s)}" + (f": {step.words}" if step.words else "")
                sys.stderr.write(one_line(words) + "\n")
                sys.stderr.flush()


def decision_shown(found: DecisionFindings, advice: Advice) -> list["RenderableType"]:
    """Lay out what was found: headline, paragraph, a line for each arm, what would change it."""
    from rich.table import Table
    from rich.text import Text

    parts: list[RenderableType] = ["", Text(printable(advice.headline), style="bold"), "", printable(advice.why), ""]
    if found.arms:
        table = Table(box=None, pad_edge=False, padding=(0, 3, 0, 0))
        for head in ("", "right", "95 %", "whole answer", "per 1,000"):
            table.add_column(head, justify="right" if head else "left", no_wrap=True)
        for each in sorted(found.arms, key=lambda arm: -arm.right.mean):
            within = each.right.interval
            table.add_row(
                ARMS[each.arm].label,
                percent(each.right.mean),
                f"{within.low:.0%} to {within.high:.0%}" if within else "",
                seconds(took) if (took := each.alone_total_s or each.total_s) else "",
                dollars(each.usd_per_1000) if each.usd_per_1000 is not None else "",
            )
        parts += [table, ""]
    for title, lines in (("What would change this:", advice.change_it), ("What could not be done:", found.notes)):
        if lines:
            parts += [title, *(f"  - {printable(line)}" for line in lines)]
    return parts
