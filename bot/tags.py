"""Tags: what a request is about, in a word. Said by the asker, or guessed by rules that the team writes.

    [[tag]]
    name = "billing"
    words = ["invoice", "refund"]       # any of these, as whole words, whatever their case

    [[tag]]
    name = "code"
    pattern = '```|def \\w+\\('           # or a regular expression found anywhere

The first rule that fits gives the tag. It is given when the request is asked, before anybody can know how its duel ends:
a tag that could follow the results would make its own evidence.
"""

import re
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine.errors import BadRequest, SettingsError

MAX_TAG = 40
LOOKED_AT = 4000
"""Characters of a request that patterns are tried on, so that a slow pattern stays bounded."""


@dataclass(frozen=True, slots=True)
class Rule:
    name: str
    pattern: re.Pattern[str]


@dataclass(frozen=True, slots=True)
class Rules:
    """In the order of the file."""

    rules: tuple[Rule, ...] = ()

    def guess(self, request: str) -> str:
        """The tag of the first rule that fits; empty when none does."""
        text = request[:LOOKED_AT]
        return next((rule.name for rule in self.rules if rule.pattern.search(text)), "")


def checked_tag(tag: str) -> str:
    """Trimmed. Raises BadRequest."""
    tag = " ".join(tag.split())
    if len(tag) > MAX_TAG:
        raise BadRequest(f"A tag has at most {MAX_TAG} characters.")
    return tag


def read_rules(path: str) -> Rules:
    """The rules of a .toml file; none for an empty path. Raises SettingsError that names the rule."""
    if not path:
        return Rules()
    try:
        table = tomllib.loads(Path(path).expanduser().read_text(encoding="utf-8"))
    except OSError as error:
        raise SettingsError(f"The tag rules {path} cannot be read: {error.strerror}.") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError(f"The tag rules {path} are not valid TOML: {error}.") from error
    given = table.get("tag", [])
    if set(table) - {"tag"} or not isinstance(given, list):
        raise SettingsError(f"The tag rules {path} must be a list of [[tag]] tables and nothing else.")
    return Rules(tuple(_rule(entry, f"Rule {number} of {path}") for number, entry in enumerate(given, 1)))


def _rule(entry: Any, where: str) -> Rule:
    if not isinstance(entry, dict) or set(entry) not in ({"name", "words"}, {"name", "pattern"}):
        raise SettingsError(f"{where} must have a name, and either words or a pattern.")
    name, words = entry["name"], entry.get("words")
    if not isinstance(name, str) or not 1 <= len(name.strip()) <= MAX_TAG:
        raise SettingsError(f"{where}: name must be text of 1 to {MAX_TAG} characters.")
    if words is None:
        pattern = entry["pattern"]
        if not isinstance(pattern, str) or not pattern:
            raise SettingsError(f"{where}: pattern must be text.")
    elif not isinstance(words, list) or not words or not all(isinstance(word, str) and word.strip() for word in words):
        raise SettingsError(f"{where}: words must be a list of words.")
    else:
        pattern = rf"(?<!\w)(?:{'|'.join(re.escape(word.strip()) for word in words)})(?!\w)"
    try:
        return Rule(name.strip(), re.compile(pattern, re.IGNORECASE))
    except re.error as error:
        raise SettingsError(f"{where}: {pattern!r} is no regular expression ({error}).") from error
