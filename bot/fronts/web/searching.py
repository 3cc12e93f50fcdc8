"""/recipes/VERSION/search: rows are brought, a job searches for a better prompt, and the version that was found is compared and used."""

from fastapi import FastAPI, Request
from fastapi.responses import Response
from nicegui import ui

from bot.app import App
from bot.app.searching import SearchWish
from bot.app.training import OPTIMISE, BroughtRows, JobProgress
from bot.errors import UnknownRecipe
from bot.fronts.web.adapters.jobs import JobActs, JobCard
from bot.fronts.web.assets import THEME, style
from bot.fronts.web.bringing import add_bringing, draw_report, minutes_in, place_form, with_brought
from bot.fronts.web.dom import Conduct, el, place_field, viewer
from bot.fronts.web.hands import JobHands
from bot.fronts.web.header import place_header
from bot.fronts.web.markup import shown
from bot.fronts.web.plain import told
from bot.fronts.web.recipes.frame import diff_address, editor_address, link
from bot.fronts.web.tab import Tab
from bot.views import RecipeVersion
from engine.errors import BadRequest

ADDRESS = "/recipes/{version}/search"
TAGLINE = "A search for a better prompt"
ABOUT = (
    "Other wordings, examples, orders and formats are tried on rows with answers, and the best is measured on rows that no choice "
    "looked at. What is found becomes a new version. It answers nobody until you use it."
)
MEND = "A choice on these rows would be wrong. Mend the lines with ! first, and bring the file again."


def add_searches(web: FastAPI, app: App) -> None:
    """Add the page, and the place where rows are brought."""

    async def page(request: Request, version: str) -> Response | None:
        try:
            start = app.versions.version(version)
        except UnknownRecipe as error:
            return told(request.scope, 404, error.words)

        async def build(brought: BroughtRows | None) -> None:
            sheets = "".join(style(name) for name in ("results.css", "adapters.css"))
            ui.add_head_html(f"<style>{style()}{sheets}</style>{THEME}")
            ui.page_title("Search for a better prompt · Duelbot")
            SearchPage(app, viewer(), start, brought)

        return await with_brought(request, app, build)

    add_bringing(web, app, ADDRESS)
    ui.page(ADDRESS)(page)


class SearchPage:
    """One browser tab."""

    def __init__(self, app: App, person: str, start: RecipeVersion, brought: BroughtRows | None) -> None:
        self._app, self._person, self._start = app, person, start
        self._tab = Tab()
        self._hands = JobHands(app, self._tab, self._look)
        self._drawn: list[tuple[str, str]] = []  # ids and states of the jobs that are drawn
        self._cards: dict[str, JobCard] = {}
        place_header(TAGLINE)
        with el("div", "results adapters"):
            self._tab.place_notice()
            self._jobs = el("section", "panel jobs", aria_label="Searches")
            self._jobs.set_visibility(False)
            with el("section", "panel"):
                el("h2", "", shown(f"Begin at {start.named}"))
                el("p", "quiet", ABOUT)
                self._draw_new(brought)
                el("a", "quiet", "All recipes", href="/recipes")
        Conduct()
        self._tab.spawn(self._hands.follow(), "searches")

    def _draw_new(self, brought: BroughtRows | None) -> None:
        address = ADDRESS.format(version=self._start.id)
        if brought is None:
            place_form(f"{address}/rows", "File of rows", "Check these rows")
            return
        draw_report(brought)
        given = {"calls": "240", "minutes": "10", "metric": ""}
        with el("div", "wish"):
            place_field("Answers", given, "calls", inputmode="numeric")
            place_field("Minutes for everything", given, "minutes", inputmode="decimal")
            place_field("Right means", given, "metric", placeholder="guessed from the answers")
            start = el("button", "pill primary", "Search", type="button")
            start.on("click", lambda: self._search(brought.token, given), args=[])
        if brought.wrong:
            start.props["disabled"] = True
            el("p", "quiet", MEND)
        el("a", "quiet", "Bring another file", href=address)

    async def _look(self) -> None:
        self._show([self._app.training.progress(job) for job in await self._app.jobs.latest() if job.kind == OPTIMISE])

    def _show(self, found: list[JobProgress]) -> None:
        """Draw the searches anew where one has come, gone or changed its state; else have their figures follow."""
        states: list[tuple[str, str]] = [(each.job.id, each.job.state) for each in found]
        if states != self._drawn:
            self._drawn = states
            self._jobs.clear()
            self._jobs.set_visibility(bool(found))
            with self._jobs:
                el("h2", "", "Searches")
                for each in found:
                    self._cards[each.job.id] = JobCard(each, JobActs(self._hands))
                    self._draw_found(each)
        for each in found:
            self._cards[each.job.id].follow(each)

    def _draw_found(self, each: JobProgress) -> None:
        made = self._app.searches.found(each.job)
        if made is None:
            return
        with el("div", "lora-acts"):
            if made.parent:
                link("Compare with where it began", diff_address(self._app.versions.version(made.parent), made), "pill primary")
            link("Edit", editor_address(made))

    async def _search(self, token: str, given: dict[str, str]) -> None:
        with self._tab.in_words():
            calls = given["calls"].strip()
            if not calls.isdecimal():
                raise BadRequest(f"{calls[:20]!r} is not a number of answers.")
            wish = SearchWish(token, self._start.id, int(calls), minutes_in(given["minutes"]), given["metric"].strip())
            await self._hands.ordered(self._app.searches.search(wish, self._person))
