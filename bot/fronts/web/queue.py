"""Duels that wait for a vote, one after the other: blind, by click or by keys alone; one that somebody was sent a link to comes first."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from fastapi import Request, Response
from nicegui import ui

from bot.app import App
from bot.errors import UnknownDuel
from bot.fronts.web.assets import THEME, style
from bot.fronts.web.dom import Conduct, el, viewer
from bot.fronts.web.header import place_header
from bot.fronts.web.plain import told
from bot.fronts.web.tab import Tab
from bot.fronts.web.turns import Asks, Manner, Turns
from bot.views import DuelView
from bot.words import counted
from engine.errors import DuelbotError

POLL_S = 1.0  # seconds between two looks at what waits
NOTHING = (
    "Nothing waits for your vote. Duels that you asked and did not vote on come here, and those on which somebody collects votes: "
    "“Collect votes” below both answers makes a link for the others."
)


@dataclass(frozen=True, slots=True)
class Queue:
    """Duels that wait for a vote, and what the page says of them."""

    waiting: Callable[[], Awaitable[list[str]]]
    title: str
    nothing: str
    back: str  # address of the page that leads here
    back_words: str
    guesses: bool = False  # a voter in a few is asked which side is which technique
    held: bool = False  # a ballot that closes its duel can be taken back for a while


def own_queue(app: App, viewer: str) -> Queue:
    """Queue all that somebody may vote on outside of channels."""

    async def waiting() -> list[str]:
        return await app.collecting.waiting(viewer)

    return Queue(waiting, "Two answers, blind: which is better?", NOTHING, "/", "New conversation", guesses=True, held=True)


def add_queue(app: App) -> None:
    """Add the address of what waits for somebody's vote, and that of each duel, which others are sent."""

    async def votes(request: Request) -> Response | None:
        return await drawn(request)

    async def vote(request: Request, duel: str) -> Response | None:
        return await drawn(request, duel)

    async def drawn(request: Request, duel: str = "") -> Response | None:
        ui.add_head_html(f"<style>{style()}</style>{THEME}")
        ui.page_title("Waiting for your vote · Duelbot")
        try:
            if duel:
                await app.looking.view(duel, viewer())
            await VotesPage(app, viewer(), own_queue(app, viewer()), duel).build()
        except UnknownDuel:
            return told(request.scope, 404)
        except DuelbotError as error:
            return told(request.scope, 503, error.words)
        return None

    ui.page("/vote")(votes)
    ui.page("/vote/{duel}")(vote)


class VotesPage:
    """One browser tab."""

    def __init__(self, app: App, viewer: str, queue: Queue, first: str = "") -> None:
        """first: the duel that is shown first, whether it waits or not; "": the oldest that waits."""
        self._app, self._viewer, self._tab, self._queue, self._first = app, viewer, Tab(), queue, first
        self._empty = True  # nothing is shown to vote on
        self._shown = ""
        self._turns: Turns | None = None
        self._later: list[str] = []  # duels that were put off

    async def build(self) -> None:
        """Draw the first one that waits."""
        self._called = await self._app.collecting.name(self._viewer)
        el("a", "skip", "Skip to the vote", href="#votes")
        place_header(self._queue.title)
        with el("div", "queue", id="votes"):
            with el("div", "queue-head"):
                el("h2", "", "Waiting for your vote")
                el("a", "pill", self._queue.back_words, href=self._queue.back)
            self._tab.place_notice()
            self._box = el("div", "rematch")
        self._conduct = Conduct()
        await self._next()
        self._tab.spawn(self._follow(), "votes")

    async def _follow(self) -> None:
        """Show what comes while nothing is shown."""
        while True:
            await asyncio.sleep(POLL_S)
            with self._tab.in_words():
                if self._empty and await self._queue.waiting():
                    await self._next()

    async def _next(self) -> None:
        waiting = [each for each in await self._queue.waiting() if each != self._shown]
        wanted = [each for each in waiting if each not in self._later] or waiting
        if self._first:
            wanted, self._first = [self._first], ""
        if self._turns:
            self._turns.leave()
        self._box.clear()
        with self._box:
            self._empty, self._shown = not wanted, wanted[0] if wanted else ""
            if not wanted:
                el("p", "note", self._queue.nothing)
                return
            await self._draw(wanted[0], len({*waiting, wanted[0]}))

    async def _draw(self, duel: str, left: int) -> None:
        try:
            view = await self._app.looking.view(duel, self._viewer)
        except UnknownDuel as error:
            el("p", "note", error.words)
            return
        el("p", "quiet", f"{counted(left, 'request')} left. Which is better?", role="status")
        manner = Manner(self._called, self._queue.guesses, self._queue.held, self._decided, self._named)
        turns = self._turns = Turns(self._app, self._viewer, self._tab, Asks(_nothing, _nothing), manner, decided=self._decided)
        turns.place_conduct(self._conduct)
        turns.add(view)
        with el("div", "acts queue-acts") as self._acts:
            el("button", "pill", "Later", type="button").on("click", lambda: self.put_off(view.id), args=[])
        if view.state in ("closed", "void"):
            await self._decided()
        else:
            turns.offer_votes()

    def _named(self, name: str) -> None:
        self._called = name

    async def put_off(self, duel: str) -> None:
        """Show another one first."""
        self._later = [each for each in self._later if each != duel] + [duel]
        self._shown = ""
        await self._next()

    async def _decided(self) -> None:
        """Offer the next one under what was voted on."""
        self._acts.clear()
        with self._acts:
            made = el("button", "pill primary", type="button", data_does="go").on("click", self._next, args=[])
            with made:
                el("span", "", "Next")
                el("kbd", "", "Enter", aria_hidden="true")
        with self._tab.client:
            ui.run_javascript("document.querySelector('.queue-acts .pill.primary')?.focus()")


async def _nothing(view: DuelView) -> None:
    """Ask nothing anew: a queue is one of past requests."""
