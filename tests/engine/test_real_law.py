"""The law of rows on the real base: a row says greedily what it says alone, in any company, joining late, beside rows that leave."""

import asyncio
import random
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from itertools import cycle

import pytest
import pytest_asyncio

from engine.backends.base import Prompt, Stop
from engine.contestants import Arm
from engine.duel import Answer, answer_each, prompt_of
from engine.errors import BadModel
from engine.lineup import Lineup, base_folder, open_lineup
from engine.request import Request
from engine.settings import EngineSettings
from engine.shipped import SMOLLM2

pytestmark = [pytest.mark.process, pytest.mark.asyncio(loop_scope="module")]
REQUESTS = (
    "my lamp came broken, the glass shade is in pieces",
    "Where is order 4711?",
    "Can I still send back the bedding I opened last week? It is not the colour I thought it would be, and my sister says so too.",
    "refund?",
)
MOST_NEW = 14  # tokens of an answer
SEEDS = range(4)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def lineup() -> AsyncIterator[Lineup]:
    try:
        base_folder(SMOLLM2)
    except BadModel as error:
        pytest.skip(f"needs SmolLM2's wheel, which make run installs: {error}")
    opened = await open_lineup(EngineSettings(base_model=SMOLLM2, max_rows=4))
    yield opened
    await opened.backend.aclose()


@dataclass(frozen=True, slots=True)
class Asked:
    """A row of a schedule. wait_s: until it joins; leaves_s: from then until it is given up, None: it stays to its end."""

    key: tuple[str, Arm]
    wait_s: float
    leaves_s: float | None


def greedy(lineup: Lineup, text: str, arm: Arm) -> Prompt:
    prompt = prompt_of(lineup.kit.contestant(arm), Request.of(text), 0)
    return replace(prompt, sampling=replace(prompt.sampling, temperature=0.0, max_new_tokens=MOST_NEW))


async def said(lineup: Lineup, key: tuple[str, Arm], stop: Stop | None = None) -> str:
    outcome = (await answer_each({key: greedy(lineup, *key)}, lineup.backend, lineup.price, stop=stop))[key]
    assert isinstance(outcome, Answer), outcome
    return outcome.text


def schedule(seed: int) -> list[Asked]:
    dice = random.Random(seed)
    keys = [(text, arm) for text, arm in zip(dice.sample(REQUESTS, 4), cycle(dice.sample(list(Arm), 4)), strict=False)]
    rows = [Asked(key, dice.random() * 0.8, None) for key in keys]
    return [*rows, Asked(dice.choice(keys), dice.random() * 0.4, 0.3 + dice.random() * 0.4)]


async def test_a_row_says_what_it_says_alone(lineup: Lineup) -> None:
    rows = {seed: schedule(seed) for seed in SEEDS}
    keys = {each.key for schedule in rows.values() for each in schedule}
    alone = {key: await said(lineup, key) for key in sorted(keys)}
    assert len(set(alone.values())) > len(alone) / 2, "the rows must differ for this to show anything"

    async def join(row: Asked) -> tuple[Asked, str]:
        await asyncio.sleep(row.wait_s)
        stop = Stop()
        if row.leaves_s is not None:
            asyncio.get_running_loop().call_later(row.leaves_s, stop.raise_)
        return row, await said(lineup, row.key, stop)

    for seed in SEEDS:
        for row, text in await asyncio.gather(*map(join, rows[seed])):
            if row.leaves_s is None:
                assert text == alone[row.key], (seed, row)
            else:
                assert alone[row.key].startswith(text), (seed, row)
