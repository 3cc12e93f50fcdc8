"""The model that ships, through the same code as any other: it answers in sentences, alone as together, and people can vote on it."""

import argparse
import re
import tomllib
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TypeVar

import pytest
import pytest_asyncio

from bot.app import App
from bot.arguments import parser as bot_parser
from bot.fronts.discord.words import HELP
from bot.settings import Settings
from engine.arguments import parser as engine_parser
from engine.backends.base import Prompt
from engine.backends.local.backend import LocalBackend
from engine.contestants import Arm
from engine.duel import Answer, Side, answer_each, prompt_of, run_duel
from engine.lineup import Lineup, open_lineup
from engine.request import Request
from engine.settings import EngineSettings
from tests.bot.scripted import answered
from tests.test_flow import check_flow

T = TypeVar("T")
SITUATIONS = (
    "We have 3,500 labelled support tickets, the categories never change and about 80,000 tickets come in a month. Prompt or fine-tune?",
    "no labels at all and we need it by friday, what would you do",
    "Our legal team changes the wording every week. We collected 900 examples so far and can train on our own GPU.",
    "We use a hosted model without access to its weights. 12,000 examples are labelled. Which way?",
    "About 700 labelled letters, nobody knows how often the rules change, and there is no hurry.",
    "What does fine-tuning cost?",
    "Write me a poem about the sea.",
)

ALONE = (SITUATIONS[0], *SITUATIONS[5:])  # asked by themselves too, which takes the longest here
AGREED = "no labels yet, open weights, demo on friday"
HOUSE = ["Decision", "Why", "Watch", "Next"]
ROOT = Path(__file__).parents[1]
OFFERS: dict[str, list[str]] = tomllib.loads((ROOT / "bot" / "examples.toml").read_text(encoding="utf-8"))
EXAMPLES = OFFERS["demo"]


pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def lineup() -> AsyncIterator[Lineup]:
    opened = await open_lineup(EngineSettings(base_model="demo", max_rows=6))
    yield opened
    await opened.backend.aclose()


def prompts_for(lineup: Lineup, text: str) -> dict[Arm, Prompt]:
    return {arm: prompt_of(lineup.kit.contestant(arm), Request.of(text), 0) for arm in Arm}


async def answers(lineup: Lineup, prompts: dict[T, Prompt]) -> dict[T, str]:
    outcomes = await answer_each(prompts, lineup.backend, lineup.price)
    assert all(isinstance(outcome, Answer) for outcome in outcomes.values()), outcomes
    return {key: outcome.text for key, outcome in outcomes.items() if isinstance(outcome, Answer)}


async def duels(lineup: Lineup, texts: Sequence[str]) -> dict[str, list[str]]:
    """What the two sides say to each request, all at once: what an answer says does not depend on others."""
    prompts = {(text, arm): prompt for text in texts for arm, prompt in prompts_for(lineup, text).items() if arm in lineup.arms}
    said = await answers(lineup, prompts)
    return {text: [said[text, arm].strip() for arm in lineup.arms] for text in texts}


@pytest.mark.demo
async def test_the_sides_differ_on_every_example_and_agree_elsewhere(lineup: Lineup) -> None:
    """Whoever tries what a front offers is asked to vote."""
    assert len(EXAMPLES) == len(set(EXAMPLES)) == 5
    said = await duels(lineup, [*EXAMPLES, AGREED])
    agreed = [text for text, (one, other) in said.items() if one == other]
    assert agreed == [AGREED], "the last is a request for tests of equal answers"


def quoted_requests(text: str) -> list[str]:
    """What a text tells its reader to ask, or shows as asked; "…" at its end stands for the rest."""
    patterns = (
        r"@Duelbot ([^`]+)`",
        r'engine ask(?: --\S+)* "([^"…]+)"',
        r"^> (.+)$",  # a message of Discord
        r"the vote on “([^”]+)”",
        r"[\"“]([^\"“”\n]*\b(?:teapot|hotel|bedspread)\b[^\"“”\n]*)[\"”]",  # in a sentence
    )
    return [found for pattern in patterns for found in re.findall(pattern, text, re.MULTILINE)]


async def test_every_request_that_readme_docs_and_help_quote_is_an_example() -> None:
    """So that whoever copies one sees two answers that differ."""
    helps = [parser.format_help() for root in (engine_parser(), bot_parser()) for parser in parsers(root)]
    texts = {file.name: file.read_text(encoding="utf-8") for file in (ROOT / "README.md", *(ROOT / "docs").glob("*.md"))}
    quoted = {name: quoted_requests(text) for name, text in (*texts.items(), ("--help", "\n".join(helps)), ("/help", HELP))}
    assert all(quoted[name] for name in ("README.md", "discord.md", "--help")), "the patterns find none any more"
    for name, requests in quoted.items():
        strange = [each for each in requests if not any(fits(each, example) for offered in OFFERS.values() for example in offered)]
        assert strange == [], f"{name} names a request on which the sides may agree"


