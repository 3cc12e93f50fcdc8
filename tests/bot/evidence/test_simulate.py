"""The error rates, in short; and that the simulation runs the product's own rule."""

import json

import numpy as np
import pytest

from bot.evidence.capital import Capital
from bot.evidence.decision import State, decide
from bot.evidence.simulate import Taste, ever_excluded, first_decisions, panel, simulate, single


def test_the_bars_hold() -> None:
    table = json.loads(json.dumps(simulate(quick=True, seed=20)))
    assert table["passed"]
    assert table["null_1_voter"] <= 0.05
    assert table["null_5_voters"] <= 0.05
    assert table["coverage"] >= 0.95
    assert 40 <= table["decide_70_median"] <= 55
    assert table["direction_right"] >= 0.99
    assert table["equal_wrongly_at_65"] <= 0.05
    assert min(table["naive_z"], table["bayes_95"], table["votes_counted_singly"]) > 0.3


def test_the_same_seed_gives_the_same_table_and_progress_is_told() -> None:
    told: list[str] = []
    assert simulate(True, 3, told.append) == simulate(True, 3)
    assert told[0].startswith("null_1_voter")


def test_five_voters_agree_within_a_duel_as_much_as_asked() -> None:
    taste = panel(np.random.default_rng(0), 0.5)
    scores = taste.levels[taste.draw(40_000)]
    single_vote, five = 0.25, float(scores.var())
    assert scores.mean() == pytest.approx(0.5, abs=0.01)
    assert five / single_vote == pytest.approx((1 + 4 * 0.33) / 5, rel=0.05)


def test_ties_keep_the_mean() -> None:
    taste = single(np.random.default_rng(0), 0.6, ties=0.3)
    picks = taste.draw(40_000)
    assert taste.levels[picks].mean() == pytest.approx(0.6, abs=0.01)
    assert np.mean(picks == 1) == pytest.approx(0.3, abs=0.01)


@pytest.mark.parametrize("theta", [0.5, 0.7])
def test_simulated_teams_decide_as_the_product_does(theta: float) -> None:
    """One team at a time, recorded, through Capital and decide; and the same draws through the simulation."""
    for seed in range(6):
        drawn = single(np.random.default_rng(seed), theta).draw(120)
        state, capital, when = State.COLLECT, Capital.start(), 121
        for step, pick in enumerate(drawn, start=1):
            capital = capital.update(pick / 2)
            state = decide(capital).state
            if state is not State.COLLECT:
                when = step
                break
        told = first_decisions(replay(drawn), 1, 120)
        assert (told.median, told.shares["open" if state is State.COLLECT else state.value]) == (when, 1)
        ever = Capital.start().after(drawn / 2).excludes_half()
        assert ever_excluded(replay(drawn), 0.5, 1, 120) == float(any(ever))


def replay(drawn: np.ndarray) -> Taste:
    left = iter(drawn)
    return Taste(np.array([0.0, 0.5, 1.0]), lambda n: np.array([next(left) for _ in range(n)], dtype=np.int64))
