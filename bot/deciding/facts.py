"""Figures that an answer states and that no wanted answer of its class does: likely made up. Pure.

A metric that looks at one line, or at shared words, does not see that "30 days" has become "14 days". Numbers can be checked without a
judge: the wanted answers are the house's own word for what holds.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

_NUMBER = r"\d+(?:[.,]\d+)*"
_FIGURE = re.compile(
    rf"({_NUMBER})(?:[ \t]*(?:to|and|or|bis|à|-|–)[ \t]*({_NUMBER}))?[ \t]*(%|€|\$|[^\W\d_]+)?(?:[ \t]+([^\W\d_]+))?", re.IGNORECASE
)
QUALIFIERS = frozenset({"working", "business", "full", "calendar", "more", "whole"})  # words between a number and its unit


def figures(text: str) -> frozenset[str]:
    """Read the numbers of a text with their units: "3 to 5 working days" is "3-5 days"."""
    return frozenset(_written(*found.groups()) for found in _FIGURE.finditer(text))


def _written(first: str, last: str | None, word: str | None, next_word: str | None) -> str:
    unit = (word or "").casefold()
    if unit in QUALIFIERS:
        unit = (next_word or "").casefold()
    number = "-".join(each.replace(",", ".") for each in (first, last) if each)
    return f"{number} {unit.removesuffix('s')}".strip()


class KnownFigures:
    """What the wanted answers of each class state."""

    def __init__(self, wanted: Iterable[tuple[str, str]]) -> None:
        """wanted: each row's class and wanted answer."""
        found: defaultdict[str, set[str]] = defaultdict(set)
        for name, answer in wanted:
            found[name] |= figures(answer)
        self._by_class: Mapping[str, set[str]] = dict(found)

    @property
    def stated(self) -> bool:
        """Whether there is a figure in any wanted answer; if not, nothing can be said of others."""
        return any(self._by_class.values())

    def made_up(self, name: str, request: str, answer: str) -> frozenset[str]:
        """Find the figures of an answer to a request of this class that neither a wanted answer of the class nor the request states."""
        return figures(answer) - self._by_class.get(name, set()) - figures(request)


def count_made_up(known: KnownFigures, asked: Sequence[tuple[str, str]], answers: Sequence[str]) -> int:
    """Count the answers with a figure that is likely made up; asked: class and request of each, in the order of the answers."""
    return sum(bool(known.made_up(name, request, answer)) for (name, request), answer in zip(asked, answers, strict=True))
