"""A value as a cell of a CSV file, and back: no cell begins like a formula, whatever people wrote. Pure.

A text that begins with one of = + - @, a tab, a line end, a backslash or an apostrophe gets an apostrophe more in front; the cell \\N
is no value.
"""

import re
from typing import Any

NULL = "\\N"
MARK = "'"
EARLY_MARK = "\\"  # of exports without a seal
# what spreadsheets take for the beginning of a formula, or skip before one (OWASP, CSV injection)
FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")


def cell_of(value: Any) -> str:
    if value is None:
        return NULL
    text = repr(value) if isinstance(value, float) else str(value)  # a number's repr reads back as the same number
    return f"{MARK}{text}" if text.startswith((MARK, "\\", *FORMULA)) else text


def value_of(cell: str, kind: str, mark: str = MARK) -> Any:
    """kind: TEXT, INTEGER or REAL. A cell that is no number stays text."""
    if cell == NULL:
        return None
    text = cell.removeprefix(mark)
    if kind == "INTEGER" and re.fullmatch("-?[0-9]{1,20}", text):
        return int(text)
    if kind == "REAL" and re.fullmatch(r"-?[0-9.]{1,400}(e[-+]?[0-9]{1,4})?", text) and text.count(".") <= 1:
        return float(text)
    return text
