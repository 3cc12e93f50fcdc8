"""The lanes of edits, on a virtual clock: never too many in any window, what is awaited goes first, and the last state always lands."""

import asyncio
import heapq
from collections.abc import Awaitable, Callable

from hypothesis import given, settings
from hypothesis import strategies as st

from bot.fronts.discord.allowance import Allowance, Bucket, GlobalLimit
from bot.fronts.discord.lane import TryLater
from bot.fronts.discord.pacing import Pacer
from bot.fronts.discord.timing import GAP_S, RETRY_S, SHORT_S, Rank

WINDOWS: dict[Bucket, tuple[int, float]] = {"send": (5, 5.0), "edit": (5, 5.0), "token": (5, 5.0), "old edit": (3, 6.0)}
"""How many Discord takes in how many seconds."""


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

    def assert_paced(self, bucket: Bucket = "edit") -> None:
        count, within_s = WINDOWS[bucket]
        assert all(later - earlier > within_s for earlier, later in zip(self.starts, self.starts[count:], strict=False))


puts = st.lists(st.tuples(st.floats(0, 30), st.sampled_from("abcdefgh"), st.sampled_from(Rank)), min_size=1, max_size=60)


@given(puts=puts, took_s=st.sampled_from([0.0, 0.2, 3.0]), failures=st.lists(st.booleans(), max_size=6))
@settings(max_examples=150, deadline=None)
def test_a_lane_keeps_its_pace_and_the_last_state_always_lands(
    puts: list[tuple[float, str, Rank]], took_s: float, failures: list[bool]
) -> None:
    async def run() -> None:
        clock = VirtualClock()
        pacer, channel = Pacer(clock), Channel(clock, took_s, list(failures))
        last: dict[str, int] = {}
        for state, (time, key, rank) in enumerate(sorted(puts)):
            await clock.pass_until(time)
            pacer.put("lane", key, channel.edit(key, state), rank=rank, live=rank is Rank.STREAM)
            last[key] = state
        for key in last:
            pacer.ended(key)
        await clock.pass_until(1000.0)
        assert channel.shown == last
        channel.assert_paced()
        assert len(channel.starts) <= len(puts) + len(failures), "nothing is edited without a reason"

    asyncio.run(run())


@given(running=st.integers(1, 8), ends_at=st.floats(6, 30), spread_s=st.sampled_from([0.0, 0.3, 1.0]))
@settings(max_examples=40, deadline=None)
def test_ends_do_not_wait_for_what_is_still_being_written(running: int, ends_at: float, spread_s: float) -> None:
    """Up to five answers that end together in one channel are shown at once, but for one that may wait for a short gap."""

    async def run() -> None:
        clock = VirtualClock()
        pacer, channel = Pacer(clock), Channel(clock, 0.1, [])
        ends, landed, put = {f"duel {number}": ends_at + number * spread_s for number in range(running)}, dict[str, float](), set[str]()

        def end(key: str) -> Callable[[], Awaitable[None]]:
            async def edit() -> None:
                await channel.edit(key, 999)()
                landed[key] = clock.now()

            return edit

        for tick in range(600):
            now = tick * 0.1
            await clock.pass_until(now)
            for key, at in ends.items():
                if now < at:
                    pacer.put("lane", key, channel.edit(key, tick), rank=Rank.STREAM, live=True)
                elif key not in put:
                    put.add(key)
                    pacer.put("lane", key, end(key), rank=Rank.AWAITED)
        channel.assert_paced()
        late = sorted(landed[key] - at for key, at in ends.items())
        assert len(late) == running
        assert late[: min(running, 5)][-1] < SHORT_S + 0.5
        assert late[-1] < 0.5 + (5.05 if running > 5 else SHORT_S)

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
            pacer.put("lane", key, channel.edit(key, state), rank=Rank.STREAM, live=True)
        await clock.pass_until(state * 0.1)
    for key in "ab":
        pacer.ended(key)
    await clock.pass_until(100.0)
    channel.assert_paced()
    assert all(later - earlier >= GAP_S - 1e-6 for earlier, later in zip(channel.starts, channel.starts[1:], strict=False))
    assert channel.shown == {"a": 99, "b": 99}
    assert len(channel.starts) <= 10, "10 s of changes are at most 10 edits, however many changes there were"


async def test_messages_older_than_an_hour_are_edited_more_slowly() -> None:
    clock = VirtualClock()
    pacer, channel = Pacer(clock), Channel(clock, 0.0, [])
    for key in "abcdefgh":
        pacer.put("lane", key, channel.edit(key, 1), rank=Rank.AWAITED, bucket="old edit")
    await clock.pass_until(100.0)
    assert len(channel.shown) == 8
    channel.assert_paced("old edit")


