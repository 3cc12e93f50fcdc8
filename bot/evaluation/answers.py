"""The answers of an evaluation beside what was expected: for people on 80 columns, and for programs."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from bot.evaluation.rows import Case, EvaluationSet
from bot.store.evaluations import Evaluated
from bot.words import percent
from engine.contestants import Arm, Contestant
from engine.metrics import Expected
from engine.printable import one_line, printable
from engine.report import NOTHING

REQUEST = 300  # characters of a request that stand above its answers


def answers_json(rows: EvaluationSet, entrants: Mapping[Arm, Contestant], answers: Sequence[Evaluated]) -> list[dict[str, Any]]:
    """Give every row as {id, request, reference, answers: {arm: {text, failure, scores}}}."""
    return [
        {
            "id": row.asked.id,
            "request": row.asked.text,
            "reference": list(row.expected.reference),
            "answers": {str(arm): {"text": one.text, "failure": one.failure, "scores": one.scores} for arm, one in said},
        }
        for row, said in _by_row(rows, entrants, answers)
    ]


def answers_shown(rows: EvaluationSet, entrants: Mapping[Arm, Contestant], answers: Sequence[Evaluated]) -> Iterator[RenderableType]:
    """Draw every row's request, what was expected, and each arm's answer with its scores."""
    for row, said in _by_row(rows, entrants, answers):
        grid = Table.grid(padding=(0, 2, 0, 0))
        grid.add_column(style="dim", no_wrap=True)
        grid.add_column(overflow="fold")
        for label, text in _expected(row.expected):
            grid.add_row(Text(label), Text(printable(text)))
        for arm, one in said:
            grid.add_row(
                Text(arm), Text(f"No answer: {printable(one.failure)}", "italic") if one.failure else Text(printable(one.text).strip())
            )
            grid.add_row("", Text(", ".join(f"{metric} {percent(value)}" for metric, value in one.scores.items()) or NOTHING, "dim"))
        yield Group(Text.assemble((one_line(row.id, 24), "bold"), "  ", one_line(row.asked.text, REQUEST)), grid, Text())


def _by_row(
    rows: EvaluationSet, entrants: Mapping[Arm, Contestant], answers: Sequence[Evaluated]
) -> Iterator[tuple[Case, list[tuple[Arm, Evaluated]]]]:
    found = {(one.row, one.contestant): one for one in answers}
    for row in rows.rows:
        yield row, [(arm, found[row.id, each.id]) for arm, each in entrants.items() if (row.id, each.id) in found]


def _expected(expected: Expected) -> Iterator[tuple[str, str]]:
    yield from (("reference", text) for text in expected.reference)
    if expected.pattern is not None:
        yield "pattern", expected.pattern.source
    if expected.schema is not None:
        yield "schema", str(expected.schema)
    yield from (("required", text) for text in expected.required)
    yield from (("forbidden", text) for text in expected.forbidden)
