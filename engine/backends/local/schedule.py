"""The order of the model thread's work: who runs, who waits, who pays. No model, no thread, no clock: its readings are arguments.

Whoever runs the model does the piece of work that `next` names and says with `took` when it was done. Every moment of work is charged: a
prompt that is read to its own row, a step in equal parts to the rows in it. So over any period the rows' busy_s sum to the time that the
engine was busy for answers; time between answers (an adapter that is loaded and tried) is counted apart, and nobody pays for waiting.
"""

from collections import deque
from dataclasses import dataclass
from typing import Generic, TypeVar

from engine.backends.base import Stop


@dataclass(slots=True, eq=False, kw_only=True)
class Seat:
    """An answer's place from the queue to its end, with its account: readings of the clock and durations in seconds."""

    stop: Stop
    adapter: str  # digest of the adapter that it uses; the base has a name of its own
    submitted: float  # when it came into the queue
    slot: int | None = None  # its place in the batch; None before it joins and after it leaves
    joined: float | None = None  # when it left the queue
    first: float | None = None  # when its prompt had been read, and with it its first token was known
    busy_s: float = 0.0
    together: bool = False  # whether it ever shared the batch with another row


S = TypeVar("S", bound=Seat)


@dataclass(frozen=True, slots=True)
class Work(Generic[S]):
    """The next thing that the model runs: one row's prompt, or one more token for every row of the batch, row i in slot i."""

    seats: tuple[S, ...]
    prompt: bool


@dataclass(frozen=True, slots=True)
class Move:
    """A row that goes from its slot into another, with all that the model keeps for it."""

    source: int
    target: int


class Schedule(Generic[S]):
    """Rows that wait and rows that run. With n rows in the batch they sit in the slots 0 to n - 1, as one forward runs over adjacent slots.

    First come, first served. A row that joins has its prompt read alone, which the others wait for; so at most `max_rows` prompts are read
    between two steps, however short the answers are that come and go.
    """

    def __init__(self, max_rows: int, now: float) -> None:
        self.running: list[S] = []  # the row of slot i at i
        self.waiting: deque[S] = deque()
        self.busy_s = 0.0  # charged to answers
        self.house_s = 0.0  # nobody's answer
        self._max_rows = max_rows
        self._charged = now  # until when all time has been accounted for
        self._prompts = 0  # read since the last step

    @property
    def seats(self) -> tuple[S, ...]:
        """All rows, those that run first."""
        return (*self.running, *self.waiting)

    def add(self, seat: S) -> None:
        """Put a row at the end of the queue."""
        self.waiting.append(seat)

    def stopped(self) -> list[S]:
        """List the rows whose stop flag is raised. They are still here until they `leave`."""
        return [seat for seat in self.seats if seat.stop.raised]

    def next(self, now: float) -> Work[S] | None:
        """Choose the next piece of work, and give a slot to the row that joins for it. None when no row is there."""
        if self.waiting and len(self.running) < self._max_rows and (self._prompts < self._max_rows or not self.running):
            seat = self.waiting.popleft()
            seat.slot, seat.joined = len(self.running), now
            self.running.append(seat)
            if len(self.running) > 1:
                for each in self.running:
                    each.together = True
            self._prompts += 1
            return Work((seat,), prompt=True)
        self._prompts = 0
        return Work(tuple(self.running), prompt=False) if self.running else None

    def took(self, work: Work[S], now: float) -> None:
        """Charge the time since the last account, in equal parts, to the rows whose work has just been done."""
        spent = self._since(now)
        self.busy_s += spent
        for seat in work.seats:
            seat.busy_s += spent / len(work.seats)
            seat.first = now if seat.first is None else seat.first

    def house(self, now: float) -> None:
        """Count the time since the last account as nobody's answer."""
        self.house_s += self._since(now)

    def rested(self, now: float) -> None:
        """Leave the time since the last account out, as there was nothing to do."""
        self._since(now)

    def leave(self, seat: S) -> Move | None:
        """Let a row go, out of the queue or out of its slot. The last row moves into a slot that it frees, so that rows stay packed.

        Returns that move, and None when no row moves. Raises ValueError for a row that is not here, as one that has left already.
        """
        if seat.slot is None:
            self.waiting.remove(seat)
            return None
        if seat.slot >= len(self.running) or self.running[seat.slot] is not seat:
            raise ValueError("the row is not in its slot")
        freed, seat.slot = seat.slot, None
        last = self.running.pop()
        if last is seat:
            return None
        move = Move(len(self.running), freed)
        last.slot, self.running[freed] = freed, last
        return move

    def _since(self, now: float) -> float:
        since, self._charged = now - self._charged, now
        return since
