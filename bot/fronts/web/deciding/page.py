"""The page of decisions that is open in a browser, and its addresses: the page, a file that is brought, a report, votes that confirm."""

import asyncio
import logging

from fastapi import FastAPI, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from nicegui import ui
from starlette.datastructures import UploadFile

from bot.app import App
from bot.app.decisions import BroughtDecision, DecisionView, name_of
from bot.app.training import DECIDE, BroughtRows
from bot.fronts.web.adapters.rows import draw_report
from bot.fronts.web.assets import THEME, style
from bot.fronts.web.deciding import words
from bot.fronts.web.deciding.card import DecisionActs, DecisionCard
from bot.fronts.web.dom import Conduct, el, place_field, viewer
from bot.fronts.web.header import place_header
from bot.fronts.web.plain import told
from bot.fronts.web.queue import Queue, VotesPage
from bot.fronts.web.tab import Tab
from bot.views import JobState
from engine.errors import BadRequest, DuelbotError

POLL_S = 1.0  # seconds between two looks while the page is open
log = logging.getLogger(__name__)


def add_decisions(web: FastAPI, app: App, *, owner: bool) -> None:
    """Add the page, the place where a file is brought, the reports and the votes. owner: nobody but whoever runs Duelbot reaches them."""

    async def bring(request: Request) -> Response:
        try:
            async with request.form() as form:
                if not isinstance(file := form.get("rows"), UploadFile):
                    raise BadRequest("Choose a file of examples.")
                brought = await app.training.bring(file.filename or "rows", await file.read())
        except DuelbotError as error:
            return told(request.scope, 400, error.words, "These rows cannot be taken")
        return RedirectResponse(f"{request.scope.get('root_path', '')}/decide?rows={brought.token}", 303)

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
        token = request.query_params.get("rows", "")
        try:
            brought = await app.training.brought(token) if token else None
        except DuelbotError as error:
            return told(request.scope, 404, error.words, "These rows are gone")
        _dress("Decide", "results.css", "adapters.css", "deciding.css")
        DecidePage(app, viewer(), brought, owner=owner)
        return None

    web.post("/decide/rows")(bring)
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
        self._tab.spawn(self._follow(), "decisions")

    def _draw_new(self, brought: BroughtRows | None) -> None:
        if brought is None:
            el("h2", "", "Bring your examples")
            el("p", "quiet", words.BRING)
            with el("form", "bring", method="post", action="/decide/rows", enctype="multipart/form-data"):
                el("input", "drop", type="file", name="rows", required=True, aria_label="File of examples", accept=".jsonl,.json,.csv,.txt")
                el("button", "pill primary", "Check this file", type="submit")
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

    async def _follow(self) -> None:
        """Draw what changes, until the page is left."""
        while True:
            try:
                await self._look()
            except DuelbotError as error:
                self._tab.say(error.words)
            except Exception:
                log.exception("The decisions cannot be shown")
            await asyncio.sleep(POLL_S)

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
                acts = DecisionActs(self._stop, self._go_on, self._drop, self._confirm)
                self._cards = {each.job.id: DecisionCard(each, acts) for each in found}
        for each in found:
            self._cards[each.job.id].follow(each)

    # --- what people do

    async def _decide(self, token: str, given: dict[str, str]) -> None:
        with self._tab.in_words():
            wish = BroughtDecision(token, given["name"].strip(), _minutes(given["minutes"]), given["metric"].strip())
            await self._app.decisions.decide(wish, self._person)
            self._tab.say("")
            await self._look()

    async def _stop(self, job: str) -> None:
        with self._tab.in_words():
            await self._app.jobs.stop(job)
            self._tab.say("It stops, and can go on later.")
            await self._look()

    async def _go_on(self, job: str) -> None:
        with self._tab.in_words():
            await self._app.jobs.go_on(job)
            await self._look()

    async def _drop(self, job: str) -> None:
        with self._tab.in_words():
            await self._app.jobs.drop(job)
            await self._look()

    async def _confirm(self, job: str) -> None:
        with self._tab.in_words():
            await self._app.decisions.confirm(await self._app.jobs.look(job), self._person, owner=self._owner)
            ui.navigate.to(f"/decide/{job}/votes")


def _minutes(text: str) -> float:
    try:
        return float(text.strip())
    except ValueError as error:
        raise BadRequest(f"{text.strip()[:20]!r} is not a number of minutes.") from error
