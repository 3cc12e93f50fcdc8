"""The duels of the conversation that a tab shows: drawn, followed to their end, voted on."""

import asyncio
import contextlib
import logging
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from dataclasses import dataclass

from nicegui.elements.mixins.text_element import TextElement

from bot.app import App
from bot.ballots import Choice, Guess
from bot.fronts.web.dom import Conduct, el
from bot.fronts.web.tab import Tab
from bot.fronts.web.turn import Acts, DuelTurn, broken
from bot.fronts.web.words import live_words
from bot.views import DuelView
from engine.contestants import Arm

log = logging.getLogger(__name__)

REST = 4  # how many times as long as a drawing took is rested before the next: a page takes a fifth of the loop at most


@dataclass(frozen=True, slots=True)
class Asks:
    """Ways to ask from within a turn; both take the duel that it shows."""

    again: Callable[[DuelView], Awaitable[object]]
    next: Callable[[DuelView], Awaitable[object]]  # what is offered under equal answers


class Turns:
    """The turns' elements, oldest first, each followed by a task of its own until its duel has ended."""

    def __init__(
        self, app: App, viewer: str, tab: Tab, asks: Asks, decided: Callable[[], Awaitable[None]], *, guesses: bool = True
    ) -> None:
        """guesses: a voter in a few is asked which side is which technique; not where two versions of one technique meet."""
        self._guesses = guesses
        self._app, self._viewer, self._tab, self._decided = app, viewer, tab, decided
        self._acts = Acts(stop=self._stop, asks=self._asks, vote=self._vote, ask_again=asks.again, ask_next=asks.next)
        self._shown = set[str]()
        self._live: TextElement = el("div", "unseen", "", role="status")  # type: ignore[assignment]
        self._box = el("div", "turns")

    def place_conduct(self) -> None:
        """Add what runs in the browser alone; its place is the end of the page."""
        self._conduct = Conduct()

    def arrive(self) -> None:
        """Scroll to the newest turn."""
        self._conduct.arrive()

    def add(self, view: DuelView) -> None:
        """Draw a duel below the others and follow it, if there is more to come."""
        self._shown.add(view.id)
        with self._box:
            try:
                turn = DuelTurn(view, self._acts)
            except Exception:
                log.exception("duel %s cannot be drawn", view.id)
                broken(view)
                return
        if view.state not in ("closed", "void", "answered"):
            self._tab.spawn(self._follow(turn), f"duel {view.id}")

    async def catch_up(self, conversation: str) -> None:
        """Draw what another browser has asked in this conversation meanwhile: what comes now builds on it. Raises StoreError."""
        for view in await self._app.looking.conversation(conversation, self._viewer):
            if view.id not in self._shown:
                self.add(view)

    async def _stop(self, view: DuelView) -> None:
        with self._tab.in_words():
            await self._app.asking.stop(view.id)

    def _asks(self, view: DuelView) -> Arm | None:
        return self._app.voting.asks_before(view, self._viewer) if self._guesses else None

    async def _vote(self, view: DuelView, choice: Choice, guess: Guess | None) -> None:
        with self._tab.in_words():
            await self._app.voting.cast(view.id, self._viewer, choice, guess=guess)  # the page follows the duel, and shows the rest
            self._tab.say("")

    async def _follow(self, turn: DuelTurn) -> None:
        """Draw every change of a duel until it has ended. Long texts are drawn less often, so that drawing never takes the loop."""
        before = turn.view.state
        with self._tab.in_words():
            async with contextlib.aclosing(self._watched(turn.view.id)) as views:
                async for view in views:
                    started = time.perf_counter()
                    turn.show(view)
                    if view.state != before:
                        before = view.state
                        await self._changed(view)
                    await asyncio.sleep(REST * (time.perf_counter() - started))

    async def _watched(self, duel_id: str) -> AsyncGenerator[DuelView, None]:
        async for view in self._app.looking.watch(duel_id, self._viewer):
            yield view

    async def _changed(self, view: DuelView) -> None:
        """Offer what the duel's new state asks of the person."""
        self._live.set_text(live_words(view))
        if view.state == "open":
            self._conduct.offer_votes()
        elif view.state in ("closed", "void", "answered"):
            self._conduct.offer_composer()
            await self._decided()
