"""The loopback Discord: gateway, REST and files on one port of 127.0.0.1, for a limited time."""

import asyncio
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from aiohttp import web

from tests.loopback.gateway import Gateway
from tests.loopback.hub import Hub, Violation
from tests.loopback.interactions import Interactions
from tests.loopback.limits import Buckets
from tests.loopback.rest import API, Rest
from tests.loopback.world import World

TOKEN = "MTAwMDAwMDAwMDAwMDAwMDAw.GloopB.not-a-token-but-long-enough-for-one-0"
LIFE_S = 300.0
"""A server that a test has forgotten stops by itself."""


class Loopback(Hub):
    """Open it with `Loopback.open`; everything is refused again when the block ends."""

    port: int = 0
    stalled_s: float = 0.0

    @classmethod
    @asynccontextmanager
    async def open(
        cls, *, shards: int = 1, heartbeat_s: float = 2.0, life_s: float = LIFE_S, windows: float = 1.0
    ) -> AsyncGenerator["Loopback", None]:
        world = World()
        discord = cls(world, Gateway(world, TOKEN, shards=shards, heartbeat_s=heartbeat_s), Interactions(world), TOKEN)
        discord.buckets = Buckets(windows)
        rest = Rest(discord)
        application = web.Application(client_max_size=120 * 1024 * 1024)
        application.router.add_get("/", discord.gateway.serve)
        application.router.add_route("*", API + "/{path:.*}", rest.serve)
        application.router.add_get("/attachments/{channel_id}/{file_id}/{name}", rest.file)
        runner = web.AppRunner(application, access_log=None, shutdown_timeout=1.0)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        discord.port = int(runner.addresses[0][1])
        ends = asyncio.get_running_loop().call_later(life_s, lambda: asyncio.ensure_future(runner.cleanup()))
        watch = asyncio.create_task(discord._watch_own_loop())
        try:
            yield discord
        finally:
            ends.cancel()
            watch.cancel()
            await discord.gateway.close()
            await runner.cleanup()

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def _watch_own_loop(self) -> None:
        """How late this very process gets its turn: on a busy machine nobody else can be expected to be faster."""
        while True:
            before = time.monotonic()
            await asyncio.sleep(0.02)
            self.stalled_s = max(self.stalled_s, time.monotonic() - before - 0.02)

    def complaints(self) -> list[str]:
        """Everything that Discord would not have liked, in words."""
        return [str(one) for one in [*self.violations, *(Violation(words) for words in self.gateway.violations)]]
