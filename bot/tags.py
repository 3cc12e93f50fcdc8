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

import logging
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic
from typing import Any

from engine.errors import BadRequest, SettingsError
from engine.parsing import Malformed, is_text, read_toml, shown, shown_all
from engine.patterns import Pattern, any_word, whatever_case

MAX_TAG = 40
LOOKED_AT = 4000  # characters of a request that rules are tried on
RULE_S = 0.1  # time of one rule on one request, in seconds; a slower one fits nothing
ALL_S = 0.4  # time of all rules together
log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class TagRule:
    """A tag, and what a request about it holds: any of these."""

    name: str
    patterns: tuple[Pattern, ...]

    def fits(self, text: str, limit_s: float) -> bool:
        """Whether the rule fits a text. Blocks up to `limit_s`; raises TimeoutError then."""
        ends = monotonic() + limit_s
        return any(pattern.found_in(text, ends - monotonic()) for pattern in self.patterns)


@dataclass(frozen=True, slots=True)
class TagRules:
    """All rules, in the order of the file."""

    rules: tuple[TagRule, ...] = ()
    _slow: set[str] = field(default_factory=set, compare=False)  # rules that the log has named

    def guess(self, request: str) -> str:
        """Guess the tag by the first rule that fits; empty when none does. Blocks up to `ALL_S`: call it off the event loop."""
        text, ends = request[:LOOKED_AT], monotonic() + ALL_S
        for rule in self.rules:
            if ends - monotonic() < RULE_S:
                self._tell("", f"The tag rules take longer than {ALL_S:g} s together, so those from {rule.name!r} on were not tried")
                break
            try:
                if rule.fits(text, RULE_S):
                    return rule.name
            except TimeoutError:
                self._tell(rule.name, f"The tag rule {rule.name!r} takes longer than {RULE_S:g} s, so it fits nothing")
        return ""

    def _tell(self, name: str, words: str) -> None:
        """Each rule once: a slow one is slow at every request."""
        if name not in self._slow:
            self._slow.add(name)
            log.warning("%s on a request. Make the patterns simpler.", words)


def checked_tag(tag: str) -> str:
    """Trim a tag that somebody said. Raises BadRequest for one that is too long."""
    tag = " ".join(tag.split())
    if len(tag) > MAX_TAG:
        raise BadRequest(f"A tag has at most {MAX_TAG} characters.")
    return tag


def read_rules(path: str) -> TagRules:
    """Read the rules of a .toml file; none for an empty path. Raises SettingsError that names the rule."""
    if not path:
        return TagRules()
    table = read_toml(Path(path), "The tag rules", SettingsError)
    given = table.get("tag", [])
    if set(table) - {"tag"} or not isinstance(given, list):
        raise SettingsError(f"The tag rules {path} must be a list of [[tag]] tables and nothing else.")
    rules: dict[str, tuple[int, TagRule]] = {}
    for number, entry in enumerate(given, 1):
        rule = _rule(entry, f"Rule {number} of {path}")
        if (first := rules.setdefault(rule.name, (number, rule))[0]) != number:
            raise SettingsError(f"Rule {number} of {path} is for the tag {rule.name!r}, as rule {first} is. Put both into one.")
    return TagRules(tuple(rule for _, rule in rules.values()))


def _rule(entry: Any, where: str) -> TagRule:
    if not isinstance(entry, dict) or "name" not in entry or not entry.keys() & {"words", "pattern"}:
        raise SettingsError(f"{where} must have a name, and either words or a pattern, or both.")
    if unknown := sorted(entry.keys() - {"name", "words", "pattern"}):
        raise SettingsError(f"{where} has the unknown key {shown_all(unknown)}; it takes name, words and pattern.")
    name = entry["name"]
    if not is_text(name) or not 1 <= len(" ".join(name.split())) <= MAX_TAG:
        raise SettingsError(f"{where}: name must be text of 1 to {MAX_TAG} characters.")
    patterns = []
    if "words" in entry:
        patterns.append(_words(entry["words"], where))
    if "pattern" in entry:
        patterns.append(_pattern(entry["pattern"], where))
    return TagRule(checked_tag(name), tuple(patterns))


def _words(words: Any, where: str) -> Pattern:
    if not isinstance(words, list) or not words or not all(isinstance(word, str) and word.strip() for word in words):
        raise SettingsError(f"{where}: words must be a list of words.")
    try:
        return any_word([word.strip() for word in words])
    except Malformed as error:
        raise SettingsError(f"{where}: {error}") from error


def _pattern(pattern: Any, where: str) -> Pattern:
    if not isinstance(pattern, str) or not pattern:
        raise SettingsError(f"{where}: pattern must be text.")
    try:
        return whatever_case(pattern)
    except Malformed as error:
        raise SettingsError(f"{where}: {shown(pattern)} is no regular expression. {error}") from error
