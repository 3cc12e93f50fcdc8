"""Two versions of a recipe compared word by word. Pure."""

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from difflib import SequenceMatcher
from typing import Any, Literal

from engine.recipes import Example, Recipe, Sampling

_WORDS = re.compile(r"\w+|[^\w\s]|\s+")
MOST_WORDS = 6_000  # of both texts between their first and their last difference; more are compared line by line: words would take seconds


@dataclass(frozen=True, slots=True)
class DiffPart:
    """A piece of text that both versions have, or one of them."""

    kind: Literal["same", "out", "in"]
    text: str


@dataclass(frozen=True, slots=True)
class DiffSection:
    """One place of a recipe in both versions."""

    title: str
    parts: tuple[DiffPart, ...]

    @property
    def changed(self) -> bool:
        """Whether the versions differ here."""
        return any(part.kind != "same" for part in self.parts)


def differences(old: Recipe, new: Recipe) -> tuple[DiffSection, ...]:
    """Compare two recipes place by place. Sections come for every place that one of them fills, those that are the same, too."""
    return tuple(section for section in _sections(old, new) if section.parts)


def _sections(old: Recipe, new: Recipe) -> Iterator[DiffSection]:
    yield DiffSection("System text", words_apart(old.system, new.system))
    yield DiffSection("Template", words_apart(old.template, new.template))
    yield from _examples(old.examples, new.examples)
    for title, name in (("Chat template", "chat_template"), ("Placeholders", "placeholders")):
        before, after = ("\n".join(f"{key} = {_said(value)}" for key, value in getattr(each, name)) for each in (old, new))
        yield DiffSection(title, words_apart(before, after))
    yield DiffSection("Sampling", words_apart(_sampling(old.sampling), _sampling(new.sampling)))


def _said(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _sampling(sampling: Sampling) -> str:
    return "\n".join(f"{each.name} = {getattr(sampling, each.name)}" for each in fields(Sampling))


def _examples(old: Sequence[Example], new: Sequence[Example]) -> Iterator[DiffSection]:
    """One that was added, left out or moved shows so, and the others stay what they were; changed ones are compared in their order."""
    for kind, a, b, c, d in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        both = min(b - a, d - c) if kind == "replace" else b - a if kind == "equal" else 0
        for at in range(both):
            yield _example(f"Example {c + at + 1}", old[a + at], new[c + at])
        for example in old[a + both : b]:
            yield _example("Example that was left out", example, None)
        for at, example in enumerate(new[c + both : d], c + both + 1):
            yield _example(f"Example {at}", None, example)


def _example(title: str, old: Example | None, new: Example | None) -> DiffSection:
    before, after = (f"{each.user}\n→ {each.assistant}" if each else "" for each in (old, new))
    return DiffSection(title, words_apart(before, after))


def words_apart(old: str, new: str) -> tuple[DiffPart, ...]:
    """Compare two texts word by word; the parts put together, without "in" or without "out", are the texts again."""
    if old == new:
        return (DiffPart("same", old),) if old else ()
    one, other = _WORDS.findall(old), _WORDS.findall(new)
    start = _alike(one, other)
    end = _alike(one[start:][::-1], other[start:][::-1])
    before, after = "".join(one[:start]), "".join(one[len(one) - end :])
    one, other = one[start : len(one) - end], other[start : len(other) - end]
    if len(one) + len(other) > MOST_WORDS:
        one, other = "".join(one).splitlines(keepends=True), "".join(other).splitlines(keepends=True)
    middle = _compared(one, other)
    return tuple(part for part in (DiffPart("same", before), *middle, DiffPart("same", after)) if part.text)


def _alike(one: Sequence[str], other: Sequence[str]) -> int:
    """Count how many words both begin with."""
    return next((at for at, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))


def _compared(one: Sequence[str], other: Sequence[str]) -> list[DiffPart]:
    """Blanks alone between two changes are a part of the change: a new sentence is read in one piece."""
    parts: list[DiffPart] = []
    taken, added = "", ""
    for kind, a, b, c, d in SequenceMatcher(None, one, other, autojunk=False).get_opcodes():
        before, after = "".join(one[a:b]), "".join(other[c:d])
        if kind != "equal" or not before.strip():
            taken, added = taken + before, added + after
            continue
        parts += [DiffPart("out", taken), DiffPart("in", added), DiffPart("same", before)]
        taken, added = "", ""
    return [*parts, DiffPart("out", taken), DiffPart("in", added)]
