"""Many people at once on a model that is on a server: everybody is told at once that they were heard, and nothing piles up."""

import asyncio
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from bot.app import App
from bot.app.orders import Order
from bot.settings import Settings
from engine.lineup import Lineup, open_lineup
from tests.bot.scripted import until
from tests.bot.test_operation import figure
from tests.engine.fake_server import BASE, KEY, TUNED

ROOT = Path(__file__).parents[2]
DUELS, ROUNDS = 200, 2  # in flight at the same time; how often
GAP_S = 0.03  # seconds between two people: two thousand duels a minute
PIECES, PAUSE_S = 45, 0.2  # an answer, which takes longer than all of them need to ask; two thousand pieces a second come in
PAGE_BYTES = 4096

pytestmark = pytest.mark.process


@contextmanager
def server() -> Iterator[str]:
    """The fake server in a process of its own, as a real one is; its address."""
    command = [sys.executable, "-m", "tests.engine.fake_server", str(PIECES), str(PAUSE_S)]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout and process.stdin
        try:
            yield process.stdout.readline().strip()
        finally:
            process.stdin.close()


def resident_bytes() -> int:
    """Read how much memory this process has, from statm: the second number, in pages."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * PAGE_BYTES


async def test_two_hundred_duels_are_in_flight_at_once_and_memory_stays_flat(tmp_path: Path) -> None:
    with server() as url:
        names = {"store_path": str(tmp_path / "s"), "server_url": url, "server_key": KEY, "base_model": BASE, "adapter": TUNED}
        limits = {"max_rows": 256, "discord_in_flight": DUELS, "discord_blinding_share": 0, "replays": False}
        settings = Settings.of(backend="openai", **names, **limits)

        async def open_it() -> Lineup:
            return await open_lineup(settings.engine)

        async with App.open(settings, open_it) as app:
            assert (await app.model_settled()).state == "ready"
            after = []
            for round_ in range(ROUNDS):
                waits, most, states = await one_round(app, round_)
                after.append(resident_bytes())
                heard = f"heard after {sorted(waits)[DUELS // 2]:.3f} s (median), {max(waits):.3f} s (most)"
                print(f"round {round_}: {most} duels in flight, {heard}; {after[-1] / 2**20:.0f} MiB")
                assert most > 0.9 * DUELS, "nobody waited for another's answer to be heard"
                assert states == {"closed"}, "both sides said the same"
            grown = (after[-1] - after[0]) / 2**20
            assert grown < 30, f"{grown:.0f} MiB more after {(ROUNDS - 1) * DUELS} duels"
            assert figure(app, "duelbot_duels_total") == ROUNDS * DUELS and figure(app, "duelbot_duels_running") == 0


async def one_round(app: App, round_: int) -> tuple[list[float], int, set[str]]:
    """Ask one after the other without waiting for answers. Returns seconds until each was heard, duels in flight at most, their ends."""

    async def one(number: int) -> tuple[float, str]:
        await asyncio.sleep(number * GAP_S)
        began = time.perf_counter()
        shown = await app.asking.ask(Order(f"Request {number} of round {round_}", f"person {number}", owner=True))
        return time.perf_counter() - began, shown.view.id

    heard = await asyncio.gather(*(one(number) for number in range(DUELS)))
    most = app.core.running.count
    ended = await asyncio.gather(*(until(app, id_, "open", "closed", "void") for _, id_ in heard))
    return [wait for wait, _ in heard], most, {view.state for view in ended}
