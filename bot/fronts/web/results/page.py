"""The results page that is open in a browser: drawn, followed, and mended after a failure; and the addresses of page and pictures."""

import asyncio
import contextlib
import logging
from pathlib import Path
from typing import get_args

from fastapi import FastAPI, Request
from fastapi.responses import Response
from nicegui import background_tasks, ui

from bot.app import App
from bot.charts import Chart, Form, Theme
from bot.fronts.web.asked import Query, verdict_for, wanted_by
from bot.fronts.web.assets import THEME, style
from bot.fronts.web.dom import Conduct, el
from bot.fronts.web.header import place_header
from bot.fronts.web.markup import shown
from bot.fronts.web.plain import WENT_WRONG, told
from bot.fronts.web.results.look import ResultsLook, look_again
from bot.fronts.web.results.panels import draw
from bot.verdict import Unknown
from engine.errors import BadRequest, DuelbotError

AT_HAND_S = 0.5  # seconds that the page waits for its evidence before it is sent without
RETRY_S = 30.0  # seconds to the next try after a failure that nobody answers with the button
POLL_S = 1.5  # seconds between two looks while the page is open; at an unchanged verdict one costs a fraction of a millisecond
CSS = Path(__file__).parents[1] / "results.css"
log = logging.getLogger(__name__)


def add_results(web: FastAPI, app: App) -> None:
    """Add the page and its pictures."""

    async def picture(request: Request, chart: str, form: str) -> Response:
        theme = request.query_params.get("theme", "light")
        if chart not in list(Chart) or form not in get_args(Form) or theme not in get_args(Theme):
            return told(request.scope, 404, "There is no such picture.")
        try:
            found = await verdict_for(app, await wanted_by(app, Query.read(request.query_params)))
            if isinstance(found, Unknown):
                return told(request.scope, 404, found.words)
            drawn = await app.judging.picture(Chart(chart), found, theme, form)  # type: ignore[arg-type]
        except BadRequest as error:
            return told(request.scope, 400, error.words)
        except DuelbotError as error:
            return told(request.scope, 503, error.words)
        return Response(drawn.data, media_type=drawn.media, headers={"cache-control": "private, max-age=60"})

    async def page(request: Request) -> Response | None:
        try:
            query = Query.read(request.query_params)
        except BadRequest as error:
            return told(request.scope, 400, error.words)
        ui.add_head_html(f"<style>{style()}{CSS.read_text(encoding='utf-8')}</style>{THEME}")
        ui.page_title("Results · Duelbot")
        await ResultsPage(app, query).open()
        return None

    web.get("/results/{chart}.{form}")(picture)
    ui.page("/results")(page)


class ResultsPage:
    """One browser tab."""

    def __init__(self, app: App, query: Query) -> None:
        self._app, self._query = app, query
        self._client = ui.context.client
        self._shown: ResultsLook | None = None
        self._filled, self._again = asyncio.Event(), asyncio.Event()

    async def open(self) -> None:
        """Draw the page's frame, and fill it: at once when the evidence is at hand, else whenever it has been read."""
        place_header("What the votes, clocks and bills say")
        self._main = el("div", "results")
        self._wait()
        Conduct()
        following = background_tasks.create(self._follow(), name="results", context=self._client)
        self._client.on_delete(lambda: following.cancel() and None)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._filled.wait(), AT_HAND_S)

    async def _follow(self) -> None:
        """Draw what changes, until the page is gone."""
        while True:
            if trouble := await self._tried():
                await self._failed(trouble)
            else:
                self._filled.set()
                await asyncio.sleep(POLL_S)

    async def _tried(self) -> str:
        """Look once, and draw what has changed. Returns what went wrong, in words."""
        try:
            if (look := await look_again(self._app, self._query, self._shown)) is not None:
                self._shown = look
                with self._client:
                    self._main.clear()
                    with self._main:
                        draw(look)
        except DuelbotError as error:
            return error.words
        except Exception:
            log.exception("The results cannot be drawn")
            return WENT_WRONG
        return ""

    async def _failed(self, words: str) -> None:
        """Say what went wrong in the results' place, until the button is pressed or it is time for another try."""
        self._shown = None
        self._again.clear()
        with self._client:
            self._main.clear()
            with self._main, el("section", "say", role="alert"):
                el("h2", "", "The results cannot be read")
                el("p", "", shown(words))
                el("button", "pill primary", "Try again", type="button").on("click", self._again.set, args=[])
        self._filled.set()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._again.wait(), RETRY_S)
            self._wait()

    def _wait(self) -> None:
        """Say that the evidence is being read."""
        self._main.clear()
        with self._main, el("section", "say", role="status"):
            el("h2", "", "Reading the evidence …")
            el("p", "quiet", "Every decided duel is read once. With many of them this takes a moment, and the page fills by itself.")
