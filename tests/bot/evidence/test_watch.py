"""The watch over a winner, and teams that answer with the winner."""

import numpy as np
import pytest

from bot.evidence.bets import BadEvidence
from bot.evidence.routed import RoutedTeam, with_a_change, without_a_difference
from bot.evidence.watch import ALARM, WinnerWatch


def alarm_after(scores: list[float]) -> int | None:
    watch = WinnerWatch()
    for number, score in enumerate(scores, 1):
        watch = watch.after(score)
        if watch.alarmed:
            return number
    return None


def test_the_sum_follows_its_formula() -> None:
    """R_n = (R_{n-1} + 1) (1 - c + 2 c s), for each bet c, by hand."""
    watch = WinnerWatch().after(1.0).after(0.0).after(0.5)
    for held, c in zip(watch.sums, (0.25, 0.45, 0.7), strict=True):
        assert held == pytest.approx(((1 + c) + 1) * (1 - c) + 1)
    assert watch.n == 3


def test_wins_of_the_other_one_raise_an_alarm_soon_and_wins_of_the_winner_never() -> None:
    assert alarm_after([1.0] * 40) == 14
    assert alarm_after([0.0] * 2000) is None
    assert alarm_after([0.0] * 500 + [1.0] * 40) == 513  # however long all was well before


def test_without_a_change_an_alarm_comes_at_most_once_in_a_thousand_duels_on_average() -> None:
    """The mean run length of two equals, the worst case, over 60 runs cut at 5,000 duels, so it is rather more."""
    rng, runs = np.random.default_rng(11), []
    for _ in range(60):
        scores = (rng.random(5000) < 0.5).astype(float).tolist()
        runs.append(alarm_after(scores) or 5000)
    assert np.mean(runs) >= ALARM


def test_a_score_outside_of_the_unit_interval_is_refused() -> None:
    with pytest.raises(BadEvidence):
        WinnerWatch().after(1.1)


def test_a_team_answers_with_the_winner_sees_the_change_and_answers_with_the_other_one() -> None:
    team = RoutedTeam(np.random.default_rng(1), 0.3, (0.8, 0.2), 3000)
    team.run()
    assert team.wrong == 0 and team.periods == 2 and team.winner == 0
    [seen] = team.alarms
    assert 1500 < seen < 1800 and team.duels < 1200
    assert team.regret < 0.6 * 3000 * 0.3  # far below duels alone, and below the first winner for ever (900)


def test_the_tables_hold_what_they_say() -> None:
    row = with_a_change(3, 3, 0.3, 1200)
    assert row["wrong"] == 0 and 0 < row["regret"] < row["regret_never_looking"] == 240
    assert without_a_difference(3, 3, 0.3, 600) in (0.0, pytest.approx(1 / 3))
