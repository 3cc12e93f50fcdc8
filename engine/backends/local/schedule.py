"""The order of the model thread's work: who runs, who waits, who pays. No model, no thread, no clock: its readings are arguments.

Whoever runs the model does the piece of work that `next` names and says with `took` when it was done. Every moment of work is charged: a
piece of a prompt to its own row, a step in equal parts to the rows in it. So over any period the rows' busy_s sum to the time that the
engine was busy for answers; time between answers (an adapter that is loaded and tried) is counted apart, and nobody pays for waiting.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, Literal, TypeVar

from engine.backends.base import Stop
from engine.backends.local.waiting import WaitingRows

CHUNK = 128  # tokens of prompts that are read between two steps
LEAST = 32  # tokens that a shorter piece counts as: a forward of few tokens takes hardly less time


@dataclass(slots=True, eq=False, kw_only=True)
class Seat:
    """An answer's place from the queue to its end, with its account: readings of the clock and durations in seconds."""

    stop: Stop
    adapter: str  # digest of the adapter that it uses; the base has a name of its own
    submitted: float  # when it came into the queue
    owner: str = ""  # whoever asked: people take turns
    group: str = ""  # rows of one owner with the same group join together; empty: by itself
    size: int | None = None  # tokens of its prompt, and of an answer that is read like one; None until they have been counted
    columns: int = 0  # tokens that it may come to, prompt and answer
    cached: int = 0  # tokens of its prompt that were taken from a kept one
    read: int = 0  # tokens of its prompt that are in its slot, those included
    slot: int | None = None  # its place in the batch; None before its prompt is begun and after it leaves
    joined: float | None = None  # when it left the queue
    first: float | None = None  # when its prompt had been read, and with it its first token was known
    busy_s: float = 0.0
    together: bool = False  # whether it ever shared the batch with another row

    @property
    def left(self) -> int:
        """Tokens of its prompt that are still to be read."""
        return (self.size or 0) - self.read


S = TypeVar("S", bound=Seat)
Kind = Literal["count", "refuse", "read", "step"]


@dataclass(frozen=True, slots=True)
class Work(Generic[S]):
    """The next thing to do: count the tokens of a row's prompt, refuse a row that no memory has room for, read the next tokens of a row's
    prompt, or write one more token of every row whose prompt has been read, row i in slot i.
    """

    kind: Kind
    seats: tuple[S, ...]
    tokens: int = 0  # of the prompt, at most


@dataclass(frozen=True, slots=True)
class Move(Generic[S]):
    """A row that goes from one slot into another, with all that the model keeps for it."""

    seat: S
    source: int
    target: int


@dataclass(frozen=True, slots=True)
class Room:
    """Memory for keys and values: how many bytes there may be, and how many rows need that come to so many tokens each."""

    budget_bytes: int
    bytes_of: Callable[[Sequence[int]], int]

    def fits(self, rows: Sequence[Seat]) -> bool:
        """Whether these rows may be in the batch at the same time."""
        return self.bytes_of([row.columns for row in rows]) <= self.budget_bytes