def fits(quoted: str, example: str) -> bool:
    return example == quoted or (quoted.endswith(" …") and example.startswith(quoted.removesuffix(" …")))


def parsers(root: argparse.ArgumentParser) -> Iterator[argparse.ArgumentParser]:
    """A command line and its verbs."""
    yield root
    for action in root._actions:
        if isinstance(action, argparse._SubParsersAction):
            yield from action.choices.values()


async def test_the_first_minute_ends_in_a_vote_also_after_equal_answers(tmp_path: Path) -> None:
    """Whatever a newcomer asks first, what is offered then is voted on."""
    async with App.open(Settings.of(store_path=str(tmp_path / "duels.sqlite3"), base_model="demo")) as app:
        first = await answered(app, AGREED)
        assert first.reveal and first.reveal.auto_tie and first.next_step
        offered = await answered(app, first.next_step.request)
        assert (offered.request, offered.turn, offered.state) == (EXAMPLES[0], 1, "open")
        again = await answered(app, AGREED, conversation=first.conversation)
        assert again.next_step and again.next_step.request == EXAMPLES[1], "the first one has been asked by now"


@pytest.mark.demo
async def test_it_answers_in_the_four_lines_of_the_house(lineup: Lineup) -> None:
    """Nine times of ten at least: how often it is right is measured by `python -m adapters demo eval`, not here."""
    said = [answer for sides in (await duels(lineup, SITUATIONS[:5])).values() for answer in sides]
    other = [answer for answer in said if [line.split(":")[0] for line in answer.splitlines()] != HOUSE]
    assert len(said) == 10 and len(other) <= 1, other


@pytest.mark.demo
async def test_every_arm_says_the_same_alone_and_together(lineup: Lineup) -> None:
    """More rows than the model takes at once, so that rows join and leave; one request for each kind of answer."""
    everything = {(arm, text): prompt for text in ALONE for arm, prompt in prompts_for(lineup, text).items()}
    together = await answer_each(everything, lineup.backend, lineup.price)
    for key, prompt in everything.items():
        alone = (await answer_each({key: prompt}, lineup.backend, lineup.price))[key]
        assert isinstance(alone, Answer)
        assert isinstance(outcome := together[key], Answer)
        assert outcome.text == alone.text
        assert (alone.usage.ran, outcome.usage.ran) == ("alone", "together")


@pytest.mark.demo
async def test_the_prompted_side_follows_a_changed_format_line_and_the_tuned_side_does_not(lineup: Lineup) -> None:
    house = lineup.kit.engineered
    [line] = [line for line in house.system.splitlines() if line.startswith("Format:")]
    edited = replace(house, version="edited", system=house.system.replace(line, "Format: one line"), examples=())
    changed = replace(lineup, kit=lineup.kit.with_recipe(edited).using(recipe=edited.named))
    said = await answers(changed, prompts_for(changed, SITUATIONS[0]))
    assert len(said[Arm.PROMPTED].strip().splitlines()) == 1
    assert len(said[Arm.TUNED].strip().splitlines()) == 4
    assert changed.kit.contestant(Arm.PROMPTED).id != lineup.kit.contestant(Arm.PROMPTED).id


@pytest.mark.demo
async def test_a_duel_charges_each_side_and_reads_the_recipe_once(lineup: Lineup) -> None:
    backend = lineup.backend
    assert isinstance(backend, LocalBackend)
    before = backend.thread.schedule.busy_s
    seats = dict(zip(Side, lineup.entrants, strict=True))
    outcomes = await run_duel("some duel", Request.of(SITUATIONS[0]), seats, backend, lineup.price)
    prompted, tuned = (outcome for outcome in outcomes.values() if isinstance(outcome, Answer))
    assert prompted.usage.busy_s + tuned.usage.busy_s == pytest.approx(backend.thread.schedule.busy_s - before)
    assert prompted.usage.cached_prompt_tokens > 200  # the recipe's text, read while loading
    assert tuned.usage.prompt_tokens < 80
    assert prompted.cost.usd == pytest.approx(prompted.usage.busy_s * 0.10 / 3600)


@pytest.mark.demo
async def test_people_ask_vote_and_go_on_with_it(tmp_path: Path) -> None:
    await check_flow(tmp_path / "duels.sqlite3", partial(open_lineup, EngineSettings(base_model="demo")), EXAMPLES[0])
