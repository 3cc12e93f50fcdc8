"""Votes that confirm a decision are asked once, however often somebody presses."""

import asyncio
import json
import shutil
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

from bot.app.decisions import DecideKind, Decisions, _taken
from bot.app.orders import Order
from bot.deciding.order import DecisionFolder
from engine.card import read_card
from engine.contestants import open_adapter
from engine.parsing import toml_table
from engine.recipe_text import toml_of
from engine.recipes import load_recipe, parse_recipe
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


async def test_a_second_decision_of_one_name_is_taken_up_beside_the_first(tmp_path: Path) -> None:
    """Else its votes would be about the first one's pair."""
    kind = DecideKind.__new__(DecideKind)
    kind._adapters = tmp_path / "loras"
    kept, loaded = list[Any](), list[str]()

    async def load(name: str) -> None:
        loaded.append(name)

    async def names() -> tuple[str, ...]:
        return ("late@1",) if loaded else ()

    async def take_in(text: str, reason: str, author: str) -> Any:
        made = replace(parse_recipe(toml_table(text.encode())), version=str(len(kept) + 1))
        kept.append(SimpleNamespace(named=made.named, digest=made.digest))
        return SimpleNamespace(version=kept[-1])

    kind._shelf = cast(Any, SimpleNamespace(load=load, names=names))
    kind._versions = cast(Any, SimpleNamespace(take_in=take_in, all=lambda: tuple(kept)))
    for number in (1, 2, 2):  # the last one's end was not stored the first time
        folder = DecisionFolder(tmp_path / str(number) / "late")
        shutil.copytree(DEMO_ADAPTER, folder["adapter"], dirs_exist_ok=True)
        card = read_card(folder["adapter"])
        assert card
        replace(card, name="late", version="1").write(folder["adapter"])
        config = json.loads((folder["adapter"] / "adapter_config.json").read_text())
        (folder["adapter"] / "adapter_config.json").write_text(json.dumps(config | {"revision": str(number)}))
        folder["recipe.toml"].write_text(toml_of(replace(load_recipe("house"), name="late", version="1", system=f"Number {number}.")))
        job: Any = SimpleNamespace(arguments={"file": "late.csv"}, asker="me")
        await kind.done(job, {"folder": str(folder.path), "advice": {"headline": "Fine-tune", "why": "x"}})
        assert _taken(folder) == (f"late@{number}", f"late@{number}")
    assert loaded == ["late@1", "late@2", "late@2"]
    assert open_adapter(tmp_path / "loras" / "late-2").version == "2"
