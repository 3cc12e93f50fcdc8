"""States, forecasts, robustness."""

from collections import Counter
from dataclasses import replace
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.ballots import Choice
from bot.evidence.bets import BadEvidence
from bot.evidence.capital import Capital, Interval
from bot.evidence.decision import State, comparisons, decide, state_of, take
from bot.evidence.duels import ClosedDuel, score_all
from bot.evidence.forecast import Forecast, further_duels
from bot.evidence.robustness import LeaveOneOut, robustness, spare_duels
from tests.bot.evidence.make import PAIR, closed, coin, score, team
from tests.bot.evidence.test_capital import slow_capital

MIRROR = {State.FIRST: State.SECOND, State.SECOND: State.FIRST, State.EQUAL: State.EQUAL, State.COLLECT: State.COLLECT}


def state(scores: list[float], delta: float = 0.15, alpha: float = 0.05, pairs: int = 1) -> State:
    return decide(Capital.start().after(scores), delta=delta, alpha=alpha, pairs=pairs).state


def test_eight_of_eight_decide_and_seven_do_not() -> None:
    assert state([1] * 7) is State.COLLECT
    assert state([1] * 8) is State.SECOND
    assert state([0] * 8) is State.FIRST


def test_many_even_duels_are_practically_equal_and_the_cheaper_is_taken() -> None:
    even = state([0.0, 1.0] * 100)
    assert even is State.EQUAL
    assert state([0.0, 1.0] * 100, delta=0.05) is State.COLLECT
    assert (take(even, (0.002, 0.001)), take(even, (0.001, 0.002)), take(even, (None, 0.001))) == (1, 0, None)
    assert take(State.SECOND, (0.001, 0.002)) == 1


@pytest.mark.parametrize(
    ("low", "high", "half", "expected"),
    [
        (0.5, 0.9, (True, False), State.SECOND),
        (0.52, 0.6, (True, False), State.SECOND),
        (0.1, 0.5, (False, True), State.FIRST),
        (0.35, 0.65, (False, False), State.EQUAL),
        (0.34, 0.65, (False, False), State.COLLECT),
        (0.6, 0.4, (True, True), State.COLLECT),
        (0.7, 0.6, (True, False), State.SECOND),
    ],
)
def test_the_state_follows_the_sequence(low: float, high: float, half: tuple[bool, bool], expected: State) -> None:
    assert state_of(Interval(low, high), half, 0.15) is expected


@settings(max_examples=30, deadline=None)
@given(st.lists(st.sampled_from([0.0, 0.25, 0.5, 1.0]), max_size=60), st.sampled_from([0.0, 1.0]), st.integers(0, 40))
def test_three_candidate_means_give_the_state_of_the_whole_grid(scores: list[float], run: float, length: int) -> None:
    record = scores + [run] * length
    assert decide(Capital.start(np.array([0.35, 0.5, 0.65])).after(record)).state is state(record)


def test_scores_that_contradict_each_other_are_said_to_drift() -> None:
    decision = decide(Capital.start().after([1.0] * 30 + [0.0] * 150))
    assert decision.drifted
    assert decision.state is State.COLLECT


def test_a_decision_once_reached_stays_though_later_duels_weaken_it() -> None:
    reached = Capital.start().after([1.0] * 8)
    later = reached.after([0.0, 1.0] * 10)
    assert later.log_e_value() < np.log(20)
    assert decide(later).state is State.SECOND


@settings(max_examples=30, deadline=None)
@given(st.lists(st.sampled_from([0.0, 0.25, 0.5, 1.0]), max_size=80))
def test_swapping_the_sides_mirrors_the_state(scores: list[float]) -> None:
    assert state([1 - score for score in scores]) is MIRROR[state(scores)]


def test_the_verdict_does_not_depend_on_the_order_in_which_the_store_lists_duels() -> None:
    duels = team(np.random.default_rng(2), 80, 3, theta=0.75)
    here, there = (Capital.start().after([duel.score for duel in score(listed)]) for listed in (duels, duels[::-1]))
    assert decide(here) == decide(there)
    assert decide(here).state is State.SECOND


def test_the_same_contestant_on_both_sides_comes_out_equal() -> None:
    duels = [replace(duel, entrants=("same", "same")) for duel in team(np.random.default_rng(9), 200, 3, theta=0.5)]
    assert state(score_all(duels, ("same", "same")).scores) is State.EQUAL


def test_more_contestants_need_more_evidence() -> None:
    assert comparisons(4) == 6
    capital = Capital.start().after([1.0] * 9)
    assert decide(capital).state is State.SECOND
    assert decide(capital, pairs=comparisons(4)).state is State.COLLECT
    assert decide(capital.after([1.0] * 3), pairs=comparisons(4)).state is State.SECOND


@pytest.mark.parametrize(("delta", "alpha", "pairs"), [(0, 0.05, 1), (0.5, 0.05, 1), (0.15, 1, 1), (0.15, 0, 1), (0.15, 0.05, 0)])
def test_meaningless_settings_are_refused(delta: float, alpha: float, pairs: int) -> None:
    with pytest.raises(BadEvidence):
        state([1.0], delta, alpha, pairs)


