"""The chat page of one browser tab: renders what App says, and hands on what the person does. No rule of the product lives here."""

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime

from nicegui import ui
from nicegui.element import Element
from nicegui.elements.mixins.text_element import TextElement

from bot.app import App
from bot.fronts.web.dock import Dock
from bot.fronts.web.dom import el, placed
from bot.fronts.web.header import Header
from bot.fronts.web.history import PAGE, ConsentSwitch, History, TalkActs, TalkFilter
from bot.fronts.web.markup import shown
from bot.fronts.web.tab import Tab
from bot.fronts.web.turns import Asks, Manner, Turns
from bot.fronts.web.words import welcome_words
from bot.routes import ITSELF, Route
from bot.verdict import Unknown
from bot.views import DuelView, TalkSummary
from bot.words import estimated


class ChatPage:
    """One browser tab, on a new or an earlier conversation."""

    def __init__(
        self, app: App, viewer: str, conversation: str | None, views: list[DuelView], *, owner: bool, against: str = "", called: str = ""
    ) -> None:
        """owner: nobody but whoever runs Duelbot reaches the page. against: the adapter that meets the one in use, or "".
        called: the name that the viewer votes under, or "".
        """
        self._app, self._viewer = app, viewer
        self._tab = Tab()
        self._dock = Dock(app, viewer, self._tab, conversation, owner=owner, against=against)
        self._against = against
        self._build(viewer, views, called)
        self._tab.spawn(self._follow_model(), "model")

    def _build(self, viewer: str, views: Sequence[DuelView], called: str) -> None:
        talks = TalkActs(viewer, self._earlier, self._tags, self._rename, self._delete)
        history = History(talks, ConsentSwitch(self._agreed, self._change_consent))
        el("a", "skip", "Skip to the request box", href="#composer")
        self._header = Header(history.open)
        with el("div", "chat"):
            self._banner: TextElement = el("p", "banner", "", role="status")  # type: ignore[assignment]
            self._drift = el("p", "banner", role="status")
            self._drift.set_visibility(False)
            self._welcome = _Welcome(self._app, self._ask_example)
            self._welcome.root.set_visibility(not views)
            asks = Asks(self._dock.ask_again, self._dock.ask_next, self._dock.ask_anew, self._dock.edit)
            turns = Turns(self._app, viewer, self._tab, asks, Manner(called), decided=self._refresh)
        self._dock.build(turns, self._welcome.root)
        turns.place_conduct()
        for view in views:
            turns.add(view)

    async def _ask_example(self, example: str) -> None:
        if self._dock.conversation is None:  # the first click of two has begun one
            await self._dock.ask(example)

    async def _earlier(self, wanted: TalkFilter, before: datetime | None) -> list[TalkSummary]:
        with self._tab.in_words():
            return await self._app.talks.listed(
                limit=PAGE,
                before=before,
                search=wanted.search,
                tag=wanted.tag,
                outcome=wanted.outcome,
                asker=self._viewer if wanted.mine else "",
            )
        return []

    async def _tags(self) -> list[str]:
        with self._tab.in_words():
            return await self._app.talks.tags()
        return []

    async def _rename(self, conversation: str, title: str) -> bool:
        with self._tab.in_words():
            await self._app.talks.rename(conversation, self._viewer, title)
            return True
        return False

    async def _delete(self, conversation: str) -> bool:
        with self._tab.in_words():
            await self._app.talks.delete(conversation, self._viewer)
            if conversation == self._dock.conversation:  # nothing of it is here any more
                with self._tab.client:
                    ui.navigate.to(str(placed("/")))
            return True
        return False

    async def _agreed(self) -> bool:
        with self._tab.in_words():
            return (await self._app.consents.of(self._viewer, None)).agreed
        return False

    async def _change_consent(self, agree: bool) -> None:
        consents = self._app.consents
        with self._tab.in_words():
            await (consents.agree if agree else consents.withdraw)(self._viewer, None)

    async def _follow_model(self) -> None:
        """Show how the model stands until it is ready or has failed."""
        self._show_model()
        await self._refresh()
        if self._app.model.state == "loading":
            await self._app.model_settled()
            self._show_model()
            await self._refresh()

    def _show_model(self) -> None:
        model = self._app.model
        meets = f"Here the adapter that is in use meets {shown(self._against)}." if self._against else ""
        self._banner.set_text(meets if model.state == "ready" else model.words)
        self._banner.classes(replace=f"banner {model.state}")
        self._welcome.about.set_text(welcome_words(model.arms))
        self._welcome.offer(self._app.examples)
        self._dock.turn_off(model.state == "failed")

    async def _refresh(self) -> None:
        """Show the estimate and the standing, both of which a decided duel changes."""
        with self._tab.in_words():
            self._dock.estimate.set_text(estimated(await self._app.judging.estimate()))
            found = await self._app.judging.verdict()
            self._header.stand(found.words if isinstance(found, Unknown) else found.standing, found.words)
            self._header.wait(len(await self._app.collecting.waiting(self._viewer)))
            await self._dock.offer_pairs()
            standing = await self._app.routing.standing(proposing=False)
            self._tell_route(standing.latest)

    def _tell_route(self, latest: Route | None) -> None:
        """Say what drift has done to the duel share, until somebody has changed it."""
        drifted = latest is not None and latest.person == ITSELF
        self._drift.set_visibility(drifted)
        if latest and drifted:
            self._drift.clear()
            with self._drift:
                el("span", "", shown(latest.reason))
                el("a", "", "See and change it", href="/route")


class _Welcome:
    """What stands there before the first request: what this is, and examples to click."""

    def __init__(self, app: App, ask: Callable[[str], Awaitable[None]]) -> None:
        with el("section", "welcome") as self.root:
            el("h2", "", "Which technique answers better?")
            self.about: TextElement = el("p", "", welcome_words(app.model.arms))  # type: ignore[assignment]
            self._offered, self._ask = el("div", "examples", role="group", aria_label="Example requests"), ask
        self.offer(app.examples)

    def offer(self, examples: Sequence[str]) -> None:
        """Show these requests to click, in place of those that were there."""
        self._offered.clear()
        with self._offered:
            for example in examples:
                _example(example, self._ask)


def _example(example: str, ask: Callable[[str], Awaitable[None]]) -> Element:
    async def clicked() -> None:
        await ask(example)

    return el("button", "example", shown(example), type="button").on("click", clicked, args=[])
