"""The end of the process: new requests are refused, and nobody who is being answered is cut off."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Any

from bot.fronts.discord import words
from engine.errors import DuelbotError


class Leaving:
    """The end of the process: whether it has begun, and the tasks that are answering somebody."""

    def __init__(self) -> None:
        self.begun = False
        self._at_work: set[asyncio.Task[Any]] = set()

    def refuse(self) -> None:
        """Raise DuelbotError, in words for whoever asks, once the process is being stopped."""
        if self.begun:
            raise DuelbotError(words.LEAVING)

    @contextmanager
    def at_work(self) -> Iterator[None]:
        """Count the current task as one that answers somebody, so that leaving waits for it."""
        task = asyncio.current_task()
        assert task is not None
        self._at_work.add(task)
        try:
            yield
        finally:
            self._at_work.discard(task)

    async def until_idle(self, settle: Callable[[], Awaitable[None]]) -> None:
        """Settle, wait for whoever is at work, and settle again: one of them may just have begun a duel."""
        await settle()
        while self._at_work:
            await asyncio.wait(set(self._at_work))
            await settle()
