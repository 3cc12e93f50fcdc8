"""The model thread: it does what the schedule says next, with the model, and hands out what comes of it."""

import logging
import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any, TypeVar

import torch
from torch import Tensor

from engine.backends.base import Finish
from engine.backends.local.loading import Loaded
from engine.backends.local.sampling import draw
from engine.backends.local.schedule import Schedule, Work
from engine.backends.local.step import Step
from engine.backends.local.writing import Writing
from engine.errors import BackendError

log = logging.getLogger(__name__)
T = TypeVar("T")
CLOSED = "Duelbot is shutting down; ask again when it is back."
BROKE_OFF = "Duelbot stopped while this was being answered. Ask it again."


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
    """Owns a loaded model. `submit`, `call` and `close` may be used from any thread; everything else happens on the thread itself."""

    def __init__(self, loaded: Loaded, *, max_rows: int, device: str, clock: Callable[[], float]) -> None:
        self.step = Step(loaded.model, max_rows=max_rows, device=device)
        self.schedule: Schedule[Writing] = Schedule(max_rows, clock())
        self._loaded, self._device, self._clock = loaded, device, clock
        self._arrived: deque[Writing] = deque()
        self._calls: deque[_Call] = deque()
        self._wake = threading.Condition()
        self._closing = False
        self._thread = threading.Thread(target=self._run, name="model", daemon=True)
        self._thread.start()

    def submit(self, row: Writing) -> None:
        """Queue a row; it joins the batch when a slot is free, first come first served. Raises BackendError after `close`."""
        self._post(self._arrived, row)

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

    def _post(self, to: deque[T], item: T) -> None:
        with self._wake:
            if self._closing:
                raise BackendError("closed", CLOSED)
            to.append(item)
            self._wake.notify()

    # --- on the thread ---

    def _run(self) -> None:
        with torch.inference_mode():
            while self._wait():
                for row in self.schedule.stopped():
                    self._end(row, "stopped", self._clock())
                self._do_call()
                if work := self.schedule.next(self._clock()):
                    tokens = _next_tokens(work, self.step, self._loaded)
                    self.schedule.took(work, now := self._clock())
                    for row, token in zip(work.seats, tokens, strict=True):
                        self._tell(row, token, now)
            self._end_all()

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

    def _tell(self, row: Writing, token: int | BackendError, now: float) -> None:
        """Hand out what the new token adds; end the row at an end token, at its limit, or with the error that came instead."""
        how: Finish | BackendError | None
        try:
            how = token if isinstance(token, BackendError) else row.accept(token, self._loaded.end_ids)
        except Exception as error:
            how = _as_backend_error(error)
        if isinstance(how, BackendError) and row.slot is not None:
            self.step.wipe(row.slot)  # before it leaves: then another row moves in, over only as many columns as it has
        if how is not None:
            self._end(row, how, now)

    def _end(self, row: Writing, how: Finish | BackendError, now: float) -> None:
        """Free the row's slot, and tell whoever asked how it ended."""
        if move := self.schedule.leave(row):
            moved = self.schedule.running[move.target]
            self.step.move(move.source, move.target, len(moved.tokens) + len(moved.new))
        row.end(how, now, self._device)

    def _end_all(self) -> None:
        for row in (*self.schedule.seats, *self._arrived):
            row.end(BackendError("closed", BROKE_OFF), self._clock(), self._device)
        for call in self._calls:
            if call.future.set_running_or_notify_cancel():
                call.future.set_exception(BackendError("closed", CLOSED))


def _next_tokens(work: Work[Writing], step: Step, loaded: Loaded) -> list[int | BackendError]:
    """Run the model. Returns each row's next token, or the error that came instead."""
    try:
        if not work.prompt:
            logits = list(step.decode(work.seats))
        else:
            (row,) = work.seats
            row.begin(loaded.chat, loaded.base)
            logits = [step.read(row)]
    except Exception as error:
        return [_as_backend_error(error)] * len(work.seats)
    return [_drawn(row, own) for row, own in zip(work.seats, logits, strict=True)]


def _drawn(row: Writing, logits: Tensor) -> int | BackendError:
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
