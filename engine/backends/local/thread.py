"""The model thread: it does what the schedule says next, with the model, and hands out what comes of it."""

import logging
import threading
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any, TypeVar

from engine.backends.base import Finish
from engine.backends.local.loading import Loaded
from engine.backends.local.sampling import check_finite, draw, weighed
from engine.backends.local.schedule import Move, Schedule, Work
from engine.backends.local.step import Step
from engine.backends.local.threads import ThreadChoice
from engine.backends.local.writing import WeighedText, Writing
from engine.errors import BackendError

log = logging.getLogger(__name__)
T = TypeVar("T")
CLOSED = "Duelbot is shutting down; ask again when it is back."
BROKE_OFF = "Duelbot stopped while this was being answered. Ask it again."
Outcome = int | Finish | BackendError | None  # of work, for one row: its next token, its end, the error that came instead, or nothing yet


@dataclass(frozen=True, slots=True)
class _Call:
    """Something to run between two pieces of work, once no row uses the adapter `unused`."""

    future: "Future[Any]"
    function: Callable[[], Any]
    unused: str | None

    def run(self) -> None:
        if not self.future.set_running_or_notify_cancel():
            return
        try:
            self.future.set_result(self.function())
        except BaseException as error:
            self.future.set_exception(error)


class ModelThread:
    """Owns a loaded model. `submit`, `call` and `close` may be used from any thread; everything else happens on the thread itself.

    threads: the numbers of processor threads among which it chooses; empty: it leaves them as they are.
    """

    def __init__(
        self,
        loaded: Loaded,
        *,
        max_rows: int,
        device: str,
        budget_bytes: int,
        clock: Callable[[], float],
        threads: Sequence[int] = (),
    ) -> None:
        self.step = Step(loaded.model, max_rows=max_rows, device=device, budget_bytes=budget_bytes)
        self.schedule: Schedule[Writing] = Schedule(max_rows, self.step.room, clock())
        self.threads = ThreadChoice(threads) if threads else None
        self._loaded, self._device, self._clock = loaded, device, clock
        self._arrived: deque[Writing] = deque()
        self._calls: deque[_Call] = deque()
        self._wake = threading.Condition()
        self._closing = False
        self._thread = threading.Thread(target=self._run, name="model", daemon=True)
        self._thread.start()

    def submit(self, rows: Sequence[Writing]) -> None:
        """Queue rows, all at once. Raises BackendError after `close`."""
        self._post(self._arrived, *rows)

    def check_open(self) -> None:
        """Raise BackendError after `close`."""
        if self._closing:
            raise BackendError("closed", CLOSED)

    def call(self, function: Callable[[], T], unused: str | None = None) -> "Future[T]":
        """Run something on the thread between two pieces of work, once no row is there that uses the adapter `unused`.

        The future has what the function returned or raised; cancelled before its turn, it is not run. Raises BackendError after `close`.
        """
        future: Future[T] = Future()
        self._post(self._calls, _Call(future, function, unused))
        return future

    def close(self) -> None:
        """End every row, then the thread. Blocks until the present piece of work is done."""
        with self._wake:
            self._closing = True
            self._wake.notify()
        self._thread.join()

    def _post(self, to: deque[T], *items: T) -> None:
        with self._wake:
            self.check_open()
            to.extend(items)
            self._wake.notify()

    # --- on the thread ---

    def _run(self) -> None:
        with self.step.rows.running():
            self._start()
            while self._wait():
                for row in self.schedule.stopped():
                    self._end(row, "stopped", self._clock())
                self._do_call()
                if work := self.schedule.next(self._clock()):
                    self._do(work)
            self._end_all()

    def _start(self) -> None:
        """Run the model for nobody: after it, the bytes of a token are known, and so is the best number of threads."""
        try:
            self.step.try_out()
            if self.threads:
                if len(self.threads.numbers) > 1:
                    self.threads.start(self._timed)
                self.step.rows.use_threads(self.threads.now)
        except Exception as error:  # whoever needs the model first is told in words
            log.info("the model cannot be tried out: %s", error)
        self.schedule.house(self._clock())

    def _timed(self, threads: int) -> float:
        """Run the model for nobody with so many processor threads; returns the seconds that it took."""
        self.step.rows.use_threads(threads)
        before = self._clock()
        self.step.try_out()
        return self._clock() - before

    def _do(self, work: Work[Writing]) -> None:
        """Do a piece of work, have it paid for, and hand out what came of it."""
        before, read = self._clock(), sum(row.read - row.cached for row in work.seats)
        if self.threads and work.kind == "step":
            self.step.rows.use_threads(self.threads.now)
        outcomes = _outcomes(work, self.step, self._loaded)
        self.schedule.took(work, now := self._clock(), sum(row.read - row.cached for row in work.seats) - read)
        if self.threads and work.kind == "step":
            self.threads.took(len(work.seats), now - before)
        for row, outcome in zip(work.seats, outcomes, strict=True):
            self._tell(row, outcome, now)

    def _wait(self) -> bool:
        """Sleep while there is nothing to do, and let those in who have come. Returns whether to go on."""
        with self._wake:
            while not (self.schedule.seats or self._arrived or self._calls or self._closing):
                self._wake.wait()
                self.schedule.rested(self._clock())
            while self._arrived:
                self.schedule.add(self._arrived.popleft())
            return not self._closing

    def _do_call(self) -> None:
        """Run the first call that nothing keeps waiting."""
        with self._wake:
            used = {row.adapter for row in (*self.schedule.seats, *self._arrived)}
            call = next((call for call in self._calls if call.unused not in used), None)
            if call is None:
                return
            self._calls.remove(call)
        call.run()
        self.schedule.house(self._clock())

    def _tell(self, row: Writing, token: Outcome, now: float) -> None:
        """Hand out what the new token adds; end the row at an end token, at its limit, or with the error that came instead."""
        if token is None:
            return
        how: Finish | BackendError | None
        try:
            if isinstance(token, int) and row.first is None:
                self._move(self.schedule.write(row, now))
            how = row.accept(token, self._loaded.end_ids) if isinstance(token, int) else token
        except Exception as error:
            how = _as_backend_error(error)
        if isinstance(how, BackendError) and row.slot is not None:
            self.step.free(row.slot)  # before it leaves, as another row may move in
        if how is not None:
            self._end(row, how, now)

    def _end(self, row: Writing, how: Finish | BackendError, now: float) -> None:
        """Keep what the row has read and written, free its slot, and tell whoever asked how it ended."""
        if not isinstance(how, BackendError) and row.first is not None:
            self.step.keep(row)
            self.schedule.charge((row,), now := self._clock())
        slot = row.slot
        moves = self.schedule.leave(row)
        if slot is not None:
            self.step.free(slot)
        self._move(moves)
        row.end(how, now, self._device)

    def _move(self, moves: Iterable[Move[Writing]]) -> None:
        for move in moves:
            self.step.move(move.source, move.target)

    def _end_all(self) -> None:
        for row in (*self.schedule.seats, *self._arrived):
            row.end(BackendError("closed", BROKE_OFF), self._clock(), self._device)
        for call in self._calls:
            if call.future.set_running_or_notify_cancel():
                call.future.set_exception(BackendError("closed", CLOSED))


