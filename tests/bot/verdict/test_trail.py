"""The looks that are kept to be drawn."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.evidence.bets import LEAST_UNITS
from bot.evidence.capital import Capital
from bot.verdict.trail import MOST, Trail, look


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(st.sampled_from([0.0, 0.5, 1.0]), st.integers(1, 80)), min_size=1, max_size=5))
def test_a_look_never_shows_a_share_outside_its_interval_nor_an_interval_of_few(runs: list[tuple[float, int]]) -> None:
    capital = Capital.start().after([score for score, times in runs for _ in range(times)])
    point = look(capital, 20)
    assert point.low <= point.theta <= point.high
    assert capital.n >= LEAST_UNITS or (point.low, point.high) == (0, 1)


def test_looks_thin_out_and_stay_few() -> None:
    capital, trail = Capital.start(np.array([0.5])), Trail()
    for _ in range(3 * MOST):
        capital = capital.update(1.0)
        trail = trail.with_look(capital, 20)
    assert trail.stride == 4 and len(trail.points) < MOST
    assert [point.n for point in trail.points] == list(range(4, 3 * MOST + 1, 4))
