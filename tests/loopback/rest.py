"""REST: a request is read, recorded, delayed, limited, handled and answered as Discord would."""

import asyncio
import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from aiohttp import BodyPartReader, web

from tests.loopback import answers, routes
from tests.loopback.hub import Call, Hub, Upload, Violation
from tests.loopback.limits import DELETE, EDIT, GLOBAL, OLD_EDIT, OLD_S, OTHER, SEND, TYPING, WEBHOOK, Fault, Limit
from tests.loopback.payloads import signature
from tests.loopback.refusals import Refusal, no_such_route, unauthorized

Json = dict[str, Any]
API = "/api/v10"
HANG_S = 60.0
"""How long a request hangs whose answer a fault holds back."""
MAX_CALLS = 20_000
"""A bot that has gone wild is refused; no test comes near."""


@dataclass(frozen=True, slots=True)
class Route:
    method: str
    template: str
    handle: Callable[[Hub, Call], Any]
    limit: Limit | None = OTHER
    major: str = ""  # the name whose value a bucket counts by
    made_status: int = 200  # of an answer with a body

    @property
    def pattern(self) -> re.Pattern[str]:
        return re.compile("^" + re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", self.template) + "$")


_CHANNEL, _HOOK = "/channels/{channel_id}", "/webhooks/{application_id}/{token}"
ROUTES = [
    Route("GET", "/users/@me", routes.me),
    Route("GET", "/oauth2/applications/@me", routes.application),
    Route("GET", "/applications/@me", routes.application),
    Route("GET", "/gateway", routes.gateway),
    Route("GET", "/gateway/bot", routes.gateway_bot),
    Route("GET", "/applications/{application_id}/commands", routes.commands),
    Route("PUT", "/applications/{application_id}/commands", routes.put_commands),
    Route("POST", "/users/@me/channels", routes.open_dm),
    Route("GET", "/users/{user_id}", routes.user),
    Route("GET", "/guilds/{guild_id}", routes.guild),
    Route("GET", "/guilds/{guild_id}/members/{user_id}", routes.member),
    Route("GET", _CHANNEL, routes.channel, OTHER, "channel_id"),
    Route("PATCH", _CHANNEL, routes.change_channel, OTHER, "channel_id"),
    Route("POST", f"{_CHANNEL}/typing", routes.typing, TYPING, "channel_id"),
    Route("GET", f"{_CHANNEL}/messages", routes.history, OTHER, "channel_id"),
    Route("POST", f"{_CHANNEL}/messages", routes.send, SEND, "channel_id"),
    Route("GET", f"{_CHANNEL}/messages/{{message_id}}", routes.read, OTHER, "channel_id"),
    Route("PATCH", f"{_CHANNEL}/messages/{{message_id}}", routes.change, EDIT, "channel_id"),
    Route("DELETE", f"{_CHANNEL}/messages/{{message_id}}", routes.remove, DELETE, "channel_id"),
    Route("POST", f"{_CHANNEL}/messages/{{message_id}}/threads", routes.start_thread, OTHER, "channel_id", 201),
    Route("POST", "/interactions/{interaction_id}/{token}/callback", answers.callback, None),
    Route("POST", _HOOK, answers.follow_up, WEBHOOK, "token"),
    Route("GET", f"{_HOOK}/messages/{{message_id}}", answers.read, WEBHOOK, "token"),
    Route("PATCH", f"{_HOOK}/messages/{{message_id}}", answers.change, WEBHOOK, "token"),
    Route("DELETE", f"{_HOOK}/messages/{{message_id}}", answers.remove, WEBHOOK, "token"),
]
_PATTERNS = [(route, route.pattern) for route in ROUTES]


class Rest:
    """The one handler below /api/v10, and the one of uploaded files."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub

    async def serve(self, request: web.Request) -> web.StreamResponse:
        call = await _read(request)
        self._hub.calls.append(call)
        if len(self._hub.calls) > MAX_CALLS:
            return web.Response(status=503)
        route = _find(call)
        self._hub.world.changes.tell()  # it has come; the answer may take a while
        await self._hub.faults.delay()
        if fault := self._hub.faults.meet(call.method, call.path, "before"):
            return await self._faulty(request, call, fault)
        status, body, headers = self._answer(call, route)
        if fault := self._hub.faults.meet(call.method, call.path, "after"):
            return await self._faulty(request, call, fault)
        call.status = status
        self._hub.world.changes.tell()
        if body is None:
            return web.Response(status=status, headers=headers)
        return web.Response(status=status, body=json.dumps(body).encode(), headers={"Content-Type": "application/json", **headers})

    async def _faulty(self, request: web.Request, call: Call, fault: Fault) -> web.Response:
        call.status = fault.status
        self._hub.world.changes.tell()
        if fault.how == "hang":
            await asyncio.sleep(HANG_S)
        if fault.how != "answer" and request.transport:
            request.transport.abort()
        body = fault.body()
        return web.Response(
            status=fault.status, body=(body if isinstance(body, str) else json.dumps(body)).encode(), headers=fault.headers()
        )

    def _answer(self, call: Call, route: Route | None) -> tuple[int, Any, dict[str, str]]:
        """Status, body and headers."""
        headers: dict[str, str] = {}
        try:
            if route is None:
                raise no_such_route(call.method, call.path)
            if not call.path.startswith(("/interactions/", "/webhooks/")) and call.authorization != f"Bot {self._hub.token}":
                raise unauthorized()
            if (over_s := self._global(call)) is not None:
                self._hub.throttled.append(call)
                return 429, *_too_many(over_s, is_global=True)
            headers, wait_s = self._limit(call, route)
            if wait_s is not None:
                self._hub.throttled.append(call)
                body, more = _too_many(wait_s)
                old = route.limit is EDIT and self._old(call)
                return 429, body | ({"code": 30046} if old else {}), headers | more
            made = route.handle(self._hub, call)
            return (route.made_status, made, headers) if made is not None else (204, None, headers)
        except Refusal as refusal:
            call.code = refusal.code
            if refusal.violation:
                self._hub.violations.append(Violation(str(refusal), call))
            return refusal.status, refusal.body, headers

    def _global(self, call: Call) -> float | None:
        if call.path.startswith(("/interactions/", "/webhooks/")):
            return None
        return self._hub.buckets.take("global", GLOBAL, "").retry_after_s

    def _limit(self, call: Call, route: Route) -> tuple[dict[str, str], float | None]:
        if route.limit is None:
            return {}, None
        limit = OLD_EDIT if route.limit is EDIT and self._old(call) else route.limit
        kind = "webhook" if limit is WEBHOOK else f"{route.method} {route.template}"
        verdict = self._hub.buckets.take(kind, limit, call.ids.get(route.major, ""))
        return verdict.headers, verdict.retry_after_s

    def _old(self, call: Call) -> bool:
        note = self._hub.world.messages.get(int(call.ids.get("message_id") or 0))
        return note is not None and self._hub.world.age_s(note) > OLD_S

    async def file(self, request: web.Request) -> web.StreamResponse:
        """An uploaded file, at a signed address that has not expired."""
        stored = self._hub.world.files.get(int(request.match_info["file_id"]))
        expires = request.query.get("ex", "")
        if stored is None or request.query.get("hm") != signature(stored, expires):
            return web.Response(status=404, text="This content is no longer available.")
        if int(expires, 16) < self._hub.world.now():
            return web.Response(status=404, text="This content is no longer available.")
        return web.Response(body=stored.data, content_type="application/octet-stream")


def _too_many(wait_s: float, *, is_global: bool = False) -> tuple[Json, dict[str, str]]:
    """Body and headers of a 429."""
    body = {"message": "You are being rate limited.", "retry_after": wait_s, "global": is_global}
    scope = {"X-RateLimit-Scope": "global", "X-RateLimit-Global": "true"} if is_global else {"X-RateLimit-Scope": "user"}
    return body, {"Via": "1.1 google", "Retry-After": f"{wait_s:.3f}", **scope}


def _find(call: Call) -> Route | None:
    for route, pattern in _PATTERNS:
        if route.method == call.method and (match := pattern.match(call.path)):
            call.route, call.ids = route.template, match.groupdict()
            return route
    return None


async def _read(request: web.Request) -> Call:
    body: Any = None
    uploads: list[Upload] = []
    if request.content_type == "multipart/form-data":
        async for part in await request.multipart():
            assert isinstance(part, BodyPartReader)
            data = bytes(await part.read(decode=False))
            if part.name == "payload_json":
                body = json.loads(data)
            else:
                uploads.append(Upload(part.name or "", part.filename or "", data))
    elif request.can_read_body:
        body = json.loads(await request.read() or b"null")
    path = request.path.removeprefix(API)
    return Call(request.method, path, dict(request.query), body, uploads, request.headers.get("Authorization", ""))
