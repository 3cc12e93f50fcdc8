"""Text from people and models made safe and steady for a terminal. Pure.

A request, an answer or an adapter's name may hold anything. Escape sequences could move the cursor, set a
title or write to the clipboard; bidi overrides could show A's words under B; and terminals disagree on the
width of joined emoji, which would bend the columns.
"""

import re
import unicodedata
from functools import lru_cache

TAB = "    "
MOST_MARKS = 4  # accents on one letter; more would smear over the lines above and below

# Line ends as text from elsewhere has them: CR LF, CR, vertical tab, form feed, NEL, line and paragraph separator.
_LINE_END = re.compile("\r\n|[\r\v\f\x85\u2028\u2029]")
# Zero or one cell in one terminal, two in another: keycap, variation selectors, skin tones, tags.
_UNSTEADY = re.compile("[\u20e3\ufe00-\ufe0f\U0001f3fb-\U0001f3ff\U000e0000-\U000e0fff]")
_MARKS = re.compile(rf"[\u0300-\u036f\u0483-\u0489\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff]{{{MOST_MARKS + 1},}}")


def printable(text: str) -> str:
    """Make a text safe for a terminal: nothing stays in it but characters that are drawn, and line feeds.

    Control characters become their pictures (ESC is ␛), so that a reader sees that something was there; what
    cannot be drawn becomes �; invisible formatting (bidi overrides, joiners, zero-width marks) is left out.
    """
    if text.isascii() and text.isprintable():
        return text
    text = _LINE_END.sub("\n", unicodedata.normalize("NFC", text)).replace("\t", TAB)
    text = "".join(map(_shown, _UNSTEADY.sub("", text)))
    return _MARKS.sub(lambda marks: marks[0][:MOST_MARKS], text)


def one_line(text: str, most: int = 0) -> str:
    """Make a text safe for one line: blanks run together, cut to `most` characters with an ellipsis if that is given."""
    line = " ".join(printable(text).split())
    return line[: most - 1].rstrip() + "…" if 0 < most < len(line) else line


def runs_right_to_left(text: str) -> bool:
    """Whether a terminal that orders text itself may draw a line of it from the right, across columns."""
    return any(unicodedata.bidirectional(character) in ("R", "AL", "AN") for character in text)


@lru_cache(maxsize=4096)
def _shown(character: str) -> str:
    code, category = ord(character), unicodedata.category(character)
    if character == "\n":
        return character
    if code < 0x20:
        return chr(0x2400 + code)  # the block of control pictures stands in the order of ASCII
    if code == 0x7F:
        return "␡"
    if category == "Cf":
        return ""
    if category in ("Cc", "Cs", "Co"):
        return "�"
    if category == "Zs" and character != "\u3000":  # the ideographic space is two cells wide, and stays so
        return " "
    return character
