"""The split: near-duplicates stay together, the same rows are split alike in any order, the file's own roles stay."""

import random
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.data.join import near_groups
from adapters.data.split import FOLDS, LEAST_TEST, SMALL, Shares, Split, split
from engine.errors import BadRequest
from engine.rows import Row

WORDS = [f"{a}{b}{c}" for a in "bdfgklmnprst" for b in ("ana", "ello", "imu", "otte", "urri") for c in ("k", "sch", "v", "zon")]


def rows_of(count: int, seed: int = 1, classes: int = 4) -> list[Row]:
    draw = random.Random(seed)
    return [Row(n, " ".join(draw.choices(WORDS, k=6)) + f" {n}", references=(f"c{draw.randrange(classes)}",)) for n in range(count)]


def made(rows: list[Row], shares: Shares | None = None) -> Split:
    groups = near_groups([row.text for row in rows])
    classes = [row.references[0] for row in rows]
    return split(rows, groups, classes, shares)


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 10**6), st.integers(SMALL, 700), st.randoms(use_true_random=False))
def test_groups_stay_together_and_order_says_nothing(seed: int, count: int, draw: random.Random) -> None:
    rows = rows_of(count, seed)
    rows += [Row(f"again {row.id}", row.text.upper() + "!", references=row.references) for row in rows[::9]]
    found = made(rows)
    assert set(found.roles) == {"train", "dev", "test"} and set(found.folds) == {None}
    groups = near_groups([row.text for row in rows])
    assert all(len(roles) == 1 for roles in _by(groups, found.roles).values()), "no request has two roles"
    mixed = draw.sample(rows, len(rows))
    again = dict(zip((row.id for row in mixed), made(mixed).roles, strict=True))
    assert [again[row.id] for row in rows] == list(found.roles)


def _by(groups: list[int], roles: tuple[str, ...]) -> dict[int, set[str]]:
    found: dict[int, set[str]] = {}
    for group, role in zip(groups, roles, strict=True):
        found.setdefault(group, set()).add(role)
    return found


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10**6), st.integers(SMALL, 900))
def test_shares_hold_in_all_and_in_each_class(seed: int, count: int) -> None:
    rows = rows_of(count, seed)
    found = made(rows)
    assert found.counts["test"] >= LEAST_TEST
    share = max(0.25, LEAST_TEST / count)
    for name in {row.references[0] for row in rows}:
        of_class = Counter(role for role, row in zip(found.roles, rows, strict=True) if row.references[0] == name)
        assert abs(of_class["test"] - share * of_class.total()) <= 0.2 * share * of_class.total() + 3
        assert abs(of_class["dev"] - 0.2 * (1 - share) * of_class.total()) <= 0.2 * 0.2 * of_class.total() + 3


def test_large_groups_have_no_role_of_their_own() -> None:
    """Groups of five get each role as often as groups of one; a place made of the least of five hashes would send them to the test."""
    rows = rows_of(3000, classes=1)
    rows += [Row(f"{row.id} {n}", row.text + "!" * n, references=row.references) for row in rows[:600] for n in range(1, 5)]
    found = made(rows)
    assert 0.21 < found.counts["test"] / len(rows) < 0.29 and 0.1 < found.counts["dev"] / len(rows) < 0.2
    assert 0.2 < found.roles[:600].count("test") / 600 < 0.3


def test_a_row_that_is_added_moves_hardly_another() -> None:
    rows, moved = rows_of(900), 0
    for count in range(600, 900, 10):
        before, after = made(rows[:count]).roles, made(rows[: count + 1]).roles
        moved += sum(one != other for one, other in zip(before, after, strict=False))
    assert moved <= 6  # of 30 times 600 to 900 rows


def test_few_rows_are_in_five_folds_without_a_test() -> None:
    found = made(rows_of(SMALL - 1))
    assert found.folded and found.counts == {"train": SMALL - 1}
    sizes = Counter(found.folds)
    assert set(sizes) == set(range(FOLDS)) and max(sizes.values()) - min(sizes.values()) <= 2
    assert not made(rows_of(SMALL)).folded


def test_roles_of_the_file_stay_and_their_near_duplicates_follow() -> None:
    rows = rows_of(400)
    given_role = {0: "test", 1: "train", 2: "dev", 3: "example"}
    rows = [Row(row.id, row.text, references=row.references, role=given_role.get(n, ""), line=n + 1) for n, row in enumerate(rows)]
    rows += [Row(f"again {n}", rows[n].text + "?", references=rows[n].references) for n in range(4)]
    found = made(rows)
    assert [found.roles[n] for n in range(4)] == list(given_role.values()) == list(found.roles[-4:]) and found.given == 4
    with pytest.raises(BadRequest, match=r"Line 500 has the role train, and line 1, nearly the same request, has the role test"):
        made([*rows, Row("x", rows[0].text + "!", references=("c0",), role="train", line=500)])
    only = made([Row(row.id, row.text, references=row.references, role="test" if row.id == 0 else "train") for row in rows_of(20)])
    assert only.counts == {"train": 19, "test": 1}, "whoever gives roles to all has split the rows"


def test_shares_may_be_set() -> None:
    counts = made(rows_of(1000), Shares(0.8, 0.0, 0.2)).counts
    assert counts["dev"] == 0 and abs(counts["test"] - 200) <= 45
