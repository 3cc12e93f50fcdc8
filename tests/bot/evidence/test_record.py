"""Histograms, and what they say at one look."""

import math
from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.evidence.bets import BadEvidence
from bot.evidence.record import Histogram, Record
from tests.bot.evidence.make import coin
from tests.bot.evidence.test_capital import SCORES, slow_capital


@settings(max_examples=40, deadline=None)
@given(SCORES, SCORES)
def test_counts_and_scores_give_the_same_histogram(first: list[float], then: list[float]) -> None:
    one = Histogram.start().after(first).after(then)
    values, counts = np.unique(then, return_counts=True)
    other = Histogram.start().after(first).after_counts(values, counts)
    assert one == other and dict(one.counts) == Counter(first + then)
    assert (one.n, one.mean) == (len(first + then), pytest.approx(np.mean(first + then)))
    assert one.scatter == pytest.approx(np.var(first + then) * one.n, abs=1e-12)


@settings(max_examples=40, deadline=None)
@given(SCORES, st.sampled_from([5.0, 20.0, 400.0]))
def test_the_interval_is_what_the_formula_does_not_exclude(scores: list[float], threshold: float) -> None:
    record = Record.of(Histogram.start().after(scores))
    low, high = record.interval(threshold)
    assert low <= np.mean(scores) <= high
    for m in np.arange(1, 400) / 400:
        if low < m < high and min(m - low, high - m) > 1 / 400:
            assert slow_capital(scores, m) < threshold * (1 + 1e-9)
        elif not low < m < high:
            assert slow_capital(scores, m) >= threshold * (1 - 1e-9)
    assert math.exp(record.log_e_value) == pytest.approx(slow_capital(scores, 0.5), rel=1e-9)
    assert (record.log_e_value >= math.log(threshold)) == (not low < 0.5 < high)


def test_equal_scores_do_not_shrink_the_interval_to_a_point() -> None:
    low, high = Record.of(Histogram.start().after([0.5] * 10)).interval()
    assert low < 0.4 and high > 0.6


def test_the_interval_holds_the_truth_in_19_of_20() -> None:
    rng, missed = np.random.default_rng(4), 0
    for _ in range(400):
        low, high = Record.of(Histogram.start().after(coin(rng, 0.8, 30))).interval()
        missed += not low <= 0.8 <= high
    assert missed / 400 <= 0.05


def test_an_empty_record_and_scores_outside_the_unit_interval_are_refused() -> None:
    with pytest.raises(BadEvidence, match="at least one"):
        Record.of(Histogram.start())
    with pytest.raises(BadEvidence, match="between 0 and 1"):
        Histogram.start().after_counts([1.5], [1])
