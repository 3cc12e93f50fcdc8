"""The levels of successive versions."""

import math

import pytest

from bot.evidence.bets import BadEvidence
from bot.evidence.versions import level


def test_the_levels_of_any_number_of_versions_add_up_to_alpha() -> None:
    total = sum(level(0.05, version, 0) for version in range(1, 20_000))
    assert 0.0499 < total < 0.05


def test_the_first_version_keeps_most_and_every_one_found_raises_the_next() -> None:
    assert level(0.05, 1, 0) == pytest.approx(0.05 * 6 / math.pi**2)
    assert level(0.05, 3, 2) == pytest.approx(3 * level(0.05, 3, 0))
    assert all(level(0.05, version, version - 1) <= 0.05 for version in range(1, 200))


@pytest.mark.parametrize(("alpha", "version", "found"), [(0.0, 1, 0), (1.0, 1, 0), (0.05, 0, 0), (0.05, 1, 1), (0.05, 2, -1)])
def test_levels_that_mean_nothing_are_refused(alpha: float, version: int, found: int) -> None:
    with pytest.raises(BadEvidence, match="means nothing"):
        level(alpha, version, found)
