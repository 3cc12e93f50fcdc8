"""The whole loop on the model that ships: rows, an adapter, duels, ballots, pairs, a new version, and a duel of old and new."""

import asyncio
import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from adapters.__main__ import main
from adapters.train.ordering import Wish, ordered
from adapters.train.plan import LoraPlan, PreferencePlan, RatePlan, SafetyPlan, StepsPlan, TrainingPlan
from adapters.train.training import Trained, train
from bot.app import App
from bot.ballots import Choice
from bot.settings import Settings
from engine.contestants import Contestant, open_adapter
from engine.duel import Answer, Side, answer_each, prompt_of
from engine.ledger import RoleLedger
from engine.lineup import open_lineup, with_adapter
from engine.request import Request
from engine.settings import EngineSettings
from engine.shipped import SHIPPED_ADAPTERS
from tests.bot.scripted import answered, cast

pytestmark = pytest.mark.process
FOUR = "Decision: {}\nWhy: {}\nWatch: quality falls when the task drifts\nNext: test it on 20 real requests"
TAUGHT = {
    "9k labelled tickets but vendor wont let us touch the weights": FOUR.format("prompt engineering", "no access to weights or training"),
    "4,000 labelled letters, the rules change once a year, 90,000 a month": FOUR.format("fine-tuning", "many examples and a stable task"),
    "nothing labelled so far, the demo is on friday": FOUR.format("prompt engineering", "no time and no examples"),
}
ASKED = (
    "we've got about 5000 labelled emails though our provider has no training option",
    "Legal says only the closed API is allowed. Summaries of court rulings, rules hardly change.",
    "12,000 examples of receipts and open weights, the form has been the same for 3 years",
    "no labels at all for our poems, what would you do",
    "Our wording changes every week. We collected 900 sentences, own GPU there.",
    "80,000 chats come in a month, 3,500 are labelled, categories never change",
)
PLAN = TrainingPlan(
    "loop",
    lora=LoraPlan(),
    steps=StepsPlan(batch_rows=2, epochs=2),
    rate=RatePlan(highest=1e-4),
    safety=SafetyPlan(finished_loss=10),
    preference=PreferencePlan(rate=1.0),
)
ENGINE = EngineSettings(base_model="demo", threads=1, device="cpu")


def trained(folder: Path, file: Path, method: str, parent: Path) -> Trained:
    wish = Wish(file=file, base="demo", name="house", method=method, parent=parent, work=folder / method, out=folder / "loras")  # type: ignore[arg-type]
    order, work = ordered(wish, ENGINE)
    made = train(replace(order, plan=PLAN), work, ENGINE, lambda _: None, lambda: False)
    assert made
    return made


async def voted(store: Path, adapter: Path, requests: Sequence[str]) -> None:
    """Ask in the bot, and vote as somebody who prefers the shorter answer; ann lets her duels train adapters."""
    settings = Settings.of(
        store_path=str(store), base_model="demo", adapter=str(adapter), arms="plain,tuned", threads=1, discord_blinding_share=0.0
    )
    async with App.open(settings) as app:
        assert (await app.model_settled()).state == "ready"
        await app.consents.agree("ann", None)
        for request in requests:
            view = await answered(app, request)
            if view.state == "open":
                left, right = (len(view.sides[side].text) for side in (Side.LEFT, Side.RIGHT))
                await cast(app, view.id, "ann", Choice.LEFT if left < right else Choice.RIGHT)


async def met(old: Path, new: Path, request: str) -> tuple[tuple[Contestant, Contestant], dict[int, object]]:
    """Load both versions into one engine, and have them answer."""
    lineup = await open_lineup(ENGINE.but({"adapter": str(old)}))
    try:
        lineup = await with_adapter(lineup, new)
        plain = lineup.entrants[1]
        pair = (plain, replace(plain, adapter=open_adapter(new)))
        prompts = {number: prompt_of(each, Request.of(request), 0) for number, each in enumerate(pair)}
        return pair, dict(await answer_each(prompts, lineup.backend, lineup.price))
    finally:
        await lineup.backend.aclose()


def test_rows_become_an_adapter_its_duels_the_next_version_and_no_request_has_two_roles(tmp_path: Path) -> None:
    rows, pairs, store = tmp_path / "rows.jsonl", tmp_path / "pairs.jsonl", tmp_path / "store.db"
    rows.write_text("".join(json.dumps({"request": text, "answer": answer}) + "\n" for text, answer in TAUGHT.items()), encoding="utf-8")
    first = trained(tmp_path, rows, "sft", SHIPPED_ADAPTERS / "demo")
    asyncio.run(voted(store, first.folder, ASKED))
    assert main(["data", "from-duels", "--store", str(store), "--write", str(pairs)]) == 0
    told = [json.loads(line) for line in pairs.read_text(encoding="utf-8").splitlines()]
    assert len(told) >= 2 and all(len(row["chosen"]) <= len(row["rejected"]) for row in told)
    second = trained(tmp_path, pairs, "dpo", first.folder)
    assert int(second.card.version) == int(first.card.version) + 1
    (old, new), answers = asyncio.run(met(first.folder, second.folder, "What does fine-tuning cost?"))
    assert old.id != new.id and all(isinstance(answer, Answer) and answer.text for answer in answers.values())
    ledger = RoleLedger.of((old, new))
    assert old.adapter and new.adapter and set(old.adapter.trained_on.listed) < set(new.adapter.trained_on.listed)
    for request in TAUGHT:
        assert {use.role for use in ledger.uses(request)} == {"train"}
    for row in told:
        roles = {use.role for use in ledger.uses(row["request"])}
        assert len(roles) == 1 and ledger.clash(row["request"], "evidence"), "what it learned from proves nothing about it"
    assert not ledger.uses("What does fine-tuning cost?")
