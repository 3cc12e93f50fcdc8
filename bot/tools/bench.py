"""How long a verdict takes as a store grows: made-up teams of 10,000 and 200,000 duels with five ballots each, in a temporary store.

What is timed, in milliseconds (medians): a look when nothing has closed since the last one; a ballot cast and its duel closed;
a look after one duel closed; the first look after a start, from the ledger kept in the store; and, once, the rebuild from the
ballots alone, that is the first look at a scope that was never asked for.
"""

import tempfile
import time
from collections.abc import Awaitable, Callable
from contextlib import aclosing
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from bot.app import App
from bot.app.model import OpenLineup
from bot.app.orders import Order
from bot.ballots import Choice
from bot.settings import Settings
from bot.store import Store
from bot.tools.seed import Team, plant
from engine.backends.scripted import Script, ScriptedBackend
from engine.contestants import Adapter, Arm
from engine.cost import Price
from engine.kit import Kit
from engine.lineup import Lineup
from engine.recipes import load_recipe

ROUNDS = 7


@dataclass(frozen=True, slots=True)
class Growth:
    """Times at one size; milliseconds."""

    duels: int
    ballots: int
    rebuild_ms: float
    look_ms: float
    ballot_ms: float  # cast and close, synced to the disk
    look_after_ballot_ms: float
    first_look_ms: float  # of a fresh start, the ledger read from the store


def _lineup() -> Lineup:
    backend = ScriptedBackend(lambda prompt: Script((str(prompt.adapter is not None),)))
    adapter = Adapter("demo", "1", "made-up", "0" * 16)
    kit = Kit.of(backend.base, load_recipe("house"), load_recipe("plain"), adapter)
    return Lineup(backend, kit, Price(0.1, "made up", "2026-01-01"), (Arm.PROMPTED, Arm.TUNED))


async def run(sizes: tuple[int, ...], tell: Callable[[str], None]) -> list[Growth]:
    """Each size in a store of its own."""
    found = []
    for size in sizes:
        with tempfile.TemporaryDirectory(prefix="duelbot-bench-") as folder:
            path = Path(folder) / "duels.sqlite3"
            tell(f"Writing {size:,} duels with five ballots each …")
            await _fill(path, size)
            found.append(await _measure(path, size))
    return found


async def _fill(path: Path, size: int) -> None:
    first, second = _lineup().entrants
    team = Team(size, voters=50, theta=0.5, minutes=2, contestants=(first.id, second.id))
    store = await Store.open(path)
    try:
        await plant(store, team, np.random.default_rng(size))
    finally:
        await store.aclose()


async def _measure(path: Path, size: int) -> Growth:
    async def lineup() -> Lineup:
        return _lineup()

    opened: OpenLineup = lineup
    settings = Settings.of(store_path=str(path))
    async with App.open(settings, opened) as app:
        await app.model_settled()
        rebuild, _ = await _timed(app.judging.verdict)
        looks = [(await _timed(app.judging.verdict))[0] for _ in range(ROUNDS)]
        ballots, afters = [], []
        for _ in range(ROUNDS):
            duel = await _answered(app)
            took, _ = await _timed(lambda duel=duel: app.voting.cast(duel, "person 1", Choice.LEFT))  # type: ignore[misc]
            ballots.append(took)
            afters.append((await _timed(app.judging.verdict))[0])
    firsts = []
    for _ in range(3):
        async with App.open(settings, opened) as app:
            await app.model_settled()
            firsts.append((await _timed(app.judging.verdict))[0])
    return Growth(size, size * 5, rebuild, median(looks), median(ballots), median(afters), median(firsts))


async def _answered(app: App) -> str:
    asked = (await app.asking.ask(Order("Prompt or fine-tune?", "person 1", owner=True))).view
    async with aclosing(app.looking.watch(asked.id, "person 1")) as views:
        async for view in views:
            if view.state == "open":
                break
    return asked.id


async def _timed(call: Callable[[], Awaitable[Any]]) -> tuple[float, Any]:
    began = time.perf_counter()
    result = await call()
    return (time.perf_counter() - began) * 1000, result


def lines(found: list[Growth]) -> list[str]:
    """A table for people."""
    heads = ("duels", "ballots", "rebuild", "look", "ballot", "look after", "first look")
    rows = [heads] + [
        (f"{each.duels:,}", f"{each.ballots:,}", *(f"{value:,.1f} ms" for value in list(asdict(each).values())[2:])) for each in found
    ]
    widths = [max(len(row[at]) for row in rows) for at in range(len(heads))]
    return ["  ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True)) for row in rows]
