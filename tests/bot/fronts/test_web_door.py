"""Who may come in: a small application behind the door, spoken to as browsers and strangers would."""

import errno
import re
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI
from starlette.middleware import Middleware
from starlette.middleware.sessions import SessionMiddleware
from starlette.responses import HTMLResponse
from starlette.types import Message

from bot.errors import StoreError
from bot.fronts.web.door import Attempts, Door, Gate, Seal, host_of, is_loopback, ticket_of
from bot.fronts.web.login import add_login
from bot.fronts.web.server import kept_secret, listen
from engine.errors import DuelbotError

PAGE = "<html><script>1</script><p>&lt;script&gt;</p></html>"


def web(*, loopback: bool = True, password: str = "", attempts: Attempts | None = None) -> FastAPI:
    ticket = ticket_of("s" * 32, password)
    layers = [Middleware(Door, loopback=loopback), Middleware(Seal), Middleware(SessionMiddleware, secret_key="s" * 32)]
    app = FastAPI(middleware=[*layers, *([Middleware(Gate, ticket=ticket)] if password else [])])
    app.add_api_route("/", lambda: HTMLResponse(PAGE), response_model=None)
    app.add_api_route("/data", lambda: {"a": 1}, methods=["GET", "POST"])
    if password:
        add_login(app, password=password, ticket=ticket, attempts=attempts or Attempts())
    return app


def browser(app: FastAPI, base: str = "http://127.0.0.1:8080") -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=base, headers={"accept": "text/html"})


@pytest.fixture
async def local() -> AsyncIterator[httpx.AsyncClient]:
    async with browser(web()) as client:
        yield client


