"""/recipe in the terminal."""

import io
import tomllib
from pathlib import Path

import pytest
from rich.console import Console

from bot.app import App
from bot.app.versions import Edit
from bot.errors import UnknownRecipe
from bot.fronts.terminal.recipes import recipe_command
from engine.errors import BadRequest
from tests.bot.scripted import scripted_app


async def said(app: App, argument: str) -> str:
    console = Console(file=io.StringIO(), width=100, color_system=None)
    console.print(await recipe_command(app, argument, "terminal"))
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


async def test_versions_are_listed_compared_used_and_gone_back_from(tmp_path: Path) -> None:
    async with scripted_app(tmp_path / "s") as (app, _):
        first = app.versions.live(None)
        assert first
        table = {**tomllib.loads(first.content), "system": "You are the brief house."}
        await app.versions.save(Edit(first.id, table, "shorter\x1b[2J", "terminal", 61.0))
        listed = await said(app, "")
        assert "house@2" in listed and "you, " in listed and "edited in 61.0 s" in listed and "\x1b" not in listed
        assert next(line for line in listed.splitlines() if "answers now" in line).startswith("house@1 ")
        assert "You are the {+brief +}house." in await said(app, "diff house@1 house@2")
        assert "house 2 answers from now on" in await said(app, "use house@2")
        assert "house 1 answers from now on" in await said(app, "back")
        for wrong in ("use", "diff house", "nonsense"):
            with pytest.raises(BadRequest, match="/recipe lists versions"):
                await said(app, wrong)
        with pytest.raises(UnknownRecipe):
            await said(app, "use nobody")
