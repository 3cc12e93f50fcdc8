"""One browser tab: what runs for it until it is left, and its one place for what went wrong."""

import asyncio
import contextlib
from collections.abc import Awaitable, Iterator

from nicegui import background_tasks, ui
from nicegui.elements.mixins.text_element import TextElement

from bot.fronts.web.dom import el, icon
from bot.fronts.web.markup import shown
from bot.fronts.web.plain import WENT_WRONG
from engine.errors import DuelbotError


class Tab:
    """Whatever a page starts is started here, so that it ends with the tab, and no failure is silent."""

    def __init__(self) -> None:
        self.client = ui.context.client
        self._running = set[asyncio.Task[None]]()
        self.client.on_exception(self._failed)
        self.client.on_delete(self._leave)

    def place_notice(self) -> None:
        """Draw the box of notices where the page is being built; it is hidden until there is something to say."""
        with el("div", "notice", role="alert") as self._box:
            self._words: TextElement = el("p", "", "")  # type: ignore[assignment]
            with el("button", "bare", type="button", aria_label="Close this notice") as button:
                icon("close")
            button.on("click", lambda: self.say(""), args=[])
        self._box.set_visibility(False)

    def say(self, words: str) -> None:
        """Show the words as the notice; "" hides it."""
        self._words.set_text(shown(words))
        self._box.set_visibility(bool(words))

    @contextlib.contextmanager
    def in_words(self) -> Iterator[None]:
        """Say what went wrong inside instead of raising it."""
        try:
            yield
        except DuelbotError as error:
            self.say(str(error))

    def spawn(self, work: Awaitable[None], name: str) -> asyncio.Task[None]:
        """Run this beside the page until it has ended or the tab is left."""
        task = background_tasks.create(work, name=name, context=self.client)
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        return task

    def _failed(self, error: Exception) -> None:
        """Say that something went wrong: a bug, which NiceGUI has written to the log."""
        self.say(str(error) if isinstance(error, DuelbotError) else WENT_WRONG)

    def _leave(self) -> None:
        for task in tuple(self._running):
            task.cancel()
