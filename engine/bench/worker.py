"""A process for one of our ways: python -m engine.bench.worker, JSON lines in and out.

Each way has a process of its own, so that its memory and its CPU seconds are nobody else's. It is told first what to load; each line after
that is a load, answered with a sample. Ends when its stdin ends.
"""

import asyncio
import json
import os
import sys
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from engine.backends.base import Prompt, Stop
from engine.backends.local.imports import light_imports
from engine.backends.local.opening import open_local
from engine.bench.machine import peak_mib
from engine.bench.plan import Ask, Tokens
from engine.bench.samples import Measured, Timed, timed
from engine.contestants import Adapter, Arm, open_adapter
from engine.errors import BackendError, DuelbotError
from engine.recipes import Message, Recipe, Sampling
from engine.settings import EngineSettings

Answering = Callable[[Sequence[Ask], int], Awaitable[list[Timed]]]
NUMBERS = Recipe("numbers", "1")  # the plain recipe with which the adapter is proven alive


async def serve() -> None:
    """Do what stdin says until it ends."""
    told, out = sys.stdin, os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # whatever a library prints, stdout stays JSON

    def say(line: Any) -> None:
        out.write(json.dumps(line) + "\n")
        out.flush()

    try:
        answer = await _opened(json.loads(told.readline()))
        say({"ready": True})
        while line := await asyncio.to_thread(told.readline):
            wish = json.loads(line)
            say(asdict(await _sampled(answer, [_ask(each) for each in wish["asks"]], wish["new_tokens"])))
    except DuelbotError as error:
        say({"error": error.words})


def _ask(told: dict[str, Any]) -> Ask:
    return Ask(Arm(told["arm"]), tuple(told["recipe"]), tuple(told["request"]))


async def _sampled(answer: Answering, asks: Sequence[Ask], new_tokens: int) -> Measured:
    start, cpu = time.perf_counter(), time.process_time()
    answers = await answer(asks, new_tokens)
    return Measured(time.perf_counter() - start, time.process_time() - cpu, tuple(answers), _own_peak_mib())


def _own_peak_mib() -> int:
    if found := peak_mib():
        return found
    import resource

    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss  # KiB on Linux, bytes on a Mac, getrusage(2)
    return most >> 20 if sys.platform == "darwin" else most >> 10


async def _opened(told: dict[str, Any]) -> Answering:
    base, adapter, settings = Path(told["base"]), Path(told["adapter"]), EngineSettings().but(told["settings"])
    if told["kind"] == "engine":
        return await _open_engine(base, adapter, settings, told["variant"])
    with light_imports():
        from engine.bench.naive import Naive

    naive = Naive(base, adapter, settings.threads)

    async def answered(asks: Sequence[Ask], new_tokens: int) -> list[Timed]:
        return naive.answer(asks, new_tokens)

    return answered


async def _open_engine(base: Path, folder: Path, settings: EngineSettings, way: Any) -> Answering:
    """Open the engine as the product does, to run in one of the ways that open_local takes."""
    backend, adapter = await open_local(base, base.name, settings, way), open_adapter(folder)
    await backend.add_adapter(adapter, NUMBERS)

    async def answered(asks: Sequence[Ask], new_tokens: int) -> list[Timed]:
        start = time.perf_counter()
        return await asyncio.gather(*(_one(ask, start, new_tokens) for ask in asks))

    async def _one(ask: Ask, start: float, new_tokens: int) -> Timed:
        words, at = "", list[float]()
        async for chunk in backend.generate(prompt_of_numbers(ask, new_tokens, adapter), Stop()):
            if chunk.text:
                words += chunk.text
                at.append(time.perf_counter() - start)
            if chunk.error:
                raise chunk.error
        tokens = [int(word) for word in words.split()]
        if len(tokens) != new_tokens or len(at) != new_tokens:
            raise BackendError("server", f"The engine wrote {len(tokens)} tokens in {len(at)} pieces where {new_tokens} were asked for.")
        return timed(ask.arm, tokens, at)

    return answered


def prompt_of_numbers(ask: Ask, new_tokens: int, adapter: Adapter) -> Prompt:
    """Build the engine's prompt: the recipe as a system message, the request as the user's, both as the numbers of their tokens."""
    messages = (Message("system", _numbers(ask.recipe)), Message("user", _numbers(ask.request)))
    return Prompt(messages, Sampling(max_new_tokens=new_tokens), adapter if ask.arm is Arm.TUNED else None)


def _numbers(tokens: Tokens) -> str:
    return " ".join(map(str, tokens))


if __name__ == "__main__":
    asyncio.run(serve())
