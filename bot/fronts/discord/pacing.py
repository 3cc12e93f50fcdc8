"""How often messages are edited: a lane per channel (or token), the latest state wins, the last one always lands.

Discord counts about 5 sends and edits in 5 s per channel together, and 3 edits in 6 s for messages older than an hour.
A lane keeps a gap between its edits, a longer one for old messages and after an edit that took long; an edit that fails
for now is tried again with the state that is newest by then.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Protocol

GAP_S = 1.25
OLD_GAP_S = 3.0
MOST_GAP_S = 15.0
RETRY_S = 5.0
MOST_EASE = 2.5
MOST_TRIES = 8
LOOK_S = 1.0
"""How often a lane looks whether it must hurry."""
MOST_LANES = 256
log = logging.getLogger(__name__)


class TryLater(Exception):
    """An edit that could not be done now, but perhaps later."""


class Clock(Protocol):
    def now(self) -> float: ...
    async def sleep(self, duration_s: float) -> None: ...


class LoopClock:
    """The event loop's own time."""

    def now(self) -> float:
        return asyncio.get_running_loop().time()

    async def sleep(self, duration_s: float) -> None:
        await asyncio.sleep(duration_s)


@dataclass(slots=True)
class _Waiting:
    edit: Callable[[], Awaitable[None]]
    old: bool
    ease: float
    tries: int = 0


class Pacer:
    """All lanes. A lane runs a task only while it has something to edit."""

    def __init__(self, clock: Clock | None = None, gap_s: float = GAP_S, old_gap_s: float = OLD_GAP_S) -> None:
        self._clock = clock or LoopClock()
        self._gap_s, self._old_gap_s = gap_s, old_gap_s
        self._waiting: dict[str, dict[str, _Waiting]] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._free_at: dict[str, float] = {}

    def put(self, lane: str, key: str, edit: Callable[[], Awaitable[None]], *, old: bool = False, ease: float = 1.0) -> None:
        """Edit when the lane is free; replaces an edit of the same key that still waits, in its place of the queue.

        old: the message is older than an hour. ease: how many times the gap is kept afterwards, at most 2.5: long texts change less.
        """
        self._waiting.setdefault(lane, {})[key] = _Waiting(edit, old, min(MOST_EASE, max(1.0, ease)))
        if lane not in self._tasks:
            self._tasks[lane] = asyncio.create_task(self._drain(lane))

    def took(self, lane: str) -> None:
        """Something else was sent in this lane: the next edit keeps its gap from that, too."""
        self._free_at[lane] = max(self._free_at.get(lane, 0.0), self._clock.now() + self._gap_s)

    def hurry(self) -> None:
        """No more gaps: the process is leaving, and Discord's own answers set the pace."""
        self._gap_s = self._old_gap_s = 0.0
        self._free_at.clear()

    async def settle(self) -> None:
        """Wait until every lane is empty."""
        while self._tasks:
            await asyncio.wait(set(self._tasks.values()))

    async def aclose(self) -> None:
        """Drop what waits."""
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _drain(self, lane: str) -> None:
        waiting = self._waiting[lane]
        try:
            while waiting:
                await self._until_free(lane)
                key = next(iter(waiting))
                await self._do(lane, key, waiting.pop(key))
        finally:  # without an await in between, so that no edit can be put into a lane that has just ended
            del self._waiting[lane], self._tasks[lane]
            self._forget_old_lanes()

    def _forget_old_lanes(self) -> None:
        if len(self._free_at) > MOST_LANES:
            now = self._clock.now()
            self._free_at = {lane: free_at for lane, free_at in self._free_at.items() if free_at > now}

    async def _until_free(self, lane: str) -> None:
        while (rest := self._free_at.get(lane, 0.0) - self._clock.now()) > 1e-9:
            await self._clock.sleep(min(rest, LOOK_S))

    async def _do(self, lane: str, key: str, each: _Waiting) -> None:
        began = self._clock.now()
        gap_s = (self._old_gap_s if each.old else self._gap_s) * each.ease
        try:
            await each.edit()
        except TryLater as error:
            gap_s = max(gap_s, RETRY_S)
            self._again(lane, key, each, error)
        except Exception:  # a bug in one edit must not end the lane
            log.exception("An edit in %s failed", lane)
        took_s = self._clock.now() - began
        self._free_at[lane] = self._clock.now() + min(MOST_GAP_S, max(gap_s, took_s))

    def _again(self, lane: str, key: str, each: _Waiting, error: TryLater) -> None:
        each.tries += 1
        if key in self._waiting[lane]:  # a newer state has come meanwhile
            return
        if each.tries < MOST_TRIES:
            self._waiting[lane][key] = each
        else:
            log.warning("An edit in %s was given up: %s", lane, error)
