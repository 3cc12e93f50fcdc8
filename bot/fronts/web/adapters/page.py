"""The page of adapters that is open in a browser, and its addresses: the page, a file of rows that is brought, pictures of trainings."""

from typing import get_args

from fastapi import FastAPI, Request
from fastapi.responses import Response
from nicegui import ui

from bot.app import App
from bot.app.shelf import OnShelf
from bot.app.training import BroughtRows, JobProgress, TrainingWish
from bot.charts import Theme
from bot.fronts.web.adapters import words
from bot.fronts.web.adapters.jobs import JobActs, JobCard
from bot.fronts.web.adapters.rows import TrainingForm
from bot.fronts.web.adapters.shelf import draw_shelf
from bot.fronts.web.assets import THEME, style
from bot.fronts.web.bringing import add_bringing, draw_report, place_form, with_brought
from bot.fronts.web.dom import Conduct, el, viewer
from bot.fronts.web.hands import JobHands
from bot.fronts.web.header import place_header
from bot.fronts.web.plain import told
from bot.fronts.web.tab import Tab
from engine.errors import DuelbotError


def add_adapters(web: FastAPI, app: App) -> None:
    """Add the page, the place where rows are brought, and the pictures."""

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
        async def build(brought: BroughtRows | None) -> None:
            ui.add_head_html(f"<style>{style()}{style('results.css')}{style('adapters.css')}</style>{THEME}")
            ui.page_title("Adapters · Duelbot")
            AdaptersPage(app, viewer(), brought)

        return await with_brought(request, app, build)

    add_bringing(web, app, "/adapters")
    web.get("/adapters/{job}.svg")(picture)
    ui.page("/adapters")(page)


class AdaptersPage:
    """One browser tab."""

    def __init__(self, app: App, viewer: str, brought: BroughtRows | None) -> None:
        self._app, self._viewer = app, viewer
        self._tab = Tab()
        self._hands = JobHands(app, self._tab, self._look)
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
                    el("h2", "", "Train one")
                    el("p", "quiet", words.BRING)
                    place_form("/adapters/rows", "File of rows", "Check these rows")
            self._shelf = el("section", "panel", aria_label="Adapters")
            with self._shelf:
                el("p", "quiet", "The adapters are being read …")
        Conduct()
        self._tab.spawn(self._hands.follow(), "adapters")

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
                acts = JobActs(self._hands, self._use)
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
        await self._hands.ordered(self._app.training.estimate(wish, self._viewer))

    async def _train(self, wish: TrainingWish) -> None:
        await self._hands.ordered(self._app.training.train(wish, self._viewer))
