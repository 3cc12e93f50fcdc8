"""The endpoint's addresses: /v1/chat/completions and /v1/models, each behind a key."""

import asyncio
import contextlib
import logging
import time
from collections.abc import AsyncGenerator, Callable

import uvicorn
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route as Address
from starlette.types import Message, Receive, Scope, Send

from bot.address import host_of, is_loopback
from bot.app import App
from bot.app.programs import ProgramAnswer, ProgramFailure, ProgramTurn
from bot.fronts.api.asked import ROUTED, ChatAsked, chat_asked
from bot.fronts.api.refused import ApiRefusal, failed, refusal_of
from bot.fronts.api.told import DONE, ChatReply, event, model_id, models
from bot.serving import QuietServer, Timely, listen
from bot.settings import ApiSettings, Settings
from bot.views import ProgramKey
from engine.errors import DuelbotError

CLOSING_S = 5  # for answers that are being written when the server ends
FOREIGN = "This endpoint is open to this machine alone. DUEL_API_PUBLIC=true opens it to others."
NO_KEY = "No key of this endpoint was sent as Authorization: Bearer …. `duelbot route --new-key NAME` makes one."
log = logging.getLogger(__name__)


async def serve(app: App, settings: Settings, tell: Callable[[str], None] = print) -> None:
    """Serve the endpoint until the task is cancelled. Raises DuelbotError when the address cannot be listened on."""
    api = settings.api
    with listen(api.host, api.port, "DUEL_API") as listening:
        config = uvicorn.Config(
            build_api(app, api),
            http=Timely,
            proxy_headers=False,
            lifespan="off",
            log_config=None,
            log_level="error",
            access_log=False,
            server_header=False,
            timeout_graceful_shutdown=CLOSING_S,
        )
        server = QuietServer(config, lambda: tell(f"Programs ask at http://{_named(api.host)}:{api.port}/v1"))
        await server.until_cancelled(listening)


def _named(host: str) -> str:
    host = host.strip("[]")
    return f"[{host}]" if ":" in host else host


def build_api(app: App, settings: ApiSettings) -> Starlette:
    """Build the endpoint as an ASGI application."""
    door = ApiDoor(app, settings)
    return Starlette(
        routes=[
            Address("/v1/chat/completions", ChatCompletions(app, settings, door), methods=["POST"]),
            Address("/v1/models", door.list_models, methods=["GET"]),
            Address("/v1/models/{model}", door.one_model, methods=["GET"]),
        ],
        exception_handlers={ApiRefusal: _refused, HTTPException: _no_address, Exception: _broken},
    )


async def _refused(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, ApiRefusal)
    return JSONResponse(error.body, error.status, error.headers)


async def _no_address(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)
    words = f"There is no {request.method} {request.url.path[:100]} here; there are /v1/chat/completions and /v1/models."
    return await _refused(request, ApiRefusal(error.status_code, words))


async def _broken(request: Request, error: Exception) -> JSONResponse:
    log.error("A program's request failed", exc_info=error)
    return await _refused(request, ApiRefusal(500, "An error in Duelbot; its log has the details.", "server_error"))


class ApiDoor:
    """Who may come in, and what they find."""

    def __init__(self, app: App, settings: ApiSettings) -> None:
        self._app, self._public, self._began_s = app, settings.public, int(time.time())

    async def key(self, request: Request) -> ProgramKey:
        """Find the key of a request. Raises ApiRefusal."""
        host = host_of(request.headers.get("host", ""))
        if not self._public and not (host and is_loopback(host.name)):
            raise ApiRefusal(403, FOREIGN, code="foreign_host")
        scheme, _, secret = request.headers.get("authorization", "").partition(" ")
        try:
            key = await self._app.programs.keys.known(secret.strip()) if scheme.lower() == "bearer" else None
        except DuelbotError as error:
            raise refusal_of(error) from error
        if key is None:
            raise ApiRefusal(401, NO_KEY, code="invalid_api_key")
        return key

    async def list_models(self, request: Request) -> JSONResponse:
        """List the models that a key may ask."""
        found = await self._app.programs.contestants(await self.key(request))
        return JSONResponse({"object": "list", "data": models(found, self._began_s)})

    async def one_model(self, request: Request) -> JSONResponse:
        """Describe one model."""
        wanted, found = request.path_params["model"], await self._app.programs.contestants(await self.key(request))
        one = next((each for each in models(found, self._began_s) if each["id"] == wanted), None)
        if one is None:
            raise no_model(wanted)
        return JSONResponse(one)


def no_model(name: str) -> ApiRefusal:
    """Say that there is no such model."""
    return ApiRefusal(404, f"There is no model {name[:100]!r}; /v1/models lists those there are.", param="model", code="model_not_found")


