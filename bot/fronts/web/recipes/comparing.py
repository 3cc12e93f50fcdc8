"""Two versions word by word, and their rematch: past requests answered again."""

import asyncio

from nicegui.element import Element
from nicegui.elements.mixins.text_element import TextElement

from bot.app import App
from bot.app.differing import DiffSection
from bot.app.orders import Order
from bot.app.rematching import RematchRun, run_words
from bot.fronts.web.dom import el
from bot.fronts.web.markup import shown
from bot.fronts.web.recipes.frame import editor_address, framed, link, named
from bot.fronts.web.tab import Tab
from bot.views import RecipeVersion, Rematched
from bot.words import counted

LOOK_S = 0.3  # seconds between two looks at a run
AGAIN = (
    "The newer version answers the past requests that the older one has answered, as far as their votes have closed. Equal answers are "
    "ties that nobody is asked about; only where it answers otherwise does a vote wait, blind."
)


class DiffPage:
    """One browser tab."""

    def __init__(self, app: App, viewer: str, pair: tuple[RecipeVersion, RecipeVersion], *, owner: bool) -> None:
        """pair: the older version and the newer one. owner: nobody but whoever runs Duelbot reaches the page."""
        self._app, self._viewer, (self._old, self._new) = app, viewer, pair
        self._owner = owner
        self._tab = Tab()

    async def build(self) -> None:
        """Draw the differences and the rematch. Raises BadRecipe for a version that cannot be read."""
        sections = await asyncio.to_thread(self._app.versions.diff, self._old.id, self._new.id)
        with framed("Two versions, word by word"):
            with el("div", "recipes-head"):
                el("h2", "", f"{named(self._old)} → {named(self._new)}")
                link("Edit", editor_address(self._new))
                link("All recipes", "/recipes")
            el("p", "", shown(self._new.reason))
            self._tab.place_notice()
            self._rematch = el("section", "panel", aria_label="Past requests answered again")
            with el("section", "panel", aria_label="What is different"):
                for section in sections:
                    draw_section(section)
        await self._draw()
        if (run := self._run_of()) and not run.ended:
            self._tab.spawn(self._follow(), "rematch")

    def _run_of(self) -> RematchRun | None:
        run = self._app.rematching.latest
        return run if run and (run.version, run.against) == (self._new.id, self._old.id) else None

    async def _draw(self) -> None:
        standing, run = await self._app.rematching.standing(self._new.id), self._run_of()
        self._rematch.clear()
        with self._rematch:
            el("h3", "", "Past requests, answered again")
            el("p", "quiet", AGAIN)
            self._words: TextElement = el("p", "note", shown(standing_words(standing, run)), role="status")  # type: ignore[assignment]
            with el("div", "acts start"):
                if run and not run.ended:
                    el("button", "pill", "Stop", type="button").on("click", self._app.rematching.stop, args=[])
                else:
                    el("button", "pill", "Answer them again", type="button").on("click", self._begin, args=[])
                if standing.open:
                    link(f"Vote on {counted(standing.open, 'changed answer')}", "/recipes/votes", "pill primary")

    async def _begin(self) -> None:
        with self._tab.in_words():
            await self._app.rematching.begin(self._new.id, self._old.id, Order("", self._viewer, owner=self._owner))
            self._tab.say("")
            self._tab.spawn(self._follow(), "rematch")

    async def _follow(self) -> None:
        await self._draw()
        while (run := self._run_of()) and not run.ended:
            await asyncio.sleep(LOOK_S)
            self._words.set_text(shown(run_words(run)))
        await self._draw()


def standing_words(standing: Rematched, run: RematchRun | None) -> str:
    """Say what has become of all rematches of a version. Pure."""
    if not (standing.equal or standing.open or standing.closed):
        return run_words(run) if run else "Not done yet."
    said = f"In all: {standing.equal:,} the same, {standing.open:,} waiting for a vote, {standing.closed:,} voted on."
    return f"{run_words(run)} {said}" if run else said


def draw_section(section: DiffSection) -> None:
    """Draw one place of both versions; what neither has changed is folded."""
    if not section.changed:
        with el("details", "difference"):
            el("summary", "", f"{section.title}: the same")
            _texts(section)
        return
    with el("div", "difference"):
        el("h3", "", section.title)
        _texts(section)


def _texts(section: DiffSection) -> Element:
    with el("p", "words", dir="auto") as text:
        for part in section.parts:
            tag = {"in": "ins", "out": "del", "same": "span"}[part.kind]
            with el(tag):
                if part.kind != "same":
                    el("span", "unseen", " [added: " if part.kind == "in" else " [taken out: ")
                el("span", "", shown(part.text))
                if part.kind != "same":
                    el("span", "unseen", "] ")
    return text
