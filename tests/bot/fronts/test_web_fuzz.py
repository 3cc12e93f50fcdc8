"""The whole page under requests that no browser sends: whatever the bytes, the answer is a page of ours, and never a crash."""

import asyncio
import logging
from collections import Counter
from collections.abc import Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest
from fastapi import FastAPI
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from bot.fronts.web.server import build
from bot.fronts.web.sessions import Logins, kept_secret
from tests.bot.fronts.web_stage import opened
from tests.patience import patient

PATHS = tuple(
    b"/ /c/1 /results /results/share.svg /results/card.png /login /logout /nothing /favicon.ico // /_nicegui_ws/socket.io/ "
    b"/_nicegui/3.18.0/components/x /_nicegui/3.18.0/static/../../x /team /team/results /c/%00 /c/%ff /results/ /c/\x1b[2J".split()
)
QUERIES = (b"days=\xc2\xb2", b"days=%C2%B2", b"days=-1", b"days=7&days=x", b"pair=.", b"pair=a.b", b"tag=%00", b"tag=%ff", b"theme=x")
POLLING = (b"EIO=4&transport=polling&sid=x", b"EIO=4&transport=polling&client_id=%ff", b"EIO=x&transport=polling", b"EIO=4")
HOSTS = (b"127.0.0.1:8080", b"localhost", b"[", b"[::1", b"[::1]:x", b"duels.example", b"duels.example:443", b"a:99999999", b"\xff", b"")
ORIGINS = (b"http://[", b"http://127.0.0.1:8080", b"https://duels.example", b"null", b"http://[::1]:99999999", b"http://\xff", b"")
COOKIES = (b"duelbot_8080=x.y.z", b"duelbot_8080=\xff", b"=;=;;", b"duelbot_8080_login=\xff.\xff.\xff", b'a="\\777"', b"\x00")
HEADERS = tuple(
    b"accept x-forwarded-for x-forwarded-proto x-forwarded-prefix content-length content-type user-agent range if-none-match "
    b"if-modified-since accept-encoding nicegui-check sec-purpose host origin".split()
)
VALUES = (b"text/html", b"text/markdown", b"bytes=0-1", b"bytes=9-1,x", b"-1", b"https", b"gzip", b"a, b", b"prefetch", b"_\xff")
raw = st.binary(max_size=40)
header = st.tuples(st.sampled_from(HEADERS), raw | st.sampled_from(VALUES))


def some(known: tuple[bytes, ...]) -> st.SearchStrategy[bytes]:
    """Mostly what is known to be awkward, sometimes any bytes."""
    return st.sampled_from(known) | raw | st.builds(lambda one, more: one + more, st.sampled_from(known), raw)


request = st.fixed_dictionaries(
    {
        "type": st.sampled_from(["http", "http", "http", "websocket"]),
        "method": st.sampled_from(["GET", "GET", "GET", "HEAD", "POST", "PUT", "OPTIONS", "X\x00"]),
        "path": some(PATHS),
        "query": some(QUERIES) | some(POLLING),
        "host": some(HOSTS) | st.just(b"127.0.0.1:8080"),
        "origin": st.none() | some(ORIGINS),
        "cookie": st.just(b"") | some(COOKIES),
        "more": st.lists(header, max_size=3),
        "body": raw,
    }
)


async def answer(app: FastAPI, login: bytes, asked: dict[str, Any]) -> list[dict[str, Any]]:
    """What the application sends, given one request as a server would hand it on."""
    named = [(b"host", asked["host"]), (b"cookie", b"; ".join((login, asked["cookie"])))]
    if asked["origin"] is not None:
        named.append((b"origin", asked["origin"]))
    path = asked["path"] if asked["path"].startswith(b"/") else b"/" + asked["path"]
    is_http = asked["type"] == "http"
    scope = {
        "type": asked["type"], "asgi": {"version": "3.0"}, "http_version": "1.1", "scheme": "http" if is_http else "ws", "root_path": "",
        "path": unquote(path.decode("latin-1")), "raw_path": path, "query_string": asked["query"], "headers": named + asked["more"],
        "client": ("127.0.0.1", 1), "server": ("127.0.0.1", 8080), "state": {},
        **({"method": asked["method"]} if is_http else {"subprotocols": []}),
    }  # fmt: skip
    inbox = [{"type": "http.request", "body": asked["body"], "more_body": False}, {"type": "http.disconnect"}]
    if not is_http:
        inbox = [{"type": "websocket.connect"}, {"type": "websocket.receive", "text": asked["body"].decode("latin-1")}]
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return inbox.pop(0) if inbox else {"type": "websocket.disconnect", "code": 1000}

    async def send(message: Any) -> None:
        sent.append(message)

    async with asyncio.timeout(patient(20)):
        await app(scope, receive, send)
    return sent


