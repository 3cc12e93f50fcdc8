"""The drawer with all conversations: the latest first, searched, filtered, given titles, deleted; and whether they may train."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from nicegui import ui
from nicegui.element import Element
from nicegui.elements.mixins.text_element import TextElement
from nicegui.events import GenericEventArguments

from bot.app.talks import TITLE_CHARACTERS
from bot.fronts.web.dom import el, icon
from bot.fronts.web.markup import shown
from bot.fronts.web.words import OUTCOME_WORDS, summary_words, title_of
from bot.views import TalkSummary

PAGE = 30  # conversations that are fetched at a time


@dataclass(frozen=True, slots=True)
class TalkFilter:
    """What is looked for; "" is anything."""

    search: str = ""
    tag: str = ""
    outcome: str = ""
    mine: bool = False


@dataclass(frozen=True, slots=True)
class TalkActs:
    """What the drawer does with conversations. None of these raises."""

    viewer: str
    fetch: Callable[[TalkFilter, datetime | None], Awaitable[list[TalkSummary]]]  # up to PAGE, asked in before a time; None: the latest
    tags: Callable[[], Awaitable[list[str]]]
    rename: Callable[[str, str], Awaitable[bool]]  # conversation, title; returns whether it was done
    delete: Callable[[str], Awaitable[bool]]


class History:
    """The dialog's elements. It is filled when it is opened, and again with every change of what is looked for."""

    def __init__(self, acts: TalkActs, consent: "ConsentSwitch") -> None:
        self._acts, self._consent = acts, consent
        self._wanted = TalkFilter()
        self._oldest: datetime | None = None
        with el("dialog", "history", aria_label="Conversations"):
            with el("div", "history-head"):
                el("h2", "", "Conversations")
                with el("button", "bare", type="button", aria_label="Close the list", data_does="close"):
                    icon("close")
            box = el("input", "search", type="search", placeholder="Search titles and requests", aria_label="Search titles and requests")
            box.on("input", self._searched, throttle=0.25, leading_events=False, js_handler="(event) => emit(event.target.value)")
            with el("div", "filters"):
                self._outcomes = _select("Outcome", {"": "any outcome", **OUTCOME_WORDS}, self._outcome_chosen)
                self._tags = el("span", "")
                with el("label", "check"):
                    mine = el("input", "", type="checkbox")
                    mine.on("change", self._mine_ticked, js_handler="(event) => emit(event.target.checked)")
                    el("span", "", "mine")
            self._list = el("ol", "duels")
            self._empty: TextElement = el("p", "quiet", "")  # type: ignore[assignment]
            self._more: Element = el("button", "pill", "Show earlier ones", type="button").on("click", self._extend, args=[])
            self._more.set_visibility(False)
            consent.build()

    async def open(self) -> None:
        """Fill the drawer from the latest on."""
        await self._consent.look()
        tags = await self._acts.tags()
        self._tags.clear()
        with self._tags:
            if tags:
                _select("Tag", {"": "any tag", **{tag: shown(tag) for tag in tags}}, self._tag_chosen, self._wanted.tag)
        await self._fill()

    async def _fill(self) -> None:
        wanted = self._wanted
        found = await self._acts.fetch(wanted, None)
        if wanted != self._wanted:  # somebody types on, and a later answer may have come first
            return
        self._oldest = None
        self._list.clear()
        self._append(found)
        self._empty.set_text("" if found else nothing_words(wanted))

    async def _searched(self, event: GenericEventArguments) -> None:
        self._wanted = replace(self._wanted, search=str(event.args).strip()[:200])
        await self._fill()

    async def _outcome_chosen(self, event: GenericEventArguments) -> None:
        self._wanted = replace(self._wanted, outcome=str(event.args))
        await self._fill()

    async def _tag_chosen(self, event: GenericEventArguments) -> None:
        self._wanted = replace(self._wanted, tag=str(event.args))
        await self._fill()

    async def _mine_ticked(self, event: GenericEventArguments) -> None:
        self._wanted = replace(self._wanted, mine=bool(event.args))
        await self._fill()

    async def _extend(self) -> None:
        self._append(await self._acts.fetch(self._wanted, self._oldest))

    def _append(self, found: Sequence[TalkSummary]) -> None:
        now = datetime.now().astimezone()
        with self._list:
            for talk in found:
                _Line(talk, now, self._acts, self._fill)
        self._oldest = found[-1].asked_at if found else self._oldest
        self._more.set_visibility(len(found) == PAGE)


