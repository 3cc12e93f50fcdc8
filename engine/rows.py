"""The one reader of rows: requests in a file, with what was said before them and what is expected of an answer.

A row is an object with a request, and may hold more:

    {"request": "…"}                        or text, or prompt
    {"messages": [{"role": "user", "content": "…"}, …]}     the last user turn is the request; an answer after it, the reference
    {"conversations": [{"from": "human", "value": "…"}, …]} the same in the form of ShareGPT
    {"instruction": "…", "input": "…", "output": "…"}       the form of Alpaca: the request is the instruction and, below it, the input
    "reference": "…"                        or answer, or completion; a list: any of these is right
    "id": "7", "tags": ["billing"]          a row without an id gets its number
    "history": [{"role": "user", "text": "…"}, {"role": "assistant", "text": "…"}]
    "role": "test"                          what the row is for: train, example (a recipe shows it), dev (choices are made on it) or test

The file is JSON lines, one JSON array, or CSV (also with ; or tabs) whose first line names the columns; its content says which. In JSON
lines a text in quotes is a row, too. A key that says nothing (null, an empty cell) is not there.
"""

import csv
import io
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from engine.chats import CHATS, read_chat, read_history
from engine.errors import BadRequest
from engine.parsing import Malformed, NotJson, is_text, json_at, json_value, shown
from engine.request import Turn

MEANS = {
    "request": "text",
    "text": "text",
    "prompt": "text",
    "messages": "text",
    "reference": "reference",
    "answer": "reference",
    "completion": "reference",
    "id": "id",
    "tags": "tags",
    "history": "history",
    "role": "role",
}  # key -> what it says of the row; two keys that say the same do not go together
ALPACA = {"instruction": "text", "input": "input", "output": "reference"}
SHAREGPT = {"conversations": "text"}
FOREIGN = ALPACA | SHAREGPT  # keys of other forms; they speak where no key of MEANS says the request
SYSTEM = "system texts of messages"
EXAMPLE = '{"id": "1", "request": "What should we do?"}'
DELIMITERS = ",;\t"
_FIRST_LINE = re.compile(r"\S[^\r\n]*")
ROLES_OF_ROWS = ("train", "example", "dev", "test")  # a request has one alone, so that nothing is measured on what was learned or chosen on


@dataclass(frozen=True, slots=True)
class Row:
    """One row, its form checked; whether its text can be asked is the request's own check."""

    id: str | int
    text: str
    history: tuple[Turn, ...] = ()
    references: tuple[str, ...] = ()  # any of these is right
    tags: tuple[str, ...] = ()
    system: str = ""  # what its messages say as the system; a duel's system text is the recipe's
    more: dict[str, Any] = field(default_factory=dict)  # keys that the command asked for
    line: int = 0  # where it begins in its file
    role: str = ""  # one of ROLES_OF_ROWS; "": the file does not say


@dataclass(frozen=True, slots=True)
class Rows:
    """All rows of a file, in its order."""

    name: str  # of the file, for people
    rows: tuple[Row, ...]
    said: dict[str, str]  # keys in the order in which they came, and what each means; "" for one that means nothing here

    def of_role(self, role: str) -> tuple[Row, ...]:
        """The rows of this role, and those without any."""
        return tuple(row for row in self.rows if row.role in (role, ""))

    def unused(self, *used: str) -> tuple[str, ...]:
        """List the keys of the file that mean something else than `used`, or nothing."""
        return tuple(key for key, meaning in self.said.items() if meaning not in used)


def read_rows(lines: Iterable[bytes], name: str, *, more: Iterable[str] = (), blank: bool = False) -> Rows:
    """Read the rows of a file, given by lines. more: further keys that the command knows, left as they are.

    blank: answers may be empty, for a caller who looks for such rows. Raises BadRequest that names the first line that is no row, or
    says that there is none at all.
    """
    pieces = list(lines)
    ended = [piece if piece.endswith(b"\n") else piece + b"\n" for piece in pieces[:-1]]
    text = _decoded(b"".join([*ended, *pieces[-1:]]), name)
    found: list[Row] = []
    lines_of: dict[str, int] = {}
    said: dict[str, str] = {}
    means = MEANS | {key: key for key in more}
    for line, value in _values(text, name):
        where = f"Line {line:,} of {name}"
        try:
            row = _row(value, len(found) + 1, line, means, said, blank=blank)
        except Malformed as error:
            raise BadRequest(f"{where}{error}") from error
        if first := lines_of.get(str(row.id)):
            raise BadRequest(f"{where} has the id {shown(row.id)} of line {first:,}. Give every request an id of its own, or none of them.")
        lines_of[str(row.id)] = line
        found.append(row)
    if not found:
        raise BadRequest(f"{name} holds no requests. Write one a line: {EXAMPLE}.")
    return Rows(name, tuple(found), said)


