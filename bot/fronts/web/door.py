"""Who may come in: hosts, origins, the password, and the headers that every response carries.

Plain ASGI, so that pages, assets and the websocket pass the same door; nothing here knows a page.
"""

import hashlib
import hmac
import ipaddress
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse, RedirectResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

LOGIN = "/login"


def is_loopback(host: str) -> bool:
    """Whether a host name or address can only be reached from this machine."""
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host.lower() == "localhost"


def host_of(netloc: str) -> str:
    """The name in a Host header or a netloc, without its port; empty when there is none."""
    try:
        return urlsplit(f"//{netloc}").hostname or ""
    except ValueError:
        return ""


class Door:
    """Refuses requests that another site sends through somebody's browser.

    On loopback a foreign Host means DNS rebinding: a stranger's page whose name now points here. An Origin that is
    not our own host is a stranger's page as well; browsers send one with every websocket and every posted form.
    """

    def __init__(self, app: ASGIApp, *, loopback: bool) -> None:
        self.app, self.loopback = app, loopback

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            return await self.app(scope, receive, send)
        headers = Headers(scope=scope)
        host, origin = headers.get("host", ""), headers.get("origin")
        if self.loopback and not is_loopback(host_of(host)):
            return await refuse(scope, receive, send, "This page is open to this machine alone: use http://127.0.0.1 or http://localhost.")
        if origin is not None and (not host or urlsplit(origin).netloc.lower() != host.lower()):
            return await refuse(scope, receive, send, "Another site sent this request; Duelbot takes requests from its own page alone.")
        return await self.app(scope, receive, send)


class Gate:
    """Lets nobody past without the password, apart from the login page. Stands behind the session middleware."""

    def __init__(self, app: ASGIApp, *, ticket: str) -> None:
        self.app, self.ticket = app, ticket

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket") or scope["path"] == LOGIN or self._known(scope):
            return await self.app(scope, receive, send)
        if scope["type"] == "http" and scope["method"] == "GET" and "text/html" in Headers(scope=scope).get("accept", ""):
            return await RedirectResponse(LOGIN, 303)(scope, receive, send)
        return await refuse(scope, receive, send, "Log in first.", 401)

    def _known(self, scope: Scope) -> bool:
        return hmac.compare_digest(str(scope["session"].get("ticket", "")), self.ticket)


class Seal:
    """Puts the security headers on every response, and a fresh nonce on the scripts of every page.

    NiceGUI compiles its templates in the browser, so 'unsafe-eval' has to stay; with the nonce, no script and no
    event handler that might slip into the page as HTML runs.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self.app(scope, receive, send)
        nonce = secrets.token_urlsafe(18)
        start: Message | None = None
        body = bytearray()

        async def sealed(message: Message) -> None:
            nonlocal start
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in _headers(nonce).items():
                    headers[name] = value
                if headers.get("content-type", "").startswith("text/html"):
                    start = message  # held back until the body's length is known
                    return
            elif start is not None:
                body.extend(message.get("body", b""))
                if message.get("more_body"):
                    return
                page = bytes(body).replace(b"<script", f'<script nonce="{nonce}"'.encode())
                MutableHeaders(scope=start)["content-length"] = str(len(page))
                await send(start)
                message = {"type": "http.response.body", "body": page}
            await send(message)

        return await self.app(scope, receive, sealed)


def _headers(nonce: str) -> dict[str, str]:
    policy = (
        "default-src 'none'",
        f"script-src 'self' 'nonce-{nonce}' 'unsafe-eval'",
        "script-src-attr 'none'",
        "style-src 'self' 'unsafe-inline'",  # the page sets styles on elements while it is running
        "img-src 'self' data:",
        "font-src 'self'",
        "connect-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    )
    return {
        "content-security-policy": "; ".join(policy),
        "x-content-type-options": "nosniff",
        "x-frame-options": "DENY",
        "referrer-policy": "same-origin",
        "cross-origin-opener-policy": "same-origin",
        "cross-origin-resource-policy": "same-origin",
        "permissions-policy": "camera=(), microphone=(), geolocation=()",
    }


async def refuse(scope: Scope, receive: Receive, send: Send, words: str, status: int = 403) -> None:
    """Say no in words; a websocket is closed before it is opened."""
    if scope["type"] == "websocket":
        await send({"type": "websocket.close", "code": 1008, "reason": words})
        return
    await PlainTextResponse(words + "\n", status)(scope, receive, send)


def ticket_of(secret: str, password: str) -> str:
    """What a session holds once it has shown the password; another password makes it worthless."""
    return hmac.new(secret.encode(), password.encode(), hashlib.sha256).hexdigest()


@dataclass(slots=True)
class Attempts:
    """Failed logins per address. Three are free; each one after that doubles the wait, to a minute."""

    clock: Callable[[], float] = time.monotonic
    failed: dict[str, tuple[int, float]] = field(default_factory=dict)  # address -> how many, free again at

    def wait_s(self, address: str) -> float:
        """How long this address has to wait before its next attempt is looked at."""
        return max(0.0, self.failed.get(address, (0, 0.0))[1] - self.clock())

    def fail(self, address: str) -> None:
        count = self.failed.pop(address, (0, 0.0))[0] + 1
        pause_s = 0.0 if count < 3 else min(60.0, 2.0 ** (count - 2))
        self.failed[address] = (count, self.clock() + pause_s)
        while len(self.failed) > 1000:  # the oldest goes first
            del self.failed[next(iter(self.failed))]

    def forget(self, address: str) -> None:
        self.failed.pop(address, None)
