"""Diagnostics, tags, leader board."""

import math
from dataclasses import replace

import numpy as np
import pytest
from evalica import Winner, bradley_terry
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize
from scipy.stats import kendalltau

from bot.ballots import Choice
from bot.evidence.bets import LEAST_UNITS, BadEvidence
from bot.evidence.capital import Capital
from bot.evidence.decision import comparisons, decide
from bot.evidence.diagnostics import Diagnostics, Kind
from bot.evidence.duels import Opinion
from bot.evidence.pooling import e_bh, partial_pool, shares_of
from bot.evidence.ranking import leader, leader_board
from bot.evidence.record import Histogram
from tests.bot.evidence.make import closed, coin, score, tag_shares, team


def test_voters_who_always_take_the_left_are_seen_by_position_and_not_by_the_score() -> None:
    rng = np.random.default_rng(0)
    duels = score([closed(at, {"a": Choice.LEFT}, left=1 if rng.random() < 0.5 else 0) for at in range(60)])
    readings = Diagnostics.start().after(duels).readings()
    assert readings[Kind.POSITION].value == 1
    assert readings[Kind.POSITION].amiss
    assert decide(Capital.start().after([duel.score for duel in duels])).state.value in {"collect", "equal"}


def test_a_fair_team_is_found_fair_and_its_shares_are_counted() -> None:
    duels = score(team(np.random.default_rng(4), 300, 3, theta=0.5))
    readings = Diagnostics.start().after(duels[:100]).after(duels[100:]).readings()
    assert not readings[Kind.POSITION].amiss
    ties = readings[Kind.TIE].interval
    assert ties and ties.low < 0.1 < ties.high  # a fifth undecided, half of those ties
    both_bad = [sum(vote.opinion is Opinion.BOTH_BAD for vote in duel.votes) / len(duel.votes) for duel in duels]
    assert readings[Kind.BOTH_BAD].value == pytest.approx(np.mean(both_bad))
    assert readings[Kind.BLINDING].value is None
    assert readings[Kind.BLINDING].interval is None


def test_blinding_is_right_minus_wrong() -> None:
    guesses = (("a", True), ("b", True), ("c", True), ("d", False))
    duels = score([replace(closed(at, {"a": Choice.TIE}), guesses=guesses) for at in range(50)])
    reading = Diagnostics.start().after(duels).readings()[Kind.BLINDING]
    assert reading.value == pytest.approx(0.5)
    assert reading.amiss
    assert reading.interval and reading.interval.low > 0


def test_fewer_than_ten_duels_have_no_interval_and_are_not_amiss() -> None:
    duels = score([closed(at, {"a": Choice.LEFT}) for at in range(10)])
    nine, ten = (Diagnostics.start().after(duels[:many]).readings()[Kind.POSITION] for many in (9, 10))
    assert (nine.value, nine.interval, nine.amiss) == (1, None, False)
    assert ten.interval and ten.amiss


def test_a_reading_lies_in_its_interval_though_the_voters_change() -> None:
    duels = score([closed(at, {"a": Choice.LEFT if at < 60 else Choice.RIGHT}) for at in range(160)])
    reading = Diagnostics.start().after(duels).readings()[Kind.POSITION]
    assert reading.value is not None and reading.interval
    assert reading.interval.low < reading.value < reading.interval.high


def test_equal_lengths_do_not_enter_the_length_diagnostic() -> None:
    duels = list(score([closed(at, {"a": Choice.RIGHT}) for at in range(10)]))
    duels += [replace(duel, took=(duel.took[0], duel.took[0])) for duel in duels]
    reading = Diagnostics.start().after(duels).readings()[Kind.LENGTH]
    assert (reading.n, reading.value) == (10, 1)


def test_e_bh_against_a_case_by_hand() -> None:
    """Five at .05 need 100/k: 120 passes at k = 1, 55 at 2, 30 not at 3 (33.3), 26 at 4 (25), so four go; 10 not at 5 (20)."""
    values = {"a": 26.0, "b": 120.0, "c": 30.0, "d": 55.0, "e": 10.0}
    assert e_bh({name: math.log(value) for name, value in values.items()}, 0.05) == {"a", "b", "c", "d"}
    values["a"] = 24.0
    assert e_bh({name: math.log(value) for name, value in values.items()}, 0.05) == {"b", "d"}
    assert e_bh({}) == frozenset()


def test_partial_pooling_against_the_marginal_likelihood() -> None:
    """With equal variances DerSimonian-Laird is unbiased for tau^2; there it differs from maximum likelihood by k/(k-1) only."""
    means, variance = np.array([0.3, 0.45, 0.5, 0.62, 0.81]), 0.004
    pooled, spread = partial_pool(means, np.full(5, variance))

    def loss(at: np.ndarray) -> float:
        total = variance + math.exp(at[1])
        return float(0.5 * (np.log(total) + (means - at[0]) ** 2 / total).sum())

    mu, log_between = minimize(loss, [0.5, -4.0], method="Nelder-Mead", options={"xatol": 1e-10, "fatol": 1e-14}).x
    between = (math.exp(log_between) + variance) * 5 / 4 - variance
    np.testing.assert_allclose(pooled, mu + between / (between + variance) * (means - mu), atol=1e-6)
    assert bool((spread < math.sqrt(variance) * 1.1).all())


def test_equal_tags_are_pooled_fully_and_one_tag_stands_for_itself() -> None:
    pooled, _ = partial_pool(np.array([0.5, 0.5, 0.5]), np.array([0.01, 0.02, 0.03]))
    np.testing.assert_allclose(pooled, 0.5)
    assert tag_shares({"only": [1.0, 0.0, 1.0]})[0].pooled == pytest.approx(2 / 3)


