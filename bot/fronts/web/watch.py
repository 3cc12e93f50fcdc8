"""What whoever runs Duelbot looks at: /healthz says that it is alive, /readyz whether people can be served, /metrics holds its figures.

Plain ASGI. No answer holds a text of anybody, a path or a secret.
"""

import json
import logging
import secrets
import time
from typing import Any

from starlette.responses import PlainTextResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from bot.app import App
from bot.fronts.web.plain import OURS, told
from bot.logs import about
from bot.meters import TYPE

PATHS = ("/healthz", "/readyz", "/metrics")
ID = b"x-request-id"
log = logging.getLogger(__name__)


class WatchPaths:
    """Answers the three addresses, and hands on everything else."""

    def __init__(self, app: ASGIApp, *, watched: App) -> None:
        self.app, self._watched = app, watched

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = scope.get("path", "").removeprefix(scope.get("root_path", ""))
        if scope["type"] != "http" or path not in PATHS or scope["method"] != "GET":
            await self.app(scope, receive, send)
            return
        response = await self._answer(path)
        response.headers["cache-control"] = "no-store"
        if response.status_code >= 400:
            response.headers[OURS] = "1"
        await response(scope, receive, send)

    async def _answer(self, path: str) -> Response:
        match path:
            case "/healthz":
                return PlainTextResponse("alive\n")
            case "/readyz":
                found = await self._watched.readiness.look()
                told: dict[str, Any] = {"ready": found.whole, "model": found.model, "store": found.store, "leaving": found.leaving}
                return Response(json.dumps(told) + "\n", 200 if found.whole else 503, media_type="application/json")
            case _:
                return Response(self._watched.core.meters.text(), headers={"content-type": TYPE})


async def nothing(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer what stands at no address."""
    if scope["type"] == "http":
        response = told(scope, 404, "Here are /healthz, /readyz and /metrics, and nothing else.", "There is nothing here")
        await response(scope, receive, send)
    elif scope["type"] == "websocket":
        await send({"type": "websocket.close", "code": 1008})


class Bare:
    """Takes off the mark by which inner layers know our own words, where no layer stands that does it."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def bare(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [(name, value) for name, value in message["headers"] if name != OURS.encode()]
            await send(message)

        await self.app(scope, receive, bare)


class Numbered:
    """Gives every request an id, which its lines of the log carry and its answer as X-Request-Id; logs the answer, without the query."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self.app(scope, receive, send)
            return
        number, began = secrets.token_hex(8), time.perf_counter()
        about(request=number)

        async def numbered(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], (ID, number.encode())]
                took_ms = (time.perf_counter() - began) * 1000
                level = logging.DEBUG if scope["path"] in PATHS or "/_nicegui" in scope["path"] else logging.INFO
                log.log(level, "%s %s: %d after %.0f ms", scope["method"], scope["path"], message["status"], took_ms)
            await send(message)

        await self.app(scope, receive, numbered)
