"""Which rows are learned and which are kept apart: by the roles of the file, else by the split."""

import pytest

from adapters.train.heldout import parted
from engine.errors import BadRequest
from engine.rows import Row

WORDS = ["river", "lamp", "stone", "bread", "cloud", "horse", "paper", "music", "winter", "garden", "silver", "doctor"]


def different(number: int) -> str:
    return f"{WORDS[number % 12]} {WORDS[number // 12 % 12]} {WORDS[number * 7 % 11]} {number}"


def test_roles_part_the_rows_and_a_request_has_one() -> None:
    roles = ("train", "train", "dev", "test", "example")
    rows = [Row(n, different(n), references=("a",), line=n, role=role) for n, role in enumerate(roles, 1)]
    parts = parted(rows)
    assert [row.id for row in parts.train] == [1, 2] and [row.id for row in parts.held_out] == [4]
    assert [row.id for row in parted(rows[:3]).held_out] == [3]
    with pytest.raises(BadRequest, match=r"Line 9 has the role test, and line 1, .* has the role train"):
        parted([*rows, Row(9, different(1).upper(), references=("b",), line=9, role="test")])
    with pytest.raises(BadRequest, match="none has the role train"):
        parted(rows[2:])


def test_without_roles_the_split_parts_them_once_there_are_enough() -> None:
    rows = [Row(n, different(n), references=("yes" if n % 2 else "no",), line=n) for n in range(400)]
    assert parted(rows[:149]).held_out == ()
    parts = parted(rows)
    assert len(parts.test) >= 100 and parts.dev and len(parts.train) + len(parts.dev) + len(parts.test) == 400
