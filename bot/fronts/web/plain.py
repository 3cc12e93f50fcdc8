"""Pages of a few words, without a script of NiceGUI's: the login, and everything that can go wrong, in the page's own look.

Plain ASGI. Whatever stands behind `Spoken` may fail as it likes; what goes out is one of these pages.
"""

import logging
from collections.abc import Mapping
from html import escape
from urllib.parse import quote

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import HTMLResponse, PlainTextResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from bot.fronts.web.assets import THEME, style
from bot.fronts.web.dom import MARK

WENT_WRONG = "Something went wrong inside Duelbot; the reason is in its log. What is stored is unharmed. Reload the page to go on."
OURS = "x-duelbot-words"  # on a response in our words; it never leaves the server
log = logging.getLogger(__name__)

MALFORMED = (
    "This cannot be read",
    "Something in the address, or in what was sent with it, is malformed. Begin at the first page.",
)
# title and sentence of a status; another one below 500 is a malformed request, another one above it a bug
WORDS: Mapping[int, tuple[str, str]] = {
    401: ("Log in first", "This page asks for a password."),
    403: ("This is not allowed", "Duelbot does not do this for the place that the request came from."),
    404: ("There is nothing here", "This address belongs to no conversation of this store."),
    405: ("That cannot be done here", "This address takes no request of that kind."),
    408: ("That took too long", "The request did not arrive as a whole in time. Try again."),
    413: ("That is too much", "More was sent than this address takes."),
    429: ("Too many attempts", "Try again in a while."),
    500: ("This page could not be drawn", WENT_WRONG),
    503: ("Duelbot is busy", "It cannot answer this just now. Try again in a moment."),
}


def document(title: str, body: str) -> str:
    """Write a whole page in the look of all others. body is HTML."""
    return f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>{escape(title)}</title><link rel="icon" href="data:image/svg+xml,{quote(MARK)}"><style>{style()}</style>{THEME}</head>
<body><main class="login">{body}</main></body></html>"""


def failure_page(status: int, home: str, title: str = "", words: str = "") -> str:
    """Write a page of what went wrong, with a way out. home: the address of the first page."""
    usual = WORDS.get(status, MALFORMED if status < 500 else WORDS[500])
    return document(
        "Duelbot",
        f'<div class="plain"><span class="mark">{MARK}</span><h1>{escape(title or usual[0])}</h1>'
        f'<p>{escape(words or usual[1])}</p><a class="pill primary" href="{escape(home)}">New conversation</a></div>',
    )


def told(scope: Scope, status: int, words: str = "", title: str = "", headers: Mapping[str, str] | None = None) -> Response:
    """Answer with a failure: a page for who reads pages, a line of text for programs and pictures."""
    marked = {"cache-control": "no-store", **(headers or {}), OURS: "1"}
    accept = Headers(scope=scope).get("accept", "").strip()
    if "text/html" in accept or accept in ("", "*/*"):
        return HTMLResponse(failure_page(status, scope.get("root_path", "") + "/", title, words), status, headers=marked)
    return PlainTextResponse(f"{words or WORDS.get(status, MALFORMED)[1]}\n", status, headers=marked)


async def refuse(scope: Scope, receive: Receive, send: Send, words: str, status: int = 403) -> None:
    """Say no in words; a websocket is closed before it is opened."""
    if scope["type"] == "websocket":
        await send({"type": "websocket.close", "code": 1008, "reason": words})
        return
    await told(scope, status, words)(scope, receive, send)


class Head:
    """Answers HEAD as GET, less the body."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] != "HEAD":
            return await self.app(scope, receive, send)

        async def bodiless(message: Message) -> None:
            await send({**message, "body": b""} if message["type"] == "http.response.body" else message)

        return await self.app({**scope, "method": "GET"}, receive, bodiless)


class Spoken:
    """Puts our own words in the place of every failure that says others: a framework's page, JSON, a stack, nothing."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            return await self.app(scope, receive, send)
        saying = _Saying(scope, receive, send)
        try:
            await self.app(scope, receive, saying)
        except Exception:
            if saying.begun:
                raise
            log.exception("A request could not be answered")
            await saying.fail()


class _Saying:
    """The sending side of one request."""

    def __init__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self._scope, self._receive, self._send = scope, receive, send
        self._replaced = False
        self.begun = False  # something has been sent

    async def __call__(self, message: Message) -> None:
        if self._replaced:
            return
        if message["type"] == "http.response.start" and message["status"] >= 400:
            headers = MutableHeaders(scope=message)
            if OURS not in headers:
                await self._say(message["status"], headers)
                return
            del headers[OURS]
        self.begun = True
        await self._send(message)

    async def fail(self) -> None:
        """Tell of a bug in words."""
        if self._scope["type"] == "http":
            await self._say(500, {})
        else:
            await self._send({"type": "websocket.close", "code": 1011, "reason": WORDS[500][0]})

    async def _say(self, status: int, headers: Mapping[str, str]) -> None:
        self.begun = self._replaced = True
        kept = {name: headers[name] for name in ("allow", "retry-after") if name in headers}
        response = told(self._scope, 400 if status == 422 else status, headers=kept)
        del response.headers[OURS]
        await response(self._scope, self._receive, self._send)
