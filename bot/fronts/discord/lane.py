"""A lane: the edits of one channel or token, in the order of who waits for them; the latest state of a message wins."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from bot.fronts.discord.allowance import SOON, Bucket, Clock
from bot.fronts.discord.timing import Rank, Timing

LOOK_S = 1.0  # seconds between looks whether a resting lane must hurry
MOST_TRIES = 8  # of one edit
log = logging.getLogger(__name__)

Edit = Callable[[], Awaitable[bool | None]]  # returns False where Discord was not asked for anything


class TryLater(Exception):
    """An edit that could not be done now, but perhaps later."""


@dataclass(slots=True)
class Waiting:
    """An edit that waits for its turn."""

    edit: Edit
    rank: Rank
    bucket: Bucket
    ease: float  # gaps that are kept afterwards
    tries: int = 0


@dataclass(slots=True)
class Lane:
    """The queue of one channel or token. It runs a task only while it has something to edit."""

    name: str
    clock: Clock
    timing: Timing
    waiting: dict[str, Waiting] = field(default_factory=dict)  # by key: a message, or what else is shown
    busy: dict[str, asyncio.Task[None]] = field(default_factory=dict)  # on their way
    task: asyncio.Task[None] | None = None
    _sleep: asyncio.Task[None] | None = None

    def put(self, key: str, each: Waiting) -> None:
        """Do this edit when its turn comes; it replaces one of the same key that still waits, in its place of the queue."""
        before = self.waiting.get(key)
        each.rank = min(before.rank, each.rank) if before else each.rank
        self.waiting[key] = each
        if self.task is None:
            self.task = asyncio.create_task(self._drain())
        elif each.rank is Rank.AWAITED and not (before and before.rank is each.rank):
            self.wake()

    def ended(self, key: str) -> None:
        """Keep no room any more for the end of an answer that has ended."""
        if key in self.timing.live:
            self.timing.live.discard(key)
            self.wake()

    def hurry(self) -> None:
        """Edit without gaps from now on."""
        self.timing.hurry()
        self.wake()

    def wake(self) -> None:
        """Look anew whose turn it is."""
        if self._sleep:
            self._sleep.cancel()

    def is_idle(self) -> bool:
        """Whether it could be dropped: nothing waits, and no window of time matters any more."""
        return self.task is None and self.timing.is_quiet(self.clock.now())

    async def _drain(self) -> None:
        try:
            while self.waiting or self.busy:
                key, rest_s = self._next()
                if key is None:
                    await self._rest(rest_s)
                else:
                    self._start(key, self.waiting.pop(key))
        finally:  # without an await in between, so that no edit can be put into a lane that has just ended
            self.task = None
            for edit in self.busy.values():
                edit.cancel()

    def _next(self) -> tuple[str | None, float]:
        """Find whose turn it is, the most awaited first; or nobody's, and how many seconds to wait."""
        rest_s, now = float("inf"), self.clock.now()
        free = [(key, each) for key, each in self.waiting.items() if key not in self.busy]
        for key, each in sorted(free, key=lambda item: item[1].rank):
            if (wait_s := self.timing.wait_s(each.rank, each.bucket, now)) <= SOON:
                return key, 0.0
            rest_s = min(rest_s, wait_s)
        return None, rest_s

    def _start(self, key: str, each: Waiting) -> None:
        """Messages do not wait for each other, but a message's next edit does."""
        began = self.clock.now()
        self.timing.begin(each.bucket, each.ease, began)
        if each.rank is not Rank.STREAM:
            self.timing.live.discard(key)
        self.busy[key] = asyncio.create_task(self._do(key, each, began))
        self.busy[key].add_done_callback(lambda _: self.busy.pop(key))

    async def _rest(self, rest_s: float) -> None:
        """Until then, until an edit has landed, or until somebody comes who may go first."""
        self._sleep = asyncio.ensure_future(self.clock.sleep(min(rest_s, LOOK_S)))
        try:
            await asyncio.wait({self._sleep, *self.busy.values()}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            self._sleep.cancel()
            self._sleep = None

    async def _do(self, key: str, each: Waiting, began: float) -> None:
        try:
            if await each.edit() is False:
                self.timing.unsent(each.bucket, began)
        except TryLater as error:
            self.timing.failed(self.clock.now())
            self._again(key, each, error)
        except Exception:  # a bug in one edit must not end the lane
            log.exception("An edit in %s failed", self.name)
        else:
            self.timing.landed(began, self.clock.now())

    def _again(self, key: str, each: Waiting, error: TryLater) -> None:
        each.tries += 1
        if key in self.waiting:  # a newer state has come meanwhile
            return
        if each.tries < MOST_TRIES:
            self.waiting[key] = each
        else:
            log.warning("An edit in %s was given up: %s", self.name, error)
