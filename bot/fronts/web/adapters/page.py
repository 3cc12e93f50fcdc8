"""The page of adapters that is open in a browser, and its addresses: the page, a file of rows that is brought, pictures of trainings."""

import asyncio
import logging
from collections.abc import Awaitable
from pathlib import Path
from typing import get_args

from fastapi import FastAPI, Request
from fastapi.responses import RedirectResponse, Response
from nicegui import app as nicegui_app
from nicegui import ui
from starlette.datastructures import UploadFile

from bot.app import App
from bot.app.shelf import OnShelf
from bot.app.training import BroughtRows, JobProgress, TrainingWish
from bot.charts import Theme
from bot.fronts.web.adapters.jobs import JobActs, JobCard
from bot.fronts.web.adapters.rows import TrainingForm, draw_form, draw_report
from bot.fronts.web.adapters.shelf import draw_shelf
from bot.fronts.web.assets import THEME, style
from bot.fronts.web.dom import Conduct, el
from bot.fronts.web.header import place_header
from bot.fronts.web.plain import told
from bot.fronts.web.tab import Tab
from bot.views import Job
from engine.errors import BadRequest, DuelbotError

POLL_S = 1.0  # seconds between two looks while the page is open
HERE = Path(__file__).parents[1]
log = logging.getLogger(__name__)


def add_adapters(web: FastAPI, app: App) -> None:
    """Add the page, the place where rows are brought, and the pictures."""

    async def bring(request: Request) -> Response:
        try:
            async with request.form() as form:
                if not isinstance(file := form.get("rows"), UploadFile):
                    raise BadRequest("Choose a file of rows.")
                brought = await app.training.bring(file.filename or "rows", await file.read())
        except DuelbotError as error:
            return told(request.scope, 400, error.words, "These rows cannot be taken")
        return RedirectResponse(f"{request.scope.get('root_path', '')}/adapters?rows={brought.token}", 303)

    async def picture(request: Request, job: str) -> Response:
        theme = request.query_params.get("theme", "light")
        if theme not in get_args(Theme):
            return told(request.scope, 404)
        try:
            drawn = await app.training.picture(await app.jobs.look(job), theme)  # type: ignore[arg-type]
        except DuelbotError as error:
            return told(request.scope, 404, error.words)
        return Response(drawn.data, media_type=drawn.media, headers={"cache-control": "private, max-age=60"})

    async def page(request: Request) -> Response | None:
        token = request.query_params.get("rows", "")
        try:
            brought = await app.training.brought(token) if token else None
        except DuelbotError as error:
            return told(request.scope, 404, error.words, "These rows are gone")
        css = "".join((HERE / name).read_text(encoding="utf-8") for name in ("results.css", "adapters.css"))
        ui.add_head_html(f"<style>{style()}{css}</style>{THEME}")
        ui.page_title("Adapters · Duelbot")
        AdaptersPage(app, f"web:{nicegui_app.storage.browser['id']}", brought)
        return None

    web.post("/adapters/rows")(bring)
    web.get("/adapters/{job}.svg")(picture)
    ui.page("/adapters")(page)


class AdaptersPage:
    """One browser tab."""

    def __init__(self, app: App, viewer: str, brought: BroughtRows | None) -> None:
        self._app, self._viewer = app, viewer
        self._tab = Tab()
        self._listed: tuple[tuple[OnShelf, ...], str] | None = None
        self._drawn: list[tuple[str, str]] = []  # ids and states of the jobs that are drawn
        self._cards: dict[str, JobCard] = {}
        place_header("Adapters: what the fine-tuned side answers with")
        with el("div", "results adapters"):
            self._tab.place_notice()
            self._jobs = el("section", "panel jobs", aria_label="Jobs")
            self._jobs.set_visibility(False)
            with el("section", "panel"):
                if brought:
                    draw_report(brought)
                    TrainingForm(brought, self._estimate, self._train)
                    el("a", "quiet", "Bring another file", href="/adapters")
                else:
                    draw_form()
            self._shelf = el("section", "panel", aria_label="Adapters")
            with self._shelf:
                el("p", "quiet", "The adapters are being read …")
        Conduct()
        self._tab.spawn(self._follow(), "adapters")

    async def _follow(self) -> None:
        """Draw what changes, until the page is left."""
        while True:
            try:
                await self._look()
            except DuelbotError as error:
                self._tab.say(error.words)
            except Exception:
                log.exception("The adapters cannot be shown")
            await asyncio.sleep(POLL_S)

    async def _look(self) -> None:
        await self._show_jobs([self._app.training.progress(job) for job in await self._app.jobs.latest()])
        if self._app.model.state != "ready":
            self._show_words(self._app.model.words)
            return
        found = (await self._app.shelf.listed(), await self._app.shelf.used_before())
        if found != self._listed:
            self._listed = found
            self._shelf.clear()
            with self._shelf:
                draw_shelf(*found, self._use, self._roll_back)

    def _show_words(self, words: str) -> None:
        self._shelf.clear()
        with self._shelf:
            el("p", "quiet", words)

    async def _show_jobs(self, jobs: list[JobProgress]) -> None:
        """Draw the jobs anew where one has come, gone or changed its state; else have their figures follow."""
        states: list[tuple[str, str]] = [(each.job.id, each.job.state) for each in jobs]
        if states != self._drawn:
            self._drawn = states
            self._jobs.clear()
            self._jobs.set_visibility(bool(jobs))
            with self._jobs:
                el("h2", "", "Jobs")
                acts = JobActs(self._stop, self._go_on, self._drop, self._use)
                self._cards = {each.job.id: JobCard(each, acts) for each in jobs}
        for each in jobs:
            self._cards[each.job.id].follow(each)

    # --- what people do

    async def _use(self, name: str) -> None:
        with self._tab.in_words():
            used = await self._app.shelf.use(name)
            self._tab.say(f"The tuned side takes {used.name} from now on. It is another contestant, so its evidence starts at zero.")
            await self._look()

    async def _roll_back(self) -> None:
        with self._tab.in_words():
            self._tab.say(f"The tuned side takes {await self._app.shelf.roll_back()} again.")
            await self._look()

    async def _estimate(self, wish: TrainingWish) -> None:
        await self._ordered(self._app.training.estimate(wish, self._viewer))

    async def _train(self, wish: TrainingWish) -> None:
        await self._ordered(self._app.training.train(wish, self._viewer))

    async def _ordered(self, order: Awaitable[Job]) -> None:
        with self._tab.in_words():
            await order
            self._tab.say("")
            await self._look()

    async def _stop(self, job: str) -> None:
        with self._tab.in_words():
            await self._app.jobs.stop(job)
            self._tab.say("It stops after its step, and can go on later.")
            await self._look()

    async def _go_on(self, job: str) -> None:
        with self._tab.in_words():
            await self._app.jobs.go_on(job)
            await self._look()

    async def _drop(self, job: str) -> None:
        with self._tab.in_words():
            await self._app.jobs.drop(job)
            await self._look()
