"""The error rates, in short; and that the simulation runs the product's own rule."""

import json

import numpy as np
import pytest

from bot.__main__ import main
from bot.evidence.capital import Capital
from bot.evidence.decision import State, decide
from bot.evidence.simulate import BARS, Taste, changed, ends, ever_excluded, panel, passed, reached, simulate, single


@pytest.fixture(scope="module")
def table() -> dict[str, float | int | bool]:
    table: dict[str, float | int | bool] = json.loads(json.dumps(simulate(quick=True, seed=20)))
    return table


def test_the_bars_hold(table: dict[str, float | int | bool]) -> None:
    assert table["passed"]
    assert [table[f"winner_{theta}"] for theta in (65, 70, 80)] == pytest.approx([76, 41, 18], abs=5)
    assert [table[f"equal_50{name}"] for name in ("", "_30_ties", "_3_voters")] == pytest.approx([98, 69, 59], abs=5)
    assert table["changed_rightly"] >= 0.99 and table["direction_right"] >= 0.99 and table["coverage"] >= 0.95


def test_without_their_corrections_versions_tournaments_and_usual_tests_err(table: dict[str, float | int | bool]) -> None:
    assert table["versions_uncorrected"] > 0.2 and table["tournament_uncorrected_winners"] > 4
    assert min(table["naive_z"], table["bayes_95"], table["votes_counted_singly"]) > 0.3


@pytest.mark.parametrize("name", BARS)
def test_a_bar_that_does_not_hold_fails(table: dict[str, float | int | bool], name: str) -> None:
    least, most = BARS[name]
    assert not passed(table | {name: most + 0.1 if least == 0 or most > 1 else least - 0.1})


def test_the_command_prints_the_same_table_for_the_same_seed_and_progress_beside_it(
    table: dict[str, float | int | bool], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["simulate", "--quick", "--seed", "20", "--json"]) == 0
    out, err = capsys.readouterr()
    assert json.loads(out) == table
    assert err.startswith("null_1_voter")


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
        drawn = single(np.random.default_rng(seed), theta, ties=0.2).draw(120)
        state, capital, when = State.COLLECT, Capital.start(), 121
        for step, pick in enumerate(drawn, start=1):
            capital = capital.update(pick / 2)
            state = decide(capital).state
            if state is not State.COLLECT:
                when = step
                break
        told = reached(replay(drawn), 1, 120)
        assert (min(told.winner_at[0], told.equal_at[0]), told.first_states()[state]) == (when, 1)
        ever = Capital.start().after(drawn / 2)
        at = len(ever.means) // 2
        assert ever_excluded(replay(drawn), 0.5, 1, 120) == float(ever.peaks[:, at].max() >= np.log(20))


def test_simulated_teams_see_a_change_when_the_product_does() -> None:
    """The interval of the product is rounded outwards to its grid, so it may see a change a few duels later."""
    rng = np.random.default_rng(2)
    shares = np.where(np.arange(200) < 80, 0.75, 0.2)
    votes = (rng.random((4, 200)) < shares).astype(np.int64)
    for team, told in zip(votes, changed(ends(200), votes), strict=True):
        capital, seen = Capital.start(), []
        for vote in team:
            capital = capital.update(float(vote))
            seen.append(decide(capital).state is State.CHANGED)
        first = seen.index(True)
        assert 0 <= first - list(told).index(True) <= 3
        assert not [at for at, (one, other) in enumerate(zip(seen, told, strict=True)) if one and not other]


def replay(drawn: np.ndarray) -> Taste:
    left = iter(drawn)
    return Taste(np.array([0.0, 0.5, 1.0]), lambda n: np.array([next(left) for _ in range(n)], dtype=np.int64))
