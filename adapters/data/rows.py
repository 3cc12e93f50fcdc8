"""A row as training sees it: its request with what was said before it, its answer, and its class where answers are a closed set."""

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from engine.parsing import Malformed, json_value
from engine.request import folded
from engine.rows import Row

MOST_CLASSES = 200  # different answers of a closed set
ROWS_A_CLASS = 3  # on average at least; fewer, and the answers are texts of their own


def asked(row: Row) -> str:
    """Write what the model is asked in a row: the turns before the request, and the request."""
    return "\n".join([*(turn.text for turn in row.history), row.text])


def answered(row: Row) -> str:
    """Read the answer that is taught; "" where the row has none."""
    return row.references[0] if row.references else ""


def canonical(answer: str) -> str:
    """Write an answer so that the same content is the same text: JSON by its values, other text by its words."""
    try:
        value = json_value(answer) if answer.lstrip()[:1] in ("{", "[") else None
    except Malformed:
        value = None
    return folded(answer) if value is None else json.dumps(value, sort_keys=True, ensure_ascii=False)


@dataclass(frozen=True, slots=True)
class Classes:
    """Which class each row belongs to; all "" where answers are no closed set."""

    of: tuple[str, ...]
    field: str  # of JSON answers, whose values are the classes; "": the answers themselves
    counts: Counter[str]

    @property
    def closed(self) -> bool:
        """Whether the answers are from a closed set."""
        return bool(self.counts)


def classes_of(answers: Sequence[str]) -> Classes:
    """Find the closed set that answers come from: the field of JSON answers that tells the most of them apart, or their own texts."""
    texts = [canonical(answer) for answer in answers]
    closed = _closed(texts)
    if not closed and not any(answer.lstrip()[:1] == "{" for answer in answers):
        return Classes(("",) * len(texts), "", Counter())
    tables = [_table(answer) for answer in answers]
    fields = Counter(key for table in tables for key in table)
    found = []
    for key, count in fields.items():
        values = tuple(table.get(key, "") for table in tables)
        if count >= 0.9 * len(answers) and _closed(values):
            found.append((len(set(values)), key, values))
    kinds, key, values = max(found, default=(0, "", ()))
    if closed and kinds < len(set(texts)):
        return Classes(tuple(texts), "", Counter(text for text in texts if text))
    return Classes(values or ("",) * len(texts), key, Counter(value for value in values if value))


def _closed(texts: Sequence[str]) -> bool:
    given = [text for text in texts if text]
    kinds = len(set(given))
    return 2 <= kinds <= MOST_CLASSES and len(given) >= ROWS_A_CLASS * kinds


def _table(answer: str) -> dict[str, str]:
    """The fields of a JSON object that are words, numbers or truth values."""
    try:
        value = json_value(answer) if answer.lstrip()[:1] == "{" else None
    except Malformed:
        value = None
    entries = value.items() if isinstance(value, dict) else ()
    return {key: str(content) for key, content in entries if isinstance(content, str | int | float | bool) and content != ""}
