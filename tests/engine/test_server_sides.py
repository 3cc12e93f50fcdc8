"""Sides on servers beyond the usual pair: adapters that are loaded while it runs, two hosts, and servers that are away for a while."""

import shutil
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
from aiohttp import web

from bot.app import model as models
from bot.app.model import Model
from bot.evidence.card import _definition_reason
from engine.backends.base import Prompt
from engine.backends.openai import wire
from engine.backends.openai.shelf import name_there
from engine.chosen import choose
from engine.contestants import Adapter, open_adapter
from engine.duel import Answer, answer_each, prompt_of
from engine.errors import BackendError, BadAdapter, BadModel, BadRecipe, ServerAway, UnfairDuel
from engine.lineup import Lineup, open_lineup, without_adapter
from engine.recipes import Message, Sampling
from engine.request import Request
from engine.settings import EngineSettings
from engine.shipped import DEMO_ADAPTER
from tests.engine.fake_server import BASE, KEY, TUNED, FakeServer, fake_server
from tests.patience import patient

ASKED = (Message("user", "hello"),)
PRICES = """\
source = "a list"
date = "2026-11-28"
[[model]]
name = "{0}"
input_usd_per_million = 1000000
cached_usd_per_million = 0
output_usd_per_million = 1000000
[[model]]
name = "{1}"
input_usd_per_million = 10000000
cached_usd_per_million = 0
output_usd_per_million = 10000000
"""


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wire, "FIRST_PAUSE_S", 0.001)


@pytest.fixture
async def fake() -> AsyncIterator[FakeServer]:
    async with fake_server() as server:
        yield server


@pytest.fixture
async def other() -> AsyncIterator[FakeServer]:
    async with fake_server() as server:
        server.names, server.pieces = ("hosted", "hosted-tuned"), ("from ", "elsewhere ", "now")
        yield server


def settings(fake: FakeServer, **more: object) -> EngineSettings:
    given = {"backend": "openai", "server_url": fake.url, "server_key": KEY, "base_model": BASE, "adapter": TUNED}
    return EngineSettings().but(given | more)


# --- adapters that are loaded while the server runs


@pytest.fixture
def own(tmp_path: Path) -> Path:
    """A folder of adapters with one without a card, as vLLM sees it under another path."""
    folder = tmp_path / "loras"
    shutil.copytree(DEMO_ADAPTER, folder / "support", ignore=shutil.ignore_patterns("card.json"))
    return folder


def seen(fake: FakeServer, own: Path, **more: object) -> EngineSettings:
    return settings(fake, adapter="", adapters=str(own), server_adapters="/there", **more)


async def test_an_adapter_of_one_s_own_is_loaded_used_and_let_go(fake: FakeServer, own: Path) -> None:
    fake.shelf = {}
    adapter = open_adapter(own / "support")
    choose(own, BASE, adapter)
    lineup = await open_lineup(seen(fake, own))
    there = name_there(adapter)
    assert fake.shelf == {there: "/there/support"} and lineup.kit.adapter == adapter, "its digest is of its weights"
    assert "has loaded the adapter support from your folder" in " ".join(lineup.notes)
    prompts = {"tuned": Prompt(ASKED, Sampling(), adapter)}
    said = await answer_each(prompts, lineup.backend, lineup.price, limit_s=patient(5))
    assert isinstance(said["tuned"], Answer) and fake.bodies[-1]["model"] == there
    assert await lineup.backend.encoded(prompts["tuned"]) and await lineup.backend.unread(prompts["tuned"]) == ()
    left = await without_adapter(lineup, adapter.named)
    assert fake.shelf == {} and left.kit.adapters == {}
    with pytest.raises(BackendError, match="is not loaded"):
        await anext(lineup.backend.generate(prompts["tuned"], stop=_stop()))
    await lineup.backend.aclose()


def _stop() -> object:
    from engine.backends.base import Stop

    return Stop()


