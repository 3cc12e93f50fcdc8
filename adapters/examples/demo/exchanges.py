"""Evaluation rows: what a person asks, and what is true of it."""

from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Literal

from adapters.examples.demo.text.rules import HouseFacts
from engine.errors import DuelbotError
from engine.parsing import json_value, shown_all

HANDWRITTEN = Path(__file__).with_name("handwritten.jsonl")  # reported; no choice looks at them
DEVELOPMENT = Path(__file__).with_name("development.jsonl")  # hand-written, too; choices look at these
Kind = Literal["situation", "followup", "outside", "aspect", "greeting"]
KINDS: tuple[Kind, ...] = ("situation", "followup", "outside", "aspect", "greeting")


NOTHING_STATED = HouseFacts()


class BadRows(DuelbotError):
    """The error of a file of evaluation rows that cannot be used."""


@dataclass(frozen=True, slots=True)
class Exchange:
    """One question and what is true of it. A follow-up has the message before it in `first`; `facts` hold after the follow-up."""

    id: str
    kind: Kind
    text: str
    first: str = ""
    facts: HouseFacts = NOTHING_STATED
    rule: int = 0  # the house rule that matches, 0 where it is no situation
    technique: str = ""
    aspect: str = ""


def read_rows(path: Path) -> tuple[Exchange, ...]:
    """Read the rows of a JSON-lines file. Raises BadRows with the line that is wrong."""
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, ValueError) as error:
        raise BadRows(f"The rows {path} cannot be read: {getattr(error, 'strerror', None) or 'they are not UTF-8 text'}.") from error
    return tuple(read_row(f"{path.name}:{number}", line) for number, line in enumerate(lines, 1) if line.strip())


def read_row(place: str, line: str) -> Exchange:
    """Read one line; `place` names it in errors. Raises BadRows."""
    try:
        table: dict[str, Any] = json_value(line)
        facts = table.get("facts", {})
        for given, kind, what in ((table, Exchange, "key"), (facts, HouseFacts, "fact")):
            known = {field.name for field in fields(kind)}
            if unknown := sorted(given.keys() - known):
                raise BadRows(f"{place}: unknown {what} {shown_all(unknown)} (known: {', '.join(sorted(known))}).")
        if missing := [key for key in ("id", "kind", "text") if key not in table]:
            raise BadRows(f"{place}: {', '.join(missing)} is missing.")
        row = Exchange(**{**table, "facts": HouseFacts(**facts)})
    except (ValueError, TypeError, AttributeError) as error:
        raise BadRows(f"{place} is no row: {error}.") from error
    if row.kind not in KINDS:
        raise BadRows(f"{place}: kind must be one of {', '.join(KINDS)}.")
    return row