class ChatCompletions:
    """Answers chat completions, whole or as a stream. A connection that closes frees the row of its answer."""

    def __init__(self, app: App, settings: ApiSettings, door: ApiDoor) -> None:
        self._programs, self._settings, self._door = app.programs, settings, door

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive, send)
        try:
            key = await self._door.key(request)
            asked = chat_asked(await self._body(request))
            turn = await self._ask(key, asked)
        except ApiRefusal as refusal:
            return await JSONResponse(refusal.body, refusal.status, refusal.headers)(scope, receive, send)
        watching = asyncio.create_task(self._leave_when_gone(turn, receive))
        try:
            await self._reply(asked, turn, scope, receive, send)
        finally:
            watching.cancel()
            self._programs.leave(turn)  # whatever went wrong, no row goes on for nobody
        return None

    async def _body(self, request: Request) -> bytes:
        """Read the body. Raises ApiRefusal for one that is too large or too slow."""
        most = self._settings.max_bytes
        too_large = ApiRefusal(413, f"A request has at most {most:,} bytes here.", code="request_too_large")
        length = request.headers.get("content-length", "")
        if length.isdecimal() and int(length) > most:
            raise too_large
        body = bytearray()
        try:
            async with asyncio.timeout(self._settings.read_s):
                async for part in request.stream():
                    body += part
                    if len(body) > most:
                        raise too_large
        except TimeoutError as error:
            raise ApiRefusal(408, f"The request did not arrive within {self._settings.read_s:g} s.", code="timeout") from error
        return bytes(body)

    async def _ask(self, key: ProgramKey, asked: ChatAsked) -> ProgramTurn:
        only = ""
        if asked.model != ROUTED:
            found = [each.id for each in await self._programs.contestants(key) if asked.model in (each.id, model_id(each))]
            if not found:
                raise no_model(asked.model)
            only = found[0]
        try:
            return await self._programs.ask(key, asked.text, asked.before, tag=asked.tag, only=only)
        except DuelbotError as error:
            raise refusal_of(error) from error

    async def _leave_when_gone(self, turn: ProgramTurn, receive: Receive) -> None:
        while (await receive())["type"] != "http.disconnect":
            pass
        self._programs.leave(turn)

    async def _reply(self, asked: ChatAsked, turn: ProgramTurn, scope: Scope, receive: Receive, send: Send) -> None:
        reply = ChatReply(turn.id, asked.model, int(time.time()), "single" if turn.alone else "duel")
        async with contextlib.aclosing(self._programs.pieces(turn)) as pieces:
            if asked.stream:
                first = await anext(pieces, None)
                if first is not None:
                    return await self._stream(asked, turn, reply, send, first=first, pieces=pieces)
            else:
                async for _ in pieces:
                    pass
        answer = await self._answer(turn)
        if isinstance(answer, ApiRefusal):
            return await JSONResponse(answer.body, answer.status, answer.headers)(scope, receive, send)
        if asked.stream:  # an answer without a word
            return await self._stream(asked, turn, reply, send)
        return await JSONResponse(reply.completion(answer), headers={"x-request-id": turn.id})(scope, receive, send)

    async def _answer(self, turn: ProgramTurn) -> ProgramAnswer | ApiRefusal:
        try:
            answer = await self._programs.answer(turn)
        except DuelbotError as error:
            return refusal_of(error)
        return failed(answer.kind, answer.words) if isinstance(answer, ProgramFailure) else answer

    async def _stream(
        self,
        asked: ChatAsked,
        turn: ProgramTurn,
        reply: ChatReply,
        send: Send,
        *,
        first: str = "",
        pieces: AsyncGenerator[str, None] | None = None,
    ) -> None:
        """Send the pieces as they are written, then how it ended, and what it took where that was asked for."""
        headers = [
            (b"content-type", b"text/event-stream; charset=utf-8"),
            (b"cache-control", b"no-cache"),
            (b"x-request-id", turn.id.encode()),
        ]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send(_part(event(reply.begun()) + (event(reply.piece(first)) if first else b"")))
        if pieces:
            async for text in pieces:
                await send(_part(event(reply.piece(text))))
        answer = await self._answer(turn)
        if isinstance(answer, ApiRefusal):
            return await send(_part(event(answer.body), last=True))
        used = event(reply.used(answer)) if asked.include_usage else b""
        return await send(_part(event(reply.ended(answer)) + used + DONE, last=True))


def _part(body: bytes, *, last: bool = False) -> Message:
    return {"type": "http.response.body", "body": body, "more_body": not last}
