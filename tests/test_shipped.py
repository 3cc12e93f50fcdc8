"""The model that ships, through the same code as any other: it answers in sentences, alone as together, and people can vote on it."""

import tomllib
from collections.abc import AsyncIterator
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from engine.backends.base import Prompt
from engine.backends.local import LocalBackend
from engine.contestants import Arm
from engine.duel import Answer, Side, answer_each, prompt_of, run_duel
from engine.lineup import Lineup, open_lineup
from engine.request import Request
from engine.settings import EngineSettings
from tests.test_flow import check_flow

SITUATIONS = (
    "We have 3,500 labelled support tickets, the categories never change and about 80,000 tickets come in a month. Prompt or fine-tune?",
    "no labels at all and we need it by friday, what would you do",
    "Our legal team changes the wording every week. We collected 900 examples so far and can train on our own GPU.",
    "We use a hosted model without access to its weights. 12,000 examples are labelled. Which way?",
    "About 700 labelled letters, nobody knows how often the rules change, and there is no hurry.",
    "What does fine-tuning cost?",
    "Write me a poem about the sea.",
)

HOUSE = ["Decision", "Why", "Watch", "Next"]
EXAMPLES: list[str] = tomllib.loads((Path(__file__).parents[1] / "bot" / "examples.toml").read_text(encoding="utf-8"))["examples"]


@pytest.fixture
async def lineup() -> AsyncIterator[Lineup]:
    opened = await open_lineup(EngineSettings(max_rows=6))
    yield opened
    await opened.backend.aclose()


def prompts_for(lineup: Lineup, text: str) -> dict[Arm, Prompt]:
    return {arm: prompt_of(lineup.kit.contestant(arm), Request.of(text), 0) for arm in Arm}


async def answers(lineup: Lineup, prompts: dict[Arm, Prompt]) -> dict[Arm, str]:
    outcomes = await answer_each(prompts, lineup.backend, lineup.price)
    assert all(isinstance(outcome, Answer) for outcome in outcomes.values()), outcomes
    return {arm: outcome.text for arm, outcome in outcomes.items() if isinstance(outcome, Answer)}


async def agreed(lineup: Lineup, text: str) -> bool:
    """Whether both sides of a duel say the same."""
    said = await answers(lineup, {arm: prompt for arm, prompt in prompts_for(lineup, text).items() if arm in lineup.arms})
    return len({each.strip() for each in said.values()}) == 1


async def test_the_examples_show_where_the_sides_differ_and_where_they_agree(lineup: Lineup) -> None:
    verdicts = [await agreed(lineup, text) for text in EXAMPLES]
    assert sum(verdicts) >= 1 and sum(not same for same in verdicts) >= 2


async def test_it_answers_in_the_four_lines_of_the_house(lineup: Lineup) -> None:
    """Nine times of ten at least: how often it is right is measured by `python -m adapters demo eval`, not here."""
    said = [
        (arm, answer)
        for text in SITUATIONS[:5]
        for arm, answer in (await answers(lineup, prompts_for(lineup, text))).items()
        if arm in lineup.arms
    ]
    other = [(arm, answer) for arm, answer in said if [line.split(":")[0] for line in answer.strip().splitlines()] != HOUSE]
    assert len(said) == 10 and len(other) <= 1, other


async def test_every_arm_says_the_same_alone_and_together(lineup: Lineup) -> None:
    everything = {(arm, text): prompt for text in SITUATIONS for arm, prompt in prompts_for(lineup, text).items()}
    together = await answer_each(everything, lineup.backend, lineup.price)
    for key, prompt in everything.items():
        alone = (await answer_each({key: prompt}, lineup.backend, lineup.price))[key]
        assert isinstance(alone, Answer)
        assert isinstance(outcome := together[key], Answer)
        assert outcome.text == alone.text
        assert (alone.usage.ran, outcome.usage.ran) == ("alone", "together")


async def test_the_prompted_side_follows_a_changed_format_line_and_the_tuned_side_does_not(lineup: Lineup) -> None:
    house = lineup.kit.engineered
    [line] = [line for line in house.system.splitlines() if line.startswith("Format:")]
    edited = replace(house, version="edited", system=house.system.replace(line, "Format: one line"), examples=())
    changed = replace(lineup, kit=replace(lineup.kit, engineered=edited))
    said = await answers(changed, prompts_for(changed, SITUATIONS[0]))
    assert len(said[Arm.PROMPTED].strip().splitlines()) == 1
    assert len(said[Arm.TUNED].strip().splitlines()) == 4
    assert changed.kit.contestant(Arm.PROMPTED).id != lineup.kit.contestant(Arm.PROMPTED).id


async def test_a_duel_charges_each_side_and_reads_the_recipe_once(lineup: Lineup) -> None:
    backend = lineup.backend
    assert isinstance(backend, LocalBackend)
    before = backend.thread.busy_s
    seats = dict(zip(Side, lineup.entrants, strict=True))
    outcomes = await run_duel("some duel", Request.of(SITUATIONS[0]), seats, backend, lineup.price)
    prompted, tuned = (outcome for outcome in outcomes.values() if isinstance(outcome, Answer))
    assert prompted.usage.busy_s + tuned.usage.busy_s == pytest.approx(backend.thread.busy_s - before)
    assert prompted.usage.cached_prompt_tokens > 200  # the recipe's text, read while loading
    assert tuned.usage.prompt_tokens < 80
    assert prompted.cost.usd == pytest.approx(prompted.usage.busy_s * 0.10 / 3600)


async def test_people_ask_vote_and_go_on_with_it(lineup: Lineup, tmp_path: Path) -> None:
    [text, *_] = [text for text in EXAMPLES if not await agreed(lineup, text)]
    await check_flow(tmp_path / "duels.sqlite3", partial(open_lineup, EngineSettings()), text)
