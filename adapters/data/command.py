"""The verbs below `adapters data`: check rows, and split them."""

import argparse
import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console

from adapters.data.check import Lengths, RowsCheck, check_rows
from adapters.data.findings import Fault, fixed
from adapters.data.join import near_groups
from adapters.data.reading import measured, read_file, write_rows
from adapters.data.report import as_json, balance, heading, quotes, split_words, summary, table_of
from adapters.data.rows import answered, asked, classes_of
from adapters.data.split import Shares, split
from engine.commandline import DONE, FAILED, verb
from engine.errors import BadRequest
from engine.ledger import Use
from engine.printable import one_line, printable
from engine.recipes import Recipe, load_recipe
from engine.rows import Rows
from engine.settings import EngineSettings
from engine.shipped import DEMO, PAIRS

ALL = "all"  # what --accept takes for every kind
FORMS = ("pairs", "answers", "judged")
USED = ("text", "id", "reference", "tags", "history", "role", "input", "system")  # of a row, and kept when rows are written
WIDEST = 100  # characters of a line
ENDS = """\
exit status: 0 nothing makes a decision wrong, 1 a decision on these rows would be wrong (contradictions; rows that are also test rows,
examples or evidence; one request in two roles), 2 bad input. With --write the rows as they were written are judged.
"""


def add_verb(verbs: Any) -> None:
    """Add the verb data, with the verbs below it, to a command line."""
    data = verb(
        verbs,
        "data",
        "Rows before a training: checked, cleaned, split, made of duels.",
        "%(prog)s check rows.jsonl\n%(prog)s split rows.jsonl",
    )
    below = data.add_subparsers(dest="data_verb", required=True, metavar="check | split | from-duels")
    _add_check(below)
    _add_split(below)
    _add_from_duels(below)


def _add_check(verbs: Any) -> None:
    check = verb(
        verbs,
        "check",
        "What is wrong with these rows, in which lines, and what a fix would do. Nothing is changed without --accept and --write.",
        "%(prog)s rows.jsonl\n%(prog)s rows.csv --against tests.csv --recipe house\n"
        "%(prog)s rows.jsonl --accept duplicate near-duplicate e-mail --write clean.jsonl",
        ENDS,
    )
    _add_file(check)
    check.add_argument("--base", help="count tokens for this base (default: DUEL_BASE_MODEL, where it lies here)")
    check.add_argument("--recipe", action="append", default=[], help="a recipe whose examples may not be taught: a shipped name or a file")
    check.add_argument("--against", nargs="+", type=Path, default=[], metavar="FILE", help="rows that are measured on")
    check.add_argument("--store", type=Path, help="a store of duels: what was voted on there is evidence")
    check.add_argument("--accept", nargs="+", choices=[*Fault, ALL], default=[], metavar="KIND", help=f"fixes: {', '.join(Fault)}, {ALL}")
    check.add_argument("--write", type=Path, metavar="FILE", help="write the rows with the accepted fixes, as JSON lines")
    check.add_argument("--json", action="store_true", help="write one JSON object to stdout instead of lines for people")


def _add_split(verbs: Any) -> None:
    command = verb(
        verbs,
        "split",
        "Which rows are to train on, to choose on (dev) and to test on. Near-duplicates stay together, and what the file says stays.",
        "%(prog)s rows.jsonl\n%(prog)s rows.jsonl --write split.jsonl\n%(prog)s rows.jsonl --shares 70,10,20",
    )
    _add_file(command)
    command.add_argument("--shares", type=_shares, default=None, metavar="TRAIN,DEV,TEST", help="per cent (default 60,15,25)")
    command.add_argument("--write", type=Path, metavar="FILE", help="write the rows with their roles, as JSON lines")


def _add_from_duels(verbs: Any) -> None:
    command = verb(
        verbs,
        "from-duels",
        "Write rows out of closed duels of people who agreed to it: pairs for --method dpo, judged answers for kto, winners for sft.",
        "%(prog)s --store build/duelbot.db --write pairs.jsonl\n%(prog)s --store build/duelbot.db --form answers --write rows.jsonl",
    )
    command.add_argument("--store", type=Path, required=True, help="the store of duels; the Duelbot that uses it may run")
    command.add_argument("--form", choices=FORMS, default=FORMS[0], help=f"of the rows (default: {FORMS[0]})")
    command.add_argument("--write", type=Path, required=True, metavar="FILE", help="file for the rows, as JSON lines; it must not be there")


