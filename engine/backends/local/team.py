"""Threads that run one compiled function together."""

import logging
import threading
import weakref
from collections.abc import Callable
from queue import SimpleQueue

import numpy as np

log = logging.getLogger(__name__)
Part = Callable[[int, int, int], None]  # takes the address of a barrier, the thread's number and how many there are
_Task = tuple[Part, "np.ndarray[tuple[int], np.dtype[np.int64]]", int, int]


class ThreadTeam:
    """Runs a function with one number per thread at the same time. Used by one thread alone, which is number 0 itself."""

    def __init__(self) -> None:
        self._barrier = np.zeros(2, np.int64)
        self._helpers: list[SimpleQueue[_Task | None]] = []
        weakref.finalize(self, _dismiss, self._helpers)

    def run(self, part: Part, threads: int) -> None:
        """Run `part` in so many threads. It has to let the interpreter go, and to meet its like at the barrier before it ends."""
        while len(self._helpers) < threads - 1:
            tasks: SimpleQueue[_Task | None] = SimpleQueue()
            self._helpers.append(tasks)
            threading.Thread(target=_help, args=(tasks,), name="model-helper", daemon=True).start()
        for number in range(1, threads):
            self._helpers[number - 1].put((part, self._barrier, number, threads))
        part(self._barrier.ctypes.data, 0, threads)


def _help(tasks: "SimpleQueue[_Task | None]") -> None:
    while (task := tasks.get()) is not None:
        part, barrier, number, threads = task
        try:
            part(barrier.ctypes.data, number, threads)
        except Exception as error:  # it could not be compiled: number 0 tells whoever asked, and this one is there for the next
            log.info("a part of the model's work failed: %s", error)
        del part, task, barrier  # what they hold may be large


def _dismiss(helpers: "list[SimpleQueue[_Task | None]]") -> None:
    for tasks in helpers:
        tasks.put(None)
