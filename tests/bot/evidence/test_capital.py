"""The betting capital against its closed form, its slow twin, and its promise."""

import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import brentq

from bot.evidence.bets import EQUAL_SIZES, SIZES, WINNER_SIZES, BadEvidence, Floats, closed_form, log_average
from bot.evidence.capital import FROZEN, RECENT, Capital, Claims
from tests.bot.evidence.make import coin

LEVELS = st.sampled_from([0.0, 0.1, 0.25, 1 / 3, 0.5, 0.8, 1.0])
SCORES = st.lists(LEVELS, min_size=1, max_size=60)
FIRST_WINS = [(8, 8), (11, 12), (14, 15), (17, 20), (20, 25), (24, 30), (30, 40), (36, 50), (52, 75), (66, 100), (124, 200)]


def slow_capital(scores: list[float], m: float, sizes: tuple[float, ...] = SIZES, signs: tuple[int, ...] = (1, -1)) -> float:
    """K_n(m) by its formula, product by product."""
    products = [math.prod(1 + c / m * (s - m) for s in scores) for c in sizes if 1 in signs]
    products += [math.prod(1 - c / (1 - m) * (s - m) for s in scores) for c in sizes if -1 in signs]
    return sum(products) / len(products)


def slow_claims(scores: list[float], delta: float, threshold: float) -> Claims:
    """What was proven at some look, by the formulas."""
    found = [False] * 4
    for t in range(1, len(scores) + 1):
        seen = scores[:t]
        winner, lead = slow_capital(seen, 0.5, WINNER_SIZES) >= threshold, sum(seen) - t / 2
        above = slow_capital(seen, 0.5 - delta, EQUAL_SIZES, (1,)) >= threshold
        below = slow_capital(seen, 0.5 + delta, EQUAL_SIZES, (-1,)) >= threshold
        found = [a or b for a, b in zip(found, (winner and lead > 0, winner and lead < 0, above, below), strict=True)]
    return Claims(*found)


def slow_sequence(scores: list[float], threshold: float) -> tuple[float, float]:
    """The running intersection of {m: K_t(m) < threshold}, each end found by bisection."""
    low, high = 0.0, 1.0
    for t in range(1, len(scores) + 1):
        seen, inside = scores[:t], min(max(sum(scores[:t]) / t, 1e-9), 1 - 1e-9)

        def over(m: float, seen: list[float] = seen) -> float:
            return slow_capital(seen, m) - threshold

        if over(1e-9) > 0:
            low = max(low, brentq(over, 1e-9, inside, xtol=1e-12))
        if over(1 - 1e-9) > 0:
            high = min(high, brentq(over, inside, 1 - 1e-9, xtol=1e-12))
    return low, high