def test_a_small_tag_leans_on_the_others_and_a_large_one_hardly() -> None:
    rng = np.random.default_rng(1)
    shares = {tag.tag: tag for tag in tag_shares({"sums": coin(rng, 0.85, 80), "mail": coin(rng, 0.5, 80), "odd": [1.0, 1.0], "none": []})}
    assert set(shares) == {"sums", "mail", "odd"}
    assert shares["odd"].pooled < 0.95 < shares["odd"].raw
    assert abs(shares["sums"].pooled - shares["sums"].raw) < 0.03
    assert [tag for tag, share in shares.items() if share.differs] == ["sums"]
    assert shares["odd"].interval is None and not shares["odd"].differs


@settings(max_examples=60, deadline=None)
@given(
    st.dictionaries(
        st.sampled_from("abcdefgh"),
        st.tuples(st.integers(0, 60), st.integers(0, 60), st.integers(0, 20)).filter(lambda each: sum(each) > 0),
        min_size=1,
    ),
    st.sampled_from([0.05, 0.01]),
)
def test_a_tag_is_open_exactly_when_its_interval_holds_one_half(counts: dict[str, tuple[int, int, int]], alpha: float) -> None:
    states = {tag: Histogram.start().after_counts([0.0, 1.0, 0.5], times) for tag, times in counts.items()}
    for tag in shares_of(states, alpha):
        if tag.n < LEAST_UNITS:
            assert tag.interval is None and not tag.differs
            continue
        assert tag.interval and tag.interval.low <= tag.raw <= tag.interval.high
        assert tag.interval.low <= tag.pooled <= tag.interval.high
        assert tag.differs == (not tag.interval.low < 0.5 < tag.interval.high)
        if tag.differs:
            assert (tag.raw > 0.5) == (tag.interval.low >= 0.5) and (tag.pooled >= 0.5) == (tag.raw > 0.5)


def test_an_unbeaten_contestant_leads_the_board_with_a_finite_share() -> None:
    rng = np.random.default_rng(0)
    games = {("a", "b"): [0.0] * 20, ("b", "c"): coin(rng, 0.3, 30), ("a", "c"): [0.0] * 10}
    board = leader_board(games, rng, resamples=50)
    assert [standing.contestant for standing in board] == ["a", "b", "c"]
    assert 0.9 < board[0].share < 1
    assert board[0].duels == 30
    for standing in board:
        assert standing.interval and standing.interval.low <= standing.share <= standing.interval.high
    assert sum(standing.share for standing in board) == pytest.approx(1.5)


def test_two_contestants_share_by_the_likelihood_with_one_virtual_draw_each() -> None:
    board = leader_board({("a", "b"): [1.0, 1.0, 0.5, 0.0]}, np.random.default_rng(0), resamples=0)

    def loss(logs: np.ndarray) -> float:
        """2.5 wins of b over a, 1.5 of a over b, and half a win and half a loss of each against strength 1."""
        gap, virtual = logs[1] - logs[0], np.concatenate([logs, -logs])
        return float(2.5 * np.log1p(np.exp(-gap)) + 1.5 * np.log1p(np.exp(gap)) + 0.5 * np.log1p(np.exp(virtual)).sum())

    logs = minimize(loss, [0.0, 0.0], tol=1e-12).x
    share = 1 / (1 + math.exp(logs[0] - logs[1]))
    assert {each.contestant: each.share for each in board} == pytest.approx({"b": share, "a": 1 - share}, abs=1e-5)
    assert all(each.interval is None for each in board)  # four duels


def test_many_contestants_keep_the_order_of_their_duels() -> None:
    """59 of different strength, few duels a pair: a draw for every pair drowned them (Kendall .965 on the llmfao data)."""
    rng = np.random.default_rng(6)
    strength = {f"m{at:02}": float(value) for at, value in enumerate(np.exp(rng.normal(0, 0.8, 59)))}
    games = {}
    for _ in range(700):
        one, other = (str(name) for name in rng.choice(list(strength), 2, replace=False))
        games.setdefault((one, other), []).extend(coin(rng, strength[other] / (strength[one] + strength[other]), 5))
    rows = [(pair, Winner.Y if value else Winner.X) for pair, values in games.items() for value in values]
    raw = bradley_terry([pair[0] for pair, _ in rows], [pair[1] for pair, _ in rows], [winner for _, winner in rows]).scores
    board = leader_board(games, rng, resamples=0)
    assert kendalltau([each.share for each in board], [raw[each.contestant] for each in board]).statistic >= 0.98
    assert board[0].contestant == raw.idxmax()


def test_a_board_needs_different_contestants() -> None:
    assert leader_board({}, np.random.default_rng(0)) == ()
    with pytest.raises(BadEvidence, match="different"):
        leader_board({("a", "a"): [0.5]}, np.random.default_rng(0))


def test_the_leader_has_beaten_everybody_at_the_threshold_of_all_pairs() -> None:
    names, won = ("a", "b", "c"), Capital.start().after([0.0] * 12)
    lost, open_ = Capital.start().after([1.0] * 12), Capital.start()
    decided = {
        pair: decide(capital, pairs=comparisons(3)) for pair, capital in {("a", "b"): won, ("c", "a"): lost, ("b", "c"): open_}.items()
    }
    assert leader(decided, names) == "a"
    assert leader({pair: decision for pair, decision in decided.items() if pair != ("c", "a")}, names) is None
