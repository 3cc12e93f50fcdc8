"""The split: each request, with its near-duplicates, is for training, for choices (dev) or for the test.

A group's place on [0, 1) is a hash of its content, so the same rows are split alike whatever their order, and a row that is added moves
others only where a class would get too few or too many: the test is what lies below its share, dev what lies below the next, in each
class, give or take STRAY. Roles that the file gives stay, and count towards the shares.
"""

import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from math import floor
from typing import NamedTuple

from adapters.data.rows import asked
from engine.errors import BadRequest
from engine.request import folded
from engine.rows import Row

LEAST_TEST = 100  # rows, so that a difference of 20 points can be told
SMALL = 150  # rows; of fewer no test can be taken away
FOLDS = 5
STRAY = 0.2  # of its share, by which a class may have fewer or more rows


class Shares(NamedTuple):
    """Parts of the rows, which sum to 1."""

    train: float = 0.60
    dev: float = 0.15
    test: float = 0.25


class _Group(NamedTuple):
    """Rows that are near-duplicates, and the place of their content on [0, 1)."""

    place: float
    rows: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Split:
    """What each row is for; folds, from 0, where the rows are too few for a test."""

    roles: tuple[str, ...]
    folds: tuple[int | None, ...]
    given: int  # rows whose role the file says

    @property
    def counts(self) -> Counter[str]:
        """How many rows each role has."""
        return Counter(self.roles)

    @property
    def folded(self) -> bool:
        """Whether the rows are in five folds, for want of a test."""
        return any(fold is not None for fold in self.folds)


def split(rows: Sequence[Row], groups: Sequence[int], classes: Sequence[str], shares: Shares | None = None) -> Split:
    """Split rows by their groups of near-duplicates. Raises BadRequest where the file gives one group two roles.

    shares: as somebody has set them, who may take a test of any size; without them it has LEAST_TEST rows at least, or there is none.
    """
    roles = _given(rows, groups)
    free = _free(rows, groups, classes, roles)
    folds: list[int | None] = [None] * len(rows)
    if shares is None and len(rows) < SMALL and "test" not in roles:
        ordered = (group for groups_of in free.values() for group in groups_of)
        for number, group in enumerate(ordered):
            for row in group.rows:
                roles[row], folds[row] = "train", number % FOLDS
    else:
        _fill(roles, free, _needed(roles, shares or Shares(), 0 if shares or len(rows) < SMALL else LEAST_TEST))
    return Split(tuple(roles), tuple(folds), sum(bool(row.role) for row in rows))


def _given(rows: Sequence[Row], groups: Sequence[int]) -> list[str]:
    """The role of each row that the file says, for the row or for a near-duplicate of it; "" elsewhere."""
    first: dict[int, Row] = {}
    for row, group in zip(rows, groups, strict=True):
        if row.role and (other := first.setdefault(group, row)).role != row.role:
            raise BadRequest(
                f"Line {row.line:,} has the role {row.role}, and line {other.line:,}, nearly the same request, has the role {other.role}. "
                "Give both one role: what is measured on must not be learned."
            )
    return [first[group].role if group in first else "" for group in groups]


def _free(rows: Sequence[Row], groups: Sequence[int], classes: Sequence[str], roles: Sequence[str]) -> dict[str, list[_Group]]:
    """Groups without a role by class, in the order of their places. The class of a group is that of most of its rows."""
    members: dict[int, list[int]] = {}
    for number, group in enumerate(groups):
        if not roles[number]:
            members.setdefault(group, []).append(number)
    found: dict[str, list[_Group]] = {}
    for numbers in members.values():
        counts = Counter(classes[number] for number in numbers)
        chosen = min(counts, key=lambda name: (-counts[name], name))
        key = min(hashlib.sha256(folded(asked(rows[number])).encode(errors="replace")).digest() for number in numbers)
        place = int.from_bytes(hashlib.sha256(key).digest()[:7]) / 2**56  # the least of several keys is small, and its hash is not
        found.setdefault(chosen, []).append(_Group(place, tuple(numbers)))
    return {name: sorted(found[name]) for name in sorted(found)}


class _Needed(NamedTuple):
    """What is still to be given out: shares of the rows without a role, and the least rows of the test."""

    test: float
    dev: float
    least: int


def _needed(roles: Sequence[str], shares: Shares, least: int) -> _Needed:
    counts, rows = Counter(roles), len(roles)
    test = max(shares.test * rows, least)
    dev = (rows - test) * shares.dev / (shares.dev + shares.train) if shares.dev else 0.0
    free = max(1, counts[""])
    test_share = min(1.0, max(0.0, test - counts["test"]) / free)
    return _Needed(test_share, min(1 - test_share, max(0.0, dev - counts["dev"]) / free), max(0, least - counts["test"]))


def _fill(roles: list[str], free: dict[str, list[_Group]], needed: _Needed) -> None:
    ends = {name: _end(groups, 0, needed.test, needed.test) for name, groups in free.items()}
    sizes = {name: sum(len(group.rows) for group in groups) for name, groups in free.items()}
    have = {name: sum(len(group.rows) for group in groups[: ends[name]]) for name, groups in free.items()}
    while sum(have.values()) < min(needed.least, sum(sizes.values())):  # small classes round down
        name = max((each for each in free if ends[each] < len(free[each])), key=lambda each: needed.test * sizes[each] - have[each])
        have[name] += len(free[name][ends[name]].rows)
        ends[name] += 1
    for name, groups in free.items():
        until = _end(groups, ends[name], needed.test + needed.dev, needed.dev)
        for number, group in enumerate(groups):
            role = "test" if number < ends[name] else "dev" if number < until else "train"
            for row in group.rows:
                roles[row] = role


def _end(groups: Sequence[_Group], start: int, below: float, share: float) -> int:
    """Find where a role ends that begins at `start`: at the place `below`, unless it then has too few or too many rows for its share."""
    rows = sum(len(group.rows) for group in groups)
    low, high = floor((1 - STRAY) * share * rows), floor((1 + STRAY) * share * rows + 0.5)
    taken, end = 0, start
    while end < len(groups):
        more = taken + len(groups[end].rows)
        if taken >= low and (groups[end].place >= below or more > high):
            break
        taken, end = more, end + 1
    return end