def assert_same(state: Capital, other: Capital) -> None:
    assert (state.n, state.live, state.delta) == (other.n, other.live, other.delta)
    np.testing.assert_array_equal(state.recent, other.recent)
    np.testing.assert_allclose(state.held, other.held, rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(state.proven, other.proven, rtol=1e-12, atol=1e-12)
    living = slice(*state.live)
    np.testing.assert_allclose(state.logs[living], other.logs[living], rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(state.peaks[:, living], other.peaks[:, living], rtol=1e-12, atol=1e-12)
    assert state.interval() == pytest.approx(other.interval(), abs=1e-12)
    assert state.log_e_value() == pytest.approx(other.log_e_value(), abs=1e-12)


@pytest.mark.parametrize(("wins", "n"), FIRST_WINS)
def test_the_closed_form_first_reaches_20_at_the_published_wins(wins: int, n: int) -> None:
    assert closed_form(wins, n - wins) >= 20
    assert closed_form(wins - 1, n - wins + 1) < 20


@pytest.mark.parametrize(("wins", "n"), FIRST_WINS)
def test_the_grid_of_bets_needs_the_same_wins_give_or_take_one(wins: int, n: int) -> None:
    def reaches(won: int) -> bool:
        now = Capital.start(np.array([0.5])).after([1.0] * won + [0.0] * (n - won)).logs[0]
        return float(log_average(now)) >= math.log(20)

    assert reaches(min(n, wins + 1))
    assert not reaches(wins - 2)


@settings(max_examples=60, deadline=None)
@given(SCORES)
def test_capital_equals_the_product_formula(scores: list[float]) -> None:
    state = Capital.start()
    for score in scores:
        state = state.update(score)
    assert math.exp(state.log_e_value()) == pytest.approx(slow_capital(scores, 0.5, WINNER_SIZES), rel=1e-9)
    at = len(state.means) // 2
    assert math.exp(float(log_average(state.logs[at]))) == pytest.approx(slow_capital(scores, 0.5), rel=1e-9)


@settings(max_examples=60, deadline=None)
@given(SCORES, st.sampled_from([0.05, 0.123, 0.15, 0.4]), st.sampled_from([3.0, 20.0, 5e7]))
def test_claims_follow_their_formulas_for_any_margin(scores: list[float], delta: float, threshold: float) -> None:
    assert Capital.start(delta=delta).after(scores).claims(threshold) == slow_claims(scores, delta, threshold)


@settings(max_examples=60, deadline=None)
@given(SCORES, SCORES, st.booleans())
def test_one_look_at_a_histogram_equals_the_scores_one_by_one_but_for_the_looks_between(
    first: list[float], then: list[float], told: bool
) -> None:
    before = Capital.start().after(first)
    slow = before.after(then)
    values, counts = np.unique(then, return_counts=True)
    latest = then[-RECENT:] if told else None
    fast = Capital.from_bytes(before.after_counts(values, counts, latest).to_bytes())
    assert (fast.n, fast.total) == (slow.n, pytest.approx(slow.total, rel=1e-12))
    living = slice(*slow.live)
    np.testing.assert_allclose(fast.logs[living], slow.logs[living], rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(fast.held, slow.held, rtol=1e-9, atol=1e-9)
    assert bool((np.minimum(fast.peaks, FROZEN) <= np.minimum(slow.peaks, FROZEN) + 1e-9).all())
    assert bool((fast.proven <= slow.proven + 1e-9).all())
    np.testing.assert_array_equal(fast.recent, slow.recent if told else [])


def test_a_long_histogram_holds_the_share_that_the_looks_between_hold() -> None:
    scores = np.random.default_rng(5).choice([0.0, 0.5, 1.0], size=3000, p=[0.3, 0.1, 0.6])
    looked, state = Capital.start().after(scores), Capital.start()
    for part in np.split(scores, 100):
        state = state.after_counts(*np.unique(part, return_counts=True))
    wide, narrow = state.interval(), looked.interval()
    assert wide.low <= narrow.low + 1e-9 and narrow.high <= wide.high + 1e-9
    assert wide == pytest.approx(narrow, abs=0.02)
    assert state.claims() == looked.claims()


@pytest.mark.parametrize(
    ("values", "counts", "recent"), [([2.0], [1], []), ([0.5], [-1], []), ([0.5], [1, 2], []), ([0.5], [0.5], []), ([0.5], [1], [1.0, 1.0])]
)
def test_a_histogram_that_cannot_be_is_refused(values: list[float], counts: list[float], recent: list[float]) -> None:
    with pytest.raises(BadEvidence):
        Capital.start().after_counts(values, counts, recent)


@settings(max_examples=30, deadline=None)
@given(SCORES)
def test_the_last_thirty_scores_are_remembered(scores: list[float]) -> None:
    many = [0.25] * 20 + scores
    assert list(Capital.start().after(many).recent) == many[-RECENT:]


def test_thresholds_beyond_the_frozen_points_widen_the_interval_and_keep_it_true() -> None:
    state = Capital.start().after(coin(np.random.default_rng(1), 0.7, 4000))
    ends = [state.interval(threshold) for threshold in (20.0, 1e6, 1e9, 1e12, 1e30)]
    for inner, outer in pairwise(ends):
        assert outer.low <= inner.low <= 0.7 <= inner.high <= outer.high
    assert state.claims(1e30).more_than_half


@settings(max_examples=25, deadline=None)
@given(SCORES, st.sampled_from([5.0, 20.0, 120.0]))
def test_the_reported_interval_holds_the_true_one_within_a_grid_step(scores: list[float], threshold: float) -> None:
    low, high = slow_sequence(scores, threshold)
    reported = Capital.start().after(scores).interval(threshold)
    assert low - 1 / 400 - 1e-9 <= reported.low <= low + 1e-9
    assert high - 1e-9 <= reported.high <= high + 1 / 400 + 1e-9


@settings(max_examples=40, deadline=None)
@given(SCORES, st.integers(0, 60))
def test_one_by_one_in_batches_and_through_bytes_give_the_same_state(scores: list[float], cut: int) -> None:
    slow = Capital.start()
    for score in scores:
        slow = slow.update(score)
    stored = Capital.start().after(scores[:cut]).to_bytes()
    fast = Capital.from_bytes(stored).after(scores[cut:])
    assert_same(fast, slow)


def test_a_long_run_in_batches_equals_one_by_one_after_points_froze() -> None:
    scores = np.random.default_rng(3).choice([0.0, 0.5, 1.0], size=1500, p=[0.3, 0.1, 0.6])
    slow, fast = Capital.start(), Capital.start().after(scores)
    for score in scores:
        slow = slow.update(float(score))
    assert slow.live[1] - slow.live[0] < 200
    assert_same(fast, slow)


@settings(max_examples=40, deadline=None)
@given(SCORES)
def test_swapping_the_sides_mirrors_the_interval(scores: list[float]) -> None:
    here = Capital.start().after(scores).interval()
    there = Capital.start().after([1 - score for score in scores]).interval()
    assert (there.low, there.high) == pytest.approx((1 - here.high, 1 - here.low), abs=1e-9)


def test_under_the_null_capital_ever_reaches_20_in_at_most_5_percent() -> None:
    rng = np.random.default_rng(11)
    start = Capital.start(np.array([0.3]))
    teams: list[Floats] = [(rng.random(150) < 0.3).astype(float) for _ in range(600)]
    reached = [max(state.peaks[:, 0]) >= math.log(20) for state in (start.after(team) for team in teams)]
    assert 0 < np.mean(reached) <= 0.05 + 2 * math.sqrt(0.05 * 0.95 / 600)


def test_before_any_score_nothing_is_excluded() -> None:
    assert Capital.start().interval() == (0.0, 1.0)
    assert Capital.start().mean is None
    assert Capital.start().log_e_value() == 0


def test_extreme_scores_stay_finite() -> None:
    state = Capital.start().after(np.ones(5000))
    assert 0.99 < state.interval().low <= state.interval().high == 1
    assert math.isfinite(state.log_e_value())


@pytest.mark.parametrize("bad", [-0.1, 1.1, math.nan])
def test_a_score_outside_the_unit_interval_is_refused(bad: float) -> None:
    with pytest.raises(BadEvidence, match="between 0 and 1"):
        Capital.start().update(bad)


@pytest.mark.parametrize("stored", [b"", b"x" * 47, bytes(480), np.full(60, np.nan).tobytes()])
def test_damaged_bytes_are_refused(stored: bytes) -> None:
    with pytest.raises(BadEvidence, match="Rebuild it"):
        Capital.from_bytes(stored)
