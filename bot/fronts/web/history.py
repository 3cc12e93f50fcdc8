"""The drawer with earlier duels: newest first, searchable, each a link to its conversation; and whether they may train adapters."""

from collections.abc import Awaitable, Callable
from datetime import datetime

from nicegui.element import Element
from nicegui.elements.mixins.text_element import TextElement
from nicegui.events import GenericEventArguments

from bot.fronts.web.dom import el, icon
from bot.fronts.web.markup import shown
from bot.fronts.web.words import summary_words, title_of
from bot.views import DuelSummary

PAGE = 30  # duels that are fetched at a time

# gives up to PAGE duels asked before a time (None: the newest) whose request holds a text; never raises
Fetch = Callable[[datetime | None, str], Awaitable[list[DuelSummary]]]


class History:
    """The dialog's elements. It is filled when it is opened, and again with every search."""

    def __init__(self, fetch: Fetch, consent: "ConsentSwitch") -> None:
        self._fetch, self._consent = fetch, consent
        self._search = ""
        self._oldest: datetime | None = None
        with el("dialog", "history", aria_label="Earlier duels"):
            with el("div", "history-head"):
                el("h2", "", "Earlier duels")
                with el("button", "bare", type="button", aria_label="Close the history", data_does="close"):
                    icon("close")
            box = el("input", "search", type="search", placeholder="Search requests", aria_label="Search requests")
            box.on("input", self._searched, throttle=0.25, leading_events=False, js_handler="(event) => emit(event.target.value)")
            self._list = el("ol", "duels")
            self._empty: TextElement = el("p", "quiet", "")  # type: ignore[assignment]
            self._more: Element = el("button", "pill", "Show earlier ones", type="button").on("click", self._extend, args=[])
            self._more.set_visibility(False)
            consent.build()

    async def open(self) -> None:
        """Fill the list from the newest on."""
        search = self._search
        await self._consent.look()
        found = await self._fetch(None, search)
        if search != self._search:  # somebody types on, and a later answer may have come first
            return
        self._oldest = None
        self._list.clear()
        self._append(found)
        nothing = f"No request holds “{shown(self._search)}”." if self._search else "No duels yet. They will be listed here."
        self._empty.set_text("" if found else nothing)

    async def _searched(self, event: GenericEventArguments) -> None:
        self._search = str(event.args).strip()[:200]
        await self.open()

    async def _extend(self) -> None:
        self._append(await self._fetch(self._oldest, self._search))

    def _append(self, found: list[DuelSummary]) -> None:
        now = datetime.now().astimezone()
        with self._list:
            for duel in found:
                with el("li"), el("a", "duel", href=f"/c/{duel.conversation}#d-{duel.id}"):
                    el("bdi", "duel-request", shown(title_of(duel.request)))
                    el("span", "quiet", summary_words(duel, now))
        self._oldest = found[-1].asked_at if found else self._oldest
        self._more.set_visibility(len(found) == PAGE)


class ConsentSwitch:
    """A box to tick: may this person's closed duels train adapters? Off until they tick it."""

    def __init__(self, agreed: Callable[[], Awaitable[bool]], change: Callable[[bool], Awaitable[None]]) -> None:
        """agreed: reads how it stands; change: agrees or withdraws. Neither raises."""
        self._agreed, self._change = agreed, change

    def build(self) -> None:
        """Draw it."""
        with el("label", "consent quiet"):
            self._box = el("input", "", type="checkbox", data_does="consent")
            self._box.on("change", self._changed, js_handler="(event) => emit(event.target.checked)")
            el("span", "", "My closed duels on this page may train adapters")

    async def look(self) -> None:
        """Show how it stands."""
        self._box.props["checked"] = await self._agreed()
        self._box.update()

    async def _changed(self, event: GenericEventArguments) -> None:
        await self._change(bool(event.args))
        await self.look()
