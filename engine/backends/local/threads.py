"""How many processor threads the model runs on, chosen by timing its steps. No torch and no clock: times are arguments.

Threads meet at the end of each operation. A small model's operations are shorter than these meetings, and where another program holds a
core, a thread that waits for it holds up all: 5.5 million parameters wrote 90 tokens for both sides in 0.52 s on one thread, and in 2.7 to
31 s on two with another program running. So the best number is that of this model on this machine now, and only a clock knows it.
"""

from collections import defaultdict, deque
from collections.abc import Callable, Mapping, Sequence
from statistics import median

LONGEST_START_S = 0.5  # that numbers are tried at the start, or until there are two to compare
TRIES = 3  # steps that are timed with each number
MUCH_BETTER = 0.95  # of the shortest time, by which more threads must win over fewer
SLOWER = 1.5  # times the usual step, from which on the machine counts as one that has changed
USUAL = 8  # steps of which the median says how long one takes
RECHECK = (256, 4096)  # steps until the numbers are tried again all the same, at first and at most: a core that is free again shows nowhere


def choices(most: int) -> tuple[int, ...]:
    """List the numbers of threads worth a try: powers of two, and all."""
    return tuple(sorted({1 << power for power in range(most.bit_length()) if 1 << power <= most} | {max(most, 1)}))


def fewest(times: Mapping[int, Sequence[float]]) -> int:
    """Choose from the times in seconds that steps took with each number of threads: the fewest that are about as fast as the best.

    The median of each counts: where another program runs, some steps of many threads are as short as ever and most are held up.
    """
    usual = {number: median(took) for number, took in times.items()}
    return min(number for number, took in usual.items() if took * MUCH_BETTER <= min(usual.values()))


class ThreadChoice:
    """The number of threads for the next step: while numbers are tried, each in turn; then the best.

    They are tried again when steps take SLOWER times as long as usual, or after many steps. A trial's steps have as many rows as its
    first; when rows come or go, the trial begins anew.
    """

    def __init__(self, numbers: Sequence[int]) -> None:
        self.best = numbers[0]
        self.numbers = tuple(numbers)
        self._trial: dict[int, list[float]] | None = None
        self._rows = 0  # of each step of the trial
        self._usual: dict[int, float] = {}  # seconds of a step with so many rows
        self._latest: defaultdict[int, deque[float]] = defaultdict(lambda: deque(maxlen=USUAL))
        self._steps, self._recheck = 0, RECHECK[0]

    @property
    def now(self) -> int:
        """Threads for the next step."""
        if self._trial is None:
            return self.best
        return next(number for number in self.numbers if len(self._trial.get(number, ())) < TRIES)

    def start(self, run: Callable[[int], float]) -> None:
        """Choose by short runs for nobody; run: takes a number of threads and returns seconds.

        Each number has its turn, many threads first, as a large model takes long with few; when LONGEST_START_S have passed, what is known
        by then decides.
        """
        times, spent_s = dict[int, list[float]](), 0.0
        for number in tuple(reversed(self.numbers)) * TRIES:
            times.setdefault(number, []).append(took := run(number))
            spent_s += took
            if spent_s > LONGEST_START_S and len(times) > 1:
                break
        self.best = fewest(times)

    def took(self, rows: int, seconds: float) -> None:
        """Learn how long a step of so many rows took with `now` threads."""
        if len(self.numbers) == 1:
            return
        if self._trial is not None:
            self._tried(self._trial, rows, seconds)
            return
        self._steps += 1
        latest = self._latest[rows]
        latest.append(seconds)
        if len(latest) < USUAL:
            return
        usual = self._usual.setdefault(rows, median(latest))
        if median(latest) > SLOWER * usual or self._steps >= self._recheck:
            self._trial, self._rows = {}, rows

    def _tried(self, trial: dict[int, list[float]], rows: int, seconds: float) -> None:
        if rows != self._rows:
            trial.clear()
            self._rows = rows
            return  # with whichever number this step ran, the trial begins with the next
        trial.setdefault(self.now, []).append(seconds)
        if all(len(trial.get(number, ())) == TRIES for number in self.numbers):
            best = fewest(trial)
            self._recheck = min(2 * self._recheck, RECHECK[1]) if best == self.best else RECHECK[0]
            self.best, self._trial, self._steps = best, None, 0
            self._usual.clear()
            self._latest.clear()
