import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.backends.base import Usage
from engine.contestants import Arm
from engine.cost import Cost
from engine.duel import Answer, Failure
from engine.report import cost_json, dollars, figures, json_line, price_note, seconds, summary

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
    [
        (None, "unknown"),
        (0, "$0"),
        (1e-12, "under $0.000000001"),
        (0.00003, "$0.000030"),
        (0.0000314, "$0.000031"),
        (0.05, "$0.050"),
        (0.0999, "$0.10"),
        (0.5, "$0.50"),
        (12.5, "$12.50"),
        (1234.5, "$1,234.50"),
    ],
)
def test_dollars_have_two_digits_that_matter_and_none_made_up(usd: float | None, words: str) -> None:
    assert dollars(usd) == words


@pytest.mark.parametrize(
    ("value_s", "words"),
    [
        (0.0, "0 s"),
        (0.0001, "under 1 ms"),
        (0.0124, "12 ms"),
        (0.0996, "0.10 s"),
        (0.5, "0.50 s"),
        (1.24, "1.24 s"),
        (9.996, "10.0 s"),
        (12.34, "12.3 s"),
        (119.4, "119 s"),
        (119.9, "2 min"),
        (125.0, "2 min 5 s"),
        (3599.9, "1 h"),
        (5400.0, "1 h 30 min"),
        (3 * 86_400.0, "3 days"),
    ],
)
def test_seconds_have_the_digits_that_matter(value_s: float, words: str) -> None:
    assert seconds(value_s) == words


def test_a_cost_says_what_a_thousand_would_cost() -> None:
    written = cost_json(COST)
    assert written is not None
    assert written["usd_per_1000"] == pytest.approx(0.025)
    assert written["basis"] == "device_hour"
    assert cost_json(None) is None


def test_figures_have_a_cell_for_every_side_and_a_dash_for_a_failed_one() -> None:
    rows = {row.label: row.cells for row in figures([(USAGE, COST), None])}
    assert rows["tokens in"] == ["300 (280 cached)", "–"]
    assert rows["first words"] == ["0.12 s", "–"]
    assert rows["per 1,000 answers"] == ["$0.025", "–"]
    assert "in the queue" not in rows


def test_waiting_is_shown_when_there_was_any() -> None:
    waited = Usage(3, 0, 4, 2.0, 0.1, 1.0, 0.9, "cpu", "alone")
    assert figures([(waited, COST)])[0][:2] == ("in the queue", ["2.00 s"])


def test_a_row_names_who_took_least_by_the_figures_as_shown() -> None:
    other = Usage(31, 0, 40, 0.0, 0.1204, 0.8, 0.9, "cpu", "together")
    rows = {row.label: row.least for row in figures([(USAGE, COST), (other, Cost(0.000014, "device_hour", "a list", "2026-11-22"))])}
    assert rows == {
        "first words": frozenset(),  # read alike
        "full answer": {1},
        "tokens in": {1},
        "tokens out": frozenset(),
        "cost": {1},
        "per 1,000 answers": {1},
    }
    unknown = figures([(USAGE, COST), (other, Cost(None, "unknown", "", ""))])
    assert {row.label: (row.cells[1], row.least) for row in unknown}["cost"] == ("unknown", frozenset())


def test_the_note_says_once_where_each_price_comes_from() -> None:
    assert price_note([(USAGE, COST), (USAGE, COST)]).count("a list, 2026-11-22") == 1
    assert "ran together" in price_note([(USAGE, COST)])
    two = price_note([(USAGE, COST), (USAGE, Cost(0.1, "token_price", "a server", "2026-11-23"))])
    assert "a list, 2026-11-22" in two and "a server, 2026-11-23" in two
    assert "DUEL_DEVICE_USD_PER_HOUR" in price_note([(USAGE, Cost(None, "unknown", "", ""))])
    assert price_note([None]) == ""


def test_a_summary_counts_failures_and_bills_the_time_they_took() -> None:
    answer = Answer("x", "end", USAGE, COST)
    rows = dict(summary({Arm.PROMPTED: [answer, Failure("timeout", "…", USAGE, COST)], Arm.TUNED: [Failure("server", "…")]}))
    assert rows["answered"] == ["1", "0"]
    assert rows["failed"] == ["1", "1"]
    assert rows["cost"] == ["$0.000050", "–"]
    assert rows["full answer, median"] == ["1.50 s", "–"]


def test_one_unknown_cost_makes_the_sum_unknown() -> None:
    unknown = Answer("x", "end", USAGE, Cost(None, "unknown", "", ""))
    assert dict(summary({Arm.PLAIN: [Answer("x", "end", USAGE, COST), unknown]}))["cost"] == ["unknown"]
