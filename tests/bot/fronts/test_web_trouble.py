"""The page where something is wrong: addresses of nothing, strangers, bugs, a model that fails, restarts."""

import asyncio
import re
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import httpx
import pytest
from nicegui.testing import User

from bot.app import App
from bot.fronts.web import server
from bot.fronts.web import turn as turn_module
from bot.fronts.web.dom import Composer
from bot.fronts.web.plain import WENT_WRONG
from bot.settings import Settings
from engine.errors import BadModel
from tests.bot.fronts import web_stage
from tests.bot.fronts.web_hands import ask, conversation, press, sees
from tests.bot.fronts.web_stage import opened, simulated


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[tuple[App, Settings]]:
    async with opened(tmp_path) as both:
        yield both


@pytest.fixture
async def users(stage: tuple[App, Settings]) -> AsyncIterator[Callable[[], User]]:
    async with simulated(*stage) as new_user:
        yield new_user


async def test_an_address_of_nothing_is_told(users: Callable[[], User], stage: tuple[App, Settings]) -> None:
    user = users()
    for path in ("/c/0123", "/nowhere", "/c/%00", "/c/a/b"):
        response = await user.http_client.get(path)
        assert response.status_code == 404
        assert "There is nothing here" in response.text


async def test_every_page_is_sealed_and_asks_no_other_server(users: Callable[[], User]) -> None:
    response = await users().http_client.get("/")
    policy = response.headers["content-security-policy"]
    nonce = re.findall(r"'nonce-([^']+)'", policy)[0]
    assert "default-src 'none'" in policy
    assert re.findall(r"<script(?! nonce=\"" + re.escape(nonce) + ")", response.text) == []
    assert not re.search(r"(src|href|url\()\s*=?\s*[\"']?(https?:)?//", response.text)
    assert "Duelbot" in response.text and 'lang="en-US"' in response.text


async def test_a_stranger_is_kept_out(users: Callable[[], User]) -> None:
    client = users().http_client
    assert (await client.get("/", headers={"host": "evil.example"})).status_code == 403
    assert (
        await client.get("/_nicegui_ws/socket.io/?EIO=4&transport=polling", headers={"origin": "http://evil.example"})
    ).status_code == 403


async def test_a_duel_that_cannot_be_drawn_leaves_the_page_standing(
    users: Callable[[], User], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    user = users()
    await user.open("/")
    ask(user, "What should we do?")
    await sees(user, "A is better")

    def bug(*_: object) -> None:
        raise RuntimeError("a bug in the drawing")

    monkeypatch.setattr(turn_module, "draw_reveal", bug)
    press(user, "Tie")
    await sees(user, WENT_WRONG)
    again = users()
    await again.open(conversation(user))
    await sees(again, "This duel cannot be shown")
    assert "a bug in the drawing" in caplog.text


async def test_a_page_that_cannot_be_built_says_so(users: Callable[[], User], monkeypatch: pytest.MonkeyPatch) -> None:
    def bug(*_: object) -> None:
        raise RuntimeError("a bug in the building")

    monkeypatch.setattr("bot.fronts.web.page.Header", bug)
    response = await users().http_client.get("/")
    assert response.status_code == 500
    assert WENT_WRONG in response.text and "a bug in the building" not in response.text


async def test_a_model_that_loads_and_fails_is_told_and_locks_the_composer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    loaded = asyncio.Event()

    async def failing() -> None:
        await loaded.wait()
        raise BadModel("There is no model folder nowhere.")

    async def at_once(self: App) -> None:
        """The stage need not wait for a model that does not come."""

    monkeypatch.setattr(web_stage, "lineup", failing)
    with monkeypatch.context() as patch:
        patch.setattr(App, "model_settled", at_once)
        stage = opened(tmp_path)
        app, chosen = await stage.__aenter__()
    try:
        async with simulated(app, chosen) as users:
            user = users()
            await user.open("/")
            await sees(user, "Loading the model demo")
            ask(user, "hello?")
            await sees(user, "This is answered as soon as it is ready.")
            loaded.set()
            await sees(user, "There is no model folder nowhere.")
            composer = next(iter(user.find(kind=Composer).elements))
            assert composer.props["off"] is True
    finally:
        await stage.__aexit__(None, None, None)


async def test_behind_a_password_nothing_is_shown(tmp_path: Path) -> None:
    async with opened(tmp_path, DUEL_WEB_HOST="0.0.0.0", DUEL_WEB_PASSWORD="sesame") as (app, chosen), simulated(app, chosen) as users:
        user = users()
        stranger = await user.http_client.get("/", headers={"accept": "text/html"})
        assert (stranger.status_code, stranger.headers["location"]) == (303, "/login")
        for path in ("/_nicegui_ws/socket.io/?EIO=4&transport=polling", "/c/1", "/favicon.ico"):
            assert (await user.http_client.get(path)).status_code == 401
        await user.http_client.post("/login", data={"password": "sesame"})
        await user.open("/")
        await sees(user, "Which technique answers better?")


async def test_a_browser_keeps_its_name_over_a_restart(tmp_path: Path) -> None:
    cookies = httpx.Cookies()
    names = []
    for _ in range(2):
        async with opened(tmp_path, DUEL_WEB_PORT="8080") as (app, chosen), simulated(app, chosen) as users:
            user = users()
            user.http_client.cookies = cookies
            await user.open("/")
            ask(user, "Who am I?")
            await sees(user, "A is better")
            cookies = user.http_client.cookies
            duel = (await app.looking.history())[0]
            names.append((await app.looking.view(duel.id, "")).asker)
    assert names[0] == names[1] and names[0].startswith("web:")


@pytest.mark.parametrize("password", ["", "a long password"])
async def test_limits_of_persons_hold_on_a_page_that_others_reach(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, password: str) -> None:
    """Behind a password people share the model; without one the page is for whoever runs Duelbot."""
    add_pages, owners = server.add_pages, list[bool]()

    def added(app: App, *, owner: bool) -> None:
        owners.append(owner)
        add_pages(app, owner=owner)

    monkeypatch.setattr(server, "add_pages", added)
    async with opened(tmp_path, DUEL_DISCORD_PERSON_PER_MINUTE="1", DUEL_WEB_PASSWORD=password) as (app, chosen):
        server.build(app, chosen)
        monkeypatch.setattr(server, "add_pages", lambda app, owner: add_pages(app, owner=owners[0]))
        async with simulated(app, chosen.but(web_password="")) as new_user:
            user = new_user()
            await user.open("/")
            ask(user, "the first")
            await sees(user, "A is better")
            ask(user, "the second")
            await sees(user, "You have asked 1 request within a minute, and 1 is the limit." if password else "the second")
        assert owners == [not password] and len(await app.looking.history()) == (1 if password else 2)