class Schedule(Generic[S]):
    """Rows that wait and rows that run: of these some have their prompts read, the others write.

    With n rows that write they sit in the slots 0 to n - 1, as one forward runs over adjacent slots; those whose prompts have been begun
    come behind. Whoever writes never waits for more than CHUNK tokens of prompts between two steps. Of the prompts, the one with the
    fewest tokens left and the one that was let in first are read in turn: a short one need not wait for a long one, which goes on.

    A group joins as a whole, as soon as there is a slot and memory for all of it; one for which there never would be joins row by row.
    """

    def __init__(self, max_rows: int, room: Room, now: float) -> None:
        self.writing: list[S] = []  # the row of slot i at i
        self.reading: list[S] = []  # in the order in which they were let in
        self.waiting: WaitingRows[S] = WaitingRows()
        self.busy_s = 0.0  # charged to answers
        self.house_s = 0.0  # nobody's answer
        self._max_rows, self._room = max_rows, room
        self._begun: list[S] = []  # of those that read: the row of slot len(writing) + i at i
        self._charged = now  # until when all time has been accounted for
        self._tokens = self._counted = 0  # tokens read and prompts counted since the last step
        self._shortest = True  # whose prompt is next: the one with the fewest tokens left, or the oldest

    @property
    def running(self) -> tuple[S, ...]:
        """All rows of the batch."""
        return (*self.writing, *self.reading)

    @property
    def seats(self) -> tuple[S, ...]:
        """All rows, those that run first."""
        return (*self.writing, *self.reading, *self.waiting)

    def add(self, seat: S) -> None:
        """Put a row at the end of the queue."""
        self.waiting.add(seat)

    def stopped(self) -> list[S]:
        """List the rows whose stop flag is raised. They are still here until they `leave`."""
        return [seat for seat in self.seats if seat.stop.raised]

    def next(self, now: float) -> Work[S] | None:
        """Choose the next piece of work, and let those in who fit. None when no row is there."""
        if work := self._let_in(now) or self._prompt():
            return work
        self._tokens = self._counted = 0
        return Work("step", tuple(self.writing)) if self.writing else None

    def _let_in(self, now: float) -> Work[S] | None:
        """Let groups into the batch while they fit. Returns the work without which it is not known whether the next one does."""
        while len(self.running) < self._max_rows and (group := self.waiting.next(self.running)):
            for seat in group:
                if seat.size is None:
                    if self.writing and self._counted >= self._max_rows:
                        return None  # a step first: counting takes little, but not nothing
                    self._counted += 1
                    return Work("count", (seat,))
                if not self._room.fits([seat]):
                    return Work("refuse", (seat,))
            joining = self._fitting(group)
            if not joining:
                return None
            self.waiting.take(joining)
            for seat in joining:
                seat.joined = now
            self.reading += joining
            for seat in self.running if len(self.running) > 1 else ():
                seat.together = True
        return None

    def _fitting(self, group: tuple[S, ...]) -> tuple[S, ...]:
        """Choose who of a group joins now: all, nobody yet, or one alone where all never could."""
        possible = len(group) <= self._max_rows and self._room.fits(group)
        joining = group if possible else group[:1]
        fits = len(self.running) + len(joining) <= self._max_rows and self._room.fits([*self.running, *joining])
        return joining if fits else ()

    def _prompt(self) -> Work[S] | None:
        """Choose whose prompt is read on, if one may be before the next step; give a slot to one that begins."""
        if not self.reading:
            return None
        seat = min(self.reading, key=lambda each: each.left) if self._shortest else self.reading[0]
        if self.writing and self._tokens and self._tokens + max(LEAST, seat.left) > CHUNK:
            return None
        self._shortest = not self._shortest
        if seat.slot is None:
            seat.slot = len(self.writing) + len(self._begun)
            self._begun.append(seat)
        return Work("read", (seat,), CHUNK)

    def took(self, work: Work[S], now: float, read: int = 0) -> None:
        """Charge the time since the last account, in equal parts, to the rows whose work has just been done; read: tokens of a prompt."""
        if work.kind == "read" and self.writing:
            self._tokens += max(LEAST, read)
        self.charge(work.seats, now)

    def charge(self, seats: Sequence[S], now: float) -> None:
        """Charge the time since the last account, in equal parts, to these rows."""
        spent = self._since(now)
        self.busy_s += spent
        for seat in seats:
            seat.busy_s += spent / len(seats)

    def house(self, now: float) -> None:
        """Count the time since the last account as nobody's answer."""
        self.house_s += self._since(now)

    def rested(self, now: float) -> None:
        """Leave the time since the last account out, as there was nothing to do."""
        self._since(now)

    def write(self, seat: S, now: float) -> list[Move[S]]:
        """Let a row write, as its prompt has been read. Returns the moves, in their order, after which its slot is behind those that write.

        A row in its way goes round by the slot `max_rows`, which is no row's.
        """
        target, spare = len(self.writing), self._max_rows
        assert seat.slot is not None, "a prompt that was read has a slot"
        moves, source = [], seat.slot
        if source != target:
            other = self._begun[0]
            moves = [Move(other, target, spare), Move(seat, source, target), Move(other, spare, source)]
            self._begun[source - target], other.slot = other, source
        del self._begun[0]
        self.reading.remove(seat)
        self.writing.append(seat)
        seat.slot, seat.first = target, now
        return moves

    def leave(self, seat: S) -> list[Move[S]]:
        """Let a row go, out of the queue or out of the batch. The last rows move into slots that become free, so that rows stay packed.

        Returns those moves, in their order. Raises ValueError for a row that is not here, as one that has left already.
        """
        if seat.joined is None:
            self.waiting.remove(seat)
            return []
        freed = seat.slot
        if freed is None:
            self.reading.remove(seat)  # let in, and not begun
            return []
        moves: list[Move[S]] = []
        if seat in self.reading:
            self.reading.remove(seat)
            self._fill(self._begun, freed - len(self.writing), len(self.writing), moves)
        elif freed < len(self.writing) and self.writing[freed] is seat:
            self._fill(self.writing, freed, 0, moves)
            if self._begun:  # the slot behind those that write is free now
                last = self._begun[-1]
                assert last.slot is not None
                moves.append(Move(last, last.slot, len(self.writing)))
                self._begun.insert(0, self._begun.pop())
                last.slot = len(self.writing)
        else:
            raise ValueError("the row is not in its slot")
        seat.slot = None
        return moves

    def _fill(self, rows: list[S], place: int, offset: int, moves: list[Move[S]]) -> None:
        """Take rows[place] out and put the last of them there; row i sits in slot offset + i."""
        last = rows.pop()
        if place < len(rows):
            moves.append(Move(last, offset + len(rows), offset + place))
            rows[place], last.slot = last, offset + place

    def _since(self, now: float) -> float:
        since, self._charged = now - self._charged, now
        return since
