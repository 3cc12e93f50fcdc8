"""The lanes of edits, on a virtual clock: never too many in any window, and the last state always lands."""

import asyncio
import heapq
from collections.abc import Awaitable, Callable

from hypothesis import given, settings
from hypothesis import strategies as st

from bot.fronts.discord.pacing import GAP_S, OLD_GAP_S, RETRY_S, Pacer, TryLater

WINDOW_S = 5.0
MOST_IN_WINDOW = 4
"""One less than Discord takes in 5 s, so that a send finds room."""


class VirtualClock:
    """Time that passes when everybody sleeps."""

    def __init__(self) -> None:
        self.time = 0.0
        self._sleepers: list[tuple[float, int, asyncio.Future[None]]] = []
        self._count = 0

    def now(self) -> float:
        return self.time

    async def sleep(self, duration_s: float) -> None:
        self._count += 1
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        heapq.heappush(self._sleepers, (self.time + duration_s, self._count, waiter))
        await waiter

    async def pass_until(self, time: float) -> None:
        while True:
            for _ in range(12):
                await asyncio.sleep(0)
            if not self._sleepers or self._sleepers[0][0] > time:
                break
            self.time, _, waiter = heapq.heappop(self._sleepers)
            if not waiter.done():
                waiter.set_result(None)
        self.time = max(self.time, time)


class Channel:
    """What Discord would show, and when it was edited."""

    def __init__(self, clock: VirtualClock, took_s: float, failures: list[bool]) -> None:
        self.clock, self.took_s, self.failures = clock, took_s, failures
        self.shown: dict[str, int] = {}
        self.starts: list[float] = []

    def edit(self, key: str, state: int) -> Callable[[], Awaitable[None]]:
        async def edit() -> None:
            self.starts.append(self.clock.now())
            if self.took_s:
                await self.clock.sleep(self.took_s)
            if self.failures and self.failures.pop():
                raise TryLater("not now")
            self.shown[key] = state

        return edit

    def assert_paced(self, gap_s: float = GAP_S) -> None:
        for at, start in enumerate(self.starts):
            assert sum(start <= other < start + WINDOW_S for other in self.starts[at:]) <= MOST_IN_WINDOW
        assert all(later - earlier >= gap_s - 1e-6 for earlier, later in zip(self.starts, self.starts[1:], strict=False))


puts = st.lists(st.tuples(st.floats(0, 30), st.sampled_from("abcd")), min_size=1, max_size=60)


@given(puts=puts, took_s=st.sampled_from([0.0, 0.2, 3.0]), failures=st.lists(st.booleans(), max_size=6))
@settings(max_examples=150, deadline=None)
def test_a_lane_keeps_its_pace_and_the_last_state_always_lands(puts: list[tuple[float, str]], took_s: float, failures: list[bool]) -> None:
    async def run() -> None:
        clock = VirtualClock()
        pacer, channel = Pacer(clock), Channel(clock, took_s, list(failures))
        last: dict[str, int] = {}
        for state, (time, key) in enumerate(sorted(puts)):
            await clock.pass_until(time)
            pacer.put("lane", key, channel.edit(key, state))
            last[key] = state
        await clock.pass_until(1000.0)
        assert channel.shown == last
        channel.assert_paced()
        assert len(channel.starts) <= len(puts) + len(failures), "nothing is edited without a reason"

    asyncio.run(run())


@given(lanes=st.integers(2, 5))
@settings(max_examples=10, deadline=None)
def test_lanes_do_not_wait_for_each_other(lanes: int) -> None:
    async def run() -> None:
        clock = VirtualClock()
        pacer = Pacer(clock)
        channels = [Channel(clock, 10.0, []) for _ in range(lanes)]
        for number, channel in enumerate(channels):
            pacer.put(f"lane {number}", "a", channel.edit("a", 1))
        await clock.pass_until(0.0)
        assert [channel.starts for channel in channels] == [[0.0]] * lanes

    asyncio.run(run())


async def test_messages_in_one_channel_take_turns() -> None:
    clock = VirtualClock()
    pacer, channel = Pacer(clock), Channel(clock, 0.0, [])
    for state in range(100):
        for key in "ab":
            pacer.put("lane", key, channel.edit(key, state))
        await clock.pass_until(state * 0.1)
    await clock.pass_until(100.0)
    channel.assert_paced()
    assert channel.shown == {"a": 99, "b": 99}
    assert len(channel.starts) <= 10, "10 s of changes are at most 9 edits, however many changes there were"


async def test_messages_older_than_an_hour_are_edited_more_slowly() -> None:
    clock = VirtualClock()
    pacer, channel = Pacer(clock), Channel(clock, 0.0, [])
    for key in "abc":
        pacer.put("lane", key, channel.edit(key, 1), old=True)
    await clock.pass_until(100.0)
    channel.assert_paced(OLD_GAP_S)


async def test_something_else_that_was_sent_counts_like_an_edit() -> None:
    clock = VirtualClock()
    pacer, channel = Pacer(clock), Channel(clock, 0.0, [])
    pacer.took("lane")
    pacer.put("lane", "a", channel.edit("a", 1))
    await clock.pass_until(10.0)
    assert channel.starts == [GAP_S]


async def test_an_edit_that_failed_for_now_is_repeated_with_the_newest_state() -> None:
    clock = VirtualClock()
    pacer, channel = Pacer(clock), Channel(clock, 0.5, [True])
    pacer.put("lane", "a", channel.edit("a", 1))
    await clock.pass_until(0.25)
    pacer.put("lane", "a", channel.edit("a", 2))
    await clock.pass_until(20.0)
    assert channel.shown == {"a": 2}
    assert channel.starts == [0.0, 0.5 + RETRY_S]


async def test_a_bug_in_one_edit_does_not_stop_the_lane() -> None:
    async def bug() -> None:
        raise ZeroDivisionError

    clock = VirtualClock()
    pacer, channel = Pacer(clock), Channel(clock, 0.0, [])
    pacer.put("lane", "a", bug)
    pacer.put("lane", "b", channel.edit("b", 1))
    await clock.pass_until(10.0)
    assert channel.shown == {"b": 1}


async def test_leaving_waits_for_the_last_edits_and_hurries_them() -> None:
    clock = VirtualClock()
    pacer, channel = Pacer(clock), Channel(clock, 0.0, [])
    for key in "abcdefgh":
        pacer.put("lane", key, channel.edit(key, 1))
    pacer.hurry()
    await pacer.settle()
    assert len(channel.shown) == 8
    assert clock.time == 0.0


async def test_a_lane_that_waits_already_hurries_within_a_second() -> None:
    clock = VirtualClock()
    pacer, channel = Pacer(clock, gap_s=10.0), Channel(clock, 0.0, [])
    pacer.put("lane", "a", channel.edit("a", 1))
    await clock.pass_until(1.0)
    pacer.put("lane", "a", channel.edit("a", 2))
    await clock.pass_until(2.0)
    pacer.hurry()
    await clock.pass_until(3.5)
    assert channel.shown["a"] == 2
    await pacer.settle()
