"""A stage for the page's tests: a real App with a real store over scripted answers, served as it is served to people."""

import asyncio
import os
import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
from nicegui import Client
from nicegui.testing import User
from nicegui.testing.general import nicegui_reset_globals

from bot.app import App
from bot.fronts.web.server import build, serve
from bot.settings import Settings
from engine.backends.base import Prompt
from engine.backends.scripted import Script, ScriptedBackend
from engine.errors import BackendError
from engine.lineup import Lineup
from engine.settings import EngineSettings
from tests.bot.scripted import Coin, is_tuned, lineup_over
from tests.patience import patient
from tests.ports import free_port

PROMPTED = "**Decision:** prompt engineering\nWhy: the categories change every week\n\n- Watch: long prompts\n- Next: write three examples"
TUNED = "**Decision:** fine-tuning\nWhy: 12,000 stable examples"


def canned(prompt: Prompt) -> Script:
    """Two unlike answers; the request says what goes wrong."""
    asked = prompt.messages[-1].content
    tuned = is_tuned(prompt)
    if "fail" in asked and tuned:
        return Script(("Half an answer, ",), error=BackendError("server", "The model gave no numbers that could be used."))
    if "same" in asked:
        return Script(("The same ", "answer."), 0.001)
    if "slow" in asked:
        return Script(tuple(f"word{number} " for number in range(400)), 0.02)
    if "unhurried" in asked:
        return Script(("word ",) * 40 + (str(tuned),), 0.03)
    if "html" in asked:
        return Script(("<script>document.title='owned'</script> ", "<img src=x onerror=\"document.title='owned'\">", str(tuned)))
    text = TUNED if tuned else PROMPTED
    return Script(tuple(re.findall(r"\S+\s*", text)), 0.004)


async def lineup(script: Callable[[Prompt], Script] | None = None) -> Lineup:
    """Make a line-up over these answers; without them, those of `canned` as it is by then."""
    return lineup_over(ScriptedBackend(script or canned))


async def another(chosen: EngineSettings) -> Lineup:
    """Make the line-up of another base that was picked, over the same answers."""
    return lineup_over(ScriptedBackend(canned, chosen.base_model), chosen)


def settings(folder: Path, **names: Any) -> Settings:
    values = {
        "DUEL_STORE_PATH": str(folder / "duels.sqlite3"),
        "DUEL_BASE_MODEL": "demo",
        "DUEL_WEB_PORT": str(free_port()),
        "DUEL_WEB_UNDO_S": "0",  # tests of what comes after a vote do not wait for second thoughts
        "DUEL_DISCORD_BLINDING_SHARE": "0",  # which vote is asked more is drawn by the duel's id
        **names,
    }
    return Settings.read(values, None)


@asynccontextmanager
async def opened(folder: Path, **names: Any) -> AsyncIterator[tuple[App, Settings]]:
    """An App whose coin always seats the prompt left, and NiceGUI's globals put back afterwards."""
    chosen = settings(folder, **names)
    with nicegui_reset_globals():
        try:

            async def open_lineup() -> Lineup:
                return replace(await lineup(), settings=chosen.engine)

            async with App.open(chosen, open_lineup, rng=Coin(first_left=True), open_for=another) as app:
                await app.model_settled()
                yield app, chosen
        finally:
            Client.page_routes.clear()  # else the reset unloads our modules, and later tests meet them twice


@asynccontextmanager
async def simulated(app: App, chosen: Settings) -> AsyncIterator[Callable[[], User]]:
    """NiceGUI's simulated users on the whole application, door and session included."""
    os.environ["NICEGUI_USER_SIMULATION"] = "true"
    try:
        web = build(app, chosen)
        async with web.router.lifespan_context(web):
            yield lambda: User(httpx.AsyncClient(transport=httpx.ASGITransport(web), base_url="http://localhost"))
            for client in Client.instances.values():
                client.outbox.stop()
    finally:
        del os.environ["NICEGUI_USER_SIMULATION"]


@asynccontextmanager
async def served(app: App, chosen: Settings) -> AsyncIterator[str]:
    """The page on a real port, from the real server."""
    task = asyncio.create_task(serve(app, chosen))
    address = f"http://127.0.0.1:{chosen.web.port}"
    try:
        async with httpx.AsyncClient() as client:
            for _ in range(round(patient(500))):
                assert not task.done(), task.exception()
                try:
                    await client.get(f"{address}/login")
                    break
                except httpx.ConnectError:
                    await asyncio.sleep(0.02)
        yield address
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
