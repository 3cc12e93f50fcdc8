"""Text from people and models made fit for Discord: clean, of a size, with its code fences closed. Pure.

Sizes are UTF-16 units: Discord's limits are told in characters, and no way of counting gives more than that.
"""

from collections.abc import Mapping
from itertools import accumulate, takewhile

from engine.duel import Side
from engine.printable import printable

FENCE = "```"
ELLIPSIS = "…"
EMPTY = "*(an empty answer)*"
_CLOSING = len(f"\n{FENCE}\n{ELLIPSIS}")  # what a cut may add
_BREAKS = (("\n\n", 0.6), ("\n", 0.7), (" ", 0.8))  # where to cut, and the share of the room that must be left for that


def size(text: str) -> int:
    """Count UTF-16 units: never less than what Discord counts."""
    return len(text) + sum(character > "\uffff" for character in text)


def clean(text: str) -> str:
    """Leave out control, zero-width and bidi characters, or show them as pictures."""
    return printable(text).strip("\n")


def head(text: str, room: int) -> str:
    """Return the longest beginning of at most this size."""
    if size(text) <= room:
        return text
    return text.encode("utf-16-le", "replace")[: max(0, room) * 2].decode("utf-16-le", "ignore")


def closed(text: str) -> str:
    """End an odd code fence, so that nothing after it becomes code."""
    return f"{text}\n{FENCE}" if text.count(FENCE) % 2 else text


def cut(text: str, room: int) -> str:
    """Cut to at most `room`, at a paragraph, a line or a word if one lies near, and mark it as cut."""
    if size(whole := closed(text)) <= room:
        return whole
    body = head(text, room - _CLOSING)
    for mark, least in _BREAKS:
        at = body.rfind(mark)
        if at >= least * len(body):
            body = body[:at]
            break
    return f"{closed(body.rstrip())}\n{ELLIPSIS}"


def cut_alike(texts: Mapping[Side, str], room: int) -> dict[Side, str]:
    """Cut both sides at the same length; a side with nothing to read says so."""
    return {side: cut(clean(text), room) if clean(text).strip() else EMPTY for side, text in texts.items()}


def is_cut(texts: Mapping[Side, str], room: int) -> bool:
    """Whether `cut_alike` would leave something out."""
    return any(size(closed(clean(text))) > room for text in texts.values())


def quote(text: str, room: int) -> str:
    """Quote a text within `room`; its fences are taken apart, for a quotation cannot hold them."""
    flat = clean(text).replace(FENCE, "'''")
    if not flat.strip():
        return f"> {ELLIPSIS}"
    lines = flat.split("\n")
    ends = accumulate(size(line) + len("> \n") for line in lines)
    kept = lines[: 1 + sum(1 for _ in takewhile(lambda end: end <= room, ends))]
    flat = "\n".join(kept)
    return "\n".join(f"> {line}" for line in cut(flat, room - 2 * (flat.count("\n") + 2)).split("\n"))


def inline(text: str, room: int) -> str:
    """Put a text on one line within `room`, without marks of formatting that could reach over its end."""
    line = " ".join(clean(text).split())
    plain = line.translate({ord(mark): f"\\{mark}" for mark in "*_~`|[]<>\\"})
    return plain if size(plain) <= room else head(plain, room - 1).rstrip("\\ ") + ELLIPSIS
