"""The help desk's rows: each has one role, drawn by the rule that examples/README.md tells, and recipe and adapter keep to the roles."""

import re
from collections import Counter, defaultdict
from pathlib import Path

import pytest

from bot.evaluation.rows import EXPECTED
from engine.contestants import open_adapter
from engine.recipes import load_recipe
from engine.rows import Row, read_rows
from engine.shipped import PAIRS, SMOLLM2
from engine.trained_on import digest

ROOT = Path(__file__).parents[4]
PAIR = PAIRS[SMOLLM2]
ANSWER = re.compile(r"Team: (\w+)\nReply: [^\n]+[.?]")
RATIO = 0.45  # of the runs of five characters that two messages share


def rows_in(name: str) -> tuple[Row, ...]:
    return read_rows([(ROOT / "examples" / name).read_bytes()], name, more=EXPECTED).rows


@pytest.fixture(scope="module")
def rows() -> tuple[Row, ...]:
    return rows_in("tickets.csv")


def test_the_roles_were_drawn_by_the_rule(rows: tuple[Row, ...]) -> None:
    teams = defaultdict(list)
    for row in rows:
        teams[row.tags[0]].append(row)
    assert len(teams) == 17
    for team, own in teams.items():
        tests, devs = (10, 10) if team == "None" else (15, 5)
        roles = [row.role for row in sorted(own, key=lambda row: digest(row.text))]
        assert roles[: tests + devs] == ["test"] * tests + ["dev"] * devs
        assert Counter(roles[tests + devs :]) == {"train": len(own) - tests - devs - 1, "example": 1}
    assert Counter(row.role for row in rows) == {"train": 553, "example": 17, "dev": 90, "test": 250}


def test_every_answer_has_the_two_lines_and_its_pattern_finds_it(rows: tuple[Row, ...]) -> None:
    for row in rows:
        [answer] = row.references
        found = ANSWER.fullmatch(answer)
        assert found and found[1] == row.tags[0] and re.search(row.more["pattern"], answer), row
        assert len(answer.partition("Reply: ")[2].split()) <= 45, row


def grams(text: str) -> frozenset[str]:
    text = " ".join(text.lower().split())
    return frozenset(text[at : at + 5] for at in range(max(1, len(text) - 4)))


def test_no_message_stands_there_twice_or_nearly(rows: tuple[Row, ...]) -> None:
    """Those that were written apart are compared with all others, too."""
    found = [(row, grams(row.text)) for row in (*rows, *rows_in("more_tickets.csv"))]
    near = [
        (one.text, other.text)
        for place, (one, own) in enumerate(found)
        for other, others in found[:place]
        if min(len(own), len(others)) > RATIO * max(len(own), len(others)) and len(own & others) > RATIO * len(own | others)
    ]
    assert near == []


def test_the_recipe_shows_no_row_that_is_chosen_or_measured_on(rows: tuple[Row, ...]) -> None:
    allowed = {(row.text, row.references[0]) for row in rows if row.role in ("example", "train")}
    assert {(each.user, each.assistant) for each in load_recipe(PAIR.recipe).examples} <= allowed


def test_the_adapter_learned_the_rows_of_the_role_train_alone(rows: tuple[Row, ...]) -> None:
    adapter, plain = open_adapter(PAIR.adapter), load_recipe(PAIR.plain)
    listed = adapter.trained_on.listed
    roles = {digest(row.text): row.role for row in rows}
    assert Counter((mark.role, roles[known]) for known, mark in listed.items()) == {("train", "train"): 553, ("dev", "dev"): 90}
    assert all(mark.signature for mark in listed.values()), "near-duplicates are known again, too"
    assert adapter.card and adapter.card.recipe.digest == plain.digest
    assert sum(file.stat().st_size for file in PAIR.adapter.iterdir()) < 10e6
    assert {file.name for file in PAIR.adapter.iterdir()} == {
        "adapter_config.json",
        "adapter_model.safetensors",
        "card.json",
        "trained_on.txt",
    }
