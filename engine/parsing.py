"""JSON and TOML that people wrote, read strictly: whatever is wrong with it becomes a sentence, never a traceback and never a guess."""

import json
import math
import re
import tomllib
from collections.abc import Collection, Iterable
from dataclasses import fields
from pathlib import Path
from typing import Any

from engine.errors import DuelbotError

MOST_BYTES = 1 << 20  # of a TOML file; what is longer is another kind of file
MOST_DEEP = 60  # lists and tables within each other; deeper ones exhaust the stack of whoever walks through them
MOST_SHOWN = 60  # characters of a value that a sentence repeats
MOST_LISTED = 5  # names that a sentence repeats

# A hundred parts of a dotted key: tomllib takes the square of their number to read them.
_LONG_KEY = re.compile(r"""(?:(?:[\w-]++|"[^"\n]*+"|'[^'\n]*+')[ \t]*+\.[ \t]*+){100}""")


class Malformed(ValueError):
    """A text is wrong; str(error) is a sentence that begins with "It"."""


class NotJson(Malformed):
    """A text is no JSON by RFC 8259, or deeper than anybody reads."""


def shown(value: Any) -> str:
    """Word a value as a sentence may repeat it: in at most MOST_SHOWN characters."""
    try:
        text = repr(value)
    except (ValueError, RecursionError):  # a whole number of more digits than Python writes
        return "a value too long to show"
    return text if len(text) <= MOST_SHOWN else text[: MOST_SHOWN - 1] + "…"


def shown_all(names: Iterable[str]) -> str:
    """List names that a person wrote, in order, as a sentence may repeat them: MOST_LISTED of them, and how many more there are."""
    known = sorted(names)
    more = f" and {len(known) - MOST_LISTED:,} more" if len(known) > MOST_LISTED else ""
    return ", ".join(map(shown, known[:MOST_LISTED])) + more


def is_number(value: Any) -> bool:
    """Whether it is a finite number that a float can hold; a truth value is none."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    try:
        return math.isfinite(value)
    except OverflowError:
        return False


def is_text(value: Any) -> bool:
    """Whether it is text that can be stored and sent: JSON may also hold half of a surrogate pair."""
    if not isinstance(value, str):
        return False
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def taken(
    table: Any, kind: Any, what: str, error: type[DuelbotError], required: Collection[str] = ()
) -> tuple[dict[str, Any], tuple[str, ...]]:
    """Take from a parsed table the entries that are fields of a dataclass. Returns them, and the names of all other keys.

    Raises `error` where there is no table, or it lacks a key that is required; `what` begins its sentence.
    """
    if not isinstance(table, dict):
        raise error(f"{what} must be a table.")
    if missing := sorted(set(required) - table.keys()):
        raise error(f"{what} lacks {', '.join(missing)}.")
    known = {field.name for field in fields(kind)}
    own = {key: value for key, value in table.items() if key in known}
    return own, tuple(sorted(str(key)[:80] for key in table.keys() - known))


def read_json(path: Path) -> Any:
    """Read a JSON file in UTF-8, with a byte order mark or without. Raises OSError, Malformed."""
    try:
        return json_value(path.read_text(encoding="utf-8-sig"))
    except UnicodeDecodeError as error:
        raise Malformed("It is not UTF-8 text.") from error


def reason(error: Exception) -> str:
    """Word an error as a part of a longer sentence."""
    return str(error)[:200].rstrip(".")


def json_value(text: str) -> Any:
    """Read a JSON text (RFC 8259). Raises Malformed, for NaN, Infinity and a doubled key as well."""
    value, end = json_at(text, len(text) - len(text.lstrip(" \t\n\r")))
    if text[end:].strip(" \t\n\r"):
        raise NotJson("It goes on after its end.")
    return value


def json_at(text: str, start: int) -> tuple[Any, int]:
    """Read the JSON value that begins at `start`. Returns it and where it ends; raises Malformed."""
    try:
        value, end = _DECODER.raw_decode(text, start)
    except Malformed:
        raise
    except json.JSONDecodeError as error:
        raise NotJson(f"It is wrong at character {error.pos - start + 1:,}: {error.msg[0].lower()}{error.msg[1:]}.") from error
    except RecursionError as error:
        raise NotJson("It is nested too deeply.") from error
    except ValueError as error:  # more digits than Python reads
        raise Malformed("It holds a number that is too long.") from error
    if text.count("[", start, end) + text.count("{", start, end) > MOST_DEEP and _depth(value) > MOST_DEEP:
        raise NotJson("It is nested too deeply.")
    return value, end


def read_toml(path: Path, what: str, kind: type[DuelbotError]) -> dict[str, Any]:
    """Read a TOML file. Raises an error of this kind, whose sentence begins with `what`, for a file that holds none."""
    try:
        with path.expanduser().open("rb") as file:
            data = file.read(MOST_BYTES + 1)
    except (OSError, ValueError, RuntimeError) as error:  # a path with a NUL; ~ of a user who is not there
        raise kind(f"{what} {path} cannot be read: {getattr(error, 'strerror', None) or error}.") from error
    try:
        return toml_table(data)
    except Malformed as error:
        raise kind(f"{what} {path} cannot be read, for it is not valid TOML: {error}") from error


def toml_table(data: bytes) -> dict[str, Any]:
    """Read a TOML text in UTF-8, with a byte order mark or without. Raises Malformed."""
    if len(data) > MOST_BYTES:
        raise Malformed(f"It is larger than {MOST_BYTES:,} bytes.")
    try:
        text = data.decode("utf-8-sig")
        if text.count(".") >= 100 and _LONG_KEY.search(text):
            raise Malformed("It holds a key of more than 100 parts.")
        table = tomllib.loads(text)
    except Malformed:
        raise
    except UnicodeDecodeError as error:
        raise Malformed("It is not UTF-8 text.") from error
    except tomllib.TOMLDecodeError as error:
        raise Malformed(f"{error}.") from error
    except RecursionError as error:
        raise Malformed("It is nested too deeply.") from error
    except ValueError as error:
        raise Malformed("It holds a number that is too long.") from error
    if _depth(table) > MOST_DEEP:
        raise Malformed("It is nested too deeply.")
    return table


def _depth(value: Any) -> int:
    depth, level = 0, [value]
    while level := [each for one in level for each in _parts(one)]:
        depth += 1
    return depth


def _parts(value: Any) -> list[Any]:
    if isinstance(value, dict):
        return list(value.values())
    return value if isinstance(value, list) else []


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    table = dict(pairs)
    if len(table) < len(pairs):
        names = [name for name, _ in pairs]
        doubled = next(name for name in names if names.count(name) > 1)
        raise Malformed(f"It holds the key {shown(doubled)} twice in one object.")
    return table


def _no_number(name: str) -> Any:
    raise NotJson(f"It holds {name}, which is no JSON.")


def _float(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise Malformed("It holds a number that is too large.")
    return value


_DECODER = json.JSONDecoder(object_pairs_hook=_object, parse_constant=_no_number, parse_float=_float)
