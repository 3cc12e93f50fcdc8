import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.backends.base import Usage
from engine.contestants import Arm
from engine.cost import Cost
from engine.duel import Answer, Failure
from engine.report import cost_json, dollars, figures, footnote, json_line, seconds, summary

USAGE = Usage(300, 280, 40, 0.0, 0.12, 1.5, 0.9, "cpu", "together")
COST = Cost(0.000025, "device_hour", "a list", "2026-11-22")


@given(st.recursive(st.none() | st.text() | st.integers(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)))
def test_a_json_line_is_one_line_and_says_the_same(value: object) -> None:
    line = json_line(value)
    assert len(line.splitlines()) == 1
    assert line.isprintable()
    assert json.loads(line) == value


def test_json_keeps_letters_readable() -> None:
    assert json_line("Grüße 漢字") == '"Grüße 漢字"'


@pytest.mark.parametrize(
    ("usd", "words"),
    [(None, "–"), (0, "$0"), (0.0000314, "$0.000031"), (0.05, "$0.050"), (0.5, "$0.50"), (12.5, "$12.50"), (1234.5, "$1,234.50")],
)
def test_dollars_have_two_digits_that_matter(usd: float | None, words: str) -> None:
    assert dollars(usd) == words


@pytest.mark.parametrize(("value_s", "words"), [(0.0, "0 s"), (0.012, "0.012 s"), (0.5, "0.50 s"), (12.34, "12.3 s"), (1234.0, "1,234 s")])
def test_seconds_have_the_digits_that_matter(value_s: float, words: str) -> None:
    assert seconds(value_s) == words


def test_a_cost_says_what_a_thousand_would_cost() -> None:
    written = cost_json(COST)
    assert written is not None
    assert written["usd_per_1000"] == pytest.approx(0.025)
    assert written["basis"] == "device_hour"
    assert cost_json(None) is None


def test_figures_have_a_cell_for_every_side_and_a_dash_for_a_failed_one() -> None:
    rows = dict(figures([(USAGE, COST), None]))
    assert rows["tokens in"] == ["300 (280 cached)", "–"]
    assert rows["first words"] == ["0.12 s", "–"]
    assert rows["per 1,000"] == ["$0.025", "–"]
    assert "in the queue" not in rows


def test_waiting_is_shown_when_there_was_any() -> None:
    waited = Usage(3, 0, 4, 2.0, 0.1, 1.0, 0.9, "cpu", "alone")
    assert dict(figures([(waited, COST)]))["in the queue"] == ["2.00 s"]


def test_the_footnote_says_where_the_price_comes_from() -> None:
    assert "a list, 2026-11-22" in footnote([(USAGE, COST)])
    assert "ran together" in footnote([(USAGE, COST)])
    assert "not known" in footnote([(USAGE, Cost(None, "unknown", "", ""))])
    assert footnote([None]) == ""


def test_a_summary_counts_failures_and_bills_the_time_they_took() -> None:
    answer = Answer("x", "end", USAGE, COST)
    rows = dict(summary({Arm.PROMPTED: [answer, Failure("timeout", "…", USAGE, COST)], Arm.TUNED: [Failure("server", "…")]}))
    assert rows["answered"] == ["1", "0"]
    assert rows["failed"] == ["1", "1"]
    assert rows["cost"] == ["$0.000050", "–"]
    assert rows["total time, median"] == ["1.50 s", "–"]


def test_one_unknown_cost_makes_the_sum_unknown() -> None:
    unknown = Answer("x", "end", USAGE, Cost(None, "unknown", "", ""))
    assert dict(summary({Arm.PLAIN: [Answer("x", "end", USAGE, COST), unknown]}))["cost"] == ["–"]
