"""The duels of the conversation that a tab shows: drawn, followed to their end, voted on."""

import asyncio
import contextlib
import logging
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from dataclasses import dataclass

from nicegui.elements.mixins.text_element import TextElement

from bot.app import App
from bot.ballots import Choice, Guess, Why
from bot.fronts.web.ballot import Acts
from bot.fronts.web.dom import Conduct, el, whole_address
from bot.fronts.web.tab import Tab
from bot.fronts.web.turn import DuelTurn, broken
from bot.fronts.web.words import live_words
from bot.views import DuelView
from engine.contestants import Arm

log = logging.getLogger(__name__)

REST = 4  # how many times as long as a drawing took is rested before the next: a page takes a fifth of the loop at most


@dataclass(frozen=True, slots=True)
class Asks:
    """Ways to ask from within a turn; all take the duel that it shows."""

    again: Callable[[DuelView], Awaitable[object]]
    next: Callable[[DuelView], Awaitable[object]]  # what is offered under equal answers
    anew: Callable[[DuelView], Awaitable[object]] | None = None  # the same request in a conversation of its own; None: not here
    edit: Callable[[DuelView], Awaitable[object]] | None = None  # an edited one; None: not here


@dataclass(frozen=True, slots=True)
class Manner:
    """How a page has its duels voted on."""

    called: str = ""  # the viewer's name as a voter; "": none yet
    guesses: bool = True  # a voter in a few is asked which side is which technique; not where two versions of one technique meet
    held: bool = True  # a ballot that would close a vote by itself can be taken back for a while
    voted: Callable[[], Awaitable[None]] | None = None  # offers what comes after a ballot that left the vote open; None: the reveal
    named: Callable[[str], None] | None = None  # hears the name that the viewer has chosen


class Turns:
    """The turns' elements, oldest first, each followed by a task of its own until its duel has ended."""

    def __init__(
        self,
        app: App,
        viewer: str,
        tab: Tab,
        asks: Asks,
        manner: Manner,
        *,
        decided: Callable[[], Awaitable[None]],
    ) -> None:
        self._manner, self._called = manner, manner.called
        self._app, self._viewer, self._tab, self._decided = app, viewer, tab, decided
        self._acts = Acts(
            viewer=viewer,
            stop=self._stop,
            asks=self._asks,
            vote=self._vote,
            undo=self._undo,
            reveal=self._reveal,
            explain=self._explain,
            collect=self._collect,
            close=self._close,
            called=lambda: self._called,
            call=self._call,
            enter_reveals=manner.voted is None,
            link=lambda view: whole_address(f"/vote/{view.id}"),
            ask_again=asks.again,
            ask_anew=asks.anew,
            edit=asks.edit,
            ask_next=asks.next,
        )
        self._following: list[asyncio.Task[None]] = []
        self._shown = dict[str, DuelTurn | None]()  # None: one that could not be drawn
        self._live: TextElement = el("div", "unseen", "", role="status")  # type: ignore[assignment]
        self._box = el("div", "turns")

    def place_conduct(self, conduct: Conduct | None = None) -> None:
        """Add what runs in the browser alone, at the end of the page. conduct: what the page has of it; there is one on each."""
        self._conduct = conduct or Conduct()

    def arrive(self) -> None:
        """Scroll to the newest turn."""
        self._conduct.arrive()

    def offer_votes(self) -> None:
        """Have the keys vote on the newest turn."""
        self._conduct.offer_votes()

    def leave(self) -> None:
        """Follow no duel any more: what is drawn of them is being taken away."""
        for task in self._following:
            task.cancel()

    def add(self, view: DuelView) -> None:
        """Draw a duel below the others and follow it, if there is more to come."""
        self._shown[view.id] = None
        with self._box:
            try:
                turn = DuelTurn(view, self._acts)
            except Exception:
                log.exception("duel %s cannot be drawn", view.id)
                broken(view)
                return
        self._shown[view.id] = turn
        if view.state not in ("closed", "void", "answered"):
            self._following.append(self._tab.spawn(self._follow(turn), f"duel {view.id}"))

    async def catch_up(self, conversation: str) -> None:
        """Draw what another browser has asked in this conversation meanwhile: what comes now builds on it. Raises StoreError."""
        for view in await self._app.looking.conversation(conversation, self._viewer):
            if view.id not in self._shown:
                self.add(view)

    async def _stop(self, view: DuelView) -> None:
        with self._tab.in_words():
            await self._app.asking.stop(view.id)

    def _asks(self, view: DuelView) -> Arm | None:
        return self._app.voting.asks_before(view, self._viewer) if self._manner.guesses else None

    async def _vote(self, view: DuelView, choice: Choice, guess: Guess | None) -> None:
        with self._tab.in_words():
            cast = await self._app.voting.cast(view.id, self._viewer, choice, guess=guess, held=self._manner.held)
            self._tab.say("")
            if cast.view.state == "open":  # a close is drawn by who follows the duel
                self._show(cast.view)
                await self._voted(cast.view)

    async def _undo(self, view: DuelView) -> None:
        with self._tab.in_words():
            self._show((await self._app.voting.undo(view.id, self._viewer)).view)
            self._conduct.offer_votes()

    async def _reveal(self, view: DuelView) -> None:
        with self._tab.in_words():
            await self._app.voting.reveal(view.id, self._viewer)

    async def _explain(self, view: DuelView, kinds: tuple[Why, ...], words: str) -> None:
        with self._tab.in_words():
            await self._app.voting.explain(view.id, self._viewer, kinds, words)

    async def _collect(self, view: DuelView, people: int, hours: float) -> None:
        with self._tab.in_words():
            self._show(await self._app.collecting.collect(view.id, self._viewer, quorum=people, hours=hours))
            self._tab.say("")

    async def _close(self, view: DuelView) -> None:
        with self._tab.in_words():
            await self._app.voting.close(view.id, self._viewer)

    async def _call(self, name: str) -> None:
        with self._tab.in_words():
            self._called = await self._app.collecting.call(self._viewer, name)
            self._tab.say("")
            if self._manner.named:
                self._manner.named(self._called)
            for turn in self._shown.values():
                if turn:
                    turn.show(turn.view)
            self._conduct.offer_votes()

    def _show(self, view: DuelView) -> None:
        if turn := self._shown.get(view.id):
            turn.show(view)

    async def _voted(self, view: DuelView) -> None:
        """Offer what comes after a ballot that has not closed its vote."""
        if self._manner.voted:
            await self._manner.voted()
        elif view.held_until:
            self._conduct.offer_go()

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
