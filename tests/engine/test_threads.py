"""The number of processor threads follows from measured times; they are given here, and nothing is timed."""

from collections.abc import Callable
from statistics import median

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.backends.local.threads import MUCH_BETTER, RECHECK, TRIES, USUAL, ThreadChoice, choices, fewest

Machine = Callable[[int, int], float]  # threads and rows -> seconds of a step


def quiet(threads: int, rows: int) -> float:
    """Two cores that nobody else uses."""
    return (0.06 + 0.01 * rows) / min(threads, 2)


def busy(threads: int, rows: int) -> float:
    """The same with another program on one of them: threads wait for the one that is held up."""
    return (0.06 + 0.01 * rows) * (1.1 if threads == 1 else 4.0)


def run(choice: ThreadChoice, machine: Machine, steps: int, rows: int = 2) -> list[int]:
    """Write so many steps; returns the numbers of threads that they ran on."""
    used = []
    for _ in range(steps):
        used.append(choice.now)
        choice.took(rows, machine(choice.now, rows))
    return used


def test_the_numbers_that_are_tried_are_powers_of_two_and_all() -> None:
    assert [choices(most) for most in (1, 2, 6, 8)] == [(1,), (1, 2), (1, 2, 4, 6), (1, 2, 4, 8)]


@given(st.dictionaries(st.integers(1, 64), st.lists(st.floats(0.001, 100), min_size=1, max_size=5), min_size=1))
def test_no_number_is_much_better_than_the_one_chosen_and_no_smaller_one_as_good(times: dict[int, list[float]]) -> None:
    chosen = fewest(times)
    middle = {number: median(took) for number, took in times.items()}
    assert middle[chosen] * MUCH_BETTER <= min(middle.values())
    assert all(middle[number] * MUCH_BETTER > min(middle.values()) for number in times if number < chosen)


def test_steps_that_are_held_up_now_and_then_count_by_the_usual_one() -> None:
    assert fewest({1: [0.1, 0.1, 0.1], 2: [0.06, 3.0, 2.0]}) == 1
    assert fewest({1: [0.1, 0.1, 0.1], 2: [0.9, 0.06, 0.06]}) == 2
    assert fewest({1: [0.1, 0.1, 0.1], 2: [0.099, 0.099, 0.099]}) == 1, "not worth a core"


def test_the_start_decides_until_something_changes() -> None:
    choice = ThreadChoice((1, 2))
    choice.start(lambda number: quiet(number, 2))
    assert set(run(choice, quiet, RECHECK[0] - 1)) == {2}


@pytest.mark.parametrize("rows", [1, 2, 8])
def test_a_core_that_another_program_takes_is_given_up_and_taken_back_when_it_is_free(rows: int) -> None:
    choice = ThreadChoice((1, 2))
    choice.start(lambda number: quiet(number, rows))
    run(choice, quiet, 2 * USUAL, rows)
    used = run(choice, busy, USUAL + 2 * TRIES + 20, rows)
    assert set(used[USUAL + 2 * TRIES :]) == {1}
    used = run(choice, quiet, RECHECK[0] + 2 * TRIES, rows)
    assert used[-1] == 2
    assert used.count(1) <= RECHECK[0] + TRIES


def test_a_choice_that_holds_is_looked_at_ever_more_rarely() -> None:
    choice = ThreadChoice((1, 2))
    choice.start(lambda number: quiet(number, 2))
    used = run(choice, quiet, 40_000)
    assert 0 < used.count(1) <= TRIES * (40_000 / RECHECK[1] + 5)


def test_rows_that_come_and_go_do_not_mix_up_a_trial() -> None:
    """A step with more rows is longer for each number of threads."""
    choice = ThreadChoice((1, 2))
    choice.start(lambda number: 1.0)
    assert choice.now == 1
    run(choice, quiet, RECHECK[0])
    run(choice, quiet, TRIES, rows=1)
    run(choice, quiet, 2 * TRIES + 1, rows=8)
    assert choice.now == 2
    run(choice, quiet, 100, rows=3)
    assert choice.now == 2, "another number of rows is no change of the machine"


def test_one_number_is_never_tried() -> None:
    assert set(run(ThreadChoice((3,)), busy, 2 * RECHECK[0])) == {3}


def test_the_start_ends_soon_with_a_large_model_and_tries_many_threads_first() -> None:
    tried: list[int] = []

    def slow(number: int) -> float:
        tried.append(number)
        return 8.0 / number

    choice = ThreadChoice((1, 2, 4, 8))
    choice.start(slow)
    assert (tried, choice.now) == ([8, 4], 8)
    ThreadChoice((1, 2)).start(lambda number: (tried.append(number), 0.01)[1])
    assert tried[2:] == [2, 1] * TRIES
