"""The login page: plain HTML, no script, before anything else is shown."""

import hmac
import math
from html import escape
from urllib.parse import parse_qs, quote

from fastapi import FastAPI, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from bot.fronts.web.assets import style
from bot.fronts.web.dom import MARK
from bot.fronts.web.door import LOGIN, Attempts

MAX_BYTES = 4096  # of a posted form; a password fits, a flood does not


def add_login(web: FastAPI, *, password: str, ticket: str, attempts: Attempts) -> None:
    """The two routes of the login page."""

    async def ask_for_it(request: Request) -> Response:
        return _page()

    async def check(request: Request) -> Response:
        address = request.client.host if request.client else ""
        if wait_s := attempts.wait_s(address):
            return _page(f"Too many attempts. Try again in {math.ceil(wait_s)} s.", 429)
        given = await _given(request)
        if not hmac.compare_digest(given.encode(), password.encode()):
            attempts.fail(address)
            return _page("That is not the password.", 401)
        attempts.forget(address)
        request.session["ticket"] = ticket
        return RedirectResponse("/", 303)

    web.add_api_route(LOGIN, ask_for_it, methods=["GET"], response_model=None)
    web.add_api_route(LOGIN, check, methods=["POST"], response_model=None)


async def _given(request: Request) -> str:
    """The password of the posted form; empty when the body is none of ours."""
    body = bytearray()
    async for piece in request.stream():
        body.extend(piece)
        if len(body) > MAX_BYTES:
            return ""
    return parse_qs(body.decode("utf-8", "replace")).get("password", [""])[0]


def _page(problem: str = "", status: int = 200) -> HTMLResponse:
    alert = f'<p class="notice" role="alert">{escape(problem)}</p>' if problem else ""
    return HTMLResponse(
        f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>Duelbot</title><link rel="icon" href="data:image/svg+xml,{quote(MARK)}"><style>{style()}</style></head>
<body><main class="login"><form method="post" action="{LOGIN}">
<span class="mark">{MARK}</span><h1>Duelbot</h1><p>This page asks for a password.</p>{alert}
<label for="password">Password</label>
<input id="password" name="password" type="password" autocomplete="current-password" required autofocus>
<button class="pill primary" type="submit">Come in</button></form></main></body></html>""",
        status,
        headers={"cache-control": "no-store"},
    )
