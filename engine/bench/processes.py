"""One of our ways as a process that is talked to: the other end of worker.py."""

import asyncio
import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, Self

from engine.bench.plan import Ask
from engine.bench.samples import Measured, Timed
from engine.bench.ways import Way
from engine.contestants import Arm
from engine.errors import BackendError

LONGEST_LINE = 1 << 26  # bytes of an answer's line
MODULE = "engine.bench.worker"


class WorkerProcess:
    """A worker, as a Runner. Start one with `open`."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    @classmethod
    async def open(cls, way: Way, base: Path, adapter: Path, settings: Mapping[str, Any]) -> Self:
        """Start a process and load base and adapter in it; settings: fields of EngineSettings. Raises BackendError."""
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", MODULE),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            limit=LONGEST_LINE,
        )
        self = cls(process)
        try:
            told = {"kind": way.kind, "variant": way.variant, "base": str(base), "adapter": str(adapter), "settings": dict(settings)}
            await self._ask(told)
        except BaseException:
            await self.aclose()
            raise
        return self

    async def run(self, asks: Sequence[Ask], new_tokens: int) -> Measured:
        """Write all these answers, as Runner.run says."""
        told = await self._ask({"asks": [asdict(ask) for ask in asks], "new_tokens": new_tokens})
        answers = (Timed(**answer | {"arm": Arm(answer["arm"]), "tokens": tuple(answer["tokens"])}) for answer in told.pop("answers"))
        return Measured(**told, answers=tuple(answers))

    async def aclose(self) -> None:
        """Let the process end."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        try:
            await asyncio.wait_for(self._process.wait(), 10)
        except TimeoutError:
            self._process.kill()
            await self._process.wait()

    async def _ask(self, line: Mapping[str, Any]) -> dict[str, Any]:
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.write(json.dumps(line).encode() + b"\n")
        await self._process.stdin.drain()
        said = await self._process.stdout.readline()
        if not said:
            raise BackendError("server", f"A process of the benchmark ended with {await self._process.wait()} while it was measured.")
        told: dict[str, Any] = json.loads(said)
        if "error" in told:
            raise BackendError("server", told["error"])
        return told
