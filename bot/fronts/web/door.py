"""Who may come in: addresses, hosts, origins, the password, and the headers that every response carries.

Plain ASGI, so that pages, assets and the websocket pass the same door; nothing here knows a page.
"""

import re
import secrets

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import RedirectResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from bot.address import Host, Public, host_of, is_loopback, site_of
from bot.fronts.web.plain import MALFORMED, refuse
from bot.fronts.web.sessions import Logins

LOGIN = "/login"
VOTE = re.compile("/vote/[0-9a-f]{32}")  # addresses to which a login leads on: links that people are sent
FOREIGN_HOST = (
    "This page is open to this machine alone: use http://127.0.0.1 or http://localhost. "
    "Behind a proxy, set DUEL_WEB_PUBLIC_URL to the address that others type."
)
FOREIGN_ORIGIN = (
    "Another site sent this request; Duelbot takes requests from its own page alone. "
    "If this is its own page behind a proxy, set DUEL_WEB_PUBLIC_URL to the address that others type."
)


def wished(address: str) -> str:
    """Choose where a login leads: on to a vote, else to the chat; nobody is led elsewhere."""
    return address if VOTE.fullmatch(address) else "/"


def leading_on(address: str) -> str:
    """Write the end of the login's address that leads on to a vote; "" for other addresses."""
    return f"?to={address}" if VOTE.fullmatch(address) else ""


class Place:
    """Puts every request under the path of the public address, whether a proxy has taken that path off or not.

    From here on the page lies at root_path, and all links that are made from it carry it. What a stranger says about
    paths (X-Forwarded-Prefix) is not heard. Over HTTPS cookies are for HTTPS alone.
    """

    def __init__(self, app: ASGIApp, *, public: Public | None) -> None:
        self.app, self.public = app, public
        self.path = public.path if public else ""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            return await self.app(scope, receive, send)
        headers = [(name, value) for name, value in scope["headers"] if name != b"x-forwarded-prefix"]
        placed = {**scope, "headers": headers, "root_path": self.path, "path": self.path + self._inner(scope["path"])}
        raw = scope.get("raw_path") or b""
        placed["raw_path"] = self.path.encode() + self._inner(raw.decode("latin-1")).encode("latin-1")
        if self.public and scope.get("scheme") not in ("https", "wss"):
            placed["scheme"] = self.public.site.scheme.replace("http", "ws") if scope["type"] == "websocket" else self.public.site.scheme

        async def careful(message: Message) -> None:
            if message["type"] == "http.response.start" and placed.get("scheme") == "https":
                message["headers"] = [_secured(name, value) for name, value in message["headers"]]
            await send(message)

        return await self.app(placed, receive, careful)

    def _inner(self, path: str) -> str:
        """The path within the page. It begins with a slash, whatever came."""
        if self.path and (path == self.path or path.startswith(f"{self.path}/")):
            path = path[len(self.path) :]
        return path if path.startswith("/") else f"/{path}"


def _secured(name: bytes, value: bytes) -> tuple[bytes, bytes]:
    is_open = name.lower() == b"set-cookie" and b"; secure" not in value.lower()
    return name, value + b"; Secure" if is_open else value


class Door:
    """Refuses requests that another site sends through somebody's browser, and hosts that are none.

    On loopback a foreign Host means DNS rebinding: a stranger's page whose name now points here. An Origin that is
    not our own host is a stranger's page as well; browsers send one with every websocket and every posted form.
    """

    def __init__(self, app: ASGIApp, *, loopback: bool, public: Public | None = None) -> None:
        self.app, self.loopback, self.public = app, loopback, public

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            return await self.app(scope, receive, send)
        headers = Headers(scope=scope)
        written = headers.get("host", "")
        host = host_of(written)
        if self.loopback and not (host and self._near(host)):
            return await refuse(scope, receive, send, FOREIGN_HOST)
        if (written and host is None) or not _readable(scope.get("query_string", b"")):
            return await refuse(scope, receive, send, MALFORMED[1], 400)
        if not all(self._own(origin, host) for origin in headers.getlist("origin")):
            return await refuse(scope, receive, send, FOREIGN_ORIGIN)
        return await self.app(self._outside(scope), receive, send)

    def _near(self, host: Host) -> bool:
        return is_loopback(host.name) or self._is_public(host)

    def _is_public(self, host: Host) -> bool:
        return self.public is not None and host.name == self.public.site.host

    def _own(self, origin: str, host: Host | None) -> bool:
        """Whether our own page has sent this: from the public address, or from the host that it asks."""
        site = site_of(origin)
        if site is None or host is None:
            return False
        if self.public and site == self.public.site:
            return True
        return not self._is_public(host) and site.serves(host)

    def _outside(self, scope: Scope) -> Scope:
        """The request as the outside made it: a redirect must not name the address behind the proxy."""
        if self.public is None:
            return scope
        others = [(name, value) for name, value in scope["headers"] if name != b"host"]
        return {**scope, "headers": [(b"host", self.public.site.netloc.encode()), *others]}


def _readable(query: bytes) -> bool:
    """Browsers write UTF-8, and nobody behind this door reads anything else."""
    try:
        query.decode()
    except UnicodeDecodeError:
        return False
    return True


class Gate:
    """Lets nobody past without the password, apart from the login page. An open websocket is closed when its login ends."""

    def __init__(self, app: ASGIApp, *, logins: Logins) -> None:
        self.app, self.logins = app, logins

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            return await self.app(scope, receive, send)
        root = scope.get("root_path", "")
        login = self.logins.known(scope)
        if scope["path"] == root + LOGIN:
            return await self.app(scope, receive, send)
        if login is None:
            if scope["type"] == "http" and scope["method"] == "GET" and "text/html" in Headers(scope=scope).get("accept", ""):
                return await RedirectResponse(root + LOGIN + leading_on(scope["path"].removeprefix(root)), 303)(scope, receive, send)
            return await refuse(scope, receive, send, "Log in first.", 401)

        async def watched() -> Message:
            message = await receive()
            return message if self.logins.known(scope) else {"type": "websocket.disconnect", "code": 1008}

        scope["login"] = login
        return await self.app(scope, watched if scope["type"] == "websocket" else receive, send)


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