def _outcomes(work: Work[Writing], step: Step, loaded: Loaded) -> list[Outcome]:
    """Do a piece of work. Returns for each row its next token, None where none is due, or the error that came instead."""
    try:
        if work.kind == "step":
            logits = step.decode(work.seats)
            return [_drawn(row, own) for row, own in zip(work.seats, logits, strict=True)]
        (row,) = work.seats
        if work.kind == "count":
            row.count(loaded.chat, loaded.base)
        elif work.kind == "refuse":
            raise step.refusal(row)
        else:
            return [_read(row, step, work.tokens, loaded.end_ids)]
        return [None]
    except Exception as error:
        return [_as_backend_error(error)] * len(work.seats)


def _read(row: Writing, step: Step, most: int, ends: frozenset[int]) -> Outcome:
    """Read on in a row's prompt; its first token when it has been read, or the end of a row whose answer is only weighed."""
    if row.read == 0:
        step.begin(row)
    if row.wanted:
        return _weigh(row, row.wanted, step, most, ends)
    logits = step.read(row, most)
    if row.left:
        check_finite(logits)
        return None
    if isinstance(token := _drawn(row, logits), int):  # damaged states must not spread to later prompts
        step.keep(row)
    return token


def _weigh(row: Writing, wanted: WeighedText, step: Step, most: int, ends: frozenset[int]) -> Outcome:
    """Read on in a row's prompt and the answer behind it, and note how likely its tokens are. Its end when all have been read."""
    logits = step.weigh(row, wanted, most)
    check_finite(logits)
    if row.read >= len(row.tokens):
        wanted.found += weighed(logits, wanted.tokens[len(wanted.found) :], ends, wanted.temperature)
    if row.left:
        return None
    step.keep(row)
    return "end"


def _drawn(row: Writing, logits: Any) -> int | BackendError:
    try:
        return draw(logits, row.prompt.sampling, row.generator, row.new)
    except Exception as error:
        return _as_backend_error(error)


def _as_backend_error(error: Exception) -> BackendError:
    """Put one row's failure into words; anything unforeseen is logged whole, and the other rows go on."""
    if isinstance(error, BackendError):
        return error
    log.error("the model failed", exc_info=error)
    return BackendError("crashed", f"The model failed while answering ({type(error).__name__}: {str(error).strip()[:200]}).")
