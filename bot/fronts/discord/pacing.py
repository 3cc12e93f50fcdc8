"""In what order and how often messages are sent and edited: a lane per channel or token; the latest state wins, the last one lands.

Discord takes about 5 sends and, counted apart, 5 edits in 5 s per channel, 3 edits in 6 s of messages older than an hour, and 5 edits
in 5 s by a token. A lane keeps within these windows, so that nothing waits in a queue where it would grow old. What somebody waits for
(a first message, both answers, a reveal) goes at once, before counts and before answers that are still being written; and those leave
room in the window for the ends of the answers that are being written beside them. An edit that fails for now is tried again with the
state that is newest by then.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Literal, Protocol

GAP_S = 1.25
"""Between edits that nobody waits for."""
MOST_GAP_S = 15.0
SHORT_S = 2.6
"""How long the ends of answers may wait for what was shown of answers that are still being written."""
RETRY_S = 5.0
MOST_EASE = 2.5
MOST_TRIES = 8
LOOK_S = 1.0
"""How often a lane looks whether it must hurry."""
MOST_LANES = 256
SOON = 1e-9
log = logging.getLogger(__name__)

Kind = Literal["send", "edit", "old edit", "token"]
Edit = Callable[[], Awaitable[bool | None]]
"""False: Discord was not asked for anything."""


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


class Rank(IntEnum):
    """Who goes first."""

    AWAITED = 0  # somebody waits for it
    COUNT = 1  # how many have voted, how far a file is
    STREAM = 2  # an answer that is still being written


class Window:
    """At most `count` requests within any `per_s` seconds."""

    def __init__(self, count: int, per_s: float) -> None:
        self.count, self.per_s = count, per_s
        self._taken: deque[float] = deque()  # when, the oldest first

    def wait_s(self, now: float, ends: int = 0, within_s: float = 0.0) -> float:
        """How long until one more fits, such that so many others would all fit after it within this time."""
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
        self._taken.append(now)

    def give_back(self, then: float) -> None:
        """What was taken then, for a request that was not sent."""
        self._taken.remove(then)


def window_of(kind: Kind) -> Window:
    """A little wider than Discord's, whose clock reads when requests arrive."""
    return Window(3, 6.05) if kind == "old edit" else Window(5, 5.05)


class Gate:
    """Everybody's requests together: Discord takes 50 in a second."""

    def __init__(self, clock: Clock | None = None, window: Window | None = None) -> None:
        self._clock = clock or LoopClock()
        self._window = window or Window(40, 1.05)
        self._turn = asyncio.Lock()

    async def turn(self) -> None:
        """Wait until one more fits."""
        async with self._turn:
            while (rest := self._window.wait_s(self._clock.now())) > SOON:
                await self._clock.sleep(rest)
            self._window.take(self._clock.now())


@dataclass(slots=True)
class _Waiting:
    edit: Edit
    rank: Rank
    kind: Kind
    ease: float
    tries: int = 0


@dataclass(slots=True)
class _Lane:
    waiting: dict[str, _Waiting] = field(default_factory=dict)
    busy: dict[str, asyncio.Task[None]] = field(default_factory=dict)  # on their way
    live: set[str] = field(default_factory=set)  # being written: their ends may come at any time
    windows: dict[Kind, Window] = field(default_factory=dict)
    calm_at: float = 0.0  # no earlier than this for what nobody waits for
    free_at: float = 0.0  # and for anything: Discord was in trouble
    task: asyncio.Task[None] | None = None
    sleep: asyncio.Task[None] | None = None

    def window(self, kind: Kind) -> Window:
        return self.windows.setdefault(kind, window_of(kind))

    def room_s(self, each: _Waiting, now: float) -> float:
        """How long until there is room for it; what is still being written leaves room to the ends of all that is."""
        window = self.window(each.kind)
        if each.rank is not Rank.STREAM:
            return window.wait_s(now)
        return window.wait_s(now, min(len(self.live), window.count), SHORT_S)

    def is_idle(self, now: float) -> bool:
        """Whether nothing in it matters any more."""
        quiet = all(window.wait_s(now, window.count - 1) <= SOON for window in self.windows.values())
        return quiet and self.task is None and not self.live and max(self.calm_at, self.free_at) <= now

    def wake(self) -> None:
        if self.sleep:
            self.sleep.cancel()