class _Line:
    """A conversation in the list; its own person can give it a title, and delete it."""

    def __init__(self, talk: TalkSummary, now: datetime, acts: TalkActs, changed: Callable[[], Awaitable[None]]) -> None:
        self._talk, self._acts, self._changed = talk, acts, changed
        with el("li", "talk") as self._root:
            with el("a", "duel", href=f"/c/{talk.conversation}"):
                el("bdi", "duel-request", shown(title_of(talk.title)))
                el("span", "quiet", summary_words(talk, now))
            if talk.asker == acts.viewer:
                with el("span", "talk-acts"):
                    self._button("edit", "Give it a title", self._ask_title)
                    self._button("delete", "Delete it", self._ask_delete)

    def _button(self, drawing: str, words: str, act: Callable[[], None]) -> None:
        with el("button", "bare small", type="button", aria_label=words, title=words).on("click", act, args=[]):
            icon(drawing)

    def _ask_title(self) -> None:
        self._root.clear()
        with self._root:
            box = el("input", "line", type="text", maxlength=TITLE_CHARACTERS, aria_label="Title")
            box.props["^value"] = title_of(self._talk.title)
            box.on("keydown.enter", self._rename, js_handler="(event) => event.isComposing || emit(event.target.value)")
            box.on("change", self._rename, js_handler="(event) => emit(event.target.value)")
            ui.run_javascript("document.querySelector('.talk .line')?.select()")

    async def _rename(self, event: GenericEventArguments) -> None:
        if await self._acts.rename(self._talk.conversation, str(event.args)):
            await self._changed()

    def _ask_delete(self) -> None:
        self._root.clear()
        with self._root, el("div", "sure", role="alert"):
            el("p", "note", "Delete its requests and answers? Ballots stay without them, so the verdict stays what it is.")
            el("button", "pill primary", "Delete", type="button").on("click", self._delete, args=[])
            el("button", "pill", "Keep it", type="button").on("click", self._changed, args=[])

    async def _delete(self) -> None:
        if await self._acts.delete(self._talk.conversation):
            await self._changed()


def _select(label: str, options: dict[str, str], chosen: Callable[[GenericEventArguments], Awaitable[None]], now: str = "") -> Element:
    with el("select", "line", aria_label=label) as made:
        for value, words in options.items():
            el("option", "", words, value=value, **({"selected": True} if value == now else {}))
    return made.on("change", chosen, js_handler="(event) => emit(event.target.value)")


def nothing_words(wanted: TalkFilter) -> str:
    """Say that nothing was found, and what to do about it. Pure."""
    if wanted == TalkFilter():
        return "No conversation yet. Ask something, and it will be listed here."
    if wanted == TalkFilter(search=wanted.search):
        return f"No request and no title holds “{shown(wanted.search)}”."
    return "No conversation is like that. Choose any outcome and any tag to see all."


class ConsentSwitch:
    """A box to tick: may this person's closed duels train adapters, and be asked again? Off until they tick it."""

    WORDS = "My closed duels on this page may train adapters, and be asked again of new recipes"

    def __init__(self, agreed: Callable[[], Awaitable[bool]], change: Callable[[bool], Awaitable[None]]) -> None:
        """agreed: reads how it stands; change: agrees or withdraws. Neither raises."""
        self._agreed, self._change = agreed, change

    def build(self) -> None:
        """Draw it."""
        with el("label", "consent quiet"):
            self._box = el("input", "", type="checkbox", data_does="consent")
            self._box.on("change", self._changed, js_handler="(event) => emit(event.target.checked)")
            el("span", "", self.WORDS)

    async def look(self) -> None:
        """Show how it stands."""
        self._box.props["checked"] = await self._agreed()
        self._box.update()

    async def _changed(self, event: GenericEventArguments) -> None:
        await self._change(bool(event.args))
        await self.look()
