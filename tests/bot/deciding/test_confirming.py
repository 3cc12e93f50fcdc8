"""Votes that confirm a decision are asked once, however often somebody presses."""

import asyncio
import json
import shutil
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

from bot.app.decisions import Decisions
from bot.app.orders import Order
from bot.deciding.order import DecisionFolder
from engine.card import read_card
from engine.recipe_text import toml_of
from engine.recipes import load_recipe
from engine.request import Turn
from engine.shipped import DEMO_ADAPTER


async def test_a_second_press_asks_nothing_twice(tmp_path: Path) -> None:
    """What asks is a script here: it notes the orders, and is slow enough for a second press."""
    folder, orders, gate = DecisionFolder(tmp_path / "job" / "late"), list[Order](), asyncio.Event()
    shutil.copytree(DEMO_ADAPTER, folder["adapter"])
    card = read_card(folder["adapter"])
    assert card
    card.write(folder["adapter"])
    folder["recipe.toml"].write_text(toml_of(replace(load_recipe("house"), name="late", version="1")))
    before = [{"role": "user", "text": "My parcel is late."}, {"role": "assistant", "text": "Which one?"}]
    lines = [{"request": "The red one.", "history": before}, {"request": "Hello", "tags": []}]
    folder["confirm.jsonl"].write_text("".join(json.dumps(line) + "\n" for line in lines))

    async def ask(order: Order) -> Any:
        await gate.wait()
        orders.append(order)
        return SimpleNamespace(view=SimpleNamespace(id=f"duel {len(orders)}"))

    decisions = Decisions.__new__(Decisions)
    decisions._folder, decisions._confirming = tmp_path, set()
    decisions._asking = cast(Any, SimpleNamespace(ask=ask))
    decisions._core = cast(Any, SimpleNamespace(running=SimpleNamespace(progress=lambda _: None)))
    job: Any = SimpleNamespace(id="job", arguments={"name": "late"})
    assert [await decisions.confirm(job, "me"), await decisions.confirm(job, "me")] == [2, 2]
    gate.set()
    await asyncio.gather(*decisions._confirming)
    assert [order.text for order in orders] == ["The red one.", "Hello"]
    assert orders[0].before == (Turn("user", "My parcel is late."), Turn("assistant", "Which one?"))
    assert await decisions.confirm(job, "me") == 2  # all were asked: nothing more is
    await asyncio.gather(*decisions._confirming)
    assert len(orders) == 2
