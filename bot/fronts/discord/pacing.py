"""In what order and how often messages are sent and edited: a lane per channel or token; the latest state wins, the last one lands.

An edit that fails for now is tried again with the state that is newest by then.
"""

import asyncio

from bot.fronts.discord.allowance import Bucket, Clock, LoopClock
from bot.fronts.discord.lane import Edit, Lane, Waiting
from bot.fronts.discord.timing import GAP_S, Rank, Timing

MOST_LANES = 256  # lanes that are kept before idle ones are dropped


class Pacer:
    """All lanes, by channel or token."""

    def __init__(self, clock: Clock | None = None, gap_s: float = GAP_S) -> None:
        self._clock = clock or LoopClock()
        self._gap_s = gap_s
        self._lanes: dict[str, Lane] = {}
        self._hurried = False

    def put(
        self,
        lane: str,
        key: str,
        edit: Edit,
        *,
        rank: Rank = Rank.COUNT,
        bucket: Bucket = "edit",
        ease: float = 1.0,
        live: bool = False,
    ) -> None:
        """Edit when the lane lets it; replaces an edit of the same key that still waits, in its place of the queue.

        live: the answer is being written, so its end will have to be shown, perhaps soon. ease: how many times the gap is kept
        afterwards, 1 to 2.5: long texts change less.
        """
        at = self._lane(lane)
        if live:
            at.timing.live.add(key)
        at.put(key, Waiting(edit, rank, bucket, ease))

    def ended(self, key: str) -> None:
        """Keep no room any more for the end of an answer that has ended."""
        for lane in self._lanes.values():
            lane.ended(key)

    def take(self, lane: str, bucket: Bucket) -> bool:
        """Count a request outside of the queue. Returns False, and counts none, where it does not fit in now."""
        return self._lane(lane).timing.take(bucket, self._clock.now())

    def hurry(self) -> None:
        """Keep no gaps any more: the process is leaving, and Discord's own answers set the pace."""
        self._hurried = True
        for lane in self._lanes.values():
            lane.hurry()

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

    def _lane(self, name: str) -> Lane:
        if name not in self._lanes:
            self._drop_idle_lanes()
            self._lanes[name] = Lane(name, self._clock, Timing(self._gap_s, self._hurried))
        return self._lanes[name]

    def _drop_idle_lanes(self) -> None:
        if len(self._lanes) > MOST_LANES:
            self._lanes = {name: lane for name, lane in self._lanes.items() if not lane.is_idle()}
