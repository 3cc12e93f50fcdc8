"""A run for people and for programs: progress in a terminal, sentences at its end, or one JSON object."""

import contextlib
import json
import math
import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict
from typing import Any

from adapters.train.runs import PHASES, Status
from adapters.train.training import Trained
from engine.card import HeldOut


@contextlib.contextmanager
def shown_progress(wanted: bool) -> Iterator[Callable[[Status], None]]:
    """Show a bar with the time left on stderr while this lasts, where that is a terminal; else nothing. Yields what takes a status."""
    if not wanted or not sys.stderr.isatty():
        yield lambda _: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TextColumn("{task.fields[more]}"))
    with Progress(*columns, console=Console(stderr=True), transient=True) as bars:
        bar = bars.add_task("", total=None, more="")

        def tell(status: Status) -> None:
            loss = "" if status.loss is None else f"loss {status.loss:.3f}"
            left = "" if status.left_s is None else f", {duration(status.left_s)} left"
            what = PHASES.get(status.phase, status.phase)
            bars.update(bar, description=what, completed=status.step, total=status.steps or None, more=loss + left)

        yield tell


def duration(seconds: float) -> str:
    """Word a time as people say it."""
    if seconds < 99:
        return f"{max(1, round(seconds))} s"
    return f"{seconds / 60:.0f} min" if seconds < 99 * 60 else f"{seconds / 3600:.1f} h"


def sentences(made: Trained) -> Iterator[str]:
    """Word what a training has made, a line each."""
    card = made.card
    yield f"{card.name} {card.version} learned {card.training['examples']:,} rows; its training ended at a loss of {made.loss:.3f}."
    if told := card.training.get("preferred"):
        yield f"Of the held-out preferences {told['right']:.0%} are told apart, by {told['margin']:.2f} on average."
    if made.before and made.after:
        yield (
            f"On {made.after.rows:,} held-out rows it is right word for word on {made.after.exact:.1%} (before: {made.before.exact:.1%}); "
            f"loss {made.after.loss:.3f} (before: {made.before.loss:.3f})."
        )
    yield from _beside(card.held_out)
    if lost := card.forgetting:
        yield (
            f"Beside its task: of {lost.followed_before} of {lost.instructions} instructions that the base follows it still follows "
            f"{lost.kept}; loss on unrelated text {lost.text_loss_after:.3f} (base: {lost.text_loss_before:.3f})."
        )
    if math.isfinite(made.moved):
        yield f"It is alive: it moves next-token distributions by up to {made.moved:.2f} of 1."
    yield from card.limits
    if not made.finished:
        yield f"To train on: --from {made.folder}, or raise steps.epochs in the plan."
    yield f"To let it duel: python -m adapters use {made.folder} (or DUEL_ADAPTER={made.folder})"


def _beside(held_out: HeldOut | None) -> Iterator[str]:
    """Word the arms that were measured on the same rows as the adapter."""
    if held_out and held_out.prompted and held_out.combined:
        given = (("the prompt " + held_out.recipe, held_out.prompted), ("both together", held_out.combined))
        yield "On the same rows " + ", ".join(f"{what} is right on {score.exact:.1%}" for what, score in given) + "."


def as_json(made: Trained) -> str:
    """Write what a training has made as one JSON object."""
    table: dict[str, Any] = {
        "folder": str(made.folder),
        "name": made.card.name,
        "version": made.card.version,
        "finished": made.finished,
        "figures": made.card.figures,
        "training": made.card.training,
        "limits": made.card.limits,
        "held_out": made.card.held_out and asdict(made.card.held_out),
        "forgetting": made.card.forgetting and asdict(made.card.forgetting),
    }
    return json.dumps(table, ensure_ascii=False)
