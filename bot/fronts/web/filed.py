"""Files of requests on the page: brought, asked one after the other, followed, and from there to the votes."""

import asyncio

from fastapi import FastAPI, Request
from fastapi.responses import RedirectResponse, Response
from nicegui import ui
from starlette.datastructures import UploadFile

from bot.app import App
from bot.app.asked_rows import MOST
from bot.fronts.web.assets import THEME, style
from bot.fronts.web.dom import Conduct, el, person_of, viewer
from bot.fronts.web.header import place_header
from bot.fronts.web.markup import shown
from bot.fronts.web.pair import PairBar
from bot.fronts.web.plain import told
from bot.fronts.web.tab import Tab
from bot.picks import read_pick
from bot.views import Batch
from bot.words import counted
from engine.errors import BadRequest, DuelbotError

POLL_S = 1.0  # seconds between two looks while the page is open
BRING = (
    f"A CSV or JSONL file with up to {MOST} requests, a row each (a column “request”, “prompt” or “input”). They are asked one after the "
    "other, each of both sides, and wait for your vote then. You may leave this page meanwhile."
)
TITLE = "These requests cannot be asked"


def add_filed(web: FastAPI, app: App) -> None:
    """Add the page, and the place where a file is brought."""

    async def bring(request: Request) -> Response:
        try:
            async with request.form() as form:
                if not isinstance(file := form.get("rows"), UploadFile) or not file.filename:
                    raise BadRequest("Choose a file of requests.")
                await app.filing.begin(
                    person_of(request.session),
                    await file.read(),
                    tag=str(form.get("tag") or ""),
                    pick=read_pick(str(form.get("pick") or "")),
                )
        except DuelbotError as error:
            return told(request.scope, 400, error.words, TITLE)
        return RedirectResponse(f"{request.scope.get('root_path', '')}/requests", 303)

    async def page(request: Request) -> Response | None:
        ui.add_head_html(f"<style>{style()}</style>{THEME}")
        ui.page_title("Ask a file of requests · Duelbot")
        FiledPage(app, viewer())
        return None

    web.post("/requests/file")(bring)
    ui.page("/requests")(page)


class FiledPage:
    """One browser tab."""

    def __init__(self, app: App, person: str) -> None:
        self._app, self._person, self._tab = app, person, Tab()
        self._drawn: list[Batch] | None = None
        el("a", "skip", "Skip to the files", href="#files")
        place_header("Many requests at once, voted on one after the other.")
        with el("div", "queue", id="files"):
            with el("div", "queue-head"):
                el("h2", "", "Ask a file of requests")
                el("a", "pill", "Waiting for your vote", href="/vote")
            self._tab.place_notice()
            el("p", "quiet", BRING)
            with el("form", "bring-file", method="post", action="/requests/file", enctype="multipart/form-data"):
                el("input", "line", type="file", name="rows", required=True, aria_label="File of requests", accept=".jsonl,.json,.csv,.txt")
                el("input", "line", type="text", name="tag", placeholder="tag, if you like", aria_label="Tag of these requests")
                self._pair = PairBar(app.pairing, self._tab, field="pick")
                el("button", "pill primary", "Ask them", type="submit")
            self._box = el("div", "runs", aria_live="polite")
        Conduct()
        self._tab.spawn(self._follow(), "files")
        self._tab.spawn(self._offer(), "pair")

    async def _offer(self) -> None:
        """Offer who can be picked to meet, once the model is there."""
        await self._app.model_settled()
        with self._tab.in_words():
            await self._pair.look()

    async def _follow(self) -> None:
        while True:
            with self._tab.in_words():
                await self._look()
            await asyncio.sleep(POLL_S)

    async def _look(self) -> None:
        found = await self._app.filing.of(self._person)
        if found == self._drawn:
            return
        self._drawn = found
        self._box.clear()
        with self._box:
            for batch in found:
                self._draw(batch)

    def _draw(self, batch: Batch) -> None:
        done = batch.answered + batch.failed
        with el("section", "run", aria_label="A file of requests"):
            el("progress", "bar", max=batch.total, value=done, aria_label="Requests that are done with")
            el("p", "note", run_words(batch))
            if batch.failed and batch.why:
                el("p", "quiet", f"The latest that failed: {shown(batch.why)}")
            with el("div", "acts"):
                if done:
                    el("a", "pill primary", "Vote on them", href="/vote")
                if done < batch.total and not batch.ended:
                    el("button", "pill", "Stop", type="button", data_does="stop").on("click", lambda: self._stop(batch.event), args=[])

    async def _stop(self, event: str) -> None:
        with self._tab.in_words():
            await self._app.filing.stop(event, self._person)
            await self._look()


def run_words(batch: Batch) -> str:
    """Say how far a file is. Pure."""
    failed = f", {counted(batch.failed, 'failed', 'failed')}" if batch.failed else ""
    words = f"{batch.answered:,} of {counted(batch.total, 'request')} answered{failed}."
    return f"{words} {batch.ended}".strip()
