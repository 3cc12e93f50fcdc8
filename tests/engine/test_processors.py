"""Processors that nobody uses: counted by the time they were idle, not by a load that is a minute old."""

import os
from collections.abc import Iterator
from itertools import chain, repeat

import pytest

from engine.processors import LOOKS, count_free, idle_between

BEFORE = "cpu  100 0 50 1000 10 0 0 0 0 0\ncpu0 50 0 25 500 5 0 0 0 0 0\n"
IDLE = "cpu  100 0 50 1080 10 0 0 0 0 0\n"
HALF = "cpu  140 0 50 1035 15 0 0 0 0 0\n"
BUSY = "cpu  170 0 60 1000 10 0 0 0 0 0\n"


@pytest.mark.parametrize(("after", "share"), [(IDLE, 1.0), (HALF, 0.5), (BUSY, 0.0)])
def test_the_idle_share_is_that_of_the_time_between(after: str, share: float) -> None:
    assert idle_between(BEFORE, after) == pytest.approx(share)


def ticks(*looks: tuple[int, int]) -> Iterator[str]:
    """Texts of /proc/stat: busy and idle ticks of each look, added up."""
    busy = idle = 0
    for more_busy, more_idle in ((0, 0), *looks):
        busy, idle = busy + more_busy, idle + more_idle
        yield f"cpu {busy} 0 0 {idle} 0 0 0 0 0 0\n"


def test_free_processors_are_at_least_one_and_at_most_all_and_what_is_soon_over_takes_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "cpu_count", lambda: 8)
    for looks, count in (([(0, 9)] * LOOKS, 8), ([(5, 5)] * LOOKS, 4), ([(9, 0)] * LOOKS, 1), ([(9, 0)] * (LOOKS - 1) + [(1, 9)], 7)):
        texts = ticks(*looks)
        assert count_free(lambda texts=texts: next(texts), look_s=0.0) == count  # type: ignore[misc]


def test_where_nothing_is_counted_the_load_stands_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "cpu_count", lambda: 8)
    monkeypatch.setattr(os, "getloadavg", lambda: (2.6, 0.0, 0.0))
    torn = chain(("",), repeat(""))
    assert count_free(lambda: next(torn), look_s=0.0) == 5
