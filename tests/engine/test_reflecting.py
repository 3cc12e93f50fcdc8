"""Instructions rewritten by another model: a real server on loopback with OpenAI's interface, whose model is a script."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from aiohttp import web

from engine.backends.base import Prompt
from engine.backends.scripted import Script, ScriptedBackend
from engine.errors import BackendError
from engine.optimise.asking import Engine
from engine.optimise.budget import Budget
from engine.optimise.reflecting import Reflection, WrongRow, instruction_in, question
from engine.optimise.run import Optimisation, Optimised, optimise
from engine.rows import Row
from engine.scoring import Metric
from tests.engine.test_optimise import FREE, START, WANTED, sorted_rows
from tests.ports import free_port

BETTER = "Say the team, and be careful."


def careful(prompt: Prompt) -> Script:
    """Be right where the instruction says so."""
    told = "careful" in prompt.messages[0].content
    said = prompt.messages[-1].content.removeprefix("Message: ").removesuffix("\nAnswer:")
    return Script((WANTED[said] if told else "nothing known",))


@asynccontextmanager
async def rewriter(status: int = 200, said: str = f"Here it is:\n```\n{BETTER}\n```\n") -> AsyncIterator[tuple[str, list[str]]]:
    asked: list[str] = []

    async def complete(request: web.Request) -> web.Response:
        body = await request.json()
        assert (body["model"], request.headers["authorization"]) == ("large", "Bearer k")
        asked.append(body["messages"][0]["content"])
        return web.json_response({"choices": [{"message": {"content": said}}]}, status=status)

    app = web.Application()
    app.router.add_post("/v1/chat/completions", complete)
    runner, port = web.AppRunner(app), free_port()
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    try:
        yield f"http://127.0.0.1:{port}/v1", asked
    finally:
        await runner.cleanup()


async def search(url: str, folder: Path) -> Optimised:
    order = Optimisation(START, sorted_rows(START), Metric("exact"), Budget(120), most_test=20)
    return await optimise(order, Engine(ScriptedBackend(careful), FREE), folder, reflection=Reflection(url, "large", "k", folder))


async def test_a_rewritten_instruction_wins_and_is_not_asked_for_again(tmp_path: Path) -> None:
    async with rewriter() as (url, asked):
        found = await search(url, tmp_path)
        assert found.recipe.system == BETTER
        assert found.dev and found.dev.mean == 1
        times = len(asked)
        assert times >= 1
        assert START.system in asked[0] and "Given: nothing known" in asked[0]
        again = await search(url, tmp_path)
        assert (again.recipe.digest, len(asked)) == (found.recipe.digest, times)


async def test_a_server_that_is_not_there_or_refuses_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(BackendError, match="cannot be reached"):
        await search(f"http://127.0.0.1:{free_port()}/v1", tmp_path / "a")
    async with rewriter(status=401) as (url, _):
        with pytest.raises(BackendError, match="refused \\(401\\)"):
            await search(url, tmp_path / "b")


@pytest.mark.parametrize(
    ("said", "instruction"),
    [
        ("```\nSay it.\n```", "Say it."),
        ("```text\nSay it.\nTwice.\n```\nDone.", "Say it.\nTwice."),
        ("Say it.", "Say it."),
        ("", ""),
    ],
)
def test_the_instruction_is_found_in_what_was_said(said: str, instruction: str) -> None:
    assert instruction_in(said) == instruction


def test_long_rows_are_cut_in_the_question() -> None:
    asked = question(START, [WrongRow(Row(1, "x" * 5_000, references=("a",)), "")])
    assert len(asked) < 2_000 and "(nothing)" in asked
    assert asyncio.iscoroutinefunction(Reflection.rewritten)
