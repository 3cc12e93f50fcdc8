"""What pages with jobs share: looking again while they are open, and what a person can do with any job."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Any

from bot.app import App
from bot.fronts.web.dom import el
from bot.fronts.web.tab import Tab
from engine.errors import DuelbotError

POLL_S = 1.0  # seconds between two looks while a page is open
STOPS = "It stops after its step, and can go on later."
Act = Callable[[str], Awaitable[None]]
log = logging.getLogger(__name__)


async def follow(tab: Tab, look: Callable[[], Awaitable[Any]]) -> None:
    """Draw what changes, until the page is left."""
    while True:
        try:
            await look()
        except DuelbotError as error:
            tab.say(error.words)
        except Exception:
            log.exception("What has changed cannot be shown")
        await asyncio.sleep(POLL_S)


class JobHands:
    """The hands of one browser tab. look: draws what has changed."""

    def __init__(self, app: App, tab: Tab, look: Callable[[], Awaitable[Any]]) -> None:
        self._app, self._tab, self._look = app, tab, look

    async def follow(self) -> None:
        """Draw what changes, until the page is left."""
        await follow(self._tab, self._look)

    async def ordered(self, order: Awaitable[Any]) -> None:
        """Carry out what somebody has ordered, and show it."""
        with self._tab.in_words():
            await order
            self._tab.say("")
            await self._look()

    async def stop(self, job: str) -> None:
        """Stop a job."""
        with self._tab.in_words():
            await self._app.jobs.stop(job)
            self._tab.say(STOPS)
            await self._look()

    async def go_on(self, job: str) -> None:
        """Have a job go on that was stopped or failed."""
        with self._tab.in_words():
            await self._app.jobs.go_on(job)
            await self._look()

    async def drop(self, job: str) -> None:
        """Take a job off the list."""
        with self._tab.in_words():
            await self._app.jobs.drop(job)
            await self._look()


def place_act(text: str, act: Act, argument: str) -> None:
    """Add a button that does something with a job or with what it made."""

    async def clicked() -> None:
        await act(argument)

    el("button", "pill", text, type="button").on("click", clicked, args=[])
