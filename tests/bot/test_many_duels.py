"""Many people at once on a model that is on a server: everybody is told at once that they were heard, and nothing piles up."""

import asyncio
import time
from pathlib import Path

from bot.app import App
from bot.app.orders import Order
from bot.settings import Settings
from engine.lineup import Lineup, open_lineup
from tests.bot.scripted import until
from tests.bot.test_operation import figure
from tests.engine.fake_server import BASE, KEY, TUNED, fake_server
from tests.patience import patient

DUELS = 200  # in flight at the same time
ROUNDS = 3
PAGE_BYTES = 4096


def resident_bytes() -> int:
    """Read how much memory this process has, from statm: the second number, in pages."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * PAGE_BYTES


async def test_two_hundred_duels_in_flight_are_acknowledged_at_once_and_memory_stays_flat(tmp_path: Path) -> None:
    async with fake_server() as fake:
        fake.pieces, fake.pause_s = ("word ",) * 40, 0.02
        fake.usage = {"prompt_tokens": 5, "completion_tokens": 40}
        settings = Settings.of(
            store_path=str(tmp_path / "s"),
            backend="openai",
            server_url=fake.url,
            server_key=KEY,
            base_model=BASE,
            adapter=TUNED,
            max_rows=256,
            discord_in_flight=DUELS,
            discord_blinding_share=0,
            replays=False,
        )

        async def open_it() -> Lineup:
            return await open_lineup(settings.engine)

        async with App.open(settings, open_it) as app:
            assert (await app.model_settled()).state == "ready"
            after = []
            for round_ in range(ROUNDS):
                waits, states = await one_round(app, round_)
                after.append(resident_bytes())
                assert max(waits) < patient(1.0), f"the slowest was heard after {max(waits):.2f} s"
                assert states == {"closed"}, "both sides said the same"
            grown = (after[-1] - after[0]) / 2**20
            print(
                f"{DUELS} duels: heard after {sorted(waits)[DUELS // 2]:.3f} s (median), {max(waits):.3f} s (most); grown {grown:.1f} MiB"
            )
            assert grown < 30, f"{grown:.0f} MiB more after {(ROUNDS - 1) * DUELS} duels"
            assert figure(app, "duelbot_duels_total") == ROUNDS * DUELS and figure(app, "duelbot_duels_running") == 0
        assert fake.open == 0


async def one_round(app: App, round_: int) -> tuple[list[float], set[str]]:
    """Ask all at once. Returns the seconds until each was heard, and how the duels ended."""

    async def one(number: int) -> tuple[float, str]:
        began = time.perf_counter()
        shown = await app.asking.ask(Order(f"Request {number} of round {round_}", f"person {number}", owner=True))
        heard_s = time.perf_counter() - began
        return heard_s, shown.view.id

    heard = await asyncio.gather(*(one(number) for number in range(DUELS)))
    assert app.core.running.count > DUELS // 2, "they are in flight together"
    ended = await asyncio.gather(*(until(app, id_, "open", "closed", "void") for _, id_ in heard))
    return [wait for wait, _ in heard], {view.state for view in ended}