async def test_first_messages_go_at_once_while_there_is_room_and_edits_do_not_wait_for_them() -> None:
    clock = VirtualClock()
    pacer, channel = Pacer(clock), Channel(clock, 0.0, [])
    assert [pacer.take("lane", "send") for _ in range(6)] == [True] * 5 + [False]
    pacer.put("lane", "sixth", channel.edit("sixth", 1), rank=Rank.AWAITED, bucket="send")
    pacer.put("lane", "first", channel.edit("first", 1), rank=Rank.AWAITED)
    await clock.pass_until(1.0)
    assert channel.shown == {"first": 1}
    await clock.pass_until(5.2)
    assert channel.shown == {"first": 1, "sixth": 1}


async def test_what_is_awaited_goes_before_counts_and_those_before_what_is_being_written() -> None:
    clock = VirtualClock()
    pacer, channel, order = Pacer(clock), Channel(clock, 0.0, []), list[str]()

    def edit(key: str) -> Callable[[], Awaitable[None]]:
        async def run() -> None:
            order.append(key)
            await channel.edit(key, 1)()

        return run

    for number in range(5):
        pacer.put("lane", str(number), edit(str(number)), rank=Rank.AWAITED)
    await clock.pass_until(0.0)
    pacer.put("lane", "stream", edit("stream"), rank=Rank.STREAM, live=True)
    pacer.put("lane", "count", edit("count"))
    pacer.put("lane", "reveal", edit("reveal"), rank=Rank.AWAITED)
    await clock.pass_until(60.0)
    assert order[5:] == ["reveal", "count", "stream"]


async def test_an_edit_that_changes_nothing_takes_no_room() -> None:
    async def nothing() -> bool:
        return False

    clock = VirtualClock()
    pacer, channel = Pacer(clock), Channel(clock, 0.0, [])
    for number in range(20):
        pacer.put("lane", str(number), nothing, rank=Rank.AWAITED)
    pacer.put("lane", "a", channel.edit("a", 1), rank=Rank.STREAM)
    await clock.pass_until(2.0)
    assert channel.shown == {"a": 1}, "long before 5 s are over"


async def test_a_slow_edit_holds_up_its_own_message_alone() -> None:
    clock = VirtualClock()
    pacer, slow, channel = Pacer(clock), Channel(clock, 4.0, []), Channel(clock, 0.0, [])
    pacer.put("lane", "slow", slow.edit("slow", 1), rank=Rank.AWAITED)
    await clock.pass_until(0.1)
    pacer.put("lane", "slow", slow.edit("slow", 2), rank=Rank.AWAITED)
    pacer.put("lane", "a", channel.edit("a", 1), rank=Rank.AWAITED)
    await clock.pass_until(1.0)
    assert (channel.shown, slow.shown) == ({"a": 1}, {})
    await clock.pass_until(20.0)
    assert slow.shown == {"slow": 2}


async def test_everybody_together_keeps_below_discords_global_limit() -> None:
    clock = VirtualClock()
    gate, moments = GlobalLimit(clock), list[float]()

    async def one() -> None:
        await gate.turn()
        moments.append(clock.now())

    tasks = [asyncio.create_task(one()) for _ in range(130)]
    for tick in range(100):
        await clock.pass_until(tick * 0.1)
    assert all(task.done() for task in tasks)
    assert all(later - earlier > 1.0 for earlier, later in zip(moments, moments[50:], strict=False))
    assert moments[-1] < 4.0


@given(times=st.lists(st.floats(0, 100), max_size=60), ends=st.integers(0, 4), within_s=st.sampled_from([0.0, 2.0]))
def test_a_window_says_how_long_until_one_more_fits_with_room_for_others(times: list[float], ends: int, within_s: float) -> None:
    window, taken = Allowance(5, 5.0), list[float]()
    for time in sorted(times):
        if window.wait_s(time, ends, within_s) <= 0:
            window.take(time)
            taken.append(time)
            left = [each for each in taken if each > time + within_s - 5.0 + 1e-6]
            assert len(left) <= 5 - ends, "so many others fit soon"
    assert all(later - earlier >= 5.0 - 1e-6 for earlier, later in zip(taken, taken[5:], strict=False))


async def test_an_edit_that_failed_for_now_is_repeated_with_the_newest_state() -> None:
    clock = VirtualClock()
    pacer, channel = Pacer(clock), Channel(clock, 0.5, [True])
    pacer.put("lane", "a", channel.edit("a", 1))
    await clock.pass_until(0.25)
    pacer.put("lane", "a", channel.edit("a", 2))
    await clock.pass_until(20.0)
    assert channel.shown == {"a": 2}
    assert channel.starts == [0.0, 0.5 + RETRY_S]
    assert pacer._tasks() == set()


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
    pacer, channel = Pacer(clock, gap_s=10.0), Channel(clock, 0.0, [])  # nobody waits for these
    pacer.put("lane", "a", channel.edit("a", 1))
    await clock.pass_until(1.0)
    pacer.put("lane", "a", channel.edit("a", 2))
    await clock.pass_until(2.0)
    pacer.hurry()
    await clock.pass_until(3.5)
    assert channel.shown["a"] == 2
    await pacer.settle()
