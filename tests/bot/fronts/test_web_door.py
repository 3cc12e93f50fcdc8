"""Who may come in: a small application behind the door, spoken to as browsers and strangers would."""

import errno
import re
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI, Request
from starlette.middleware import Middleware
from starlette.middleware.sessions import SessionMiddleware
from starlette.responses import HTMLResponse
from starlette.types import Message

from bot.address import Public, public_of
from bot.errors import StoreError
from bot.fronts.web.door import Door, Gate, Place, Seal
from bot.fronts.web.login import Attempts, add_login
from bot.fronts.web.plain import Head, Spoken
from bot.fronts.web.server import listen
from bot.fronts.web.sessions import LASTS_S, Logins, kept_secret
from engine.errors import DuelbotError

PAGE = "<html><script>1</script><p>&lt;script&gt;</p></html>"


def web(
    *,
    loopback: bool = True,
    password: str = "",
    attempts: Attempts | None = None,
    public: Public | None = None,
    logins: Logins | None = None,
) -> FastAPI:
    """The layers of the page, in their order, over three routes."""
    layers = [Middleware(Head), Middleware(Seal), Middleware(Place, public=public), Middleware(Spoken)]
    layers += [Middleware(Door, loopback=loopback, public=public), Middleware(SessionMiddleware, secret_key="s" * 32)]
    logins = logins or Logins("s" * 32, password, "login", Path("/nowhere/ended"))
    app = FastAPI(middleware=[*layers, *([Middleware(Gate, logins=logins)] if password else [])])

    async def main(request: Request) -> HTMLResponse:
        request.session["id"] = "1"
        return HTMLResponse(PAGE)

    async def number(number: int) -> dict[str, int]:
        return {"a": number}

    async def bug() -> None:
        raise RuntimeError("the secret of the stack")

    app.add_api_route("/", main, response_model=None)
    app.add_api_route("/data", lambda: {"a": 1}, methods=["GET", "POST"])
    app.add_api_route("/bug", bug)
    app.add_api_route("/number/{number}", number, response_model=None)
    if password:
        add_login(app, password=password, logins=logins, attempts=attempts or Attempts())
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
        assert (await client.get("/data")).status_code == 200
        cookies = client.cookies
    async with browser(web(loopback=False, password="second"), "http://duels.example") as client:
        client.cookies = cookies
        assert (await client.get("/data")).status_code == 303


async def test_a_login_ends_after_thirty_days(tmp_path: Path) -> None:
    now = [1_800_000_000.0]
    logins = Logins("s" * 32, "right", "login", tmp_path / "ended", now=lambda: now[0])
    signed = logins.new()
    made = logins._signer.unsign(signed, return_timestamp=True)[1].timestamp()
    scope: dict[str, Any] = {"type": "http", "headers": [(b"cookie", f"login={signed}".encode())]}
    now[0] = made + LASTS_S - 1
    assert logins.known(scope)
    now[0] = made + LASTS_S
    assert logins.known(scope) is None
    assert f"Max-Age={30 * 24 * 3600};" in logins.cookie(signed, "")


async def test_a_logout_ends_the_login_for_every_copy_of_the_cookie_and_over_a_restart(tmp_path: Path) -> None:
    for _ in range(2):
        logins = Logins("s" * 32, "right", "login", tmp_path / "ended")
        async with browser(web(loopback=False, password="right", logins=logins), "http://duels.example") as client:
            if not (tmp_path / "ended").exists():
                await client.post("/login", data={"password": "right"})
                copied = client.cookies["login"]
                left = await client.post("/logout", headers={"origin": "http://duels.example"})
                assert (left.status_code, left.headers["location"]) == (303, "/login")
                assert "Max-Age=0" in left.headers["set-cookie"] and "login" not in client.cookies
            client.cookies.set("login", copied)
            assert (await client.get("/data")).status_code == 303
    assert (tmp_path / "ended").stat().st_mode & 0o777 == 0o600


