"""The page of routes that is open in a browser, and its address."""

from datetime import datetime
from pathlib import Path

from fastapi import FastAPI
from nicegui import ui

from bot.app import App
from bot.app.route_words import change_words, standing_words
from bot.app.routing import RouteProposal, RouteStanding
from bot.fronts.web.assets import THEME, style
from bot.fronts.web.dom import Conduct, el, viewer
from bot.fronts.web.hands import follow
from bot.fronts.web.header import place_header
from bot.fronts.web.markup import shown
from bot.fronts.web.routing.form import RouteForm, RouteWish
from bot.fronts.web.routing.keys import draw_keys
from bot.fronts.web.tab import Tab
from bot.views import ProgramKey

HERE = Path(__file__).parents[1]


def add_routing(web: FastAPI, app: App) -> None:
    """Add the page."""

    async def page() -> None:
        css = "".join((HERE / name).read_text(encoding="utf-8") for name in ("results.css", "adapters.css"))
        ui.add_head_html(f"<style>{style()}{css}</style>{THEME}")
        ui.page_title("Duel share · Duelbot")
        RoutePage(app, viewer())

    ui.page("/route")(page)


class RoutePage:
    """One browser tab."""

    def __init__(self, app: App, person: str) -> None:
        self._app, self._person = app, person
        self._tab = Tab()
        self._standing: RouteStanding | None = None
        self._keys: list[ProgramKey] | None = None
        self._secret = ""
        place_header("Duels, or answers at once")
        with el("main", "results adapters"):
            self._tab.place_notice()
            self._now = el("section", "panel", aria_label="How requests are answered")
            self._changes = el("section", "panel", aria_label="Changes")
            self._programs = el("section", "panel", aria_label="Keys for programs")
            with self._now:
                el("p", "quiet", "The evidence is being read …")
        Conduct()
        self._tab.spawn(follow(self._tab, self._look), "route")

    async def _look(self) -> None:
        standing, keys = await self._app.routing.standing(), await self._app.programs.keys.all()
        if standing != self._standing:
            self._standing = standing
            self._draw(standing)
        if keys != self._keys:
            self._keys = keys
            self._programs.clear()
            with self._programs:
                draw_keys(keys, self._secret, self._make_key, self._end_key)

    def _draw(self, standing: RouteStanding) -> None:
        self._now.clear()
        with self._now:
            el("h2", "", "How requests are answered")
            for words in standing_words(standing):
                el("p", "", shown(words))
            for proposal in standing.proposals:
                self._propose(proposal)
            RouteForm(standing, self._change)
        self._changes.clear()
        self._changes.set_visibility(bool(standing.changes))
        with self._changes:
            self._list(standing)

    def _propose(self, proposal: RouteProposal) -> None:
        async def taken() -> None:
            await self._change(RouteWish(proposal.share, proposal.winner.id, proposal.tag, "as the verdict proposes"))

        with el("div", "offer"):
            el("p", "note", shown(proposal.words))
            el("button", "pill primary", "Do so", type="button").on("click", taken, args=[])

    def _list(self, standing: RouteStanding) -> None:
        el("h2", "", "Changes")
        now, seen = datetime.now().astimezone(), set[str]()
        with el("ul", "shelf"):
            for route in reversed(standing.changes):
                with el("li", "lora"):
                    el("p", "lora-words", shown(change_words(standing, route, now, self._person)))
                    if route.tag not in seen:  # the latest of its tag
                        seen.add(route.tag)
                        self._place_back(route.tag)

    def _place_back(self, tag: str) -> None:
        async def clicked() -> None:
            with self._tab.in_words():
                await self._app.routing.back(self._person, tag=tag)
                await self._look()

        with el("div", "lora-acts"):
            el("button", "pill", "Change back", type="button").on("click", clicked, args=[])

    # --- what people do

    async def _change(self, wish: RouteWish) -> None:
        with self._tab.in_words():
            await self._app.routing.change(self._person, share=wish.share, winner=wish.winner, tag=wish.tag, reason=wish.reason)
            self._tab.say("")
            await self._look()

    async def _make_key(self, name: str) -> None:
        with self._tab.in_words():
            _, self._secret = await self._app.programs.keys.make(self._person, name)
            self._tab.say("")
            await self._look()

    async def _end_key(self, key: str) -> None:
        with self._tab.in_words():
            await self._app.programs.keys.end(self._person, key)
            self._secret = ""
            await self._look()
