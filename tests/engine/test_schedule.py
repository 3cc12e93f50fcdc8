"""The order of work, by itself: whatever comes, stops, fails and ends, slots are never shared and every second is paid for once."""

import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from engine.backends.base import Stop
from engine.backends.local.schedule import CHUNK, LEAST, Move, Room, Schedule, Seat, Work

SECONDS = st.integers(0, 50).map(lambda ticks: ticks / 8)  # durations that floats hold exactly
ENOUGH = Room(1, lambda columns: 0)


@dataclass(slots=True, eq=False, kw_only=True)
class Told(Seat):
    """A row that remembers what happened to it."""

    number: int
    tokens: int = 8  # of its prompt
    kept: int = 0  # of these, how many are found when it begins
    ends: int = 0
    held: int = 0  # tokens of prompts that it has waited for since its last token, short pieces as LEAST
    owed: list[float] = field(default_factory=list)  # its parts of the work, seconds


class Machine(RuleBasedStateMachine):
    """A schedule as the model thread uses it: rows come, are stopped, and after any work some of its rows end."""

    @initialize(max_rows=st.integers(1, 5), budget=st.integers(300, 3000))
    def begin(self, max_rows: int, budget: int) -> None:
        self.max_rows, self.now, self.budget = max_rows, 0.0, budget
        self.schedule: Schedule[Told] = Schedule(max_rows, Room(budget, sum), self.now)
        self.rows: list[Told] = []
        self.slots: dict[int, Told] = {}  # what a cache would hold: moved as the schedule says, never asked
        self.before: list[Told] = []
        self.worked_s = self.house_s = 0.0
        self.pieces = 0  # of prompts, read since the last step

    @rule(
        owner=st.sampled_from(["ann", "ben", "cem"]),
        tokens=st.lists(st.integers(1, 700), min_size=1, max_size=3),
        kept=st.integers(0, 600),
        alone=st.booleans(),
    )
    def come(self, owner: str, tokens: list[int], kept: int, alone: bool) -> None:
        group = "" if alone else str(len(self.rows))
        for each in tokens:
            row = Told(stop=Stop(), adapter="", submitted=self.now, number=len(self.rows), owner=owner, group=group)
            row.tokens, row.kept = each, min(kept, each - 1)
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

    @rule(took=SECONDS, ending=st.sets(st.integers(0, 4)), fails=st.booleans())
    def work(self, took: float, ending: set[int], fails: bool = False) -> None:
        """One turn of the thread's loop. ending: places of the rows that end with it; fails: whether a prompt cannot be read."""
        stopped = self.schedule.stopped()
        assert stopped == [row for row in self.schedule.seats if row.stop.raised]
        for row in stopped:
            self._leave(row)
        self.before = list(self.schedule.running)
        work = self.schedule.next(self.now)
        if work is None:
            assert not self.schedule.seats
            return
        assert all(not row.stop.raised and not row.ends for row in work.seats), "a stopped row has no part in the next work"
        self.let_in_rightly()
        self.now += took
        self.worked_s += took
        read = getattr(self, f"_{work.kind}")(work)
        self.schedule.took(work, self.now, read)
        for row in work.seats:
            row.owed.append(took / len(work.seats))
        if work.kind == "refuse" or (fails and work.kind in ("count", "read")):
            self._leave(work.seats[0])
            return
        for row in work.seats:
            if work.kind == "read" and row.left == 0:
                self._move(self.schedule.write(row, self.now))
        for place, row in enumerate(work.seats if work.kind == "step" or work.seats[0].first is not None else ()):
            if place in ending:
                self._leave(row)

    def let_in_rightly(self) -> None:
        """Who has just joined had the fewest rows among those who waited; a group joined whole unless it never could."""
        joined = [row for row in self.schedule.running if row not in self.before]
        waiting = list(self.schedule.waiting)
        assert all(row.joined == self.now for row in joined)
        assert sum(row.columns for row in self.schedule.running) <= self.budget
        for row in joined:
            left = [other for other in waiting if row.group and other.group == row.group]
            together = [*left, *(other for other in self.rows if row.group and other.group == row.group and not other.ends)]
            assert not left or len(set(map(id, together))) > self.max_rows or sum(other.columns for other in together) > self.budget
        if waiting and joined:
            rows = {owner: sum(row.owner == owner for row in self.schedule.running) for owner in ("ann", "ben", "cem")}
            last = joined[-1]
            size = sum(row.group == last.group and bool(row.group) for row in joined) or 1
            assert all(rows[last.owner] - size <= rows[other.owner] for other in waiting), "nobody with fewer rows was passed"

    def _count(self, work: Work[Told]) -> int:
        (row,) = work.seats
        assert row.size is None and row.joined is None
        row.size, row.columns = row.tokens, row.tokens + 20
        return 0

    def _refuse(self, work: Work[Told]) -> int:
        (row,) = work.seats
        assert row.columns > self.budget and row.joined is None
        return 0

    def _read(self, work: Work[Told]) -> int:
        (row,) = work.seats
        assert row.first is None and row.slot is not None and self.slots.setdefault(row.slot, row) is row, "a slot that is free, or its own"
        if row.read == 0:
            row.read = row.cached = row.kept
        read = min(work.tokens, row.left)
        row.read += read
        self.pieces += 1
        for other in self.schedule.writing:
            other.held += max(read, LEAST)
            assert other.held <= CHUNK, "those who write wait for one chunk at most"
        return read

    def _step(self, work: Work[Told]) -> int:
        assert list(work.seats) == self.schedule.writing
        assert not self.schedule.reading or self.pieces, "prompts and steps take turns"
        self.pieces = 0
        for row in work.seats:
            row.held = 0
        return 0

    def _leave(self, row: Told) -> None:
        had = row.slot
        moves = self.schedule.leave(row)
        row.ends += 1
        if had is not None:
            self.slots.pop(had, None)
        self._move(moves)

    def _move(self, moves: Sequence[Move[Told]]) -> None:
        for move in moves:
            assert self.slots[move.source] is move.seat and move.target not in self.slots, "nobody is written over"
            self.slots[move.target] = self.slots.pop(move.source)

    @invariant()
    def slots_are_packed_and_nobody_s_is_another_s(self) -> None:
        writing, begun = self.schedule.writing, [row for row in self.schedule.reading if row.slot is not None]
        assert len(self.schedule.running) <= self.max_rows
        assert [row.slot for row in writing] == list(range(len(writing)))
        assert sorted(row.slot or 0 for row in begun) == list(range(len(writing), len(writing) + len(begun)))
        assert self.slots == {row.slot: row for row in (*writing, *begun)}, "what a cache holds follows from the moves alone"
        assert all(row.slot is None for row in self.rows if row not in self.schedule.running)

    @invariant()
    def every_second_is_paid_for_once(self) -> None:
        assert self.schedule.busy_s == self.worked_s
        assert self.schedule.house_s == self.house_s
        assert sum(row.busy_s for row in self.rows) == pytest.approx(self.worked_s)
        assert all(row.busy_s == pytest.approx(sum(row.owed)) for row in self.rows)

    @invariant()
    def each_owner_s_groups_keep_their_order(self) -> None:
        for owner in ("ann", "ben", "cem"):
            waiting = [row.number for row in self.schedule.waiting if row.owner == owner]
            assert waiting == sorted(waiting)
            joined = [row.number for row in self.rows if row.owner == owner and row.joined is not None]
            assert not waiting or not joined or max(joined) < waiting[0] or self.rows[waiting[0]].group == self.rows[max(joined)].group

    @invariant()
    def nobody_is_lost_and_nobody_ends_twice(self) -> None:
        here = self.schedule.seats
        assert all((row in here) != bool(row.ends) and row.ends <= 1 for row in self.rows)

    def teardown(self) -> None:
        """Whatever has come, it all ends when work goes on and rows end."""
        if not hasattr(self, "schedule"):
            return
        for _ in range(12 * len(self.rows) + 1):
            self.work(1.0, {0, 1, 2, 3, 4})
        assert all(row.ends == 1 for row in self.rows)


