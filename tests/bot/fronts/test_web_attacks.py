"""The page under attack, on a real port of loopback: guesses that never end, forged senders, requests that never arrive, no HTTP at all."""

import asyncio
import re
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import httpx
import pytest

from bot.fronts.web import login as login_module
from bot.fronts.web import patience
from tests.bot.fronts.web_stage import opened, served
from tests.patience import patient

FORM = "content-type: application/x-www-form-urlencoded\r\n"


@pytest.fixture
async def port(tmp_path: Path, request: pytest.FixtureRequest) -> AsyncIterator[int]:
    names = getattr(request, "param", {})
    async with opened(tmp_path, DUEL_WEB_PASSWORD="sesame", **names) as (app, chosen), served(app, chosen):
        yield chosen.web.port


class Raw:
    """A connection that says what it likes."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    async def say(self, text: str) -> None:
        self.writer.write(text.encode("latin-1"))
        await self.writer.drain()

    async def status(self, limit_s: float = patient(10.0)) -> int:
        """Of the next response; 0 when the connection ends without one."""
        async with asyncio.timeout(limit_s):
            line = await self.reader.readline()
        return int(line.split()[1]) if line else 0

    async def ended(self, limit_s: float) -> bool:
        """Whether the other side closes the connection in time."""
        try:
            async with asyncio.timeout(limit_s):
                await self.reader.read()
        except TimeoutError:
            return False
        except ConnectionError:
            pass
        return True


async def raw(stack: AsyncExitStack, port: int) -> Raw:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    stack.callback(writer.close)
    return Raw(reader, writer)


async def guess(line: Raw, password: str, more: str = "", held: int = 0) -> None:
    body = f"password={password}"
    await line.say(f"POST /login HTTP/1.1\r\nhost: 127.0.0.1\r\n{FORM}{more}content-length: {len(body) + held}\r\n\r\n{body}")


async def test_guesses_with_held_bodies_gain_nothing(port: int) -> None:
    """150 requests begin together and leave their last byte out; then all are completed at once."""
    async with AsyncExitStack() as stack:
        lines = [await raw(stack, port) for _ in range(150)]
        await asyncio.gather(*(guess(line, f"wrong{number}", held=1) for number, line in enumerate(lines)))
        await asyncio.sleep(0.3)
        for line in lines:
            line.writer.write(b"x")
        statuses = Counter(await asyncio.gather(*(line.status() for line in lines)))
    assert statuses[401] <= 3 and statuses[401] + statuses[429] == 150, statuses


async def test_a_guess_that_never_ends_is_given_up_and_counts(port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(login_module, "BODY_S", 0.3)
    async with AsyncExitStack() as stack:
        for expected in (408, 408, 408, 429):
            line = await raw(stack, port)
            await guess(line, "half", held=5)
            assert await line.status() == expected
            assert await line.ended(2)


async def test_a_flood_ends_as_soon_as_it_is_one(port: int) -> None:
    async with AsyncExitStack() as stack:
        line = await raw(stack, port)
        await guess(line, "a" * 5000, held=1_000_000_000)
        assert await line.status() == 413
        assert await line.ended(2)


async def statuses(port: int, forwarded: list[str]) -> list[int]:
    found = []
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as client:
        for sender in forwarded:
            response = await client.post("/login", data={"password": "wrong"}, headers={"x-forwarded-for": sender})
            found.append(response.status_code)
    return found


async def test_a_forged_sender_gains_nothing(port: int) -> None:
    """Not even on loopback, where frameworks like to believe everybody."""
    assert await statuses(port, [f"10.0.0.{number}" for number in range(6)]) == [401] * 3 + [429] * 3


@pytest.mark.parametrize("port", [{"DUEL_WEB_TRUSTED_PROXIES": "127.0.0.1, 10.9.0.0/16"}], indirect=True)
async def test_a_trusted_proxy_is_heard_and_what_stands_before_its_word_is_not(port: int) -> None:
    """The right-most sender that is no proxy of ours counts; what a client has made up stands left of it."""
    assert await statuses(port, [f"10.0.0.{number}, 203.0.113.7, 10.9.1.1" for number in range(6)]) == [401] * 3 + [429] * 3
    assert await statuses(port, ["198.51.100.1"]) == [401]
    assert await statuses(port, [f"2001:db8::{number}" for number in range(6)]) == [401] * 3 + [429] * 3


async def test_a_request_has_to_arrive_in_time(port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Letters now and then, a head that ends nowhere, the same after a whole request, a body after its answer."""
    monkeypatch.setattr(patience, "REQUEST_S", 0.6)
    head = "GET /login HTTP/1.1\r\nhost: 127.0.0.1\r\n"
    beginnings = ["", "GET", f"{head}x: 1\r\n", f"{head}\r\nGET /lo", f"{head}content-length: 999999\r\n\r\nabc"]
    async with AsyncExitStack() as stack:
        lines = [await raw(stack, port) for _ in beginnings]
        began = time.monotonic()
        for line, beginning in zip(lines, beginnings, strict=True):
            await line.say(beginning)

        async def drip(line: Raw) -> None:
            while not line.writer.is_closing():
                await line.say("a")
                await asyncio.sleep(0.05)

        drips = [asyncio.create_task(drip(line)) for line in lines[1:]]
        assert all(await asyncio.gather(*(line.ended(patient(6)) for line in lines)))
        assert time.monotonic() - began < patient(6)
        for each in drips:
            each.cancel()
        await asyncio.gather(*drips, return_exceptions=True)


async def test_a_kept_connection_may_ask_again_and_again(port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(patience, "REQUEST_S", 0.5)
    async with AsyncExitStack() as stack:
        line = await raw(stack, port)
        for _ in range(4):
            await line.say("HEAD /login HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n")
            assert await line.status() == 200
            async with asyncio.timeout(patient(5)):
                await line.reader.readuntil(b"\r\n\r\n")
            await asyncio.sleep(0.3)


async def test_an_open_websocket_is_in_no_hurry(port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(patience, "REQUEST_S", 0.3)
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as client, AsyncExitStack() as stack:
        await client.post("/login", data={"password": "sesame"})
        cookies = "; ".join(f"{name}={value}" for name, value in client.cookies.items())
        line = await raw(stack, port)
        await line.say(
            f"GET /_nicegui_ws/socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nhost: 127.0.0.1:{port}\r\norigin: http://127.0.0.1:{port}\r\n"
            f"cookie: {cookies}\r\nconnection: upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\n"
            "sec-websocket-key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
        )
        assert await line.status() == 101
        assert not await line.ended(1.5)


NO_HTTP = ("\x16\x03\x01\x02", "GET\r\n\r\n", "GET / HTTP/9.9\r\n\r\n", "GET / HTTP/1.1\r\nno header\r\n\r\n", "GET /\xff HTTP/1.1")


@pytest.mark.parametrize("nonsense", NO_HTTP)
async def test_what_is_no_http_gets_our_words(port: int, nonsense: str) -> None:
    async with AsyncExitStack() as stack:
        line = await raw(stack, port)
        await line.say(f"{nonsense}\r\n\r\n")
        async with asyncio.timeout(patient(5)):
            answer = (await line.reader.read()).decode()
    assert answer.startswith("HTTP/1.1 400 ") and "This cannot be read" in answer
    [length] = re.findall(r"content-length: (\d+)", answer)
    assert len(answer.partition("\r\n\r\n")[2].encode()) == int(length)
