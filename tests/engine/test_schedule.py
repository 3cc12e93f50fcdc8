"""The order of work, by itself: whatever comes, stops, fails and ends, slots are never shared and every second is paid for once."""

import subprocess
import sys
from collections import deque
from dataclasses import dataclass, field

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from engine.backends.base import Stop
from engine.backends.local.schedule import Move, Schedule, Seat, Work

SECONDS = st.integers(0, 50).map(lambda ticks: ticks / 8)  # durations that floats hold exactly


@dataclass(slots=True, eq=False, kw_only=True)
class Told(Seat):
    """A row that remembers what happened to it."""

    number: int
    ends: int = 0
    held: int = 0  # prompts of others that it has waited for since its last token
    owed: list[float] = field(default_factory=list)  # its parts of them, seconds


class Machine(RuleBasedStateMachine):
    """A schedule as the model thread uses it: rows come, are stopped, and after any work some of its rows end."""

    @initialize(max_rows=st.integers(1, 5))
    def begin(self, max_rows: int) -> None:
        self.max_rows, self.now = max_rows, 0.0
        self.schedule: Schedule[Told] = Schedule(max_rows, self.now)
        self.rows: list[Told] = []
        self.joined: list[int] = []
        self.slots: dict[int, Told] = {}  # what a cache would hold: moved as the schedule says, never asked
        self.prompts = 0  # since the last step, or since nobody was there
        self.worked_s = self.house_s = 0.0

    @rule(adapter=st.sampled_from(["", "a", "b"]))
    def come(self, adapter: str) -> None:
        row = Told(stop=Stop(), adapter=adapter, submitted=self.now, number=len(self.rows))
        self.rows.append(row)
        self.schedule.add(row)

    @precondition(lambda self: self.rows)
    @rule(data=st.data())
    def stop(self, data: st.DataObject) -> None:
        data.draw(st.sampled_from(self.rows)).stop.raise_()

    @rule(took=SECONDS)
    def rest(self, took: float) -> None:
        self.now += took
        self.schedule.rested(self.now)

    @rule(took=SECONDS)
    def keep_house(self, took: float) -> None:
        self.now += took
        self.house_s += took
        self.schedule.house(self.now)

    @rule(took=SECONDS, ending=st.sets(st.integers(0, 4)))
    def work(self, took: float, ending: set[int]) -> None:
        """One turn of the thread's loop."""
        stopped = self.schedule.stopped()
        assert stopped == [row for row in self.schedule.seats if row.stop.raised]
        for row in stopped:
            self._leave(row)
        full, left = len(self.schedule.running) == self.max_rows, list(self.schedule.waiting)
        work = self.schedule.next(self.now)
        if work is None:
            assert not self.schedule.seats
            self.prompts = 0
            return
        self._begin(work, full, left)
        self.now += took
        self.worked_s += took
        self.schedule.took(work, self.now)
        for row in work.seats:
            row.owed.append(took / len(work.seats))
        for place, row in enumerate(work.seats):
            if place in ending:
                self._leave(row)

    def _begin(self, work: Work[Told], full: bool, left: list[Told]) -> None:
        assert all(not row.stop.raised and not row.ends for row in work.seats), "a stopped row has no part in the next work"
        if work.prompt:
            (row,) = work.seats
            assert row is left[0] and not full and row.joined == self.now
            self.joined.append(row.number)
            assert row.slot is not None and row.slot not in self.slots, "a slot that is free"
            self.slots[row.slot] = row
            assert all(each.together for each in self.schedule.running) or len(self.schedule.running) == 1
            self.prompts += 1
            for other in self.schedule.running:
                other.held += other is not row
                assert other.held <= self.max_rows, "those who run wait for no more prompts than there are slots"
        else:
            assert list(work.seats) == self.schedule.running
            assert full or not left or self.prompts >= self.max_rows, "no slot stays free while somebody waits"
            self.prompts = 0
            for row in work.seats:
                row.held = 0

    def _leave(self, row: Told) -> None:
        had, move = row.slot, self.schedule.leave(row)
        row.ends += 1
        if had is not None:
            del self.slots[had]
        if move is not None:
            self.slots[move.target] = self.slots.pop(move.source)

    @invariant()
    def slots_are_packed_and_nobody_s_is_another_s(self) -> None:
        running = self.schedule.running
        assert len(running) <= self.max_rows
        assert [row.slot for row in running] == list(range(len(running)))
        assert self.slots == dict(enumerate(running)), "what a cache holds follows from the moves alone"
        assert all(row.slot is None for row in self.rows if row not in running)

    @invariant()
    def every_second_is_paid_for_once(self) -> None:
        assert self.schedule.busy_s == self.worked_s
        assert self.schedule.house_s == self.house_s
        assert sum(row.busy_s for row in self.rows) == pytest.approx(self.worked_s)
        assert all(row.busy_s == pytest.approx(sum(row.owed)) for row in self.rows)

    @invariant()
    def the_order_is_that_of_coming(self) -> None:
        assert self.joined == sorted(self.joined)
        assert [row.number for row in self.schedule.waiting] == sorted(row.number for row in self.schedule.waiting)

    @invariant()
    def nobody_is_lost_and_nobody_ends_twice(self) -> None:
        here = self.schedule.seats
        assert all((row in here) != bool(row.ends) and row.ends <= 1 for row in self.rows)

    def teardown(self) -> None:
        """Whatever has come, it all ends when steps go on and rows end."""
        if not hasattr(self, "schedule"):
            return
        for _ in range(2 * len(self.rows) + 1):
            self.work(1.0, {0, 1, 2, 3, 4})
        assert all(row.ends == 1 for row in self.rows)


