"""What is known to hurt in a prompt: each kind found with its place, and shipped recipes free of it."""

import json
from pathlib import Path

import pytest

from engine.__main__ import main
from engine.optimise.lint import LintKind, line_numbers, lint
from engine.recipes import Example, Recipe, Sampling, load_recipe
from engine.rows import Row, read_rows
from engine.scoring import Metric

TICKETS = Path(__file__).parents[2] / "examples" / "tickets.csv"
CALM = Sampling(temperature=0.3, max_new_tokens=64)
TWO = (Example("Where is it?", "Team: Delivery\nReply: On its way."), Example("It broke.", "Team: Damage\nReply: We send a new one."))


def found(system: str = "", *examples: Example, sampling: Sampling = CALM, **more: object) -> list[tuple[str, str]]:
    recipe = Recipe("r", "1", system, examples=examples, sampling=sampling)
    return [(each.kind, each.place) for each in lint(recipe, **more)]  # type: ignore[arg-type]


def test_the_shipped_recipe_of_the_desk_is_free_of_it() -> None:
    with TICKETS.open("rb") as lines:
        rows = read_rows(lines, "tickets").rows
    assert not lint(load_recipe("desk"), rows=rows, metric=Metric("line:Team"))


@pytest.mark.parametrize(
    ("system", "examples"),
    [
        ("", (*TWO, Example("Money?", "Refunds: soon."))),
        ("Answer with JSON.", (Example("Where?", "Delivery"),)),
        (
            "",
            (
                Example("a b c d", '{"team": "x", "sure": 1}'),
                Example("e f g h", '{"team": "x", "sure": 1}'),
                Example("i j", '{"team": "y"}'),
            ),
        ),
        ("In exactly two lines.", (Example("Where?", "Delivery"),)),
        ("Use at most three words.", (Example("Where?", "It is on its way to you."),)),
        ("Use at least two sentences.", (Example("Where?", "On its way."),)),
        ("One of: cards, fees, login.", (Example("a?", "cards"), Example("b?", "fees"), Example("What of it?", "loans"))),
    ],
)
def test_an_example_that_breaks_the_format_is_named(system: str, examples: tuple[Example, ...]) -> None:
    assert found(system, *examples) == [(LintKind.FORMAT, f"example {len(examples)}")]


@pytest.mark.parametrize(
    "system",
    [
        "Be brief. Explain everything in detail.",
        "Answer in exactly two lines. Always three lines.",
        "Give the label and nothing else. Think step by step.",
        "Answer in English, in the customer's language.",
    ],
)
def test_rules_that_contradict_each_other_are_named(system: str) -> None:
    assert found(system) == [(LintKind.CONTRADICTION, "system")]


def test_one_request_with_two_answers_is_a_contradiction() -> None:
    assert found("", TWO[0], Example("where is it?", "Team: Contents\nReply: Here.")) == [(LintKind.CONTRADICTION, "example 2")]
    assert found("", TWO[0], TWO[0]) == [(LintKind.FORMAT, "example 2")]


@pytest.mark.parametrize("role", ["test", "dev"])
def test_an_example_that_is_measured_on_is_a_leak(role: str) -> None:
    rows = [Row(1, "it  broke.", references=("x",), role=role, line=7), Row(2, "Where is it?", role="train")]
    assert found("", *TWO, rows=rows) == [(LintKind.LEAK, "example 2")]


@pytest.mark.parametrize(
    "sampling",
    [
        Sampling(max_new_tokens=128),
        Sampling(temperature=1.5),
        Sampling(temperature=0.3, repetition_penalty=1.6),
        Sampling(temperature=0.3, max_new_tokens=2),
        Sampling(temperature=0.3, top_k=1),
    ],
)
def test_sampling_that_hurts_small_models_is_named(sampling: Sampling) -> None:
    long = Example("And?", f"Team: Damage\nReply: {'We are sorry for it, and we send you a new one. ' * 4}")
    assert (LintKind.SAMPLING, "sampling") in found("", *TWO, long, sampling=sampling)


def test_a_large_model_may_be_greedy() -> None:
    assert not found(sampling=Sampling(max_new_tokens=128), parameters=8_000_000_000)


def test_answers_that_the_metric_cannot_read_are_named() -> None:
    assert found("", *TWO, metric=Metric("line:Priority")) == [(LintKind.METRIC, "example 1"), (LintKind.METRIC, "example 2")]
    assert found("", *TWO, metric=Metric("json")) == [(LintKind.METRIC, "example 1"), (LintKind.METRIC, "example 2")]
    assert found("Sort it.", metric=Metric("line:Team")) == [(LintKind.METRIC, "system")]
    wordy = Example("Why?", "It is because of one thing and another thing and of a third thing that came later on.")
    assert found("", wordy, metric=Metric("exact")) == [(LintKind.METRIC, "system")]


def test_places_have_their_lines_in_the_file() -> None:
    text = 'name = "x"\nversion = "1"\nsystem = "s"\n\n[[examples]]\nuser = "a"\nassistant = "b"\n[[examples]]\nuser = "c"\n[sampling]\n'
    assert line_numbers(text) == {"system": 3, "example 1": 5, "example 2": 8, "sampling": 10}


def test_the_command_names_file_and_line(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "support.toml"
    file.write_text('name = "x"\nversion = "1"\nsystem = "Be brief, and answer in detail."\n[sampling]\ntemperature = 0.3\n')
    assert main(["lint", str(file)]) == 1
    assert capfd.readouterr().out.startswith("support.toml:3: system: It says “brief” and “in detail”")
    assert main(["lint", str(file), "--json"]) == 1
    assert json.loads(capfd.readouterr().out)["line"] == 3
    assert main(["lint", "desk", "--rows", str(TICKETS), "--metric", "line:Team"]) == 0
    assert "nothing is known to hurt" in capfd.readouterr().out
    assert main(["lint", str(tmp_path / "none.toml")]) == 2
