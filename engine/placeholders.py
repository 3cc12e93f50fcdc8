"""Placeholders in a recipe's texts: {{today}}, {{team}}, and own ones with a text of theirs. Pure.

They are filled where a recipe becomes messages, in the recipe's own texts alone: what a person typed is never filled, and a value is
not looked through again. A text without a known placeholder comes out to the byte as it went in, so a recipe that writes {{x}} for
another purpose stays what it was.
"""

import re
from collections.abc import Collection, Mapping
from datetime import UTC, datetime

GIVEN = {  # what is filled with something that the recipe does not know, and what that is
    "today": "the day on which the request was asked, in UTC, as 2026-11-28",
    "team": "the team's name",
}
REQUEST = "request"  # stands in the template alone, and is written {request} or {{request}}
NAME = re.compile(r"[a-z][a-z0-9_]{0,39}")
_WRITTEN = re.compile(r"\{\{([a-z][a-z0-9_]{0,39})\}\}")
_LIKE = re.compile(r"\{\{[^{}\n]{0,60}\}\}")  # what somebody may have meant as one


def given_on(moment: datetime, team: str = "") -> tuple[tuple[str, str], ...]:
    """Give what placeholders stand for in a request of this moment. team: its name; "": it has none, and {{team}} stays."""
    return (("today", f"{moment.astimezone(UTC):%Y-%m-%d}"), *((("team", team),) if team else ()))


def filled(text: str, values: Mapping[str, str]) -> str:
    """Fill the placeholders that have a value; all else stays."""
    if "{{" not in text:
        return text
    return _WRITTEN.sub(lambda found: values.get(found[1], found[0]), text)


def named_in(text: str) -> tuple[str, ...]:
    """List the names that stand in double braces, each once, in order."""
    return tuple(dict.fromkeys(_WRITTEN.findall(text))) if "{{" in text else ()


def unknown_in(text: str, known: Collection[str]) -> tuple[str, ...]:
    """List what looks like a placeholder and is none of these, as it is written."""
    return tuple(dict.fromkeys(each for each in _LIKE.findall(text) if each[2:-2] not in known))
