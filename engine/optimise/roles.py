"""Which rows an optimisation may use for what: examples come from training rows, choices from dev rows, the figure from test rows. Pure.

A row's role is what its file says. Rows without one get theirs by a digest of the request: a quarter for the test, three in twenty for
dev, all else for training. A request that is, or nearly is, one with another role already is left out.
"""

import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from engine.errors import BadRequest
from engine.ledger import Role, RoleLedger
from engine.recipes import Recipe
from engine.request import folded
from engine.rows import Row

TEST, DEV = 0.25, 0.40  # where the digest's place on [0, 1) is below: for the test, for choices
LEAST_DEV = 100  # rows; where dev has fewer, training rows that a candidate does not show are chosen on, too
ORDER: tuple[tuple[str, Role], ...] = (("test", "test"), ("dev", "dev"), ("example", "train"), ("train", "train"))


@dataclass(frozen=True, slots=True)
class RowsByRole:
    """Rows with answers, by what they are for."""

    train: tuple[Row, ...]  # examples are taken from here
    dev: tuple[Row, ...]  # candidates are compared on these, the first ones first
    test: tuple[Row, ...]  # the winner and the start are measured here, once
    left_out: int = 0  # rows that have no answer, or whose request has another role already

    @property
    def thin(self) -> bool:
        """Whether dev has too few rows, so that training rows are chosen on, too."""
        return len(self.dev) < LEAST_DEV


def by_role(rows: Sequence[Row], start: Recipe | None = None) -> RowsByRole:
    """Sort rows by their roles; what the start recipe shows is no dev or test row.

    Raises BadRequest where no row may be an example.
    """
    ledger, found = RoleLedger(), dict[Role, list[Row]]()
    for number, example in enumerate(start.examples if start else (), 1):
        ledger.take(example.user, "train", f"example {number} of the recipe")
    given = [(row, row.role or drawn_role(row)) for row in rows]
    for said, role in ORDER:
        for row, name in given:
            if name == said and row.references and not ledger.take(row.text, role, f"line {row.line}"):
                found.setdefault(role, []).append(row)
    if not found.get("train"):
        raise BadRequest("No row with an answer may be shown as an example: give rows the role train or example, or none.")
    train, dev, test = (tuple(found.get(role, ())) for role in ("train", "dev", "test"))
    return RowsByRole(train, dev, test, len(rows) - len(train) - len(dev) - len(test))


def drawn_role(row: Row) -> str:
    """The role of a row whose file says none."""
    place = place_of(row)
    return "test" if place < TEST else "dev" if place < DEV else "train"


def place_of(row: Row) -> float:
    """A place on [0, 1) by the row's request, the same in every file and order."""
    key = hashlib.sha256(folded(row.text).encode(errors="replace")).digest()
    return int.from_bytes(hashlib.sha256(key).digest()[:7]) / 2**56


def in_turn(rows: Sequence[Row], classes: Sequence[str]) -> list[Row]:
    """Optimisation rows so that every beginning of them has the classes in about their shares, and chance alone decides within a class."""
    sizes, seen = Counter(classes), Counter[str]()
    ordered = sorted(zip(rows, classes, strict=True), key=lambda pair: place_of(pair[0]))
    placed = []
    for row, name in ordered:
        placed.append(((seen[name] + 0.5) / sizes[name], place_of(row), row))
        seen[name] += 1
    return [row for *_, row in sorted(placed, key=lambda entry: entry[:2])]