async def test_a_logout_that_is_not_kept_says_so(tmp_path: Path) -> None:
    logins = Logins("s" * 32, "right", "login", tmp_path / "missing" / "ended")
    async with browser(web(loopback=False, password="right", logins=logins), "http://duels.example") as client:
        await client.post("/login", data={"password": "right"})
        left = await client.post("/logout")
        assert left.status_code == 503 and "The logout is not kept" in left.text
        assert (await client.get("/data")).status_code == 303


async def test_nobody_logs_another_one_out() -> None:
    async with browser(web(loopback=False, password="right"), "http://duels.example") as client:
        assert (await client.post("/logout")).status_code == 401
        await client.post("/login", data={"password": "right"})
        assert (await client.post("/logout", headers={"origin": "https://evil.example"})).status_code == 403
        assert (await client.get("/logout")).status_code == 405
        assert (await client.get("/data")).status_code == 200


async def test_an_open_websocket_is_closed_when_its_login_ends(tmp_path: Path) -> None:
    logins = Logins("s" * 32, "right", "login", tmp_path / "ended")
    seen: list[str] = []

    async def inside(scope: Any, receive: Any, send: Any) -> None:
        while seen[-1:] != ["websocket.disconnect"]:
            seen.append((await receive())["type"])
            if len(seen) == 2:
                logins.end(scope["login"])

    async def receive() -> Message:
        return {"type": "websocket.receive", "text": "still here"}

    headers = [(b"cookie", f"login={logins.new()}".encode())]
    await Gate(inside, logins=logins)({"type": "websocket", "path": "/", "headers": headers}, receive, None)  # type: ignore[arg-type]
    assert seen == ["websocket.receive", "websocket.receive", "websocket.disconnect"]


async def test_a_flood_of_a_form_is_turned_away() -> None:
    async with browser(web(loopback=False, password="x"), "http://duels.example") as client:
        flood = await client.post("/login", content=b"password=x&" + b"a" * 10_000)
        assert flood.status_code == 413 and "More was sent" in flood.text
        assert (await client.post("/login", content=b"&".join([b"password=x"] * 300))).status_code == 401


async def test_failed_attempts_are_slowed_down() -> None:
    now = 0.0
    app = web(loopback=False, password="right", attempts=Attempts(clock=lambda: now))
    async with browser(app, "http://duels.example") as client:
        found = [await client.post("/login", data={"password": "wrong"}) for _ in range(4)]
        assert [each.status_code for each in found] == [401, 401, 401, 429]
        assert found[3].headers["retry-after"] == "2"
        assert "Try again in 2 s" in (await client.post("/login", data={"password": "right"})).text
        now = 2.5
        assert (await client.post("/login", data={"password": "right"})).status_code == 303
        assert (await client.post("/login", data={"password": "wrong"})).status_code == 401


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


def test_forms_that_are_being_read_are_few() -> None:
    attempts = Attempts(clock=lambda: 0.0)
    with attempts.begun("a"), attempts.begun("a"):
        assert attempts.crowded("a") and not attempts.crowded("b")
    assert not attempts.crowded("a") and not attempts.reading
    attempts.reading.update({str(number): 1 for number in range(32)})
    assert attempts.crowded("b")


HTTPS = public_of("https://duels.example/team")


async def test_behind_https_all_spellings_of_the_public_address_come_in() -> None:
    app = web(public=HTTPS)
    for host in ("duels.example", "duels.example:443", "Duels.Example.", "127.0.0.1:8080"):
        async with browser(app) as client:
            for path in ("/team/data", "/data"):  # a proxy may take the path off, or not
                found = await client.post(path, headers={"host": host, "origin": "https://duels.example"})
                assert found.status_code == 200, (host, path)


@pytest.mark.parametrize(
    ("host", "origin"),
    [
        ("duels.example", "http://duels.example"),  # the same name without HTTPS is whoever sits in between
        ("duels.example", "https://duels.example:8443"),
        ("duels.example", "https://evil.example"),
        ("duels.example", "null"),
        ("duels.example", "http://["),
        ("127.0.0.1:8080", "https://evil.example"),
        ("evil.example", "https://duels.example"),
    ],
)
async def test_behind_https_others_stay_out(host: str, origin: str) -> None:
    async with browser(web(public=HTTPS)) as client:
        assert (await client.post("/data", headers={"host": host, "origin": origin})).status_code == 403


