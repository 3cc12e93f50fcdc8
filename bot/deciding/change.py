"""A small change made on both sides, to see what it costs: one class of answers gets another name. Pure.

In the prompt the name is replaced wherever it stands, as a person would do it. The fine-tune is trained on, on the rows of the class under
their new name and on as many others, so that it forgets nothing.
"""

import random
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

from engine.rows import Row

LEAST_TESTED, MOST_TESTED = 3, 20  # test rows of the class
ROW_PASSES = 160  # of the training


@dataclass(frozen=True, slots=True)
class ClassChange:
    """A class of answers, and its new name."""

    old: str
    new: str

    def in_text(self, text: str) -> str:
        """Put the new name in the place of the old one, where that stands as a word of its own."""
        return re.sub(rf"(?<!\w){re.escape(self.old)}(?!\w)", lambda _: self.new, text)

    def in_row(self, row: Row) -> Row:
        """Put the new name into a row's answers; its request stays."""
        return replace(row, references=tuple(map(self.in_text, row.references)))


def chosen(classes: Sequence[str], roles: Sequence[str]) -> ClassChange | None:
    """Choose the class with the most rows to learn among those that can be tested. None where there is none."""
    learned = Counter(name for name, role in zip(classes, roles, strict=True) if name and role == "train")
    tested = Counter(name for name, role in zip(classes, roles, strict=True) if name and role == "test")
    fit = [name for name in learned if tested[name] >= LEAST_TESTED and name.strip()]
    if not fit:
        return None
    old = min(fit, key=lambda name: (-learned[name], name))
    return ClassChange(old, f"{old}_new" if "_" in old or (" " not in old and old.islower()) else f"{old} New")


def rows_to_learn(rows: Sequence[Row], classes: Sequence[str], change: ClassChange, seed: int) -> list[Row]:
    """Gather the rows to train on: those of the class under its new name, and as many others."""
    these = [change.in_row(row) for row, name in zip(rows, classes, strict=True) if name == change.old and row.role == "train"]
    others = [row for row, name in zip(rows, classes, strict=True) if name != change.old and row.role == "train"]
    return [*these, *random.Random(seed).sample(others, min(len(others), len(these)))]  # which rows is no secret


def rows_to_test(rows: Sequence[Row], classes: Sequence[str], change: ClassChange) -> list[Row]:
    """Gather the test rows of the class, under its new name."""
    found = [change.in_row(row) for row, name in zip(rows, classes, strict=True) if name == change.old and row.role == "test"]
    return found[:MOST_TESTED]
