"""The one figure of an answer: what is guessed from rows, and how each metric scores."""

import csv
import json
from pathlib import Path

import pytest

from engine.errors import BadRequest
from engine.scoring import Metric, guess_kind, guess_metric, key_of, metric_named

TEAMS = [f'{{"team": "{team}"}}' for team in ("cards", "fees", "login")] * 5
LINES = [f"Team: {team}\nReply: text number {at}." for at, team in enumerate(("Billing", "Repairs") * 6)]


@pytest.mark.parametrize(
    ("answers", "kind", "metric"),
    [
        (TEAMS, "JSON", "json"),
        (["yes", "no"] * 5, "closed set", "exact"),
        (LINES, "lines", "line:Team"),
        ([f"An answer of its own, number {at}." for at in range(12)], "free text", "f1"),
        (["note: one", "note: two", "note: three"], "short answers", "exact"),
        (["52871", "10442", "7733"], "short answers", "exact"),
    ],
)
def test_what_answers_are_is_guessed(answers: list[str], kind: str, metric: str) -> None:
    assert guess_kind(answers) == kind
    assert guess_metric(answers).name == metric


def test_the_help_desks_rows_are_scored_by_their_team() -> None:
    with (Path(__file__).parents[2] / "examples" / "tickets.csv").open(newline="") as file:
        answers = [row["answer"] for row in csv.DictReader(file)]
    assert guess_metric(answers).name == "line:Team"


@pytest.mark.parametrize(
    ("metric", "answer", "reference", "share"),
    [
        ("exact", "  Yes. ", "yes", 1),
        ("exact", "yes, please", "yes", 0),
        ("json", '{"b":2, "a":1}', '{"a": 1, "b": 2}', 1),
        ("json", '```json\n{"a": 1}\n```', '{"a": 1}', 1),
        ("json", '{"a": 1} and more', '{"a": 1}', 0),
        ("json", '{"a": 1, "a": 2}', '{"a": 1}', 0),
        ("line:Team", "Team:  billing\nReply: x", "Team: Billing\nReply: y", 1),
        ("line:Team", "TEAM: Billing", "Team: Billing", 1),
        ("line:Team", "Reply: Billing", "Team: Billing", 0),
        ("line:Team", "", "Reply: nothing of a team", 0),
        ("f1", "a cat sat", "the cat slept", 0.5),
    ],
)
def test_an_answer_is_scored(metric: str, answer: str, reference: str, share: float) -> None:
    assert metric_named(metric).score(answer, [reference]) == share
    assert metric_named(metric).score(answer, ["something else", reference]) == share


def test_what_a_metric_looks_at_is_a_class() -> None:
    assert key_of(Metric("line:Team"), LINES[0]) == "Billing"
    assert key_of(Metric("json"), json.dumps({"a": 1})) == '{"a": 1}'


@pytest.mark.parametrize("name", ["", "best", "line:", "line: "])
def test_an_unknown_metric_is_refused(name: str) -> None:
    with pytest.raises(BadRequest, match="line:NAME"):
        metric_named(name)
