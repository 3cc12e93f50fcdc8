"""The page's server: NiceGUI behind the door, in the event loop that App runs in."""

import socket
from collections.abc import Callable

import uvicorn
from fastapi import FastAPI, Request, Response
from nicegui import Client, ui
from nicegui import app as nicegui_app
from starlette.middleware import Middleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.middleware.sessions import SessionMiddleware
from starlette.types import ASGIApp
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from bot.address import is_loopback
from bot.app import App
from bot.errors import UnknownDuel
from bot.fronts.web.adapters import add_adapters
from bot.fronts.web.assets import THEME, style
from bot.fronts.web.deciding import add_decisions
from bot.fronts.web.dom import MARK, viewer
from bot.fronts.web.door import Door, Gate, Place, Seal
from bot.fronts.web.filed import add_filed
from bot.fronts.web.login import Attempts, add_login
from bot.fronts.web.markup import shown
from bot.fronts.web.page import ChatPage
from bot.fronts.web.patience import Patient
from bot.fronts.web.plain import Head, Spoken, told
from bot.fronts.web.queue import add_queue
from bot.fronts.web.recipes import add_recipes
from bot.fronts.web.results import add_results
from bot.fronts.web.routing import add_routing
from bot.fronts.web.searching import add_searches
from bot.fronts.web.sessions import Logins, kept_secret
from bot.fronts.web.settings import add_settings
from bot.fronts.web.watch import Bare, Numbered, WatchPaths, nothing
from bot.fronts.web.words import title_of
from bot.serving import QuietServer, listen
from bot.settings import Settings
from engine.errors import DuelbotError

YEAR_S = 365 * 24 * 3600
CLOSING_S = 1  # for open browsers to hear that the server ends
PATIENCE_S = 60.0  # for a store that is busy; a browser shows meanwhile that it waits


async def serve(app: App, settings: Settings, tell: Callable[[str], None] = print) -> None:
    """Serve the page until the task is cancelled. Tells the address once it answers.

    Signals are the caller's: cancelling this coroutine closes the sockets within seconds, open browsers or not.
    Raises DuelbotError when the address cannot be listened on or the session secret cannot be kept.
    """
    _follow_pages(app)
    await _served(build(app, settings), settings.web.host, settings.web.port, lambda: _tell_where(settings, tell))


async def serve_watch(app: App, settings: Settings, tell: Callable[[str], None] = print) -> None:
    """Serve /healthz, /readyz and /metrics on a port of their own, as `serve` does the page."""
    port, host = settings.watch.port, settings.watch.host
    assert port
    words = f"Watched at {_address(host, port)}: /healthz, /readyz, /metrics."
    await _served(Bare(Door(WatchPaths(nothing, watched=app), loopback=is_loopback(host))), host, port, lambda: tell(words))


async def _served(web: ASGIApp, host: str, port: int, answers: Callable[[], None]) -> None:
    with listen(host, port) as listening:
        config = uvicorn.Config(
            web,
            http=Patient,
            proxy_headers=False,  # a layer of ours hears them, from the proxies that are named
            log_config=None,
            log_level="error",
            access_log=False,
            timeout_graceful_shutdown=CLOSING_S,
        )
        server = _Server(config, answers)
        await server.until_cancelled(listening)


def _tell_where(settings: Settings, tell: Callable[[str], None]) -> None:
    tell(address(settings))
    if settings.web.public:
        tell(f"From outside: {settings.web.public.url}")


def address(settings: Settings) -> str:
    """Write the address at which a browser on this machine finds the page."""
    return _address(settings.web.host, settings.web.port)


def _address(host: str, port: int) -> str:
    host = host.strip("[]")
    host = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(host, f"[{host}]" if ":" in host else host)
    return f"http://{host}:{port}"


def _follow_pages(app: App) -> None:
    meaning = "Pages that are open in a browser."
    app.core.meters.follow("pages", meaning, lambda: sum(client.has_socket_connection for client in Client.instances.values()))


def build(app: App, settings: Settings) -> FastAPI:
    """Build the whole page as an ASGI application: the layers at the door, password if there is one, NiceGUI."""
    password = settings.web.password.get_secret_value()
    secret = kept_secret(settings.store.file.with_name("session.key"))
    name = f"duelbot_{settings.web.port}"  # browsers share cookies among the ports of a host
    root = settings.web.public.path if settings.web.public else ""
    layers = [
        Middleware(Numbered),
        Middleware(Head),
        Middleware(ProxyHeadersMiddleware, trusted_hosts=list(settings.web.trusted)),
        Middleware(GZipMiddleware, minimum_size=1000),
        Middleware(Seal),
        Middleware(Place, public=settings.web.public),
        Middleware(Spoken),
        Middleware(Door, loopback=settings.web.loopback, public=settings.web.public),
        Middleware(SessionMiddleware, secret_key=secret, session_cookie=name, max_age=YEAR_S, path=root or "/", same_site="lax"),
    ]
    if settings.watched_on_page:
        layers.append(Middleware(WatchPaths, watched=app))
    logins = Logins(secret, password, f"{name}_login", settings.store.file.with_name("session.ended")) if password else None
    if logins:
        layers.append(Middleware(Gate, logins=logins))
    web = FastAPI(middleware=layers, docs_url=None, redoc_url=None, openapi_url=None)
    if logins:
        add_login(web, password=password, logins=logins, attempts=Attempts())
    add_pages(app, owner=not password)  # without one, the page is for this machine alone
    add_queue(app)
    add_filed(web, app)
    add_settings(web, app)
    add_results(web, app)
    add_recipes(web, app, owner=not password)
    add_adapters(web, app)
    add_searches(web, app)
    add_decisions(web, app, owner=not password)
    add_routing(web, app)
    ui.run_with(
        web,
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


def add_pages(app: App, *, owner: bool) -> None:
    """Add the two addresses of the chat, and what stands at all others. owner: nobody else reaches them."""

    async def new(against: str = "") -> None:
        called = await app.collecting.name(viewer())
        dress()
        ChatPage(app, viewer(), None, [], owner=owner, against=against[:200], called=called)

    async def earlier(request: Request, conversation: str, against: str = "") -> Response | None:
        try:
            views, called = await app.looking.conversation(conversation, viewer()), await app.collecting.name(viewer())
        except UnknownDuel:
            views, called = [], ""
        except DuelbotError as error:
            return told(request.scope, 503, str(error), "The conversation cannot be opened")
        if not any(view.request for view in views):  # none, or deleted
            return told(request.scope, 404)
        dress()
        title = await app.talks.title(conversation) or views[0].request
        ui.page_title(f"{title_of(shown(title))} · Duelbot")
        ChatPage(app, viewer(), conversation, views, owner=owner, against=against[:200], called=called)
        return None

    async def nothing(request: Request, error: Exception) -> Response:
        return told(request.scope, 404)

    ui.page("/")(new)
    ui.page("/c/{conversation}", response_timeout=PATIENCE_S)(earlier)
    nicegui_app.add_exception_handler(404, nothing)
    nicegui_app.on_page_exception(lambda: None)  # NiceGUI writes a bug to the log, and the layer Spoken says it


def dress() -> None:
    """Put the style and the theme into the head of this page."""
    ui.add_head_html(f"<style>{style()}</style>{THEME}")


class _Server(QuietServer):
    """Lets go of the browsers that are still connected."""

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        for client in Client.instances.values():
            client.outbox.stop()  # cancelling one that is just being woken gets lost, and NiceGUI would wait 2 s for it
        await super().shutdown(sockets)