async def test_behind_https_cookies_links_and_redirects_carry_the_public_address() -> None:
    app = web(password="right", public=HTTPS)
    async with browser(app) as client:
        headers = {"host": "duels.example", "origin": "https://duels.example", "x-forwarded-prefix": "/evil"}
        stranger = await client.get("/team/", headers=headers)
        assert (stranger.status_code, stranger.headers["location"]) == (303, "/team/login")
        assert 'action="/team/login"' in (await client.get("/login", headers=headers)).text
        right = await client.post("/team/login", data={"password": "right"}, headers=headers)
        assert right.headers["location"] == "/team/"
        [login] = right.headers.get_list("set-cookie")
        assert all(part in login for part in ("; Path=/team;", "; HttpOnly", "; SameSite=Lax", "; Secure"))
        headers["cookie"] = login.split(";")[0]
        main = await client.get("/team/", headers=headers)
        assert main.status_code == 200 and "; secure" in main.headers["set-cookie"].lower()
        assert 'href="/team/"' in (await client.get("/team/nothing", headers=headers)).text


async def test_without_https_a_cookie_asks_for_none() -> None:
    async with browser(web(loopback=False, password="right"), "http://duels.example") as client:
        assert "secure" not in (await client.post("/login", data={"password": "right"})).headers["set-cookie"].lower()


async def test_a_foreign_host_is_told_about_the_setting() -> None:
    async with browser(web()) as client:
        assert "DUEL_WEB_PUBLIC_URL" in (await client.get("/", headers={"host": "duels.example"})).text


async def test_head_answers_as_get_less_the_body() -> None:
    async with browser(web()) as client:
        for path in ("/", "/data", "/nothing", "/bug"):
            got, head = await client.get(path), await client.head(path)
            assert (head.status_code, head.content) == (got.status_code, b"")
            assert head.headers["content-type"] == got.headers["content-type"]


@pytest.mark.parametrize(
    ("asked", "status", "words"),
    [
        ("GET /nothing", 404, "There is nothing here"),
        ("DELETE /", 405, "That cannot be done here"),
        ("GET /bug", 500, "Something went wrong inside Duelbot"),
        ("GET /number/x", 400, "This cannot be read"),
    ],
)
async def test_every_failure_is_a_page_of_ours(
    local: httpx.AsyncClient, caplog: pytest.LogCaptureFixture, asked: str, status: int, words: str
) -> None:
    method, path = asked.split()
    found = await local.request(method, path)
    assert (found.status_code, found.headers["content-type"]) == (status, "text/html; charset=utf-8")
    assert words in found.text and 'href="/"' in found.text and "<style>" in found.text
    assert "secret of the stack" not in found.text and "x-duelbot-words" not in found.headers
    assert "default-src 'none'" in found.headers["content-security-policy"]
    assert ("Traceback" in caplog.text) is (status == 500)
    program = await local.request(method, path, headers={"accept": "application/json"})
    assert program.status_code == status and program.headers["content-type"].startswith("text/plain") and "<" not in program.text


async def test_scripts_of_the_page_carry_a_fresh_nonce_and_text_does_not(local: httpx.AsyncClient) -> None:
    pages = [await local.get("/") for _ in range(2)]
    nonces = [re.findall(r"'nonce-([^']+)'", page.headers["content-security-policy"])[0] for page in pages]
    assert nonces[0] != nonces[1]
    assert pages[0].text == PAGE.replace("<script>", f'<script nonce="{nonces[0]}">')
    assert "'unsafe-inline'" not in pages[0].headers["content-security-policy"].split("style-src")[0]
    assert (await local.get("/data")).headers["x-content-type-options"] == "nosniff"


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
