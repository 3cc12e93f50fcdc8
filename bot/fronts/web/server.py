"""The page's server: NiceGUI behind the door, in the event loop that App runs in."""

import asyncio
import contextlib
import errno
import os
import secrets
import socket
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import uvicorn
from fastapi import FastAPI
from nicegui import Client, ui
from nicegui import app as nicegui_app
from starlette.middleware import Middleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.middleware.sessions import SessionMiddleware

from bot.app import App
from bot.errors import StoreError, UnknownDuel
from bot.fronts.web.assets import THEME, style
from bot.fronts.web.dom import MARK, el
from bot.fronts.web.door import Attempts, Door, Gate, Seal, ticket_of
from bot.fronts.web.login import add_login
from bot.fronts.web.markup import shown
from bot.fronts.web.page import WENT_WRONG, ChatPage
from bot.fronts.web.results import add_results
from bot.fronts.web.words import title_of
from bot.settings import Settings
from engine.errors import DuelbotError

YEAR_S = 365 * 24 * 3600
CLOSING_S = 1  # for open browsers to hear that the server ends


async def serve(app: App, settings: Settings, tell: Callable[[str], None] = print) -> None:
    """Serve the page until the task is cancelled. Tells the address once it answers.

    Signals are the caller's: cancelling this coroutine closes the sockets within seconds, open browsers or not.
    Raises DuelbotError when the address cannot be listened on or the session secret cannot be kept.
    """
    listening = listen(settings.web_host, settings.web_port)
    with listening:
        config = uvicorn.Config(
            build(app, settings), log_config=None, log_level="error", access_log=False, timeout_graceful_shutdown=CLOSING_S
        )
        server = _Server(config, lambda: tell(address(settings)))
        serving = asyncio.create_task(server.serve(sockets=[listening]))
        try:
            await asyncio.shield(serving)
        except asyncio.CancelledError:
            server.should_exit = True
            await serving
            raise


def address(settings: Settings) -> str:
    """Where a browser on this machine finds the page."""
    host = settings.web_host.strip("[]")
    host = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(host, f"[{host}]" if ":" in host else host)
    return f"http://{host}:{settings.web_port}"


def listen(host: str, port: int) -> socket.socket:
    """A bound socket. Raises DuelbotError that names the port and what to change."""
    try:
        family, kind, protocol, _, where = socket.getaddrinfo(host.strip("[]"), port, type=socket.SOCK_STREAM)[0]
    except OSError as error:
        raise DuelbotError(
            f"The address {host!r} is unknown here ({error.strerror}). Set DUEL_WEB_HOST to one of this machine's."
        ) from error
    bound = socket.socket(family, kind, protocol)
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind(where)
        bound.listen(128)
    except OSError as error:
        bound.close()
        if error.errno == errno.EADDRINUSE:
            words = f"Port {port} is taken by another program, perhaps another Duelbot. Stop it, or set DUEL_WEB_PORT to a free port."
        else:
            words = f"Duelbot cannot listen on {host} port {port} ({error.strerror}). Change DUEL_WEB_HOST or DUEL_WEB_PORT."
        raise DuelbotError(words) from error
    return bound


def build(app: App, settings: Settings) -> FastAPI:
    """The whole page as an ASGI application: door, session, password if there is one, NiceGUI."""
    password = settings.web_password.get_secret_value()
    secret = kept_secret(settings.store_file.with_name("session.key"))
    ticket = ticket_of(secret, password)
    cookie = f"duelbot_{settings.web_port}"  # browsers share cookies among the ports of a host
    layers = [
        Middleware(Door, loopback=settings.loopback),
        Middleware(GZipMiddleware, minimum_size=1000),
        Middleware(Seal),
        Middleware(SessionMiddleware, secret_key=secret, session_cookie=cookie, max_age=YEAR_S, same_site="lax"),
    ]
    if password:
        layers.append(Middleware(Gate, ticket=ticket))
    web = FastAPI(middleware=layers, docs_url=None, redoc_url=None, openapi_url=None)
    if password:
        add_login(web, password=password, ticket=ticket, attempts=Attempts())
    add_pages(app)
    add_results(web, app)
    ui.run_with(
        web,
        root=missing,
        title="Duelbot",
        favicon=MARK,
        dark=None,
        language="en-US",
        tailwind=False,
        binding_refresh_interval=None,  # nothing is bound; an idle page costs no time
        reconnect_timeout=20.0,  # seconds that a page is kept for a browser that lost its connection
        gzip_middleware_factory=None,  # the layer above does it, after the seal
        storage_secret=secret,
        show_welcome_message=False,
    )
    return web


def add_pages(app: App) -> None:
    """The two addresses of the chat."""

    async def new() -> None:
        dress()
        ChatPage(app, viewer(), None, [])

    async def earlier(conversation: str) -> None:
        dress()
        try:
            views = await app.conversation(conversation, viewer())
        except UnknownDuel:
            views = []
        except DuelbotError as error:
            plain("The conversation cannot be opened", str(error), 503)
            return
        if not views:
            missing()
            return
        ui.page_title(f"{title_of(shown(views[0].request))} · Duelbot")
        ChatPage(app, viewer(), conversation, views)

    ui.page("/")(new)
    ui.page("/c/{conversation}")(earlier)
    nicegui_app.on_page_exception(crashed)


def viewer() -> str:
    """Who this browser is: an id in its signed cookie."""
    return f"web:{nicegui_app.storage.browser['id']}"


def dress() -> None:
    """The style and the theme, in the head of this page."""
    ui.add_head_html(f"<style>{style()}</style>{THEME}")


def missing() -> None:
    """No such address, or no such conversation."""
    dress()
    plain("There is nothing here", "This address belongs to no conversation of this store.", 404)


def crashed() -> None:
    """A bug while a page was built; NiceGUI writes it to the log."""
    dress()
    plain("This page could not be drawn", WENT_WRONG, 500)


def plain(title: str, words: str, status: int) -> None:
    """A page of two sentences and a way out."""
    client: Client = ui.context.client
    client.status_code = status
    ui.page_title("Duelbot")
    with el("main", "login"), el("div", "plain"):
        ui.html(MARK, sanitize=False, tag="span").classes("mark")
        el("h1", "", title)
        el("p", "", words)
        el("a", "pill primary", "New conversation", href="/")


def kept_secret(path: Path) -> str:
    """The key that signs the session cookies: made once, readable by its owner alone. Raises StoreError."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.exists():
            _make_whole(path, secrets.token_urlsafe(48))
        secret = path.read_text(encoding="utf-8").strip()
    except OSError as error:
        raise StoreError(f"The key of the page's sessions {path} cannot be kept: {error.strerror}.") from error
    if len(secret) < 32:
        raise StoreError(f"The key of the page's sessions {path} is damaged. Delete it; browsers then vote under new names.")
    return secret


def _make_whole(path: Path, text: str) -> None:
    """A file for its owner alone that is there with all its text or not at all, whatever ends the process."""
    handle, name = tempfile.mkstemp(dir=path.parent)  # readable by its owner alone
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
        Path(name).replace(path)
    except OSError:
        Path(name).unlink()
        raise


class _Server(uvicorn.Server):
    """Says where it is once it answers, and leaves the process's signals alone: others run in this loop, too."""

    def __init__(self, config: uvicorn.Config, answers: Callable[[], None]) -> None:
        super().__init__(config)
        self._answers = answers

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets=sockets)
        if self.started:
            self._answers()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        for client in Client.instances.values():
            client.outbox.stop()  # cancelling one that is just being woken gets lost, and NiceGUI would wait 2 s for it
        await super().shutdown(sockets)

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield
