"""python -m engine lint: the verb, and its findings with their lines."""

import argparse
from pathlib import Path
from typing import Any, TextIO

from engine.commandline import DONE, FAILED, verb
from engine.errors import BadRecipe, BadRequest
from engine.optimise.lint import LintFinding, line_numbers, lint
from engine.printable import one_line
from engine.recipes import SHIPPED, load_recipe
from engine.report import json_line
from engine.rows import Row, read_rows
from engine.scoring import NAMES, Metric, guess_metric, metric_named

ABOUT = (
    "What is known to hurt in a prompt: examples that break its format, rules that contradict each other, examples that are test rows, "
    "sampling that lets small models run in circles, answers that the metric cannot read. No model is needed."
)
EXAMPLES = """
%(prog)s support.toml
%(prog)s desk --rows examples/tickets.csv --metric line:Team
%(prog)s support.toml --rows rows.jsonl --json
"""
ENDS = f"""\
metrics: {NAMES}; without --metric the answers of --rows tell, and without both no metric is looked at.
exit status: 0 nothing found, 1 something is likely to hurt, 2 bad input.
"""


def add_verb(verbs: Any) -> argparse.ArgumentParser:
    """Add the verb lint to a command line. Returns its parser."""
    command = verb(verbs, "lint", ABOUT, EXAMPLES, ENDS)
    command.add_argument("recipe", help="a shipped name or a .toml file")
    command.add_argument("--rows", metavar="FILE", help="rows that the recipe is measured on, with their roles")
    command.add_argument("--metric", default="", metavar="NAME", help="how answers are scored, see below")
    command.add_argument("--json", action="store_true", help="write one JSON object a finding to stdout instead of lines for people")
    return command


def run(options: argparse.Namespace, out: TextIO) -> int:
    """Write the findings. Returns the exit status. Raises BadRecipe, BadRequest."""
    recipe = load_recipe(options.recipe)
    file = Path(options.recipe) if options.recipe.endswith(".toml") else SHIPPED / f"{options.recipe}.toml"
    rows = _rows(Path(options.rows)) if options.rows else ()
    try:
        lines = line_numbers(file.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise BadRecipe(f"Recipe {file} cannot be read: {error.strerror}.") from error
    found = lint(recipe, rows=rows, metric=_metric(options.metric, rows))
    for finding in found:
        out.write(_json(finding, lines) if options.json else one_line(_said(finding, file, lines)) + "\n")
    if not found and not options.json:
        out.write(f"{recipe.named}: nothing is known to hurt in it.\n")
    return FAILED if found else DONE


def _said(finding: LintFinding, file: Path, lines: dict[str, int]) -> str:
    line = f":{lines[finding.place]}" if finding.place in lines else ""
    return f"{file.name}{line}: {finding.place}: {finding.words} ({finding.kind})"


def _json(finding: LintFinding, lines: dict[str, int]) -> str:
    value = {"kind": finding.kind, "place": finding.place, "line": lines.get(finding.place), "words": finding.words}
    return json_line(value) + "\n"


def _rows(path: Path) -> tuple[Row, ...]:
    try:
        with path.open("rb") as lines:
            return read_rows(lines, str(path)).rows
    except (OSError, ValueError) as error:
        raise BadRequest(f"{path} cannot be read: {getattr(error, 'strerror', None) or error}.") from error


def _metric(name: str, rows: tuple[Row, ...]) -> Metric | None:
    if name:
        return metric_named(name)
    answers = [row.references[0] for row in rows if row.references]
    return guess_metric(answers) if answers else None
