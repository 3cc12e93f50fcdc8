"""Rematches that wait for a vote, one after the other: blind, by click or by key, each shown who was who when it is decided."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from nicegui import ui

from bot.app import App
from bot.fronts.web.dom import el
from bot.fronts.web.recipes.frame import framed, link
from bot.fronts.web.tab import Tab
from bot.fronts.web.turns import Asks, Turns
from bot.views import DuelView
from bot.words import counted


@dataclass(frozen=True, slots=True)
class Queue:
    """Duels that wait for a vote, and what the page says of them."""

    waiting: Callable[[], Awaitable[list[str]]]
    title: str
    nothing: str
    back: str  # address of the page that leads here
    back_words: str


POLL_S = 1.0  # seconds between two looks at what waits
NOTHING = "Nothing waits for your vote. Compare two versions of a recipe and have past requests answered again; what changed comes here."


class VotesPage:
    """One browser tab."""

    def __init__(self, app: App, viewer: str, queue: Queue | None = None) -> None:
        """queue: without one, the rematches of recipes."""
        self._app, self._viewer, self._tab = app, viewer, Tab()
        self._queue = queue or Queue(app.rematching.waiting, "Changed answers, waiting for your vote", NOTHING, "/recipes", "All recipes")
        self._empty = True  # nothing is shown to vote on
        self._later: list[str] = []  # duels that were put off

    async def build(self) -> None:
        """Draw the first one that waits."""
        with framed(self._queue.title):
            with el("div", "recipes-head"):
                el("h2", "", "Waiting for your vote")
                link(self._queue.back_words, self._queue.back)
            self._tab.place_notice()
            self._box = el("div", "rematch")
        await self._next()
        self._tab.spawn(self._follow(), "votes")

    async def _follow(self) -> None:
        """Show what comes while nothing is shown."""
        while True:
            await asyncio.sleep(POLL_S)
            if self._empty and await self._queue.waiting():
                await self._next()

    async def _next(self) -> None:
        waiting = await self._queue.waiting()
        wanted = [each for each in waiting if each not in self._later] or waiting
        self._box.clear()
        with self._box:
            self._empty = not wanted
            if not wanted:
                el("p", "note", self._queue.nothing)
                return
            view = await self._app.looking.view(wanted[0], self._viewer)
            el("p", "quiet", f"{counted(len(waiting), 'request')} left. Which is better?", role="status")
            turns = Turns(self._app, self._viewer, self._tab, Asks(_nothing, _nothing), self._decided, guesses=False)
            turns.place_conduct()
            turns.add(view)
            with el("div", "acts") as self._acts:
                el("button", "pill", "Later", type="button").on("click", lambda: self.put_off(view.id), args=[])

    async def put_off(self, duel: str) -> None:
        """Show another one first."""
        self._later = [each for each in self._later if each != duel] + [duel]
        await self._next()

    async def _decided(self) -> None:
        """Offer the next one under the reveal."""
        self._acts.clear()
        with self._acts:
            el("button", "pill primary", "Next", type="button").on("click", self._next, args=[])
        with self._tab.client:
            ui.run_javascript("document.querySelector('.acts .pill.primary')?.focus()")


async def _nothing(view: DuelView) -> None:
    """Ask nothing anew: a rematch is one of past requests."""