def _decoded(data: bytes, name: str) -> str:
    try:
        return data.decode("utf-16" if data[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise BadRequest(f"Line {line:,} of {name} is not UTF-8 text. Save the file as UTF-8.") from error


# --- the three forms of a file: each gives line numbers and values


def _values(text: str, name: str) -> Iterator[tuple[int, Any]]:
    if delimiter := _delimiter(text):
        return _csv_rows(text, delimiter, name)
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    return _array(text, name) if text.lstrip()[:1] == "[" else _json_lines(text, name)


def _delimiter(text: str) -> str:
    """What stands between the columns of a CSV; "" for JSON, and for what is neither."""
    first = _FIRST_LINE.search(text)
    if first is None or first[0][0] in "{[":
        return ""
    for delimiter in DELIMITERS:
        try:
            heads = {_head(cell) for cell in next(csv.reader([first[0]], delimiter=delimiter, skipinitialspace=True))}
        except (csv.Error, StopIteration):
            continue
        if any((MEANS | FOREIGN).get(head) == "text" for head in heads):
            return delimiter
    return ""


def _head(cell: str) -> str:
    """A column's name as a key; spreadsheets like capitals."""
    name = cell.strip()
    return name.casefold() if name.casefold() in MEANS | FOREIGN else name


def _csv_rows(text: str, delimiter: str, name: str) -> Iterator[tuple[int, Any]]:
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True, skipinitialspace=True)
    heads: list[str] = []
    line = 1
    try:
        for cells in reader:
            if any(cell.strip() for cell in cells):
                if heads:
                    yield line, _cells(heads, cells, f"Line {line:,} of {name}")
                else:
                    heads = _heads(cells, f"Line {line:,} of {name}")
            line = reader.line_num + 1
    except csv.Error as error:
        raise BadRequest(f"Line {line:,} of {name} is not CSV: {error}.") from error


def _heads(cells: list[str], where: str) -> list[str]:
    heads = [_head(cell) for cell in cells]
    if doubled := next((head for head in heads if head and heads.count(head) > 1), ""):
        raise BadRequest(f"{where} names the column {shown(doubled)} twice.")
    return [head or f"column {number} without a name" for number, head in enumerate(heads, 1)]


def _cells(heads: list[str], cells: list[str], where: str) -> dict[str, Any]:
    if len(cells) != len(heads):
        raise BadRequest(
            f"{where} has {len(cells):,} cells, and the first line names {len(heads):,} columns. Put cells with commas in quotes."
        )
    return {head: _cell(head, cell, where) for head, cell in zip(heads, cells, strict=True) if cell.strip()}


def _cell(head: str, cell: str, where: str) -> Any:
    if head == "tags":
        return [tag.strip() for tag in cell.replace(";", ",").split(",") if tag.strip()]
    if head not in ("history", *CHATS):
        return cell
    try:
        return json_value(cell)
    except Malformed as error:
        raise BadRequest(f"{where}: {head} is not JSON. {error}") from error


def _json_lines(text: str, name: str) -> Iterator[tuple[int, Any]]:
    for number, line in enumerate(text.split("\n"), 1):
        if line.strip():
            try:
                yield number, json_value(line)
            except Malformed as error:
                hint = (
                    "" if line.lstrip()[:1] in ("{", '"', "[") else " A CSV begins with a line that names its columns, one of them request."
                )
                raise BadRequest(_refusal(f"Line {number:,} of {name}", error) + hint) from error


def _refusal(where: str, error: Malformed) -> str:
    return f"{where} {'is not JSON' if isinstance(error, NotJson) else 'cannot be taken'}. {error} A row looks like {EXAMPLE}."


def _array(text: str, name: str) -> Iterator[tuple[int, Any]]:
    line, counted, after_comma = 1, 0, False
    at = _blank(text, text.index("[") + 1)
    while after_comma or text[at : at + 1] != "]":
        line, counted = line + text.count("\n", counted, at), at
        where = f"Line {line:,} of {name}"
        try:
            value, at = json_at(text, at)
        except Malformed as error:
            raise BadRequest(_refusal(where, error)) from error
        yield line, value
        at = _blank(text, at)
        after_comma = text[at : at + 1] == ","
        if not after_comma and text[at : at + 1] != "]":
            raise BadRequest(f"{where} is not JSON. After it a comma or the end of the list is missing.")
        at = _blank(text, at + after_comma)
    if text[at + 1 :].strip():
        raise BadRequest(f"Line {line + text.count(chr(10), counted, at):,} of {name} is not JSON. The list ends there, and more follows.")


def _blank(text: str, at: int) -> int:
    while text[at : at + 1] and text[at] in " \t\n":
        at += 1
    return at


# --- a row


def _row(value: Any, number: int, line: int, means: dict[str, str], said: dict[str, str], *, blank: bool) -> Row:
    """Raises Malformed with the rest of a sentence that begins with the line."""
    if isinstance(value, str):
        value = {"request": value}
    if not isinstance(value, dict):
        raise Malformed(f" is not an object. A row looks like {EXAMPLE}.")
    table = {key: content for key, content in value.items() if content is not None or key == "id"}
    given = _meanings(table, means, said)
    row = Row(
        _id(table.get("id", number)),
        "",
        references=_texts(table, given.get("reference"), blank),
        tags=_texts(table, given.get("tags")),
        more={key: content for key, content in table.items() if key in means and key not in MEANS},
        line=line,
        role=_role(table.get("role", "")),
    )
    if given["text"] in CHATS:
        return _of_chat(row, table, given, said)
    return replace(row, text=_request(table, given), history=read_history(table.get("history", [])))


def _request(table: dict[str, Any], given: dict[str, str]) -> str:
    """The request of a row that is no chat, with the input of an Alpaca row below it."""
    for key in (given["text"], given.get("input", given["text"])):
        if not isinstance(table[key], str):
            raise Malformed(f": {key} must be text.")
    more = str(table[given["input"]]) if "input" in given else ""
    return f"{table[given['text']]}\n\n{more}" if more.strip() else str(table[given["text"]])


def _of_chat(row: Row, table: dict[str, Any], given: dict[str, str], said: dict[str, str]) -> Row:
    key = given["text"]
    chat = read_chat(table[key], key)
    for other, there in (("history", "history" in given), (given.get("reference"), row.references and chat.answer)):
        if there:
            raise Malformed(f" has {other} beside {key}, which hold it already. Keep one of them.")
    for what, meaning, there in ((SYSTEM, "system", chat.system), (f"the last answer of {key}", "reference", chat.answer)):
        if there:
            said.setdefault(what, meaning)
    said |= {f"{name} of {key}": "" for name in chat.others if f"{name} of {key}" not in said}
    references = (chat.answer,) if chat.answer else row.references
    return replace(row, text=chat.text, history=chat.history, references=references, system=chat.system)


def _meanings(table: dict[str, Any], means: dict[str, str], said: dict[str, str]) -> dict[str, str]:
    """Which key of the row says what. Notes all keys in `said`."""
    given: dict[str, str] = {}
    if not any(means.get(key) == "text" for key in table):
        means = means | (ALPACA if "instruction" in table else SHAREGPT)
    for key in table:
        meaning = means.get(key, "")
        if meaning and (other := given.setdefault(meaning, key)) != key:
            raise Malformed(f" has {other} and {key}, which mean the same. Keep one of them.")
        said.setdefault(key if is_text(key) else shown(key), meaning)
    if "text" not in given:
        known = "request, text, prompt, messages, conversations or instruction"
        raise Malformed(f" holds no request: it lacks text, as {known}. A row looks like {EXAMPLE}.")
    return given


def _id(name: Any) -> str | int:
    if isinstance(name, bool) or not isinstance(name, str | int) or name == "":
        raise Malformed(": id must be text or a whole number; without one the row gets its number.")
    if isinstance(name, str) and not is_text(name):
        raise Malformed(": the id holds half of a surrogate pair, which is no character.")
    return name


def _role(given: Any) -> str:
    if given != "" and (not isinstance(given, str) or given.strip().casefold() not in ROLES_OF_ROWS):
        raise Malformed(f": role is {shown(given)} and must be one of {', '.join(ROLES_OF_ROWS)}.")
    return given.strip().casefold() if isinstance(given, str) else ""


def _texts(table: dict[str, Any], key: str | None, blank: bool = False) -> tuple[str, ...]:
    if key is None:
        return ()
    texts = [table[key]] if isinstance(table[key], str) else table[key]
    if not isinstance(texts, list) or not all(is_text(text) and (text or blank) for text in texts):
        raise Malformed(f": {key} must be text or a list of texts.")
    return tuple(texts)