async def test_one_that_the_server_has_from_an_earlier_start_is_taken_as_it_is(fake: FakeServer, own: Path) -> None:
    adapter = open_adapter(own / "support")
    fake.shelf = {name_there(adapter): "/there/support"}
    lineup = await open_lineup(seen(fake, own).but({"adapter": "support"}))
    assert lineup.kit.adapter == adapter
    await lineup.backend.aclose()


@pytest.mark.parametrize(
    ("shelf", "dead", "words"),
    [(None, False, "VLLM_ALLOW_RUNTIME_LORA_UPDATING=True"), ({}, True, "is dead"), ({}, False, "No adapter found for /there/missing")],
)
async def test_one_that_cannot_be_loaded_is_told_and_a_dead_one_is_let_go(
    fake: FakeServer, own: Path, shelf: dict[str, str] | None, dead: bool, words: str
) -> None:
    fake.shelf, fake.dead = shelf, dead
    name = "missing" if "missing" in words else "support"
    if name == "missing":
        (own / "support").rename(own / "missing")
    with pytest.raises(BadAdapter, match=words):
        await open_lineup(seen(fake, own).but({"adapter": name}))
    assert not fake.shelf


async def test_without_a_way_to_the_server_s_folder_one_s_own_adapter_is_refused_with_the_way_out(fake: FakeServer, own: Path) -> None:
    lineup = await open_lineup(settings(fake))
    with pytest.raises(BadAdapter, match="DUEL_SERVER_ADAPTERS"):
        await lineup.backend.add_adapter(open_adapter(own / "support"), lineup.kit.plain)
    await lineup.backend.aclose()


# --- two hosts


def brief(folder: Path) -> str:
    """A recipe that fits into the little that the server reads."""
    (folder / "r.toml").write_text('name = "r"\nversion = "1"\nsystem = "Be brief."\n', encoding="utf-8")
    return str(folder / "r.toml")


async def test_sides_on_two_hosts_answer_each_by_its_own_and_it_is_said_what_is_compared(
    fake: FakeServer, other: FakeServer, tmp_path: Path
) -> None:
    (tmp_path / "prices.toml").write_text(PRICES.format(BASE, "hosted"), encoding="utf-8")
    elsewhere = {"prompted_model": "hosted", "prompted_server_url": other.url, "prompted_server_key": KEY}
    lineup = await open_lineup(settings(fake, recipe=brief(tmp_path), token_prices=str(tmp_path / "prices.toml"), **elsewhere))
    first, second = lineup.entrants
    assert (first.base.name, second.base.name, first.adapter) == ("hosted", BASE, None) and first.id != second.id
    notes = " ".join(lineup.notes)
    assert "prompted answers by hosted, and tuned by base: two models are compared" in notes and notes.count("unpinned") == 3
    fake.bodies.clear()
    other.bodies.clear()
    prompts = {each.arm: prompt_of(each, Request.of("hello"), 0) for each in lineup.entrants}
    said = await answer_each(prompts, lineup.backend, lineup.price, limit_s=patient(5))
    texts = {arm: side.text for arm, side in said.items() if isinstance(side, Answer)}
    assert texts == {"prompted": "from elsewhere now", "tuned": "one two three"}
    assert [body["model"] for body in other.bodies] == ["hosted"] and [body["model"] for body in fake.bodies] == [TUNED]
    assert {arm: side.cost.usd for arm, side in said.items() if side.cost} == {"prompted": 60, "tuned": 6}, "each by its own prices"
    await lineup.backend.aclose()