def write_from_duels(path: Path, rows: Sequence[Mapping[str, Any]], duels: int) -> int:
    """Write rows made of duels; duels: how many were free to learn from. Raises BadRequest where nothing can be written."""
    if not rows:
        raise BadRequest(
            f"{duels:,} closed duels are free to learn from, and none of them makes such a row. People agree with /consent, or in the "
            "drawer of the page; a duel counts once more than half of their ballots say the same."
        )
    try:
        with path.open("x", encoding="utf-8") as file:
            file.writelines(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
    except OSError as error:
        raise BadRequest(f"{path} cannot be written: {error.strerror}.") from error
    print(printable(f"Written to {path}: {len(rows):,} rows out of {duels:,} duels that are free to learn from."))
    return DONE


def _add_file(command: argparse.ArgumentParser) -> None:
    command.add_argument("file", type=Path, help="JSON lines, a JSON array or CSV; request and answer, messages, Alpaca or ShareGPT")


def _shares(text: str) -> Shares:
    parts = text.split(",")
    if len(parts) != 3 or not all(part.strip().isdecimal() for part in parts) or sum(map(int, parts)) != 100 or int(parts[0]) < 1:
        raise argparse.ArgumentTypeError(f"{text[:40]!r} is not three whole per cents that make 100, the first above 0")
    return Shares(*(int(part) / 100 for part in parts))


def run(chosen: argparse.Namespace, settings: EngineSettings, evidence: Iterable[str] = ()) -> int:
    """Do what a parsed command line says. evidence: requests of the closed duels of --store. Returns the exit status."""
    rows = read_file(chosen.file)
    if unused := rows.unused(*USED):
        print(one_line(f"Not used in {rows.name}: {', '.join(unused)}."), file=sys.stderr)
    if chosen.data_verb == "split":
        return _split(rows, chosen.shares, chosen.write)
    return _check(rows, chosen, settings, evidence)


def _check(rows: Rows, chosen: argparse.Namespace, settings: EngineSettings, evidence: Iterable[str]) -> int:
    if bool(chosen.accept) != bool(chosen.write):
        raise BadRequest("--accept names the fixes and --write the file for the rows with them: one does not go without the other.")
    recipes = [load_recipe(name) for name in chosen.recipe]
    others = [*_measured_on(chosen.against), *_examples(recipes), *((text, Use("evidence", str(chosen.store))) for text in evidence)]
    lengths, notes = _lengths(rows, chosen.base, settings)
    check = check_rows(rows, others, lengths, notes)
    if not chosen.write:
        _tell(check, {}, as_object=chosen.json)
        return FAILED if check.wrong else DONE
    accepted = frozenset(Fault) if ALL in chosen.accept else frozenset(map(Fault, chosen.accept))
    left, taken = fixed(rows.rows, check.findings, accepted)
    if not left:
        raise BadRequest("These fixes would leave no row; nothing was written.")
    write_rows(chosen.write, left)
    _tell(check, {str(chosen.write): {"rows": len(left), **{kind.value: count for kind, count in taken.items()}}}, as_object=chosen.json)
    return FAILED if check_rows(read_file(chosen.write), others).wrong else DONE


def _measured_on(files: Iterable[Path]) -> list[tuple[str, Use]]:
    return [
        (asked(row), Use(row.role or "test", f"line {row.line:,} of {file}"))
        for file in files
        for row in read_file(file).rows
    ]  # fmt: skip


def _examples(recipes: Iterable[Recipe]) -> list[tuple[str, Use]]:
    return [
        (example.user, Use("example", f"example {number} of the recipe {recipe.name}"))
        for recipe in recipes
        for number, example in enumerate(recipe.examples, 1)
    ]


def _lengths(rows: Rows, base: str | None, settings: EngineSettings) -> tuple[Lengths | None, tuple[str, ...]]:
    """Count tokens on the base that was asked for; on the usual one only where it lies here, as nothing is fetched unasked."""
    name = base or settings.base_model
    if not base and name != DEMO and not Path(name).is_dir():
        return None, (f"Tokens were not counted: --base {name} does that, and fetches it if it is not here.",)
    plain = settings.plain_recipe or (PAIRS[name].plain if name in PAIRS else "plain")
    return measured(rows.rows, name, load_recipe(plain)), ()


def _tell(check: RowsCheck, written: dict[str, dict[str, int]], *, as_object: bool) -> None:
    if as_object:
        print(json.dumps(as_json(check) | {"written": written}, ensure_ascii=False))
        return
    console = Console(highlight=False, markup=False, emoji=False)
    console.width = min(console.width, WIDEST)
    parts = [*heading(check), "", table_of(check)] if check.findings else heading(check)
    parts += [*quotes(check), *balance(check.classes), *split_words(check.split), *summary(check)]
    for file, counts in written.items():
        took = ", ".join(f"{kind} {count:,}" for kind, count in counts.items() if kind != "rows")
        parts += ["", f"Written to {file}: {counts['rows']:,} rows. Rows that each fix took: {took}."]
    for part in parts:
        console.print(printable(part) if isinstance(part, str) else part, soft_wrap=False)


def _split(rows: Rows, shares: Shares | None, write: Path | None) -> int:
    groups = near_groups([asked(row) for row in rows.rows])
    found = split(rows.rows, groups, classes_of([answered(row) for row in rows.rows]).of, shares)
    for line in split_words(found)[1:]:
        print(line)
    if write:
        write_rows(write, rows.rows, found.roles, found.folds)
        print(printable(f"Written to {write}."))
    return DONE