TestSchedule = Machine.TestCase
TestSchedule.settings = settings(max_examples=100, stateful_step_count=40, deadline=None)


def seat(number: int, tokens: int = 8, owner: str = "", group: str = "") -> Told:
    return Told(
        stop=Stop(),
        adapter="",
        submitted=float(number),
        number=number,
        owner=owner,
        group=group,
        size=tokens,
        columns=tokens,
        tokens=tokens,
    )


def filled(schedule: Schedule[Told], *rows: Told) -> None:
    """Let rows in, and have their prompts read."""
    for row in rows:
        schedule.add(row)
    while (work := schedule.next(0.0)) and work.kind == "read":
        done(schedule, work)


def done(schedule: Schedule[Told], work: Work[Told]) -> int:
    """Do a piece of work in no time; returns the tokens that were read."""
    row = work.seats[0]
    read = min(work.tokens, row.left) if work.kind == "read" else 0
    row.read += read
    schedule.took(work, 0.0, read)
    if read and not row.left:
        schedule.write(row, 0.0)
    return read


def test_a_row_s_times_tell_its_wait_and_its_first_token() -> None:
    schedule: Schedule[Told] = Schedule(1, ENOUGH, 0.0)
    first, second = seat(0), seat(1)
    schedule.add(first)
    schedule.add(second)
    work = schedule.next(2.0)
    assert work == Work("read", (first,), CHUNK)
    first.read = 8
    schedule.took(work, 5.0, 8)
    schedule.write(first, 5.0)
    work = schedule.next(5.0)
    assert work == Work("step", (first,))
    schedule.took(work, 6.0)
    assert (first.joined, first.first, first.busy_s, first.together) == (2.0, 5.0, 6.0, False)
    schedule.leave(first)
    work = schedule.next(7.0)
    assert work == Work("read", (second,), CHUNK)
    schedule.rested(7.0)  # what passed before it joined is nobody's
    schedule.took(work, 9.0, 8)
    assert (second.joined, second.busy_s, schedule.busy_s) == (7.0, 2.0, 8.0)


