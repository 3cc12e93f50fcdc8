"""How much one process carries: python -m tests.servers.load --duels 300 --pages 100 --follow 20 --seconds 30

The page is served for real, over a model that is scripted: what is measured is Duelbot, not a model. Duels come at a steady rate, each with
three voters; tabs are opened over HTTP and a websocket from a second process, and some follow a duel while it is written. Prints a line of
JSON: waits in seconds, processor time as a share of one core, memory in MiB.
"""

import argparse
import asyncio
import json
import multiprocessing
import re
import resource
import tempfile
import time
import uuid
from multiprocessing.queues import Queue
from pathlib import Path
from typing import Any

import aiohttp
import socketio

from bot.app import App
from bot.app.orders import Order
from bot.ballots import Choice
from bot.fronts.web import serve
from bot.settings import Settings
from engine.backends.base import Prompt
from engine.backends.scripted import Script, ScriptedBackend
from engine.lineup import Lineup
from tests.bot.scripted import is_tuned, lineup_over, until
from tests.ports import free_port

WORDS, PACE_S, VOTERS = 60, 0.025, 3


def script(prompt: Prompt) -> Script:
    return Script((f"{'tuned' if is_tuned(prompt) else 'prompted'} ", *("word ",) * WORDS), PACE_S)


def share(waits: list[float], quantile: float) -> float:
    return round(sorted(waits)[min(len(waits) - 1, int(quantile * len(waits)))], 4) if waits else 0.0


def size_bytes(path: str) -> int:
    """Measure a store with its log."""
    return sum(file.stat().st_size for file in (Path(path), Path(f"{path}-wal")) if file.exists())


class Load:
    """Duels with their votes, and what they waited for."""

    def __init__(self, app: App, tell: "Queue[str] | None") -> None:
        self.app, self.tell = app, tell
        self.asked: list[float] = []
        self.voted: list[float] = []
        self.lags: list[float] = []
        self.done = 0

    async def one(self, number: int) -> None:
        began = time.perf_counter()
        view = (await self.app.asking.ask(Order(f"Request {number}", f"person {number}", owner=True, quorum=VOTERS))).view
        self.asked.append(time.perf_counter() - began)
        if self.tell:
            self.tell.put(view.conversation)
        await until(self.app, view.id, "open", "closed", "void")
        for voter in range(VOTERS):
            began = time.perf_counter()
            await self.app.voting.cast(view.id, f"voter {voter}", Choice.LEFT if (number + voter) % 2 else Choice.RIGHT)
            self.voted.append(time.perf_counter() - began)
        self.done += 1

    async def lag(self) -> None:
        while True:
            began = time.perf_counter()
            await asyncio.sleep(0.05)
            self.lags.append(time.perf_counter() - began - 0.05)


async def measure(options: argparse.Namespace) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings.of(store_path=f"{folder}/s", base_model="demo", web_port=free_port(), replays=False, discord_in_flight=10_000)

        async def open_lineup() -> Lineup:
            return lineup_over(ScriptedBackend(script), settings.engine)

        async with App.open(settings, open_lineup) as app:
            await app.model_settled()
            ready, told = asyncio.Event(), list[str]()
            serving = asyncio.create_task(serve(app, settings, lambda words: (told.append(words), ready.set())[0]))
            await ready.wait()
            context = multiprocessing.get_context("spawn")
            conversations: Queue[str] = context.Queue()
            opened = context.Event()
            tabs = context.Process(target=open_tabs, args=(told[0], options.pages, options.follow, conversations, opened), daemon=True)
            tabs.start()
            await asyncio.to_thread(opened.wait)
            found = await loaded(app, options, conversations if options.follow else None)
            tabs.terminate()
            serving.cancel()
            await asyncio.gather(serving, return_exceptions=True)
        return found | {"store_kb_per_duel": round(size_bytes(f"{folder}/s") / 1024 / max(1, found["duels"]), 1)}


async def loaded(app: App, options: argparse.Namespace, tell: "Queue[str] | None") -> dict[str, Any]:
    load, gap_s = Load(app, tell), 60 / options.duels
    lagging, cpu, began = asyncio.create_task(load.lag()), time.process_time(), time.perf_counter()
    running, number = set[asyncio.Task[None]](), 0
    while (now := time.perf_counter() - began) < options.seconds:
        while number * gap_s <= now:
            running.add(asyncio.create_task(load.one(number)))
            number += 1
        await asyncio.sleep(min(gap_s, 0.02))
    late = await asyncio.wait_for(asyncio.gather(*running, return_exceptions=True), 120)
    took_s = time.perf_counter() - began
    lagging.cancel()
    pages = next(float(line.split()[1]) for line in app.core.meters.text().decode().splitlines() if line.startswith("duelbot_pages "))
    return {
        "asked_per_minute": options.duels,
        "duels": load.done,
        "failed": sum(isinstance(each, BaseException) for each in late),
        "ballots": len(load.voted),
        "pages": int(pages),
        "heard_s": [share(load.asked, each) for each in (0.5, 0.99, 1)],
        "voted_s": [share(load.voted, each) for each in (0.5, 0.99, 1)],
        "lag_s": [share(load.lags, each) for each in (0.5, 0.99, 1)],
        "cpu": round((time.process_time() - cpu) / took_s, 2),
        "mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10,
    }


# --- the tabs, in a process of their own


def open_tabs(url: str, idle: int, following: int, conversations: "Queue[str]", opened: Any) -> None:
    asyncio.run(_tabs(url, idle, following, conversations, opened))


async def _tabs(url: str, idle: int, following: int, conversations: "Queue[str]", opened: Any) -> None:
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:
        held = [await tab(session, url, "/") for _ in range(idle)]
        opened.set()
        await asyncio.gather(
            *(follow(session, url, conversations) for _ in range(following)), asyncio.sleep(3600 if held or following else 0)
        )


async def follow(session: aiohttp.ClientSession, url: str, conversations: "Queue[str]") -> None:
    """Open one duel after the other and watch each while it is written."""
    while True:
        conversation = await asyncio.to_thread(conversations.get)
        one = await tab(session, url, f"/c/{conversation}")
        await asyncio.sleep(WORDS * PACE_S + 1)
        await one.disconnect()


async def tab(session: aiohttp.ClientSession, url: str, path: str) -> socketio.AsyncClient:
    async with session.get(url + path) as answer:
        page = await answer.text()
    found = re.search(r'["\']?client_id["\']?\s*:\s*["\']([\w-]+)["\']', page)
    assert found, page[:2000]
    query = {"client_id": found[1], "next_message_id": "0", "implicit_handshake": "true", "old_tab_id": ""}
    query |= {"document_id": str(uuid.uuid4()), "tab_id": str(uuid.uuid4())}
    client = socketio.AsyncClient(http_session=session)
    where = f"{url}?{'&'.join(f'{name}={value}' for name, value in query.items())}"
    await client.connect(where, transports=["websocket"], socketio_path="/_nicegui_ws/socket.io", headers={"Origin": url})
    return client


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--duels", type=float, default=300, help="a minute")
    parser.add_argument("--pages", type=int, default=0, help="idle tabs")
    parser.add_argument("--follow", type=int, default=0, help="tabs that follow a duel while it is written")
    parser.add_argument("--seconds", type=float, default=30)
    print(json.dumps(asyncio.run(measure(parser.parse_args()))))


if __name__ == "__main__":
    main()
