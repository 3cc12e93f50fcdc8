"""A check for people, in lines of at most 100 characters, and as JSON."""

from collections.abc import Sequence
from typing import Any

from rich.table import Table
from rich.text import Text

from adapters.data.check import RowsCheck
from adapters.data.findings import SAID, Fault, Finding
from adapters.data.rows import Classes, answered
from adapters.data.split import FOLDS, LEAST_TEST, SMALL, Split
from engine.printable import one_line

MOST_PLACES = 4  # places of one kind that its line names
MOST_QUOTED = 3  # findings of one kind whose rows are quoted
QUOTE = 62  # characters of a quoted request
ANSWER = 22  # characters of a quoted answer
BAR = 24  # characters of the longest bar
MOST_BARS = 20  # classes shown


def heading(check: RowsCheck) -> list[str]:
    """Write what the file holds."""
    rows, classes = check.rows.rows, check.classes
    if not classes.closed:
        told = "answers are texts of their own"
    else:
        told = f"answers from a closed set of {len(classes.counts):,}" + (f" (by {classes.field})" if classes.field else "")
    lines = [one_line(f"{check.rows.name}: {len(rows):,} rows, {told}")]
    if lengths := check.lengths:
        middle, high, most = lengths.usual
        lines.append(
            f"Tokens a row on {lengths.base}: {middle:,} in the middle, 95 % below {high:,}, most {most:,}; "
            f"it takes {lengths.context_tokens:,}"
        )
    return [*lines, *(one_line(note) for note in check.notes)]


def table_of(check: RowsCheck) -> Table:
    """Lay out a line for each kind of finding."""
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), show_edge=False)
    table.add_column("")
    table.add_column("found", no_wrap=True)
    table.add_column("rows", justify="right", no_wrap=True)
    table.add_column("lines", ratio=2)
    table.add_column("the fix", ratio=2)
    for kind in Fault:
        if found := check.of(kind):
            rows = len({row for finding in found for row in finding.rows})
            mark = "!" if any(finding.wrong for finding in found) else ""
            table.add_row(mark, kind.value, f"{rows:,}", Text(places(check, found)), SAID[kind][1])
    return table


def places(check: RowsCheck, found: Sequence[Finding]) -> str:
    """Name the lines of findings of one kind, some of them."""
    shown = []
    for finding in found[:MOST_PLACES]:
        lines = [f"{line:,}" for line in check.lines(finding)]
        named = " and ".join(lines) if len(lines) < 3 else f"{', '.join(lines[:3])}{' …' if len(lines) > 3 else ''}"
        shown.append(one_line(f"{named} ({finding.where})" if finding.where else named))
    more = len(found) - len(shown)
    return "; ".join(shown) + (f"; {more:,} more" if more else "")


def quotes(check: RowsCheck) -> list[str]:
    """Quote rows of the findings that make a decision wrong, some of each kind."""
    lines: list[str] = []
    for kind in Fault:
        found = [finding for finding in check.of(kind) if finding.wrong]
        if found:
            lines += ["", f"{kind.value}: {SAID[kind][0]}"]
            for finding in found[:MOST_QUOTED]:
                lines += [_quoted(check, row) for row in finding.rows[:MOST_PLACES]]
                lines += [one_line(f"             {finding.where}")] if finding.where else []
                lines.append("")
            lines.pop()
    return lines


def _quoted(check: RowsCheck, number: int) -> str:
    row = check.rows.rows[number]
    told = check.classes.of[number] or answered(row)
    return f"  line {row.line:>6,}  {_short(row.text, QUOTE):{QUOTE}}  {_short(told, ANSWER)}"


def _short(text: str, most: int) -> str:
    told = one_line(" ".join(text.split()))
    return told if len(told) <= most else f"{told[: most - 1].rstrip()}…"


def balance(classes: Classes) -> list[str]:
    """Draw how many rows each class has, and say where one has few."""
    if not classes.closed:
        return []
    ordered = classes.counts.most_common()
    most, least = ordered[0][1], ordered[-1][1]
    shown = ordered if len(ordered) <= MOST_BARS else [*ordered[: MOST_BARS // 2], *ordered[-MOST_BARS // 2 :]]
    width = min(44, max(len(_short(name, 44)) for name, _ in shown))
    lines = ["", f"Classes: {len(ordered):,}, from {least:,} to {most:,} rows"]
    for name, count in shown:
        lines.append(f"  {_short(name, width):{width}}  {count:>6,}  {'█' * max(1, round(BAR * count / most))}")
    if len(shown) < len(ordered):
        lines.append(f"  (the {MOST_BARS // 2} largest and the {MOST_BARS // 2} smallest are shown)")
    if most >= 10 * least:
        lines.append("  The largest class has ten times the rows of the smallest: an adapter will favour it. Label more of the small ones.")
    return lines


def split_words(split: Split | None) -> list[str]:
    """Say how the rows would be split, and what was decided by whom."""
    if split is None:
        return ["", "Split: none, for the file gives nearly the same request two roles; see two-roles."]
    rows = len(split.roles)
    given = f" {split.given:,} of them have their role from the file." if split.given else ""
    if split.folded:
        why = f"fewer than {SMALL:,} rows are too few to take a test away, so there will be no test figure"
        return ["", f"Split: {rows:,} rows in {FOLDS} folds; {why}.{given}"]
    counts = split.counts
    named = ", ".join(f"{counts[role]:,} {role}" for role in ("train", "example", "dev", "test") if counts[role])
    few = f" A test of fewer than {LEAST_TEST:,} rows cannot tell a difference of 20 points." if counts["test"] < LEAST_TEST else ""
    return ["", f"Split: {named}; near-duplicates stay together.{given}{few}"]


def summary(check: RowsCheck) -> list[str]:
    """Say what it comes to."""
    if not check.findings:
        return ["", "Nothing was found."]
    if check.wrong:
        return ["", "A decision on these rows would be wrong: see the lines with !. Mend them, or accept their fixes with --accept."]
    return ["", "Nothing here makes a decision wrong. Fixes are applied only with --accept KIND … and --write FILE."]


def as_json(check: RowsCheck) -> dict[str, Any]:
    """Write a check for programs."""
    split = check.split
    return {
        "file": check.rows.name,
        "rows": len(check.rows.rows),
        "wrong": check.wrong,
        "findings": [
            {
                "kind": finding.kind.value,
                "lines": list(check.lines(finding)),
                "fix_takes_lines": [check.rows.rows[row].line for row in finding.takes],
                "where": finding.where,
                "wrong": finding.wrong,
            }
            for kind in Fault
            for finding in check.of(kind)
        ],
        "classes": {"field": check.classes.field, "rows": dict(check.classes.counts.most_common())} if check.classes.closed else None,
        "tokens": dict(zip(("median", "p95", "most"), check.lengths.usual, strict=True))
        | {"base": check.lengths.base, "context": check.lengths.context_tokens}
        if check.lengths
        else None,
        "split": {"roles": dict(split.counts), "folds": FOLDS if split.folded else 0, "from_file": split.given} if split else None,
        "notes": list(check.notes),
    }
