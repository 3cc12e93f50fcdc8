"""What the parts of the app work with: the store, the model, the duels in flight, the clock, and changes that are never cut off."""

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

from bot.app.model import Model
from bot.app.running import Running
from bot.meters import Meters
from bot.store import Store
from engine.errors import DuelbotError

T = TypeVar("T")


class Changes:
    """Changes that go to their end even if their caller is cancelled: what is stored is also started and told to watchers."""

    def __init__(self, leaving: asyncio.Event) -> None:
        self._leaving = leaving
        self._going: set[asyncio.Task[Any]] = set()

    async def whole(self, change: Coroutine[Any, Any, T]) -> T:
        """Do this to its end. Raises what it raises, and DuelbotError while Duelbot is being stopped."""
        if self._leaving.is_set():
            change.close()
            raise DuelbotError("Duelbot is being stopped. Start it again, then do this again.")
        task = asyncio.create_task(change)
        self._going.add(task)
        task.add_done_callback(self._going.discard)
        return await asyncio.shield(task)

    async def settle(self) -> None:
        """Wait until all that have begun are done."""
        await asyncio.gather(*self._going, return_exceptions=True)


@dataclass(frozen=True, slots=True)
class Core:
    """The parts that asking, voting and looking share."""

    store: Store
    model: Model
    running: Running
    changes: Changes
    now: Callable[[], datetime]  # UTC
    meters: Meters
