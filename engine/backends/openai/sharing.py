"""The time of a server, shared between the answers that it writes for us. What it does for others is not known here."""

from collections.abc import Callable, Hashable


class SharedTime:
    """Each moment counts for the answers that are being written in it, in equal parts: their sum is the time in which there were any."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock, self._at = clock, clock()
        self._busy_s: dict[Hashable, float] = {}  # of each answer that is being written
        self._together: set[Hashable] = set()

    def begin(self, answer: Hashable) -> None:
        """Begin an answer; one that begins again, as its request was not taken, has taken no time so far."""
        self._advance()
        self._busy_s[answer] = 0.0
        if len(self._busy_s) > 1:
            self._together |= self._busy_s.keys()

    def end(self, answer: Hashable) -> tuple[float, bool]:
        """End an answer, if it has begun. Returns its share in seconds, and whether others were written beside it."""
        self._advance()
        together = answer in self._together
        self._together.discard(answer)
        return self._busy_s.pop(answer, 0.0), together

    def _advance(self) -> None:
        now = self._clock()
        for answer in self._busy_s:
            self._busy_s[answer] += (now - self._at) / len(self._busy_s)
        self._at = now
