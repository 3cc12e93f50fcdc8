"""A line-up over the scripted backend, for tests of the bot: real recipes and contestants, canned answers."""

import random
import shutil
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing, asynccontextmanager
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

from bot.app import App
from bot.app.app import utc_now
from bot.app.bases import OpenFor
from bot.app.orders import Order
from bot.ballots import Choice
from bot.settings import Settings
from bot.views import DuelView
from engine.backends.base import Prompt
from engine.backends.scripted import Script, ScriptedBackend
from engine.card import read_card
from engine.contestants import Adapter, Arm
from engine.cost import Price
from engine.kit import Kit
from engine.lineup import Lineup, open_lineup
from engine.recipes import Recipe
from engine.settings import EngineSettings
from engine.shipped import DEMO_ADAPTER

ADAPTER = Adapter(name="demo", version="1", folder="adapters/none", digest="a" * 16)
HOUSE = Recipe(name="house", version="1", system="You are the house.")
PLAIN = Recipe(name="plain", version="1")


def is_tuned(prompt: Prompt) -> bool:
    return prompt.adapter is not None


def two_answers(prompt: Prompt) -> Script:
    """A short answer for each side, told apart by who gives it."""
    if is_tuned(prompt):
        return Script(("tuned ", "says ", "hello"), pause_s=0.002)
    return Script(("prompted ", "says ", "hi"), pause_s=0.001)


def own_adapter(folder: Path, name: str = "support", version: str = "1") -> None:
    """Put an adapter that fits the scripted base into a folder of adapters."""
    made = folder / f"{name}-{version}"
    shutil.copytree(DEMO_ADAPTER, made)
    card = read_card(made)
    assert card
    replace(card, name=name, version=version, base=replace(card.base, revision="0" * 16)).write(made)


def lineup_over(backend: ScriptedBackend, settings: EngineSettings | None = None) -> Lineup:
    kit = Kit.of(backend.base, engineered=HOUSE, plain=PLAIN, adapter=ADAPTER)
    price, arms = Price(0.36, "a test", "2026-11-22"), (Arm.PROMPTED, Arm.TUNED)
    return Lineup(backend, kit, price, arms, settings=settings or EngineSettings())


@asynccontextmanager
async def scripted_app(
    store: Path,
    script: Callable[[Prompt], Script] = two_answers,
    *,
    first_left: bool = True,
    limit_s: float = 30.0,
    now: Callable[[], datetime] = utc_now,
    open_for: OpenFor = open_lineup,
    **names: Any,
) -> AsyncGenerator[tuple[App, ScriptedBackend], None]:
    """An app whose model is ready. first_left: the prompted side sits left in every duel; names are settings."""
    backend = ScriptedBackend(script)
    names = {"discord_blinding_share": 0.0, "base_model": "demo", **names}  # which vote is asked more is drawn by the duel's id

    settings = Settings.of(store_path=str(store), answer_limit_s=limit_s, **names)

    async def ready() -> Lineup:
        return lineup_over(backend, settings.engine)

    async with App.open(settings, ready, now=now, rng=Coin(first_left), open_for=open_for) as app:
        await app.model_settled()
        yield app, backend


class Coin(random.Random):
    """A coin that always falls the same way."""

    def __init__(self, first_left: bool) -> None:
        super().__init__()
        self._first_left = first_left

    def random(self) -> float:
        return 0.9 if self._first_left else 0.1


async def until(app: App, duel_id: str, *states: str, viewer: str = "ann") -> DuelView:
    """The first view in one of these states."""
    async with aclosing(app.looking.watch(duel_id, viewer)) as views:
        async for view in views:
            if view.state in states:
                return view
    raise AssertionError(f"the duel never came to {states}")


async def ask(app: App, text: str, *, asker: str, **more: Any) -> DuelView:
    """Ask as whoever runs Duelbot, whom no limit of persons meets; `more` is of the order."""
    return (await app.asking.ask(Order(text, asker, owner=True, **more))).view


async def cast(app: App, duel: str, voter: str, choice: Choice) -> DuelView:
    """Cast a ballot. The duel as the voter sees it then."""
    return (await app.voting.cast(duel, voter, choice)).view


async def close(app: App, duel: str, person: str = "ann") -> DuelView:
    """Close a vote by hand."""
    return (await app.voting.close(duel, person)).view


async def answered(app: App, text: str = "Prompt or fine-tune?", *, conversation: str | None = None, quorum: int = 1) -> DuelView:
    """Ask, and wait until both sides have ended."""
    asked = await ask(app, text, asker="ann", conversation=conversation, quorum=quorum)
    return await until(app, asked.id, "open", "closed", "void")