def check(asked: dict[str, Any], sent: list[dict[str, Any]], seen: Counter[int]) -> None:
    if asked["type"] == "websocket":
        assert sent[0]["type"] in ("websocket.close", "websocket.accept"), sent
        return
    assert sent, "nothing was answered"
    status, headers = sent[0]["status"], dict(sent[0]["headers"])
    assert status < 500, sent
    seen[status] += 1
    if status >= 400 and asked["method"] != "HEAD" and b"content-encoding" not in headers:
        text = b"".join(message.get("body", b"") for message in sent[1:]).decode()
        assert "Traceback" not in text and '"detail"' not in text
        assert headers[b"content-type"].startswith((b"text/html", b"text/plain"))
        assert "<main" in text or headers[b"content-type"].startswith(b"text/plain")


def case(**parts: Any) -> dict[str, Any]:
    usual = {"type": "http", "method": "GET", "path": b"/", "query": b"", "host": b"127.0.0.1:8080", "origin": None, "cookie": b""}
    return {**usual, "more": [], "body": b"", **parts}


@pytest.mark.parametrize(
    "names",
    [{}, {"DUEL_WEB_PASSWORD": "sesame", "DUEL_WEB_PUBLIC_URL": "https://duels.example/team", "DUEL_WEB_TRUSTED_PROXIES": "127.0.0.1"}],
    ids=["alone", "behind a proxy"],
)
def test_no_request_breaks_the_page(tmp_path: Path, names: dict[str, str], caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.CRITICAL)
    seen = Counter[int]()
    with asyncio.Runner() as runner:
        stack, app = runner.run(stage(tmp_path, names))
        secret = kept_secret(tmp_path / "session.key")
        login = f"duelbot_8080_login={Logins(secret, 'sesame', '', tmp_path / 'ended').new()}".encode()

        @settings(
            max_examples=250,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            database=None,
            derandomize=True,
        )
        @given(request)
        @example(case(origin=b"http://["))
        @example(case(path=b"/results", query=b"days=\xc2\xb2"))
        @example(case(path=b"/results", query=b"days=%C2%B2"))
        @example(case(path=b"/results", query=b"days=\xff"))
        @example(case(path=b"/_nicegui_ws/socket.io/", query=b"EIO=4&transport=polling&implicit_handshake=true"))
        @example(case(path=b"/_nicegui_ws/socket.io/", query=b"EIO=4&transport=polling&implicit_handshake=true&client_id=x"))
        @example(case(path=b"/_nicegui_ws/socket.io/", query=b"EIO=4&transport=websocket&client_id=\xff", type="websocket"))
        def knock(asked: dict[str, Any]) -> None:
            check(asked, runner.run(answer(app, login, asked)), seen)

        try:
            knock()
            assert seen.keys() >= {200, 400, 403, 404, 405}, seen  # the requests are not all turned away at the door
        finally:
            runner.run(stack.aclose())


async def stage(folder: Path, names: dict[str, str]) -> tuple[AsyncExitStack, Callable[..., Any]]:
    """The whole application, started, with the port that the cases know."""
    stack = AsyncExitStack()
    app, chosen = await stack.enter_async_context(opened(folder, DUEL_WEB_PORT="8080", **names))
    web = build(app, chosen)
    await stack.enter_async_context(web.router.lifespan_context(web))
    return stack, web