def forecast(scores: list[float], horizon: int = 2000) -> Forecast:
    found = further_duels(Capital.start().after(scores), Counter(scores), np.random.default_rng(0), horizon=horizon)
    assert found is not None
    return found


def test_the_forecast_shrinks_as_a_clear_record_grows() -> None:
    few, more = forecast([1.0, 1.0, 0.0] * 3), forecast([1.0, 1.0, 0.0] * 12)
    assert few.low and few.median and few.high and more.median
    assert few.low <= few.median <= few.high
    assert 0 < more.median < few.median
    assert forecast([1.0] * 8).median == 0


def test_before_the_first_duel_there_is_no_forecast() -> None:
    assert further_duels(Capital.start(), {}, np.random.default_rng(0)) is None


def test_a_forecast_beyond_the_horizon_says_so() -> None:
    short = forecast([0.0, 1.0], horizon=5)
    assert short.median is None
    assert short.decided < 0.5


def test_the_forecast_keeps_its_promise() -> None:
    """Of teams at .7 with 20 duels, about half need more than the median forecast."""
    rng, later = np.random.default_rng(5), []
    for _ in range(30):
        scores = [float(score) for score in coin(rng, 0.7, 20)]
        capital = Capital.start().after(scores)
        if decide(capital).state is State.COLLECT:
            found = further_duels(capital, Counter(scores), rng, paths=60)
            assert found is not None and found.median is not None
            later.append(decide(capital.after(coin(rng, 0.7, found.median))).state is State.SECOND)
    assert 0.2 < np.mean(later) < 0.95


def test_a_histogram_of_other_scores_is_refused() -> None:
    with pytest.raises(BadEvidence, match="histogram"):
        further_duels(Capital.start().after([1.0]), {1.0: 2}, np.random.default_rng(0))


@pytest.mark.parametrize("seed", range(4))
def test_leaving_out_each_voter_equals_counting_again_without_them(seed: int) -> None:
    duels = team(np.random.default_rng(seed), 90, 4, theta=0.72)
    scored_duels = score(duels)
    batches = LeaveOneOut.start().after(scored_duels[:13]).after(scored_duels[13:14]).after(scored_duels[14:])
    for voter in ("v0", "v1", "v2", "v3"):
        rest = [closed_without(duel, voter) for duel in duels]
        again = decide(Capital.start().after(score_all(rest, PAIR).scores))
        assert batches.states()[voter] is again.state
        assert batches.without[voter].n == again.n
        assert batches.without[voter].log_e_value() == pytest.approx(again.log_e_value, abs=1e-9)
    assert decide(batches.everyone).state is decide(Capital.start().after([duel.score for duel in scored_duels])).state


def closed_without(duel: ClosedDuel, voter: str) -> ClosedDuel:
    return replace(duel, ballots=tuple(ballot for ballot in duel.ballots if ballot.voter != voter))


def test_a_verdict_that_hangs_on_one_voter_names_them() -> None:
    duels = [closed(at, {"loud": Choice.RIGHT, "calm": Choice.TIE}) for at in range(40)]
    found = score(duels)
    left_out = LeaveOneOut.start().after(found)
    line = robustness([duel.score for duel in found], left_out, State.SECOND)
    assert line.pivotal == ("loud",)
    assert not line.survives_any_voter


def final_state(scores: list[float]) -> State:
    """The state from the capital as of now alone, by the product formula."""
    mean = sum(scores) / len(scores)

    def excluded(edge: float) -> bool:
        return slow_capital(scores, edge) >= 20

    if excluded(0.5):
        return State.SECOND if mean > 0.5 else State.FIRST
    return State.EQUAL if excluded(0.35) and excluded(0.65) and 0.35 < mean < 0.65 else State.COLLECT


@settings(max_examples=25, deadline=None)
@given(st.lists(st.sampled_from([0.0, 0.5, 1.0, 1.0]), min_size=9, max_size=14))
def test_spare_duels_against_every_subset(scores: list[float]) -> None:
    if final_state(scores) is not State.SECOND:
        assert spare_duels(scores, State.SECOND) is None
        return
    spare = spare_duels(scores, State.SECOND)
    assert spare is not None
    everywhere = True
    for k in (1, 2, 3):
        subsets = combinations(scores, len(scores) - k)
        everywhere = everywhere and all(final_state(list(kept)) is State.SECOND for kept in subsets)
        assert (spare >= k) == everywhere


def test_spare_duels_of_equal_and_open_verdicts() -> None:
    even = [0.0, 1.0] * 100
    spare = spare_duels(even, State.EQUAL)
    assert spare is not None and spare > 0
    assert final_state(sorted(even)[spare:]) is State.EQUAL
    assert final_state(sorted(even)[spare + 1 :]) is not State.EQUAL
    assert spare_duels(even, State.COLLECT) is None
    assert spare_duels([1.0] * 8 + [0.0, 1.0] * 10, State.SECOND) is None
    assert spare_duels([0.0] * 10, State.FIRST) == spare_duels([1.0] * 10, State.SECOND) == 2