TestSchedule = Machine.TestCase
TestSchedule.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)


def seat(number: int, stop: Stop | None = None) -> Told:
    return Told(stop=stop or Stop(), adapter="", submitted=float(number), number=number)


def test_a_row_s_times_tell_its_wait_and_its_first_token() -> None:
    schedule: Schedule[Told] = Schedule(1, 0.0)
    first, second = seat(0), seat(1)
    schedule.add(first)
    schedule.add(second)
    for now, done in ((2.0, 5.0), (5.0, 6.0)):
        work = schedule.next(now)
        assert work is not None and work.seats == (first,)
        schedule.took(work, done)
    assert (first.joined, first.first, first.busy_s, first.together) == (2.0, 5.0, 6.0, False)
    schedule.leave(first)
    work = schedule.next(7.0)
    assert work == Work((second,), prompt=True)
    schedule.rested(7.0)  # what passed before it joined is nobody's
    schedule.took(work, 9.0)
    assert (second.joined, second.first, second.busy_s) == (7.0, 9.0, 2.0)
    assert schedule.busy_s == 8.0


def test_the_last_row_moves_into_the_slot_that_becomes_free() -> None:
    schedule: Schedule[Told] = Schedule(3, 0.0)
    rows = [seat(number) for number in range(3)]
    for row in rows:
        schedule.add(row)
        schedule.next(0.0)
    assert schedule.leave(rows[0]) == Move(source=2, target=0)
    assert schedule.running == [rows[2], rows[1]]
    assert schedule.leave(rows[1]) is None
    with pytest.raises(ValueError, match="not in deque"):
        schedule.leave(rows[0])
    assert schedule.running == [rows[2]]


def test_answers_of_one_token_do_not_hold_up_the_others() -> None:
    """Each prompt that is read alone makes those wait who are being answered."""
    schedule: Schedule[Told] = Schedule(2, 0.0)
    long = seat(0)
    schedule.add(long)
    schedule.next(0.0)
    short, kinds = deque(seat(number) for number in range(1, 9)), []
    for row in short:
        schedule.add(row)
    for _ in range(12):
        work = schedule.next(0.0)
        assert work is not None
        kinds.append("prompt" if work.prompt else "step")
        if work.prompt:
            schedule.leave(work.seats[0])
    assert not schedule.waiting
    assert kinds == ["prompt", "step", *["prompt", "prompt", "step"] * 3, "prompt"]


def test_the_schedule_needs_no_torch() -> None:
    code = "import sys, engine.backends.local.schedule; print([name for name in ('torch', 'transformers', 'peft') if name in sys.modules])"
    assert subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout == "[]\n"
