"""/route in the terminal."""

import io
from pathlib import Path

import pytest
from rich.console import Console

from bot.app import App
from bot.fronts.terminal import render
from bot.fronts.terminal.routes import route_command
from engine.errors import BadRequest
from tests.bot.scripted import ask, scripted_app, until


async def said(app: App, argument: str) -> str:
    console = Console(file=io.StringIO(), width=160, color_system=None)
    console.print(await route_command(app, argument, "terminal"))
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


async def test_the_share_is_seen_changed_and_changed_back(tmp_path: Path) -> None:
    async with scripted_app(tmp_path / "s") as (app, _):
        assert (await said(app, "")).startswith("Every request becomes a duel.")
        assert "10% of requests become duels; the fine-tune" in await said(app, "0.1 tuned")
        assert "5% of requests become duels" in await said(app, "5%")
        assert "On “late parcels”: 30% of requests become duels; the prompt" in await said(app, "0.3 prompted late parcels")
        assert "you: “late parcels”: as all others" in await said(app, "back late parcels")
        assert "10% of requests become duels" in await said(app, "back")
        for wrong in ("much", "0.1 nobody"):
            with pytest.raises(BadRequest):
                await said(app, wrong)


async def test_a_single_is_shown_as_one_answer_with_what_it_took(tmp_path: Path) -> None:
    async with scripted_app(tmp_path / "s") as (app, _):
        await app.routing.change("ann", share=0.1, winner="tuned")
        asked = await ask(app, "Hello?", asker="terminal")
        view = await until(app, asked.id, "answered")
        console = Console(file=io.StringIO(), width=160, color_system=None)
        for shown in render.conversation([view]):
            console.print(shown)
        console.print(render.decided(view))
        assert isinstance(console.file, io.StringIO)
        text = console.file.getvalue()
        assert "tuned says hello" in text and "This is no duel and no evidence." in text and "recipe plain 1, adapter demo 1" in text
        assert render.ended(view)
