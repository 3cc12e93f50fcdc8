"""States, forecasts, robustness."""

from collections import Counter
from dataclasses import replace
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.ballots import Choice
from bot.evidence.bets import EQUAL_SIZES, LEAST_UNITS, WINNER_SIZES, BadEvidence
from bot.evidence.capital import Capital, Claims
from bot.evidence.decision import State, comparisons, decide, state_of
from bot.evidence.duels import ClosedDuel
from bot.evidence.forecast import Forecast, further_duels
from bot.evidence.robustness import LeaveOneOut, robustness, spare_duels
from bot.evidence.versions import level
from tests.bot.evidence.make import PAIR, closed, coin, score, score_all, team
from tests.bot.evidence.test_capital import slow_capital

MIRROR = {each: each for each in State} | {State.FIRST: State.SECOND, State.SECOND: State.FIRST}
LEVELS = st.sampled_from([0.0, 0.25, 0.5, 1.0])


def state(scores: list[float], delta: float = 0.15, alpha: float = 0.05, pairs: int = 1) -> State:
    return decide(Capital.start(delta=delta).after(scores), delta=delta, alpha=alpha, pairs=pairs).state


def test_ten_of_ten_decide_and_nine_do_not() -> None:
    """Nine of nine would reach the threshold; nothing is said from fewer than ten."""
    assert Capital.start().after([1.0] * 9).claims().more_than_half
    assert state([1] * 9) is State.COLLECT
    assert state([1] * 10) is State.SECOND
    assert state([0] * 10) is State.FIRST


def test_many_even_duels_are_practically_equal_and_the_cheaper_is_taken() -> None:
    even = state([0.0, 1.0] * 50)
    assert even is State.EQUAL
    assert state([0.0, 1.0] * 100, delta=0.05) is State.COLLECT


@pytest.mark.parametrize(
    ("claims", "expected"),
    [
        ((True, False, False, False), State.SECOND),
        ((True, False, True, True), State.SECOND),
        ((False, True, False, True), State.FIRST),
        ((False, False, True, True), State.EQUAL),
        ((False, False, True, False), State.COLLECT),
        ((True, True, True, True), State.CHANGED),
    ],
)
def test_the_state_follows_what_was_proven(claims: tuple[bool, bool, bool, bool], expected: State) -> None:
    assert state_of(Claims(*claims)) is expected


def test_a_margin_that_the_evidence_was_not_gathered_for_is_refused() -> None:
    with pytest.raises(BadEvidence, match=r"margin of 0\.15, not 0\.1"):
        decide(Capital.start(), delta=0.1)


def test_scores_that_contradict_each_other_have_changed_and_the_latest_are_told() -> None:
    decision = decide(Capital.start().after([1.0] * 30 + [0.0] * 150 + [0.5] * 3))
    assert decision.state is State.CHANGED
    assert decision.recent == (30, pytest.approx(1.5 / 30))
    assert not decision.within_delta and decision.shown is None


def test_a_half_and_half_record_is_no_narrow_share() -> None:
    """.75 that turns into .3: the record that gave "53 %, between 61 % and 61 %"."""
    rng = np.random.default_rng(8)
    decision = decide(Capital.start().after(np.concatenate([coin(rng, 0.75, 150), coin(rng, 0.3, 150)])))
    assert decision.state is State.CHANGED and decision.recent and decision.recent.mean < 0.5


@settings(max_examples=80, deadline=None)
@given(st.lists(st.tuples(LEVELS, st.integers(1, 60)), max_size=6), st.sampled_from([0.05, 0.15, 0.3]), st.sampled_from([1, 190]))
def test_a_decision_never_contradicts_itself(runs: list[tuple[float, int]], delta: float, pairs: int) -> None:
    found = decide(Capital.start(delta=delta).after([score for score, times in runs for _ in range(times)]), delta=delta, pairs=pairs)
    if found.theta is None or found.state is State.CHANGED:
        assert found.shown is None
        return
    if found.n >= LEAST_UNITS:
        assert found.interval.low <= found.theta <= found.interval.high
    match found.state:
        case State.SECOND:
            assert found.theta > 0.5 and found.interval.high > 0.5 and found.log_e_peak >= found.log_threshold
        case State.FIRST:
            assert found.theta < 0.5 and found.interval.low < 0.5 and found.log_e_peak >= found.log_threshold
        case State.EQUAL:
            assert abs(found.theta - 0.5) < delta and found.within_delta
        case _:
            assert found.n < LEAST_UNITS or found.log_e_peak < found.log_threshold


def test_a_winner_may_be_found_while_the_interval_still_holds_one_half() -> None:
    scores = coin(np.random.default_rng(3), 0.7, 400)
    capital = Capital.start()
    while decide(capital).state is not State.SECOND:
        capital = capital.update(scores[capital.n])
    found = decide(capital)
    assert found.interval.low < 0.5 < found.interval.high
    assert found.log_e_value >= found.log_threshold == pytest.approx(np.log(20))