class Pacer:
    """All lanes. A lane runs a task only while it has something to edit."""

    def __init__(self, clock: Clock | None = None, gap_s: float = GAP_S) -> None:
        self._clock = clock or LoopClock()
        self._gap_s = gap_s
        self._lanes: dict[str, _Lane] = {}
        self._hurried = False

    def put(
        self,
        lane: str,
        key: str,
        edit: Edit,
        *,
        rank: Rank = Rank.COUNT,
        kind: Kind = "edit",
        ease: float = 1.0,
        live: bool = False,
    ) -> None:
        """Edit when the lane lets it; replaces an edit of the same key that still waits, in its place of the queue.

        live: the answer is being written, so its end will have to be shown, perhaps soon. ease: how many times the gap is kept
        afterwards, at most 2.5: long texts change less.
        """
        at = self._lane(lane)
        before = at.waiting.get(key)
        first = min(before.rank, rank) if before else rank
        at.waiting[key] = _Waiting(edit, first, kind, min(MOST_EASE, max(1.0, ease)))
        if live:
            at.live.add(key)
        if at.task is None:
            at.task = asyncio.create_task(self._drain(lane, at))
        elif first is Rank.AWAITED and not (before and before.rank is first):
            at.wake()

    def ended(self, key: str) -> None:
        """It is not being written any more."""
        for lane in self._lanes.values():
            if key in lane.live:
                lane.live.discard(key)
                lane.wake()

    def take(self, lane: str, kind: Kind) -> bool:
        """Whether a request fits in now, outside of the queue; it is counted then."""
        at, now = self._lane(lane), self._clock.now()
        if not self._hurried and max(at.window(kind).wait_s(now), at.free_at - now) > SOON:
            return False
        at.window(kind).take(now)
        at.calm_at = max(at.calm_at, now + self._gap_s)
        return True

    def hurry(self) -> None:
        """No more gaps: the process is leaving, and Discord's own answers set the pace."""
        self._hurried = True
        for lane in self._lanes.values():
            lane.free_at = 0.0
            lane.wake()

    async def settle(self) -> None:
        """Wait until every lane is empty."""
        while tasks := self._tasks():
            await asyncio.wait(tasks)

    async def aclose(self) -> None:
        """Drop what waits."""
        tasks = self._tasks()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _tasks(self) -> set[asyncio.Task[None]]:
        return {lane.task for lane in self._lanes.values() if lane.task}

    def _lane(self, name: str) -> _Lane:
        if name not in self._lanes:
            self._forget_old_lanes()
            self._lanes[name] = _Lane()
        return self._lanes[name]

    def _forget_old_lanes(self) -> None:
        if len(self._lanes) > MOST_LANES:
            now = self._clock.now()
            self._lanes = {name: lane for name, lane in self._lanes.items() if not lane.is_idle(now)}

    async def _drain(self, name: str, lane: _Lane) -> None:
        try:
            while lane.waiting or lane.busy:
                key, rest_s = self._next(lane)
                if key is None:
                    await self._rest(lane, rest_s)
                else:
                    self._start(name, lane, key, lane.waiting.pop(key))
        finally:  # without an await in between, so that no edit can be put into a lane that has just ended
            lane.task = None
            for edit in lane.busy.values():
                edit.cancel()

    def _start(self, name: str, lane: _Lane, key: str, each: _Waiting) -> None:
        """Messages do not wait for each other, but a message's next edit does."""
        began = self._clock.now()
        lane.window(each.kind).take(began)
        lane.calm_at = began + self._gap_s * each.ease
        if each.rank is not Rank.STREAM:
            lane.live.discard(key)
        lane.busy[key] = asyncio.create_task(self._do(name, lane, key, each, began))
        lane.busy[key].add_done_callback(lambda _: lane.busy.pop(key))

    def _next(self, lane: _Lane) -> tuple[str | None, float]:
        """Whose turn it is, the most awaited first; or nobody's, and how long to wait."""
        rest_s, now = float("inf"), self._clock.now()
        free = [(key, each) for key, each in lane.waiting.items() if key not in lane.busy]
        for key, each in sorted(free, key=lambda item: item[1].rank):
            if (wait_s := self._wait_s(lane, each, now)) <= SOON:
                return key, 0.0
            rest_s = min(rest_s, wait_s)
        return None, rest_s

    def _wait_s(self, lane: _Lane, each: _Waiting, now: float) -> float:
        if self._hurried:
            return lane.free_at - now
        wait_s = max(lane.free_at - now, lane.room_s(each, now))
        return wait_s if each.rank is Rank.AWAITED else max(wait_s, lane.calm_at - now)

    async def _rest(self, lane: _Lane, rest_s: float) -> None:
        """Until then, until an edit has landed, or until somebody comes who may go first."""
        lane.sleep = asyncio.ensure_future(self._clock.sleep(min(rest_s, LOOK_S)))
        try:
            await asyncio.wait({lane.sleep, *lane.busy.values()}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            lane.sleep.cancel()
            lane.sleep = None

    async def _do(self, name: str, lane: _Lane, key: str, each: _Waiting, began: float) -> None:
        try:
            if await each.edit() is False:
                lane.window(each.kind).give_back(began)
                lane.calm_at = min(lane.calm_at, began)
        except TryLater as error:
            lane.free_at = self._clock.now() + RETRY_S
            self._again(name, lane, key, each, error)
        except Exception:  # a bug in one edit must not end the lane
            log.exception("An edit in %s failed", name)
        else:
            took_s = self._clock.now() - began
            lane.calm_at = max(lane.calm_at, began + min(MOST_GAP_S, 2 * took_s))

    def _again(self, name: str, lane: _Lane, key: str, each: _Waiting, error: TryLater) -> None:
        each.tries += 1
        if key in lane.waiting:  # a newer state has come meanwhile
            return
        if each.tries < MOST_TRIES:
            lane.waiting[key] = each
        else:
            log.warning("An edit in %s was given up: %s", name, error)
