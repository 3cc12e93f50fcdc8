"""The chat page of one browser: renders what App says, and hands on what the person does. No rule of the product lives here."""

import asyncio
import contextlib
import json
import logging
import time
from collections.abc import AsyncGenerator, Awaitable, Iterator
from datetime import datetime

from nicegui import background_tasks, ui
from nicegui.element import Element
from nicegui.elements.mixins.text_element import TextElement
from nicegui.events import GenericEventArguments

from bot.app import App
from bot.app.orders import Order
from bot.ballots import Choice
from bot.fronts.web.dom import MARK, Composer, Conduct, el, icon, log_out, placed
from bot.fronts.web.history import PAGE, History
from bot.fronts.web.markup import shown
from bot.fronts.web.plain import WENT_WRONG
from bot.fronts.web.turn import Acts, Turn, broken
from bot.fronts.web.words import estimate_words, live_words, title_of, welcome_words
from bot.tags import MAX_TAG
from bot.views import DuelSummary, DuelView
from engine.errors import DuelbotError
from engine.request import MAX_CHARACTERS

log = logging.getLogger(__name__)


class ChatPage:
    """One browser tab, on a new or an earlier conversation."""

    def __init__(self, app: App, viewer: str, conversation: str | None, views: list[DuelView], *, owner: bool) -> None:
        """owner: nobody but whoever runs Duelbot can reach the page."""
        self._app, self._viewer, self._conversation = app, viewer, conversation
        self._owner = owner
        self._acts = Acts(stop=self._stop, vote=self._vote, ask_again=lambda view: self._ask(view.request), ask_next=self._ask_next)
        self._tag = ""
        self._followed = set[asyncio.Task[None]]()
        self._asking = asyncio.Lock()
        self._shown = set[str]()  # duels on the page
        self._client = ui.context.client
        self._client.on_exception(self._failed)
        self._client.on_delete(self._leave)
        self._build(views)
        self._spawn(self._follow_model(), "model")

    # -- building ------------------------------------------------------------------------------------------------

    def _build(self, views: list[DuelView]) -> None:
        self._history = History(self._earlier)
        el("a", "skip", "Skip to the request box", href="#composer")
        self._header()
        self._live: TextElement = el("div", "unseen", "", role="status")  # type: ignore[assignment]
        with el("main", "chat"):
            self._banner: TextElement = el("p", "banner", "", role="status")  # type: ignore[assignment]
            self._welcome = self._welcomed()
            self._welcome.set_visibility(not views)
            self._turns = el("div", "turns")
        with el("section", "dock", id="composer", aria_label="Your request"):
            self._notice()
            self._composer = Composer(self._conversation or "new")
            with self._composer:
                self._estimate: TextElement = el("span", "", "")  # type: ignore[assignment]
                tag = el("input", "tag-box", type="text", maxlength=MAX_TAG, placeholder="tag", aria_label="Tag of the next requests")
                tag.on("change", self._tagged, js_handler="(event) => emit(event.target.value)")
            self._composer.on("send", self._sent).on("toolong", self._too_long)
        self._conduct = Conduct()
        for view in views:
            self._add_turn(view)

    def _header(self) -> None:
        with el("header", "top"):
            with el("button", "bare", type="button", aria_label="Earlier duels", title="Earlier duels", data_does="history") as button:
                icon("history")
            button.on("click", self._history.open, args=[])
            with el("a", "brand", href="/", aria_label="Duelbot, new conversation"):
                ui.html(MARK, sanitize=False, tag="span").classes("mark")
                el("h1", "", "Duelbot")
            with el("div", "top-words"):
                el("p", "tagline", "Prompt or fine-tune? Two blind answers, your vote.")
                self._standing: TextElement = el("p", "standing", "")  # type: ignore[assignment]
            with el("a", "bare", href="/results", aria_label="Results", title="Results"):
                icon("results")
            with el("button", "bare", type="button", aria_label="Light or dark", title="Light or dark", data_does="theme"):
                icon("theme")
            log_out()
            with el("a", "pill", href="/", aria_label="New conversation"):
                icon("new")
                el("span", "wide", "New conversation")

    def _welcomed(self) -> Element:
        with el("section", "welcome") as welcome:
            el("h2", "", "Which technique answers better?")
            self._about: TextElement = el("p", "", welcome_words(self._app.model.arms))  # type: ignore[assignment]
            with el("div", "examples", role="group", aria_label="Example requests"):
                for example in self._app.examples:

                    async def clicked(example: str = example) -> None:
                        if self._conversation is None:  # the first click of two has begun one
                            await self._ask(example)

                    el("button", "example", shown(example), type="button").on("click", clicked, args=[])
        return welcome

    def _notice(self) -> None:
        with el("div", "notice", role="alert") as self._notice_box:
            self._notice_words: TextElement = el("p", "", "")  # type: ignore[assignment]
            with el("button", "bare", type="button", aria_label="Close this notice") as button:
                icon("close")
            button.on("click", lambda: self._say(""), args=[])
        self._notice_box.set_visibility(False)

    def _add_turn(self, view: DuelView) -> None:
        self._shown.add(view.id)
        with self._turns:
            try:
                turn = Turn(view, self._acts)
            except Exception:
                log.exception("duel %s cannot be drawn", view.id)
                broken(view)
                return
        if view.state not in ("closed", "void"):
            self._spawn(self._follow(turn), f"duel {view.id}")

    # -- what the person does ------------------------------------------------------------------------------------

    async def _sent(self, event: GenericEventArguments) -> None:
        accepted = False
        try:
            accepted = await self._ask(str(event.args))
        finally:
            if accepted:
                self._composer.accepted()
            else:
                self._composer.refused()

    def _too_long(self, event: GenericEventArguments) -> None:
        self._say(f"The request has {int(event.args):,} characters; at most {MAX_CHARACTERS:,} are accepted. Shorten it and send it again.")

    def _tagged(self, event: GenericEventArguments) -> None:
        self._tag = str(event.args)

    async def _ask(self, text: str) -> bool:
        """Whether the request was taken. While one is being taken another is not: a button is easily clicked twice."""
        if self._asking.locked():
            return False
        async with self._asking:
            return await self._take(text)

    async def _take(self, text: str) -> bool:
        with self._in_words():
            await self._catch_up()
            view = (await self._app.asking.ask(self._order(text, self._conversation))).view
            self._say("")
            if self._conversation is None:
                self._conversation = view.conversation
                self._composer.props["draft"] = view.conversation
                with self._client:  # the button that was clicked may be gone by now
                    ui.page_title(f"{title_of(shown(view.request))} · Duelbot")
                    ui.run_javascript(f"history.replaceState(null, '', '{placed('/c/')}' + {json.dumps(view.conversation)})")
            self._welcome.set_visibility(False)
            self._add_turn(view)
            self._conduct.arrive()
            return True
        return False

    def _order(self, text: str, conversation: str | None) -> Order:
        return Order(text, self._viewer, conversation=conversation, tag=self._tag, owner=self._owner)

    async def _ask_next(self, view: DuelView) -> None:
        """Ask what is offered under equal answers, in a conversation of its own, and go there."""
        if view.next_step is None or self._asking.locked():
            return
        await self._asking.acquire()  # and keep it, once this page is being left
        with self._in_words():
            asked = (await self._app.asking.ask(self._order(view.next_step.request, None))).view
            with self._client:
                ui.run_javascript(f"location.assign('{placed('/c/')}' + {json.dumps(asked.conversation)})")
            return
        self._asking.release()

    async def _catch_up(self) -> None:
        """Draw what another browser has asked in this conversation meanwhile: what comes now builds on it."""
        if self._conversation is None:
            return
        for view in await self._app.looking.conversation(self._conversation, self._viewer):
            if view.id not in self._shown:
                self._add_turn(view)

    async def _stop(self, view: DuelView) -> None:
        with self._in_words():
            await self._app.asking.stop(view.id)

    async def _vote(self, view: DuelView, choice: Choice) -> None:
        with self._in_words():
            await self._app.voting.cast(view.id, self._viewer, choice)  # the page follows the duel, and shows what became of it
            self._say("")

    async def _earlier(self, before: datetime | None, search: str) -> list[DuelSummary]:
        with self._in_words():
            return await self._app.looking.history(limit=PAGE, before=before, search=search)
        return []

    # -- what comes from App -------------------------------------------------------------------------------------

    async def _follow(self, turn: Turn) -> None:
        """Draw every change of a duel until it has ended. Long texts are drawn less often, so that drawing never takes the loop."""
        before = turn.view.state
        with self._in_words():
            async with contextlib.aclosing(self._watched(turn.view.id)) as views:
                async for view in views:
                    started = time.perf_counter()
                    turn.show(view)
                    if view.state != before:
                        before = view.state
                        await self._changed(view)
                    await asyncio.sleep(4 * (time.perf_counter() - started))

    async def _watched(self, duel_id: str) -> AsyncGenerator[DuelView, None]:
        async for view in self._app.looking.watch(duel_id, self._viewer):
            yield view

    async def _changed(self, view: DuelView) -> None:
        """A duel has come into another state."""
        self._live.set_text(live_words(view))
        if view.state == "open":
            self._conduct.offer_votes()
        elif view.state in ("closed", "void"):
            self._conduct.offer_composer()
            await self._refresh()

    async def _follow_model(self) -> None:
        self._show_model()
        await self._refresh()
        if self._app.model.state == "loading":
            await self._app.model_settled()
            self._show_model()
            await self._refresh()

    def _show_model(self) -> None:
        model = self._app.model
        self._banner.set_text("" if model.state == "ready" else model.words)
        self._banner.classes(replace=f"banner {model.state}")
        self._about.set_text(welcome_words(model.arms))
        self._composer.props["off"] = model.state == "failed"

    async def _refresh(self) -> None:
        """The estimate and the standing, both of which a decided duel changes."""
        with self._in_words():
            self._estimate.set_text(estimate_words(await self._app.judging.estimate()))
            standing = (await self._app.judging.verdict()).words
            self._standing.set_text(standing)
            self._standing.props["title"] = standing  # a narrow header shows its beginning

    # -- when something goes wrong -------------------------------------------------------------------------------

    @contextlib.contextmanager
    def _in_words(self) -> Iterator[None]:
        try:
            yield
        except DuelbotError as error:
            self._say(str(error))

    def _say(self, words: str) -> None:
        self._notice_words.set_text(shown(words))
        self._notice_box.set_visibility(bool(words))

    def _failed(self, error: Exception) -> None:
        """A bug: NiceGUI has written it to the log."""
        self._say(str(error) if isinstance(error, DuelbotError) else WENT_WRONG)

    def _spawn(self, work: Awaitable[None], name: str) -> None:
        task = background_tasks.create(work, name=name, context=self._client)
        self._followed.add(task)
        task.add_done_callback(self._followed.discard)

    def _leave(self) -> None:
        for task in tuple(self._followed):
            task.cancel()
