"""The login page: plain HTML, before anything else is shown; and the way out.

Whoever guesses is slowed down before a byte of the guess is read: a guess counts when it begins, so that many
at once gain nothing, and neither do guesses that never end.
"""

import asyncio
import hashlib
import hmac
import math
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from html import escape
from urllib.parse import parse_qs

from fastapi import FastAPI, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from starlette.requests import ClientDisconnect

from bot.address import neighbourhood
from bot.errors import StoreError
from bot.fronts.web.dom import MARK
from bot.fronts.web.door import LOGIN, leading_on, wished
from bot.fronts.web.plain import OURS, document, told
from bot.fronts.web.sessions import Logins

MAX_BYTES = 4096  # of a posted form; a password fits, a flood does not
BODY_S = 5.0  # within which a form must have arrived
AT_ONCE, AT_ONCE_EACH = 32, 2  # forms being read, of everybody and of one address
FREE = 3  # wrong passwords before an address has to wait
KNOWN = 1000  # addresses that are remembered
CLOSE = {"connection": "close"}  # what is left of a body that nobody reads


@dataclass(slots=True)
class Attempts:
    """Logins begun per address. Three are free; each one after that doubles the wait, to a minute. A right password forgets them."""

    clock: Callable[[], float] = time.monotonic
    failed: dict[str, tuple[int, float]] = field(default_factory=dict)  # address -> how many, free again at
    reading: Counter[str] = field(default_factory=Counter)  # address -> forms that are being read

    def wait_s(self, address: str) -> float:
        """Say how long this address has to wait, in seconds, before its next attempt is looked at."""
        return max(0.0, self.failed.get(address, (0, 0.0))[1] - self.clock())

    def fail(self, address: str) -> None:
        """Count an attempt, which is a failed one until it proves right."""
        count = self.failed.pop(address, (0, 0.0))[0] + 1
        pause_s = 0.0 if count < FREE else min(60.0, 2.0 ** (count - FREE + 1))
        self.failed[address] = (count, self.clock() + pause_s)
        while len(self.failed) > KNOWN:  # the oldest goes first
            del self.failed[next(iter(self.failed))]

    def forget(self, address: str) -> None:
        self.failed.pop(address, None)

    def crowded(self, address: str) -> bool:
        """Whether as many forms are being read as may be, from this address or in all."""
        return self.reading[address] >= AT_ONCE_EACH or self.reading.total() >= AT_ONCE

    @contextmanager
    def begun(self, address: str) -> Iterator[None]:
        """Count one attempt of this address, from its beginning."""
        self.fail(address)
        self.reading[address] += 1
        try:
            yield
        finally:
            self.reading[address] -= 1
            self.reading += Counter()  # drops those that read none


class Refused(Exception):
    """A form that is no guess at all."""

    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status


def add_login(web: FastAPI, *, password: str, logins: Logins, attempts: Attempts) -> None:
    """Add the routes of the login page and of the logout."""

    async def ask_for_it(request: Request) -> Response:
        return _page(request)

    async def check(request: Request) -> Response:
        address = neighbourhood(request.client.host if request.client else "")
        if wait_s := attempts.wait_s(address):
            return _wait(request, f"Too many attempts. Try again in {math.ceil(wait_s)} s.", math.ceil(wait_s))
        if attempts.crowded(address):
            return _wait(request, "Too many people are logging in. Try again in a moment.", math.ceil(BODY_S))
        with attempts.begun(address):
            try:
                given = await _given(request)
            except Refused as refused:
                return told(request.scope, refused.status, headers=CLOSE)
        if not _same(given, password):
            return _page(request, "That is not the password.", 401)
        attempts.forget(address)
        return _gone(request, wished(request.query_params.get("to", "")), logins.cookie(logins.new(), _root(request)))

    async def leave(request: Request) -> Response:
        try:
            logins.end(request.scope["login"])
        except StoreError as error:
            return told(request.scope, 503, error.words)
        return _gone(request, LOGIN, logins.cookie("", _root(request)))

    web.add_api_route(LOGIN, ask_for_it, methods=["GET"], response_model=None)
    web.add_api_route(LOGIN, check, methods=["POST"], response_model=None)
    web.add_api_route("/logout", leave, methods=["POST"], response_model=None)


async def _given(request: Request) -> str:
    """The password of the posted form; empty when the form has none. Raises Refused for a form too long or too slow."""
    body = bytearray()
    try:
        async with asyncio.timeout(BODY_S):
            async for piece in request.stream():
                body.extend(piece)
                if len(body) > MAX_BYTES:
                    raise Refused(413)
    except TimeoutError:
        raise Refused(408) from None
    except ClientDisconnect:
        raise Refused(400) from None
    return _field(bytes(body))


def _field(body: bytes) -> str:
    try:
        return parse_qs(body.decode("utf-8", "replace"), max_num_fields=10).get("password", [""])[0]
    except ValueError:
        return ""


def _same(given: str, password: str) -> bool:
    """Compared in a time that tells neither a letter nor the length."""
    return hmac.compare_digest(hashlib.sha256(given.encode("utf-8", "replace")).digest(), hashlib.sha256(password.encode()).digest())


def _root(request: Request) -> str:
    return str(request.scope.get("root_path", ""))


def _gone(request: Request, path: str, cookie: str) -> Response:
    return RedirectResponse(_root(request) + path, 303, headers={"set-cookie": cookie, "cache-control": "no-store"})


def _wait(request: Request, words: str, seconds_s: int) -> Response:
    return _page(request, words, 429, {**CLOSE, "retry-after": str(seconds_s)})


def _page(request: Request, problem: str = "", status: int = 200, headers: dict[str, str] | None = None) -> HTMLResponse:
    alert = f'<p class="notice" role="alert">{escape(problem)}</p>' if problem else ""
    return HTMLResponse(
        document(
            "Duelbot",
            f"""<form method="post" action="{_root(request)}{LOGIN}{leading_on(request.query_params.get("to", ""))}">
<span class="mark">{MARK}</span><h1>Duelbot</h1><p>This page asks for a password.</p>{alert}
<label for="password">Password</label>
<input id="password" name="password" type="password" autocomplete="current-password" required autofocus>
<button class="pill primary" type="submit">Come in</button></form>""",
        ),
        status,
        headers={"cache-control": "no-store", OURS: "1", **(headers or {})},
    )