def test_the_last_row_moves_into_the_slot_that_becomes_free() -> None:
    schedule: Schedule[Told] = Schedule(3, ENOUGH, 0.0)
    rows = [seat(number) for number in range(3)]
    filled(schedule, *rows)
    assert schedule.leave(rows[0]) == [Move(rows[2], source=2, target=0)]
    assert schedule.writing == [rows[2], rows[1]]
    assert schedule.leave(rows[1]) == []
    with pytest.raises(ValueError, match="not in list"):
        schedule.leave(rows[0])
    assert schedule.writing == [rows[2]]


def test_a_short_prompt_that_is_read_first_changes_places_with_a_long_one() -> None:
    schedule: Schedule[Told] = Schedule(4, ENOUGH, 0.0)
    long, short = seat(0, 900), seat(1, 100)
    schedule.add(long)
    for _ in range(2):
        work = schedule.next(0.0)
        assert work is not None
        done(schedule, work)
    schedule.add(short)
    work = schedule.next(0.0)
    assert work is not None and work.seats == (short,) and short.slot == 1
    schedule.took(work, 0.0, 100)
    short.read = 100
    assert schedule.write(short, 0.0) == [Move(long, 0, 4), Move(short, 1, 0), Move(long, 4, 1)]
    assert (short.slot, long.slot) == (0, 1)


def test_who_writes_waits_for_one_chunk_however_long_the_prompts_are() -> None:
    schedule: Schedule[Told] = Schedule(3, ENOUGH, 0.0)
    filled(schedule, seat(0))
    schedule.add(seat(1, 1000))
    schedule.add(seat(2, 50))
    kinds = []
    while schedule.reading or schedule.waiting:
        work = schedule.next(0.0)
        assert work is not None
        kinds.append(done(schedule, work))
    assert kinds == [128, 0, 50, 0, *[128, 0] * 6, 104]


def test_several_short_prompts_are_read_between_two_steps() -> None:
    schedule: Schedule[Told] = Schedule(8, ENOUGH, 0.0)
    filled(schedule, seat(0))
    for number in range(1, 7):
        schedule.add(seat(number, 10))
    kinds = []
    for _ in range(8):
        work = schedule.next(0.0)
        assert work is not None
        kinds.append(work.kind)
        done(schedule, work)
    assert kinds == ["read"] * 4 + ["step"] + ["read"] * 2 + ["step"]


def test_whoever_asks_little_is_let_in_before_whoever_asks_much() -> None:
    schedule: Schedule[Told] = Schedule(2, ENOUGH, 0.0)
    flood = [seat(number, owner="ann", group=str(number // 2)) for number in range(20)]
    filled(schedule, *flood)
    assert schedule.writing == flood[:2]
    ben = [seat(20 + number, owner="ben", group="ben's") for number in range(2)]
    for row in ben:
        schedule.add(row)
    schedule.leave(flood[0])
    work = schedule.next(0.0)
    assert work is not None and work.kind == "step" and not schedule.reading, "one free slot is not enough for both sides"
    schedule.leave(flood[1])
    schedule.next(0.0)
    assert schedule.reading == ben and [row.joined for row in ben] == [0.0, 0.0]
    for row in ben:
        schedule.leave(row)
    schedule.next(0.0)
    assert schedule.reading == flood[2:4]


def test_rows_that_do_not_fit_beside_those_that_run_wait_and_one_that_never_could_is_refused() -> None:
    schedule: Schedule[Told] = Schedule(8, Room(100, sum), 0.0)
    running, waits, small, never = seat(0, 60), seat(1, 50), seat(2, 10), seat(3, 101)
    filled(schedule, running, waits, small)
    assert schedule.running == (running,) and list(schedule.waiting) == [waits, small], "and nobody overtakes the one that waits"
    schedule.leave(running)
    filled(schedule, never)
    assert schedule.running == (waits, small)
    assert schedule.next(0.0) == Work("refuse", (never,))


def test_a_group_that_never_fits_whole_joins_row_by_row() -> None:
    for room, max_rows in ((Room(100, sum), 8), (ENOUGH, 1)):
        schedule: Schedule[Told] = Schedule(max_rows, room, 0.0)
        rows = [seat(number, 60, group="g") for number in range(2)]
        filled(schedule, *rows)
        assert schedule.running == (rows[0],)
        schedule.leave(rows[0])
        schedule.next(0.0)
        assert schedule.running == (rows[1],)


def test_the_pure_parts_need_no_torch() -> None:
    parts = "import engine.backends.local.schedule, engine.backends.local.prefixes, engine.backends.local.threads"
    code = f"import sys; {parts}; print([name for name in ('torch', 'transformers', 'peft') if name in sys.modules])"
    assert subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout == "[]\n"
