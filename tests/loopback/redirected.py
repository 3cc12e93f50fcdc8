"""Runs the unmodified `python -m bot` with Discord's hosts standing for the loopback, and nothing else in reach.

LOOPBACK_ADDRESS   http://127.0.0.1:<port> of the loopback; every request of aiohttp to a host of Discord goes there
LOOPBACK_SCRIPT    "package.module:function": a function Prompt -> Script; the model is then a scripted backend
LOOPBACK_LIFE_S    the process ends by itself after this time, or when the one that started it is gone
"""

import importlib
import os
import runpy
import sys
import threading
import time
from typing import Any

import aiohttp
from yarl import URL

HOSTS = ("discord.com", "discord.gg", "discordapp.com", "discordapp.net")
HERE = ("127.0.0.1", "::1", "localhost")


def redirect_discord(address: str) -> Any:
    """From now on aiohttp asks the loopback whatever it would ask Discord. Returns what puts things back."""
    loopback = URL(address)
    original = aiohttp.ClientSession._request

    async def request(self: aiohttp.ClientSession, method: str, url: Any, **options: Any) -> aiohttp.ClientResponse:
        asked = URL(url)
        if asked.host and any(asked.host == host or asked.host.endswith(f".{host}") for host in HOSTS):
            asked = asked.with_scheme("http").with_host(str(loopback.host)).with_port(loopback.port)
        return await original(self, method, asked, **options)

    aiohttp.ClientSession._request = request  # type: ignore[method-assign, assignment]

    def put_back() -> None:
        aiohttp.ClientSession._request = original  # type: ignore[method-assign]

    return put_back


def refuse_the_network(event: str, arguments: tuple[Any, ...]) -> None:
    """An audit hook: this process talks to its own machine alone."""
    if event == "socket.connect" and isinstance(arguments[1], tuple) and arguments[1][0] not in HERE:
        raise PermissionError(f"a test's process wanted to connect to {arguments[1][0]}")
    if event == "socket.getaddrinfo" and arguments[0] not in (*HERE, None, "", "0.0.0.0", b"127.0.0.1", b"localhost"):
        raise PermissionError(f"a test's process wanted to look up {arguments[0]}")


def end_in_time(life_s: float) -> None:
    """No orphan stays behind a test that was killed."""
    parent, started = os.getppid(), time.monotonic()

    def watch() -> None:
        while os.getppid() == parent and time.monotonic() - started < life_s:
            time.sleep(0.5)
        os._exit(70)

    threading.Thread(target=watch, daemon=True).start()


def script_the_model(where: str) -> None:
    """Put a scripted backend in the place of the model; everything around it is the product's own."""
    import engine.lineup

    module, _, function = where.partition(":")

    async def opened(settings: Any, say: object = None) -> Any:
        from engine.backends.scripted import ScriptedBackend
        from tests.bot.scripted import lineup_over

        return lineup_over(ScriptedBackend(getattr(importlib.import_module(module), function)), settings)

    engine.lineup.open_lineup = opened  # before the bot's own modules take the name


def main() -> None:
    end_in_time(float(os.environ.pop("LOOPBACK_LIFE_S")))
    sys.addaudithook(refuse_the_network)
    redirect_discord(os.environ.pop("LOOPBACK_ADDRESS"))
    if where := os.environ.pop("LOOPBACK_SCRIPT", ""):
        script_the_model(where)
    sys.argv = ["bot"]
    runpy.run_module("bot", run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