def test_a_decision_once_reached_stays_though_later_duels_weaken_it() -> None:
    reached = Capital.start().after([1.0] * 10)
    later = reached.after([0.0, 1.0] * 10)
    assert later.log_e_value() < np.log(20)
    found = decide(later)
    assert found.state is State.SECOND and found.log_e_peak >= found.log_threshold


def test_a_winner_whose_mean_crosses_one_half_has_changed() -> None:
    assert state([1.0] * 10 + [0.0] * 10) is State.CHANGED


@settings(max_examples=30, deadline=None)
@given(st.lists(LEVELS, max_size=80))
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
    capital = Capital.start().after([1.0] * 10)
    assert decide(capital).state is State.SECOND
    assert decide(capital, pairs=comparisons(4)).state is State.COLLECT
    assert decide(capital.after([1.0] * 3), pairs=comparisons(4)).state is State.SECOND


def test_a_later_version_needs_more_evidence_and_very_high_thresholds_are_understood() -> None:
    capital = Capital.start().after([1.0] * 15)
    assert decide(capital, alpha=level(0.05, 1, 0)).state is State.SECOND
    assert decide(capital, alpha=level(0.05, 10, 0)).state is State.COLLECT
    assert decide(capital, alpha=level(0.05, 10, 9)).state is State.SECOND
    far = decide(Capital.start().after([1.0] * 100), alpha=level(0.05, 500, 0), pairs=comparisons(59))
    assert far.log_threshold > np.log(1e9) and far.state is State.SECOND and far.interval.low < 1


@pytest.mark.parametrize(("delta", "alpha", "pairs"), [(0, 0.05, 1), (0.5, 0.05, 1), (0.15, 1, 1), (0.15, 0, 1), (0.15, 0.05, 0)])
def test_meaningless_settings_are_refused(delta: float, alpha: float, pairs: int) -> None:
    with pytest.raises(BadEvidence):
        state([1.0], delta, alpha, pairs)


def forecast(scores: list[float], horizon: int = 2000) -> Forecast:
    found = further_duels(Capital.start().after(scores), Counter(scores), np.random.default_rng(0), horizon=horizon)
    assert found is not None
    return found


def test_the_forecast_shrinks_as_a_clear_record_grows() -> None:
    few, more = forecast([1.0, 1.0, 0.0] * 4), forecast([1.0, 1.0, 0.0] * 11)
    assert few.low and few.median and few.high and more.median
    assert few.low <= few.median <= few.high
    assert 0 < more.median < few.median
    assert forecast([1.0] * 10).median == 0


@pytest.mark.parametrize("scores", [[], [1.0] * 9, [1.0] * 40 + [0.0] * 60])
def test_there_is_no_forecast_from_few_units_or_when_the_share_has_changed(scores: list[float]) -> None:
    assert further_duels(Capital.start().after(scores), Counter(scores), np.random.default_rng(0)) is None


def test_a_forecast_beyond_the_horizon_says_so() -> None:
    short = forecast([0.0, 1.0] * 5, horizon=5)
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
        again = decide(Capital.start(np.zeros(0)).after(score_all(rest, PAIR).scores))  # of claims, as there
        assert batches.states()[voter] is again.state
        assert batches.without[voter].n == again.n
        assert batches.without[voter].log_e_value() == pytest.approx(again.log_e_value, abs=1e-9)
    assert batches.everyone.claims() == Capital.start().after([duel.score for duel in scored_duels]).claims()


def closed_without(duel: ClosedDuel, voter: str) -> ClosedDuel:
    return replace(duel, ballots=tuple(ballot for ballot in duel.ballots if ballot.voter != voter))


def test_a_verdict_that_hangs_on_one_voter_names_them() -> None:
    duels = [closed(at, {"loud": Choice.RIGHT, "calm": Choice.TIE}) for at in range(40)]
    found = score(duels)
    left_out = LeaveOneOut.start().after(found)
    line = robustness([duel.score for duel in found], left_out, State.SECOND)
    assert line.pivotal == ("loud",)
    assert line.pivotal


def final_state(scores: list[float]) -> State:
    """The state from the capitals as of now alone, by the product formula."""
    mean = sum(scores) / len(scores)
    if len(scores) < LEAST_UNITS:
        return State.COLLECT
    if slow_capital(scores, 0.5, WINNER_SIZES) >= 20:
        return State.SECOND if mean > 0.5 else State.FIRST
    within = slow_capital(scores, 0.35, EQUAL_SIZES, (1,)) >= 20 and slow_capital(scores, 0.65, EQUAL_SIZES, (-1,)) >= 20
    return State.EQUAL if within else State.COLLECT


@settings(max_examples=25, deadline=None)
@given(st.lists(st.sampled_from([0.0, 0.5, 1.0, 1.0]), min_size=10, max_size=15))
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
    assert spare_duels(even, State.COLLECT) is None and spare_duels(even, State.CHANGED) is None
    assert spare_duels([1.0] * 10 + [0.0, 1.0] * 10, State.SECOND) is None
    assert spare_duels([0.0] * 12, State.FIRST) == spare_duels([1.0] * 12, State.SECOND) == 2  # ten are left
