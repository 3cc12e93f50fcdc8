"""The dock at the foot of the page: the box that requests are typed into, their tag, and the way from there to a duel."""

import asyncio
import json
from urllib.parse import quote

from nicegui import ui
from nicegui.element import Element
from nicegui.elements.mixins.text_element import TextElement
from nicegui.events import GenericEventArguments

from bot.app import App
from bot.app.orders import Order
from bot.fronts.web.dom import Composer, el, placed
from bot.fronts.web.markup import shown
from bot.fronts.web.pair import PairBar, PairWish
from bot.fronts.web.tab import Tab
from bot.fronts.web.turns import Turns
from bot.fronts.web.words import title_of
from bot.tags import MAX_TAG
from bot.views import DuelView
from engine.request import MAX_CHARACTERS


class Dock:
    """Takes one request at a time into the tab's conversation; the first one begins it."""

    def __init__(self, app: App, viewer: str, tab: Tab, conversation: str | None, *, owner: bool, against: str = "") -> None:
        """owner: nobody but whoever runs Duelbot reaches the page."""
        self._app, self._viewer, self._tab, self.conversation = app, viewer, tab, conversation
        self._owner, self._against = owner, against
        self._tag = ""
        self._edited: str | None = None  # duel whose request is being edited
        self._pair: PairBar | None = None
        self._taking = asyncio.Lock()

    def build(self, turns: Turns, welcome: Element) -> None:
        """Draw it. A request that was taken is added to the turns, and the welcome goes."""
        self._turns, self._welcome = turns, welcome
        with el("section", "dock", id="composer", aria_label="Your request"):
            self._tab.place_notice()
            if not self._against:
                self._pair = PairBar(self._app.pairing, self._tab)
            self._composer = Composer(self.conversation or "new")
            with self._composer:
                self.estimate: TextElement = el("span", "", "")  # type: ignore[assignment]
                tag = el("input", "tag-box", type="text", maxlength=MAX_TAG, placeholder="tag", aria_label="Tag of the next requests")
                tag.on("change", self._tagged, js_handler="(event) => emit(event.target.value)")
            self._composer.on("send", self._sent).on("toolong", self._too_long).on("unedit", self._leave_as_it_was, args=[]).on(
                "notext", self._no_text
            )

    def turn_off(self, off: bool) -> None:
        """Take no requests, or take them again: without a model there is nobody to ask."""
        self._composer.props["off"] = off

    async def offer_pairs(self) -> None:
        """Offer who can be picked to meet, as far as that is known."""
        if self._pair:
            await self._pair.look()

    async def ask(self, text: str) -> bool:
        """Ask this. Returns whether it was taken; while one request is being taken another is not: a button is easily clicked twice."""
        if self._taking.locked():
            return False
        if self._edited:
            return await self._ask_elsewhere(text, self._edited)
        async with self._taking:
            return await self._take(text)

    async def ask_again(self, view: DuelView) -> None:
        """Ask a duel's request once more."""
        await self.ask(view.request)

    async def ask_next(self, view: DuelView) -> None:
        """Ask what is offered under equal answers, in a conversation of its own, and go there."""
        if view.next_step and not self._taking.locked():
            await self._ask_elsewhere(view.next_step.request)

    async def ask_anew(self, view: DuelView) -> None:
        """Ask a duel's request again after what was said before it, in a conversation of its own, and go there."""
        if not self._taking.locked():
            await self._ask_elsewhere(view.request, again=view.id)

    async def edit(self, view: DuelView) -> None:
        """Put a duel's request into the box, to be changed and asked in a conversation of its own."""
        self._edited = view.id
        self._composer.edit(view.request)

    def _leave_as_it_was(self) -> None:
        self._edited = None

    async def _ask_elsewhere(self, text: str, again: str | None = None) -> bool:
        await self._taking.acquire()  # and keep it, once this page is being left
        with self._tab.in_words():
            asked = await self._order(text, None, again)
            with self._tab.client:
                ui.run_javascript(f"location.assign('{placed('/c/')}' + {json.dumps(asked.conversation)})")
            return True
        self._taking.release()
        return False

    async def _order(self, text: str, conversation: str | None, again: str | None = None) -> DuelView:
        wish = self._pair.wish if self._pair else PairWish()
        order = Order(
            text,
            self._viewer,
            conversation=conversation,
            again=again,
            tag=self._tag,
            owner=self._owner,
            against=self._against,
            pick=wish.pick,
            quorum=wish.quorum,
            closes_in=wish.closes_in,
        )
        return (await self._app.asking.ask(order)).view

    async def _take(self, text: str) -> bool:
        with self._tab.in_words():
            if self.conversation is not None:
                await self._turns.catch_up(self.conversation)
            view = await self._order(text, self.conversation)
            self._tab.say("")
            if self.conversation is None:
                self._begin(view)
            self._welcome.set_visibility(False)
            self._turns.add(view)
            self._turns.arrive()
            return True
        return False

    def _begin(self, view: DuelView) -> None:
        """Give the tab the conversation that its first request has begun: title, address, and the draft's name."""
        self.conversation = view.conversation
        self._composer.props["draft"] = view.conversation
        with self._tab.client:  # the button that was clicked may be gone by now
            ui.page_title(f"{title_of(shown(view.request))} · Duelbot")
            more = f"?against={quote(self._against)}" if self._against else ""
            ui.run_javascript(f"history.replaceState(null, '', '{placed('/c/')}' + {json.dumps(view.conversation + more)})")

    async def _sent(self, event: GenericEventArguments) -> None:
        accepted = False
        try:
            accepted = await self.ask(str(event.args))
        finally:
            if accepted:
                self._composer.accepted()
            else:
                self._composer.refused()

    def _too_long(self, event: GenericEventArguments) -> None:
        self._tab.say(
            f"The request has {int(event.args):,} characters; at most {MAX_CHARACTERS:,} are accepted. Shorten it and send it again."
        )

    def _no_text(self, event: GenericEventArguments) -> None:
        self._tab.say(
            f"{title_of(str(event.args))} is no text in UTF-8, and only text can be asked. Copy the text out of it, or attach another."
        )

    def _tagged(self, event: GenericEventArguments) -> None:
        self._tag = str(event.args)