@pytest.mark.parametrize("host", ["127.0.0.1:8080", "localhost", "LOCALHOST:9000", "[::1]:8080", "127.8.8.8"])
async def test_this_machine_is_let_in(local: httpx.AsyncClient, host: str) -> None:
    assert (await local.get("/", headers={"host": host})).status_code == 200


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example", "localhost.evil.example", "", "[::1", "192.168.0.7:8080"])
async def test_a_foreign_host_is_refused_on_loopback(local: httpx.AsyncClient, host: str) -> None:
    assert (await local.get("/", headers={"host": host})).status_code == 403


@pytest.mark.parametrize("origin", ["http://evil.example", "null", "http://127.0.0.1:9999", "http://localhost:8080"])
async def test_another_site_cannot_send_requests(local: httpx.AsyncClient, origin: str) -> None:
    assert (await local.post("/data", headers={"origin": origin})).status_code == 403


async def test_the_page_itself_can(local: httpx.AsyncClient) -> None:
    assert (await local.post("/data", headers={"origin": "http://127.0.0.1:8080"})).status_code == 200


async def websocket(app: FastAPI, **headers: str) -> list[Message]:
    """What the application answers to a websocket that opens with these headers."""
    sent: list[Message] = []

    async def receive() -> Message:
        return {"type": "websocket.connect"}

    async def send(message: Message) -> None:
        sent.append(message)

    raw = [(name.encode(), value.encode()) for name, value in headers.items()]
    scope = {"type": "websocket", "path": "/", "raw_path": b"/", "query_string": b"", "headers": raw, "subprotocols": [], "root_path": ""}
    await app(scope, receive, send)
    return sent


@pytest.mark.parametrize(
    "headers",
    [{"host": "127.0.0.1:8080", "origin": "http://evil.example"}, {"host": "evil.example"}, {"origin": "http://127.0.0.1:8080"}],
)
async def test_a_strangers_websocket_is_closed_before_it_opens(headers: dict[str, str]) -> None:
    assert [message["code"] for message in await websocket(web(), **headers)] == [1008]


async def test_without_the_password_there_is_only_the_login_page() -> None:
    app = web(loopback=False, password="open sesame")
    async with browser(app, "http://duels.example") as client:
        page = await client.get("/")
        assert (page.status_code, page.headers["location"]) == (303, "/login")
        assert (await client.get("/data", headers={"accept": "*/*"})).status_code == 401
        assert (await client.post("/data")).status_code == 401
        assert (await client.get("/login")).status_code == 200
    assert [message["code"] for message in await websocket(app, host="duels.example")] == [1008]


async def test_the_password_opens_every_route_with_a_careful_cookie() -> None:
    app = web(loopback=False, password="öpen")
    async with browser(app, "http://duels.example") as client:
        wrong = await client.post("/login", data={"password": "open"})
        assert wrong.status_code == 401 and "not the password" in wrong.text
        right = await client.post("/login", data={"password": "öpen"}, headers={"origin": "http://duels.example"})
        assert right.status_code == 303
        cookie = right.headers["set-cookie"].lower()
        assert "httponly" in cookie and "samesite=lax" in cookie
        assert (await client.get("/data")).json() == {"a": 1}


async def test_another_password_makes_old_sessions_worthless() -> None:
    async with browser(web(loopback=False, password="first"), "http://duels.example") as client:
        await client.post("/login", data={"password": "first"})
        cookies = client.cookies
    async with browser(web(loopback=False, password="second"), "http://duels.example") as client:
        client.cookies = cookies
        assert (await client.get("/data")).status_code == 303


async def test_a_flood_of_a_form_is_no_password() -> None:
    async with browser(web(loopback=False, password="x"), "http://duels.example") as client:
        assert (await client.post("/login", content=b"password=x&" + b"a" * 10_000)).status_code == 401


async def test_failed_attempts_are_slowed_down() -> None:
    now = 0.0
    app = web(loopback=False, password="right", attempts=Attempts(clock=lambda: now))
    async with browser(app, "http://duels.example") as client:
        statuses = [(await client.post("/login", data={"password": "wrong"})).status_code for _ in range(4)]
        assert statuses == [401, 401, 401, 429]
        assert "Try again in 2 s" in (await client.post("/login", data={"password": "right"})).text
        now = 2.5
        assert (await client.post("/login", data={"password": "right"})).status_code == 303


def test_waits_double_to_a_minute_and_addresses_are_apart() -> None:
    attempts = Attempts(clock=lambda: 0.0)
    waits = []
    for _ in range(10):
        attempts.fail("a")
        waits.append(attempts.wait_s("a"))
    assert waits == [0, 0, 2, 4, 8, 16, 32, 60, 60, 60]
    assert attempts.wait_s("b") == 0
    for number in range(2000):
        attempts.fail(str(number))
    assert len(attempts.failed) == 1000


async def test_scripts_of_the_page_carry_a_fresh_nonce_and_text_does_not(local: httpx.AsyncClient) -> None:
    pages = [await local.get("/") for _ in range(2)]
    nonces = [re.findall(r"'nonce-([^']+)'", page.headers["content-security-policy"])[0] for page in pages]
    assert nonces[0] != nonces[1]
    assert pages[0].text == PAGE.replace("<script>", f'<script nonce="{nonces[0]}">')
    assert "'unsafe-inline'" not in pages[0].headers["content-security-policy"].split("style-src")[0]
    assert (await local.get("/data")).headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize(
    ("name", "known"), [("127.0.0.1", True), ("::1", True), ("localhost", True), ("0.0.0.0", False), ("example.org", False)]
)
def test_loopback_is_told_from_the_rest(name: str, known: bool) -> None:
    assert is_loopback(name) is known


def test_a_host_loses_its_port() -> None:
    assert [host_of(text) for text in ("a:1", "[::1]:1", "a", "[x")] == ["a", "::1", "a", ""]


def test_the_session_key_is_made_once_for_its_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "new" / "session.key"
    secret = kept_secret(path)
    assert len(secret) >= 48 and kept_secret(path) == secret
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_session_key_that_cannot_be_kept_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match=r"session\.key cannot be kept"):
        kept_secret(tmp_path / "file" / "session.key")
    (tmp_path / "session.key").write_text("short")
    with pytest.raises(StoreError, match="damaged"):
        kept_secret(tmp_path / "session.key")


def test_a_session_key_is_there_whole_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(StoreError, match="No space left"):
        kept_secret(tmp_path / "session.key")
    assert list(tmp_path.iterdir()) == []
    monkeypatch.undo()
    assert len(kept_secret(tmp_path / "session.key")) >= 48 and [file.name for file in tmp_path.iterdir()] == ["session.key"]


@pytest.fixture
def taken() -> Iterator[int]:
    with listen("127.0.0.1", 0) as bound:
        yield bound.getsockname()[1]


def test_a_taken_port_is_named_with_what_to_change(taken: int) -> None:
    with pytest.raises(DuelbotError, match=rf"Port {taken} is taken .* DUEL_WEB_PORT"):
        listen("127.0.0.1", taken)


def test_an_unknown_address_is_named() -> None:
    with pytest.raises(DuelbotError, match="DUEL_WEB_HOST"):
        listen("no.such.host.invalid", 8080)
