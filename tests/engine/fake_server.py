"""A server on loopback that speaks as vLLM does, counts its calls, and fails as it is told to."""

import asyncio
import json
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

BASE, TUNED, KEY = "base", "tuned", "hunter2-secret"
USAGE = {"prompt_tokens": 5, "completion_tokens": 3, "prompt_tokens_details": {"cached_tokens": 2}}
Fault = Callable[[web.Request], Awaitable[web.StreamResponse | None]]


@dataclass
class FakeServer:
    """What it was asked for, how it fails (only requests for streams of `failing`), and the streams that are open."""

    url: str = ""
    bodies: list[dict[str, Any]] = field(default_factory=list)  # of requests for streams
    fault: Fault | None = None
    failing: str = TUNED
    pieces: tuple[str, ...] = ("one ", "two ", "three")
    pause_s: float = 0.0
    usage: Any = field(default_factory=lambda: USAGE)
    open: int = 0
    idle: asyncio.Event = field(default_factory=asyncio.Event)  # set while no stream is open
    dead: bool = False  # whether the adapter answers as the base does
    logprobs: bool = True
    names: tuple[str, str] = (BASE, TUNED)  # of the base and of the adapter that it has from its start
    shelf: dict[str, str] | None = None  # adapters that were loaded while it ran, by name; None: it does not allow that
    missing: str = "missing"  # a folder that it does not see ends with this

    async def load(self, request: web.Request) -> web.Response:
        body = await request.json()
        if self.shelf is None:
            return web.json_response({"detail": "Not Found"}, status=404)
        if body["lora_path"].endswith(self.missing):
            return web.json_response({"error": {"message": f"No adapter found for {body['lora_path']}"}}, status=404)
        if body["lora_name"] in self.shelf:
            return web.json_response({"error": {"message": f"The lora adapter '{body['lora_name']}' has already been loaded."}}, status=400)
        self.shelf[body["lora_name"]] = body["lora_path"]
        return web.Response(text=f"Success: LoRA adapter '{body['lora_name']}' added successfully.")

    async def unload(self, request: web.Request) -> web.Response:
        name = (await request.json())["lora_name"]
        if self.shelf is None or name not in self.shelf:
            return web.json_response({"error": {"message": f"The lora adapter '{name}' cannot be found."}}, status=404)
        del self.shelf[name]
        return web.Response(text=f"Success: LoRA adapter '{name}' removed successfully.")

    def known(self, name: str) -> bool:
        return name in self.names or name in (self.shelf or {})

    async def models(self, request: web.Request) -> web.Response:
        if request.headers.get("Authorization") != f"Bearer {KEY}":
            return web.json_response({"error": {"message": f"bad key {request.headers.get('Authorization')}"}}, status=401)
        base, tuned = self.names
        cards = [{"id": base, "root": "b", "max_model_len": 400}, {"id": tuned, "root": "t", "parent": base}]
        return web.json_response({"object": "list", "data": cards})

    async def tokenize(self, request: web.Request) -> web.Response:
        text = "".join(message["content"] for message in (await request.json())["messages"])
        return web.json_response({"tokens": list(text.encode()), "count": len(text.encode()), "max_model_len": 400})

    async def detokenize(self, request: web.Request) -> web.Response:
        return web.json_response({"prompt": bytes((await request.json())["tokens"]).decode()})

    async def chat(self, request: web.Request) -> web.StreamResponse:
        body = await request.json()
        if not self.known(body["model"]):
            return web.json_response({"error": {"message": "no such model"}}, status=404)
        if not body.get("stream"):
            tuned = body["model"] != self.names[0] and not self.dead
            listed = [{"token": "a", "logprob": -2.0 if tuned else -0.1}, {"token": "b", "logprob": -0.1 if tuned else -2.0}]
            choice: dict[str, Any] = {"message": {"content": "tuned" if tuned else "plain"}, "finish_reason": "stop"}
            if self.logprobs:
                choice["logprobs"] = {"content": [{"top_logprobs": listed}]}
            return web.json_response({"choices": [choice], "usage": USAGE})
        self.bodies.append(body)
        if self.fault and body["model"] == self.failing and (said := await self.fault(request)) is not None:
            return said
        return await self.stream(request, [event(piece) for piece in self.pieces[: body["max_tokens"]]], most=body["max_tokens"])

    async def stream(self, request: web.Request, events: list[str], *, ended: bool = True, most: int = 1000) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        self.open += 1
        self.idle.clear()
        try:
            for said in events:
                await asyncio.sleep(self.pause_s)
                await response.write(f"data: {said}\n\n".encode())
            if not ended:
                assert request.transport
                request.transport.close()
                return response
            usage = self.usage | {"completion_tokens": min(most, self.usage["completion_tokens"])}
            account = json.dumps({"choices": [], "usage": usage})
            await response.write(f"data: {event('', 'stop')}\n\ndata: {account}\n\ndata: [DONE]\n\n".encode())
            return response
        finally:
            self.open -= 1
            if not self.open:
                self.idle.set()


def event(text: str, finish: str | None = None) -> str:
    return json.dumps({"choices": [{"index": 0, "delta": {"content": text}, "finish_reason": finish}]}, ensure_ascii=False)


@asynccontextmanager
async def fake_server() -> AsyncIterator[FakeServer]:
    fake, app = FakeServer(), web.Application()
    app.router.add_get("/v1/models", fake.models)
    app.router.add_post("/v1/chat/completions", fake.chat)
    app.router.add_post("/v1/load_lora_adapter", fake.load)
    app.router.add_post("/v1/unload_lora_adapter", fake.unload)
    app.router.add_post("/tokenize", fake.tokenize)
    app.router.add_post("/detokenize", fake.detokenize)
    runner = web.AppRunner(app, handler_cancellation=True, shutdown_timeout=0.1)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        fake.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        yield fake
    finally:
        await runner.cleanup()


async def alone(pieces: int, pause_s: float) -> None:
    """Serve as a process of its own: tell the address, and go on until standard input closes."""
    async with fake_server() as fake:
        fake.pieces, fake.pause_s = ("word ",) * pieces, pause_s
        fake.usage = {"prompt_tokens": 5, "completion_tokens": pieces}
        print(fake.url, flush=True)
        await asyncio.to_thread(sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(alone(int(sys.argv[1]), float(sys.argv[2])))
