"""The bot in its own process, as people start it, connected to a loopback."""

import asyncio
import os
import signal
import sys
import time
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

from tests.loopback.forking import Forked, forked
from tests.loopback.server import TOKEN, Loopback
from tests.loopback.waiting import Changes
from tests.patience import patient
from tests.ports import free_port

ROOT = Path(__file__).parents[2]
LIFE_S = patient(180.0)


class BotProcess:
    """One run of `python -m bot`."""

    def __init__(self, process: asyncio.subprocess.Process | Forked, page: str, changes: Changes) -> None:
        self.process = process
        self.page = page  # address of the page that it serves beside Discord
        self._changes = changes
        self.lines: list[str] = []
        self._reading = asyncio.create_task(self._read())

    async def _read(self) -> None:
        assert self.process.stdout is not None
        async for line in self.process.stdout:
            self.lines.append(line.decode(errors="replace").rstrip())
            self._changes.tell()

    @property
    def output(self) -> str:
        return "\n".join(self.lines)

    async def says(self, words: str) -> None:
        """Waits until the process has printed this."""
        await self._changes.until(lambda: words in self.output, lambda: f"the words {words!r}; output:\n{self.output}")

    @property
    def running(self) -> bool:
        return self.process.returncode is None

    async def stop(self, how: signal.Signals = signal.SIGTERM, within_s: float = patient(30.0)) -> float:
        """Tell it to end, once, and wait; the seconds that it took."""
        if self.running:
            self.process.send_signal(how)
        return await self.ended(within_s)

    async def ended(self, within_s: float = patient(30.0)) -> float:
        """Wait for its end; the seconds until then."""
        started = time.monotonic()
        try:
            await asyncio.wait_for(self.process.wait(), within_s)
        except TimeoutError:
            self.process.kill()
            await self.process.wait()
            raise AssertionError(f"the bot did not end within {within_s:g} s:\n{self.output}") from None
        took_s = time.monotonic() - started
        await self._reading
        return took_s


def _environment(discord: Loopback, folder: Path, port: str, script: str) -> dict[str, str]:
    return {
        "PATH": os.environ.get("PATH", ""),
        "HOME": str(folder),
        "PYTHONPATH": str(ROOT),
        "PYTHONUNBUFFERED": "1",
        "DISCORD_TOKEN": TOKEN,
        "DUEL_STORE_PATH": str(folder / "duels.sqlite3"),
        "DUEL_WEB_PORT": port,
        "DUEL_BASE_MODEL": "demo",
        "LOOPBACK_ADDRESS": discord.address,
        "LOOPBACK_SCRIPT": script,
        "LOOPBACK_LIFE_S": f"{LIFE_S:g}",
    }


async def _started(environ: Mapping[str, str], folder: Path) -> "asyncio.subprocess.Process | Forked":
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.loopback.redirected"),
        cwd=folder,
        env=environ,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )


@asynccontextmanager
async def bot_process(
    discord: Loopback,
    folder: Path,
    *,
    script: str = "tests.loopback.scripts:by_request",
    settings: Mapping[str, str] | None = None,
    wait: bool = True,
    anew: bool = False,
) -> AsyncGenerator[BotProcess, None]:
    """Start the bot with its store in `folder`, wait until it is connected, and end it with the block. `settings`: DUEL_ names.

    anew: with an interpreter that has imported nothing yet, as people start it; else forked, which is ten times as fast.
    """
    port = str(free_port())
    environ = _environment(discord, folder, port, script) | dict(settings or {})
    before = len(discord.gateway.identified)
    process = await (_started(environ, folder) if anew or not hasattr(os, "pidfd_open") else forked(environ, folder))
    bot = BotProcess(process, f"http://127.0.0.1:{port}", discord.world.changes)
    ended = asyncio.create_task(process.wait())
    ended.add_done_callback(lambda _: discord.world.changes.tell())
    try:
        if wait:
            await discord.world.changes.until(
                lambda: len(discord.gateway.identified) > before or ended.done(),
                lambda: f"a connection; output:\n{bot.output}",
                patient(60),
            )
            assert bot.running, f"the bot ended at once:\n{bot.output}"
        yield bot
    finally:
        if bot.running:
            process.terminate()
            try:
                await asyncio.wait_for(process.wait(), patient(15))
            except TimeoutError:
                process.kill()
        await process.wait()
        await bot._reading
        await ended
