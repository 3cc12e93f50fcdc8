"""The page of decisions that is open in a browser, and its addresses: the page, a report, votes that confirm."""

from fastapi import FastAPI, Request
from fastapi.responses import HTMLResponse, Response
from nicegui import ui

from bot.app import App
from bot.app.decisions import BroughtDecision, DecisionView, name_of
from bot.app.training import DECIDE, BroughtRows
from bot.fronts.web.assets import THEME, style
from bot.fronts.web.bringing import add_bringing, draw_report, minutes_in, place_form, with_brought
from bot.fronts.web.deciding import words
from bot.fronts.web.deciding.card import DecisionActs, DecisionCard
from bot.fronts.web.dom import Conduct, el, place_field, viewer
from bot.fronts.web.hands import JobHands
from bot.fronts.web.header import place_header
from bot.fronts.web.plain import told
from bot.fronts.web.queue import Queue, VotesPage
from bot.fronts.web.tab import Tab
from bot.views import JobState
from engine.errors import DuelbotError


def add_decisions(web: FastAPI, app: App, *, owner: bool) -> None:
    """Add the page, the place where a file is brought, the reports and the votes. owner: nobody but whoever runs Duelbot reaches them."""

    async def report(request: Request, job: str) -> Response:
        try:
            return HTMLResponse(app.decisions.report(await app.jobs.look(job)), headers={"cache-control": "no-store"})
        except DuelbotError as error:
            return told(request.scope, 404, error.words, "There is no report")

    async def votes(request: Request, job: str) -> Response | None:
        try:
            found = await app.jobs.look(job)
        except DuelbotError as error:
            return told(request.scope, 404, error.words)
        _dress("Confirm a decision", "recipes.css")
        queue = Queue(lambda: app.decisions.waiting(found), "Votes that confirm a decision", words.NOTHING, "/decide", "All decisions")
        await VotesPage(app, viewer(), queue).build()
        return None

    async def page(request: Request) -> Response | None:
        async def build(brought: BroughtRows | None) -> None:
            _dress("Decide", "results.css", "adapters.css", "deciding.css")
            DecidePage(app, viewer(), brought, owner=owner)

        return await with_brought(request, app, build)

    add_bringing(web, app, "/decide")
    web.get("/decide/{job}/report")(report)
    ui.page("/decide/{job}/votes")(votes)
    ui.page("/decide")(page)


def _dress(title: str, *sheets: str) -> None:
    ui.add_head_html(f"<style>{style()}{''.join(map(style, sheets))}</style>{THEME}")
    ui.page_title(f"{title} · Duelbot")


class DecidePage:
    """One browser tab."""

    def __init__(self, app: App, person: str, brought: BroughtRows | None, *, owner: bool) -> None:
        self._app, self._person, self._owner = app, person, owner
        self._tab = Tab()
        self._hands = JobHands(app, self._tab, self._look)
        self._drawn: list[tuple[str, JobState]] = []  # ids and states of the jobs that are drawn
        self._cards: dict[str, DecisionCard] = {}
        place_header(words.TAGLINE)
        with el("div", "results adapters deciding"):
            self._tab.place_notice()
            self._jobs = el("section", "panel jobs", aria_label="Decisions")
            self._jobs.set_visibility(False)
            with el("section", "panel"):
                self._draw_new(brought)
        Conduct()
        self._tab.spawn(self._hands.follow(), "decisions")

    def _draw_new(self, brought: BroughtRows | None) -> None:
        if brought is None:
            el("h2", "", "Bring your examples")
            el("p", "quiet", words.BRING)
            place_form("/decide/rows", "File of examples", "Check this file")
            return
        draw_report(brought)
        given = {"name": name_of(brought.name), "minutes": "15", "metric": ""}
        with el("div", "wish"):
            place_field("Name", given, "name", maxlength="60")
            place_field("Minutes for everything", given, "minutes", inputmode="decimal")
            place_field("Right means", given, "metric", placeholder="guessed from the answers")
            start = el("button", "pill primary", "Decide", type="button")
            start.on("click", lambda: self._decide(brought.token, given), args=[])
        if brought.wrong:
            start.props["disabled"] = True
            el("p", "quiet", "A decision on these rows would be wrong. Mend the lines with ! first, and bring the file again.")
        el("a", "quiet", "Bring another file", href="/decide")

    async def _look(self) -> None:
        found = [self._app.decisions.look(job) for job in await self._app.jobs.latest() if job.kind == DECIDE]
        self._show(found)

    def _show(self, found: list[DecisionView]) -> None:
        """Draw the decisions anew where one has come, gone or changed its state; else have their steps follow."""
        states = [(each.job.id, each.job.state) for each in found]
        if states != self._drawn:
            self._drawn = states
            self._jobs.clear()
            self._jobs.set_visibility(bool(found))
            with self._jobs:
                el("h2", "", "Decisions")
                acts = DecisionActs(self._hands, self._confirm, self._serve)
                self._cards = {each.job.id: DecisionCard(each, acts) for each in found}
        for each in found:
            self._cards[each.job.id].follow(each)

    # --- what people do

    async def _decide(self, token: str, given: dict[str, str]) -> None:
        with self._tab.in_words():
            wish = BroughtDecision(token, given["name"].strip(), minutes_in(given["minutes"]), given["metric"].strip())
            await self._hands.ordered(self._app.decisions.decide(wish, self._person))

    async def _confirm(self, job: str) -> None:
        with self._tab.in_words():
            await self._app.decisions.confirm(await self._app.jobs.look(job), self._person, owner=self._owner)
            ui.navigate.to(f"/decide/{job}/votes")

    async def _serve(self, job: str) -> None:
        with self._tab.in_words():
            await self._app.serving.serve(await self._app.jobs.look(job), self._person)
            ui.navigate.to("/route")
