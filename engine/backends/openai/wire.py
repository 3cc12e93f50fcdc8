"""Requests over HTTP: time limits, retries, streams. It knows the address and the key, and tells the key to nobody."""

import asyncio
import json
import random
from collections.abc import Callable
from typing import Any

import aiohttp
from yarl import URL

from engine.backends.openai.events import DONE, EventReader
from engine.backends.openai.refusals import AGAIN, Reply, refusal
from engine.errors import BackendError, SettingsError

CONNECT_S = 10.0  # seconds to reach the server
TRIES = 4  # times that a request is sent at most
FIRST_PAUSE_S = 0.5  # seconds before the second try, at most; each later pause may be twice as long
LONGEST_PAUSE_S = 20.0  # a server that wants to be left alone for longer is not waited for
CHAT = "/chat/completions"
pause = asyncio.sleep


class ServerWire:
    """A server's address, and the connections to it."""

    def __init__(self, url: str, key: str, silence_s: float) -> None:
        """silence_s: seconds without a byte after which the server is given up. Raises SettingsError for what is no address."""
        try:
            parsed = URL(url.rstrip("/"))
        except ValueError as error:
            raise SettingsError("DUEL_SERVER_URL is no address. It looks like http://127.0.0.1:8000/v1.") from error
        if parsed.scheme not in ("http", "https") or not parsed.host or parsed.user or parsed.password:
            raise SettingsError("DUEL_SERVER_URL must be an address like http://127.0.0.1:8000/v1, without a user or a password in it.")
        path = parsed.path.rstrip("/")
        last = path.rpartition("/")[2]
        self._versioned = str(parsed if last[:1] == "v" and last[1:2].isdigit() else parsed.with_path(f"{path}/v1"))
        self._root = self._versioned.rpartition("/")[0]
        self._key = key
        self.where = f"The server {parsed.host}" + (f":{parsed.explicit_port}" if parsed.explicit_port else "")
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        if not key.isascii() or not key.isprintable():
            raise SettingsError("DUEL_SERVER_KEY holds a character that no key has.")
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_S, sock_read=silence_s)
        connector = aiohttp.TCPConnector(limit=0)  # answers wait for a place, not for a connection
        self._client = aiohttp.ClientSession(
            headers=headers, timeout=timeout, connector=connector, cookie_jar=aiohttp.DummyCookieJar(), trust_env=True
        )

    async def ask(self, path: str, body: Any = None, *, root: bool = False) -> Reply:
        """Send one request and read its answer whole: GET without a body, else POST. root: the path stands beside /v1, not below it.

        Sent again while the server is busy or the connection is lost. Raises BackendError when the server cannot be reached.
        """
        url = (self._root if root else self._versioned) + path

        async def once() -> Reply:
            method = "GET" if body is None else "POST"
            async with self._client.request(method, url, json=body, allow_redirects=False) as response:  # the key goes nowhere else
                return self._reply(response, await response.text(errors="replace"))

        return await self._again(once, lambda: False)

    async def stream(self, body: dict[str, Any], *, sent: Callable[[], None], hear: Callable[[str], bool]) -> None:
        """Send a request for an answer and tell the data of its events to `hear`, which says whether the answer has begun with it.

        sent: is told before each try. A server that is busy and a connection that is lost are tried again, but not once the answer has
        begun. Cancelled, it closes the stream, at which the server stops writing. Raises BackendError.
        """
        begun = False

        async def once() -> Reply:
            nonlocal begun
            sent()
            async with self._client.post(self._versioned + CHAT, json=body, allow_redirects=False) as response:
                if response.status != 200:
                    return self._reply(response, await response.text(errors="replace"))
                reader = EventReader()
                async for piece in response.content.iter_any():
                    for event in reader.add(piece):
                        if event == DONE:
                            return Reply(200, None)
                        begun = hear(event) or begun
            return Reply(200, None)

        reply = await self._again(once, lambda: begun)
        if not reply.good:
            raise refusal(reply, f"model {body.get('model')}", self.where)

    async def aclose(self) -> None:
        """Close all connections."""
        await self._client.close()

    async def _again(self, once: Callable[[], Any], begun: Callable[[], bool]) -> Reply:
        """Try until there is an answer, or it makes no sense to try again."""
        for number in range(TRIES):
            last, pause_s = number == TRIES - 1, random.uniform(0, FIRST_PAUSE_S * 2**number)
            try:
                reply: Reply = await once()
            except TimeoutError as error:
                raise BackendError("timeout", f"{self.where} was silent for too long.", passing=True) from error
            except (aiohttp.ClientError, OSError) as error:
                if begun() or last:
                    raise BackendError("server", self._lost(error, begun()), passing=True) from error
            else:
                asked_s = reply.wait_s() or 0.0
                if reply.status not in AGAIN or last or asked_s > LONGEST_PAUSE_S:
                    return reply
                pause_s += asked_s
            await pause(pause_s)
        raise AssertionError("the last try returns or raises")

    def _lost(self, error: Exception, begun: bool) -> str:
        if begun:
            return f"{self.where} broke off in the middle of the answer."
        if isinstance(error, aiohttp.ClientConnectorError):
            return f"{self.where} cannot be reached. Is it running, and is DUEL_SERVER_URL right?"
        return f"{self.where} broke the connection off {TRIES} times before the answer began."

    def _reply(self, response: aiohttp.ClientResponse, text: str) -> Reply:
        if self._key:
            text = text.replace(self._key, "[the key]")
        try:
            said = json.loads(text)
        except ValueError:
            said = text
        return Reply(response.status, said, response.headers.get("Retry-After", ""))
