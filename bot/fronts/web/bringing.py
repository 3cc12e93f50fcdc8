"""Files of rows that are brought: the form, the way in, and what the check says of them."""

from collections.abc import Awaitable, Callable

from fastapi import FastAPI, Request
from fastapi.responses import RedirectResponse, Response
from starlette.datastructures import UploadFile

from bot.app import App
from bot.app.training import BroughtRows
from bot.fronts.web.dom import el
from bot.fronts.web.markup import shown
from bot.fronts.web.plain import told
from engine.errors import BadRequest, DuelbotError

REFUSED = "These rows cannot be taken"
GONE = "These rows are gone"


def place_form(action: str, label: str, button: str) -> None:
    """Add the form by which a file of rows is brought. It needs no script, and a file can be dropped on it."""
    with el("form", "bring", method="post", action=action, enctype="multipart/form-data"):
        el("input", "drop", type="file", name="rows", required=True, aria_label=label, accept=".jsonl,.json,.csv,.txt")
        el("button", "pill primary", button, type="submit")


def add_bringing(web: FastAPI, app: App, page: str) -> None:
    """Take files at the page's address with /rows behind it, and show the page with them. page: may hold {parameters}."""

    async def bring(request: Request) -> Response:
        try:
            async with request.form() as form:
                if not isinstance(file := form.get("rows"), UploadFile):
                    raise BadRequest("Choose a file of rows.")
                brought = await app.training.bring(file.filename or "rows", await file.read())
        except DuelbotError as error:
            return told(request.scope, 400, error.words, REFUSED)
        there = page.format(**request.path_params)
        return RedirectResponse(f"{request.scope.get('root_path', '')}{there}?rows={brought.token}", 303)

    web.post(f"{page}/rows")(bring)


async def with_brought(request: Request, app: App, build: Callable[[BroughtRows | None], Awaitable[None]]) -> Response | None:
    """Build a page with the rows that its address names, or without; what is wrong with them is a page of a sentence."""
    token = request.query_params.get("rows", "")
    try:
        brought = await app.training.brought(token) if token else None
    except DuelbotError as error:
        return told(request.scope, 404, error.words, GONE)
    await build(brought)
    return None


def draw_report(brought: BroughtRows) -> None:
    """Draw what the check says of rows."""
    el("h2", "", shown(f"{brought.name}: {brought.rows:,} rows"))
    for sentence in brought.about[1:]:
        el("p", "quiet", shown(sentence))
    if not brought.faults:
        return
    with el("div", "scroll"), el("table", "grid"):
        el("caption", "", "What the check has found")
        with el("thead"), el("tr"):
            for name in ("Found", "Rows", "Lines", "The fix"):
                el("th", "", name, scope="col")
        with el("tbody"):
            for fault in brought.faults:
                with el("tr", "wrong" if fault.wrong else ""):
                    el("th", "", f"{'! ' if fault.wrong else ''}{fault.kind}", scope="row", title=fault.what)
                    for text in (f"{fault.rows:,}", fault.where, fault.fix):
                        el("td", "", shown(text))


def minutes_in(text: str) -> float:
    """Read the minutes that somebody has typed. Raises BadRequest."""
    try:
        return float(text.strip())
    except ValueError as error:
        raise BadRequest(f"{text.strip()[:20]!r} is not a number of minutes.") from error
