"""How many requests Discord takes in how many seconds, kept by the bot's own clock. Pure but for the clock.

Discord takes about 5 sends and, counted apart, 5 edits in 5 s per channel, 3 edits in 6 s of messages older than an hour, 5 edits in
5 s by a token, and 50 requests of a bot in a second.
"""

import asyncio
from collections import deque
from typing import Literal, Protocol

SOON = 1e-9  # seconds that count as none
Bucket = Literal["send", "edit", "old edit", "token"]  # as what Discord counts a request


class Clock(Protocol):
    """A clock to read and to wait by, which tests replace."""

    def now(self) -> float:
        """Return the time, in seconds since some moment."""
        ...

    async def sleep(self, duration_s: float) -> None:
        """Wait so many seconds."""
        ...


class LoopClock:
    """The event loop's own time."""

    def now(self) -> float:
        """Return the time, in seconds since some moment."""
        return asyncio.get_running_loop().time()

    async def sleep(self, duration_s: float) -> None:
        """Wait so many seconds."""
        await asyncio.sleep(duration_s)


class Allowance:
    """At most `count` requests within any `per_s` seconds."""

    def __init__(self, count: int, per_s: float) -> None:
        self.count, self.per_s = count, per_s
        self._taken: deque[float] = deque()  # when, the oldest first

    def wait_s(self, now: float, ends: int = 0, within_s: float = 0.0) -> float:
        """Return how many seconds until one more fits, such that `ends` others would all fit after it within `within_s` seconds."""
        while self._taken and self._taken[0] <= now - self.per_s + SOON:
            self._taken.popleft()
        taken, gone = len(self._taken), len(self._taken) + 1 + ends - self.count  # how many must have left by then
        if gone > taken:
            return float("inf")
        own_s = self._leaves(taken - self.count, now) if taken >= self.count else 0.0
        return max(own_s, self._leaves(gone - 1, now) - within_s) if gone > 0 else own_s

    def _leaves(self, number: int, now: float) -> float:
        return max(0.0, self._taken[number] + self.per_s - now)

    def take(self, now: float) -> None:
        """Count a request."""
        self._taken.append(now)

    def give_back(self, then: float) -> None:
        """Count one less: what was taken then was not sent."""
        self._taken.remove(then)


def allowance_of(bucket: Bucket) -> Allowance:
    """Return Discord's allowance in a channel or for a token. A little wider than Discord's, whose clock reads when requests arrive."""
    return Allowance(3, 6.05) if bucket == "old edit" else Allowance(5, 5.05)


class GlobalLimit:
    """All requests of the bot together: 40 in 1.05 s, where Discord takes 50 in a second; the rest is for what discord.py sends itself."""

    def __init__(self, clock: Clock | None = None, allowance: Allowance | None = None) -> None:
        self._clock = clock or LoopClock()
        self._allowance = allowance or Allowance(40, 1.05)
        self._turn = asyncio.Lock()

    async def turn(self) -> None:
        """Wait until one more fits, and count it."""
        async with self._turn:
            while (rest_s := self._allowance.wait_s(self._clock.now())) > SOON:
                await self._clock.sleep(rest_s)
            self._allowance.take(self._clock.now())
