"""The rows of an evaluation set, checked whole before anything is answered.

They are rows as every command reads them (engine/rows.py), and what is expected of an answer may also be:

{"id": "7", "request": "…", "pattern": "^\\\\d+$"}
{"request": "…", "schema": {"type": "object", "required": ["total"]}}
{"request": "…", "required": ["refund"], "forbidden": ["as an AI"]}

Where rows have roles, those of the role test are the set, beside any without a role: on the others the recipe or the adapter was made.
"""

import hashlib
import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace

from bot.tags import checked_tag
from engine.ask import checked
from engine.contestants import Contestant
from engine.errors import BadRequest
from engine.ledger import RoleLedger
from engine.metrics import Expected, expected_of
from engine.rows import Row
from engine.rows import read_rows as read_file

MOST_TOLD = 5  # rows that a sentence names
EXPECTED = ("pattern", "schema", "required", "forbidden")


@dataclass(frozen=True, slots=True)
class Case:
    """A request with what is expected of an answer."""

    asked: Row
    expected: Expected

    @property
    def id(self) -> str:
        """The id under which the store keeps the row."""
        return str(self.asked.id)


@dataclass(frozen=True, slots=True)
class EvaluationSet:
    """All rows, and the id that their content gives: the same rows, in whatever form of file, go on where they were left."""

    id: str
    name: str
    rows: tuple[Case, ...]
    unused: tuple[str, ...] = ()  # keys of the file that say nothing to an evaluation
    left_out: int = 0  # rows of other roles than test


def read_rows(lines: Iterable[bytes], name: str) -> EvaluationSet:
    """Read and check a whole file. Raises BadRequest with the number of the first line that is no row."""
    file = read_file(lines, name, more=EXPECTED)
    rows = []
    digest = hashlib.sha256()
    chosen = file.of_role("test")
    if not chosen:
        raise BadRequest(f"{name} holds no row of the role test; the others are for making the recipe and the adapter.")
    for each in chosen:
        try:
            checked(each)
            row = Case(each, expected_of(each.references, tuple(map(checked_tag, each.tags)), each.more))
        except BadRequest as error:
            raise BadRequest(f"Line {each.line:,} of {name}: {error.words}") from error
        rows.append(row)
        content = [row.id, each.text, [asdict(turn) for turn in each.history], each.references, row.expected.tags, each.more]
        digest.update(json.dumps(content, sort_keys=True).encode())
    unused = file.unused("text", "input", "id", "reference", "tags", "history", "role", *EXPECTED)
    return EvaluationSet(digest.hexdigest()[:16], name, tuple(rows), unused, len(file.rows) - len(chosen))


def without_seen(rows: EvaluationSet, entrants: Iterable[Contestant]) -> tuple[EvaluationSet, str]:
    """Leave out the rows whose request a contestant was made with. Returns the rest, a set of its own, and a sentence about the others.

    Raises BadRequest when no row is left.
    """
    ledger = RoleLedger.of(entrants)
    found = {row.id: (row.asked.line, use) for row in rows.rows if (use := ledger.clash(row.asked.text, "test"))}
    if not found:
        return rows, ""
    told = "; ".join(f"line {line:,} {use.words}" for line, use in list(found.values())[:MOST_TOLD])
    more = f"; and {len(found) - MOST_TOLD:,} more" if len(found) > MOST_TOLD else ""
    left = tuple(row for row in rows.rows if row.id not in found)
    if not left:
        raise BadRequest(f"No row of {rows.name} is left to measure on, for a side was made with each: {told}{more}.")
    digest = hashlib.sha256(json.dumps([rows.id, sorted(found)]).encode()).hexdigest()[:16]
    out = f"{len(found):,} of {len(rows.rows):,} rows are left out, for a side was made with them or with near-duplicates"
    return replace(rows, id=digest, rows=left), f"{out}: {told}{more}."