async def test_the_other_host_s_time_is_not_priced_as_ours(fake: FakeServer, other: FakeServer, tmp_path: Path) -> None:
    elsewhere = {"prompted_model": "hosted", "prompted_server_url": other.url, "prompted_server_key": KEY, "arms": "prompted,tuned"}
    lineup = await open_lineup(settings(fake, recipe=brief(tmp_path), **elsewhere))
    prompts = {each.arm: prompt_of(each, Request.of("hello"), 0) for each in lineup.entrants}
    said = await answer_each(prompts, lineup.backend, lineup.price, limit_s=patient(5))
    costs = {arm: side.cost for arm, side in said.items()}
    assert costs["prompted"] and costs["prompted"].basis == "unknown" and costs["tuned"] and costs["tuned"].basis == "device_hour"
    await lineup.backend.aclose()


async def test_the_other_host_is_looked_at_at_the_start_and_leaves_nothing_open(
    fake: FakeServer, other: FakeServer, tmp_path: Path
) -> None:
    elsewhere = {"prompted_model": "hsoted", "prompted_server_url": other.url, "prompted_server_key": KEY}
    with pytest.raises(BadModel, match="has no model hsoted"):
        await open_lineup(settings(fake, recipe=brief(tmp_path), **elsewhere))


def test_the_card_says_that_two_models_are_compared() -> None:
    assert _definition_reason("a", "a") == "This says what they are, not which is better."
    assert _definition_reason("a", "b").startswith("Two models are compared, a and b, each with its technique")


async def test_two_bases_meet_by_that_setting_alone(fake: FakeServer) -> None:
    from engine.contestants import check_fair

    lineup = await open_lineup(settings(fake))
    one, two = lineup.entrants
    with pytest.raises(UnfairDuel, match="different base models"):
        check_fair((one, replace(two, base=replace(two.base, revision="another"))))
    assert check_fair((one, two)) == ()
    await lineup.backend.aclose()


# --- servers that are away for a while


@pytest.mark.parametrize("status", [429, 500, 503])
async def test_a_server_that_fails_during_the_start_is_no_bad_recipe(fake: FakeServer, status: int) -> None:
    async def fault(request: web.Request) -> web.Response:
        return web.json_response({"error": {"message": "out of memory"}}, status=status)

    fake.fault = fault
    with pytest.raises(BackendError, match=r"Whether base can be asked was not to be told now: .*out of memory") as told:
        await open_lineup(settings(fake))
    assert told.value.passing and "recipe" not in told.value.words


async def test_a_recipe_that_the_server_refuses_is_still_a_bad_one(fake: FakeServer) -> None:
    async def fault(request: web.Request) -> web.Response:
        return web.json_response({"error": {"message": "no system messages here"}}, status=400)

    fake.fault = fault
    with pytest.raises(BadRecipe, match=r"no request can be answered: .*no system messages here"):
        await open_lineup(settings(fake))


async def test_a_server_that_is_down_or_busy_at_the_start_is_away_and_one_that_refuses_the_key_is_not(fake: FakeServer) -> None:
    with pytest.raises(ServerAway, match="cannot be reached"):
        await open_lineup(settings(fake, server_url="http://127.0.0.1:1/v1"))
    with pytest.raises(BadModel, match="refuses the key") as told:
        await open_lineup(settings(fake, server_key="wrong"))
    assert not isinstance(told.value, ServerAway)


async def test_the_bot_waits_for_a_server_that_starts_later(fake: FakeServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(models, "FIRST_AGAIN_S", 0.01)
    waits = [ServerAway("The server is away."), BackendError("server", "The server is not ready (503).", passing=True)]
    seen_states: list[str] = []

    async def open_it() -> Lineup:
        if waits:
            seen_states.append(loading.state.words)
            raise waits.pop(0)
        return await open_lineup(settings(fake))

    loading = Model(BASE, open_it)
    state = await loading.settled()
    assert state.state == "ready" and seen_states[1].startswith("The server is away. It is asked again in 0.01 s")
    await loading.aclose()


async def test_an_adapter_of_the_server_is_found_by_its_name_where_no_folder_is_known() -> None:
    adapter = Adapter("tuned", "unpinned 1", "", "d" * 16, served=TUNED)
    assert name_there(replace(adapter, name="a b/c")) == "a-b-c-dddddddd"
