"""A model on a server: what is sent, what goes wrong on the way and how it is told, and the same contract as a model in this process."""

import asyncio
import json
import random
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
from aiohttp import web

from engine.backends.base import Backend, Prompt
from engine.backends.openai import wire
from engine.backends.openai.dialect import Dialect
from engine.backends.openai.events import EventReader
from engine.backends.openai.opening import open_server, open_servers
from engine.backends.openai.proof import least_variation
from engine.backends.openai.sharing import SharedTime
from engine.backends.scripted import Script, ScriptedBackend
from engine.contestants import Adapter
from engine.cost import Price, TokenPrice, TokenPrices
from engine.duel import Answer, Failure, answer_each
from engine.errors import BackendError, BadAdapter, BadModel, DuelbotError, SettingsError
from engine.lineup import open_lineup
from engine.recipes import Message, Sampling
from engine.settings import EngineSettings
from tests.engine.contract import answers_as_a_duel_expects, keeps_the_contract
from tests.engine.fake_server import BASE, KEY, TUNED, FakeServer, event, fake_server

PRICE = Price(None, "", "", TokenPrices(*2 * (TokenPrice(1e6, 0.0, 1e6),), "a list", "2026-11-28"))  # a dollar a token, cached ones free
ASKED = (Message("user", "hello"),)


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wire, "FIRST_PAUSE_S", 0.001)


@pytest.fixture
async def fake() -> AsyncIterator[FakeServer]:
    async with fake_server() as server:
        yield server


def settings(fake: FakeServer, **more: object) -> EngineSettings:
    given = {"backend": "openai", "server_url": fake.url, "server_key": KEY, "base_model": BASE, "adapter": TUNED}
    return EngineSettings().but(given | more)


def asked_for(fake: FakeServer, model: str) -> int:
    return sum(body["model"] == model for body in fake.bodies)


async def test_both_sides_answer_with_the_server_s_account_and_what_is_not_known_is_told(fake: FakeServer) -> None:
    lineup = await open_lineup(settings(fake))
    told = " ".join(lineup.notes)
    assert "base runs on a server, so it is unpinned" in told and "The adapter tuned is on the server, so it is unpinned" in told
    assert lineup.kit.base.context_tokens == 400 and lineup.kit.adapter and lineup.kit.adapter.served == TUNED
    await lineup.backend.aclose()
    said = await failing(fake, None)
    for side in said.values():
        assert isinstance(side, Answer) and (side.text, side.finish) == ("one two three", "end")
        assert (side.usage.prompt_tokens, side.usage.cached_prompt_tokens, side.usage.new_tokens) == (5, 2, 3)
        assert side.cost.usd == 3 + 3
    body = fake.bodies[0]
    assert (body["top_k"], body["min_p"], body["repetition_penalty"], body["temperature"]) == (-1, 0.0, 1.0, 0.0)


def status(code: int, words: object, **headers: str) -> object:
    async def fault(request: web.Request) -> web.Response:
        return web.json_response(words, status=code, headers={name.replace("_", "-"): value for name, value in headers.items()})

    return fault


FAULTS = {
    "401": (status(401, {"error": {"message": f"wrong: {KEY}"}}), "refuses the key (401)", 1),
    "404": (status(404, {"error": {"message": "gone"}}), "knows no model tuned", 1),
    "429": (status(429, {"error": {"message": "slow down"}}), "takes no more requests now (429)", 4),
    "429 later": (status(429, {}, Retry_After="3600"), "wants to be asked again after 3600 s", 1),
    "403": (status(403, {"error": {"message": f"not for {KEY}"}}), "refuses the key (403)", 1),
    "400": (status(400, {"error": {"message": f"no such field in {KEY}"}}), "refuses the request (400): no such field in [the key]", 1),
    "422": (status(422, {"detail": "temperature is too warm"}), "refuses the request (422): temperature is too warm", 1),
    "500": (status(500, {"error": {"message": f"it broke with {KEY}"}}), "failed (500): it broke with [the key]", 1),
    "too long": (status(400, {"error": {"message": "This model's maximum context length is 5 tokens."}}), "are too long for", 1),
}


@pytest.mark.parametrize("name", FAULTS)
async def test_a_side_that_the_server_refuses_fails_in_words_and_the_other_is_shown(fake: FakeServer, name: str) -> None:
    fault, words, times = FAULTS[name]
    said = await failing(fake, fault)
    assert isinstance(said[BASE], Answer) and isinstance(said[TUNED], Failure)
    assert words in said[TUNED].words and KEY not in said[TUNED].words
    assert asked_for(fake, TUNED) == times and said[TUNED].cost is None, "what was never written is not charged"


async def failing(fake: FakeServer, fault: object, **more: object) -> dict[str, Answer | Failure]:
    """A duel whose tuned side meets the fault, once the line-up has been proven."""
    lineup = await open_lineup(settings(fake, **more))
    try:
        fake.bodies.clear()
        fake.fault = fault  # type: ignore[assignment]
        prompts = {BASE: Prompt(ASKED, Sampling()), TUNED: Prompt(ASKED, Sampling(), lineup.kit.adapter)}
        return await answer_each(prompts, lineup.backend, PRICE, limit_s=5)
    finally:
        await lineup.backend.aclose()


async def test_a_busy_server_is_asked_again_after_what_it_says_and_the_answer_is_charged_once(fake: FakeServer) -> None:
    refused = iter((429, 503))

    async def fault(request: web.Request) -> web.StreamResponse | None:
        code = next(refused, None)
        return web.json_response({}, status=code, headers={"Retry-After": "0"}) if code else None

    said = await failing(fake, fault)
    assert isinstance(said[TUNED], Answer) and said[TUNED].cost.usd == 6 and asked_for(fake, TUNED) == 3


async def test_a_connection_lost_before_the_first_token_is_tried_again(fake: FakeServer) -> None:
    lost = iter((True,))

    async def fault(request: web.Request) -> web.StreamResponse | None:
        return await fake.stream(request, [event("")], ended=False) if next(lost, False) else None

    said = await failing(fake, fault)
    assert isinstance(said[TUNED], Answer) and said[TUNED].text == "one two three" and asked_for(fake, TUNED) == 2


async def test_a_connection_that_is_always_lost_is_tried_four_times_after_pauses_by_chance(
    fake: FakeServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    pauses: list[float] = []

    async def sleep(duration_s: float) -> None:
        pauses.append(duration_s)

    async def fault(request: web.Request) -> web.StreamResponse:
        assert request.transport
        request.transport.close()
        return web.Response()

    lineup = await open_lineup(settings(fake))
    monkeypatch.setattr(wire, "FIRST_PAUSE_S", 0.5)
    monkeypatch.setattr(wire, "pause", sleep)
    fake.bodies.clear()
    fake.fault = fault
    for _ in range(5):
        said = await answer_each({TUNED: Prompt(ASKED, Sampling(), lineup.kit.adapter)}, lineup.backend, PRICE, limit_s=5)
        failure = said[TUNED]
        assert isinstance(failure, Failure) and "broke the connection off 4 times before the answer began" in failure.words
        assert failure.passing and failure.cost is None
    assert asked_for(fake, TUNED) == 20 and len(set(pauses)) == len(pauses) == 15, "three pauses each, no two alike"
    for number in range(3):
        assert min(pauses[number::3]) >= 0 and max(pauses[number::3]) <= 0.5 * 2**number
    await lineup.backend.aclose()


@pytest.mark.parametrize(
    ("events", "words"),
    [
        ([event("one"), event("two")], "broke off in the middle of the answer"),
        ([event("one"), event("two"), "{not json"], "a piece of an answer that is no JSON"),
        ([event("one"), event("two"), "[1]"], "a piece of an answer that is no object"),
        ([event("one"), event("two"), '{"choices": 7}'], "lacks choices"),
        ([event("one"), event("two"), '{"error": {"message": "out of memory"}}'], "ended the answer with an error: out of memory"),
        ([event("one"), event("two"), event("", "content_filter")], "for another reason than its end or its length"),
    ],
)
async def test_a_stream_that_is_cut_or_malformed_is_told_and_not_asked_for_again(fake: FakeServer, events: list[str], words: str) -> None:
    async def fault(request: web.Request) -> web.StreamResponse:
        return await fake.stream(request, events, ended=False)

    said = await failing(fake, fault)
    failure = said[TUNED]
    assert isinstance(said[BASE], Answer) and isinstance(failure, Failure) and words in failure.words
    assert asked_for(fake, TUNED) == 1 and failure.usage and failure.usage.new_tokens == 2, "what came is counted, once"


@pytest.mark.parametrize(
    ("usage", "words"),
    [
        (None, "no account of the answer"),
        ({"prompt_tokens": 5}, "completion_tokens is None"),
        ({"prompt_tokens": -5, "completion_tokens": 3}, "prompt_tokens is -5"),
        ({"prompt_tokens": 5, "completion_tokens": 999}, "wrong account of the answer: 5 tokens read and 999 written, of 128 at most"),
        ({"prompt_tokens": 5, "completion_tokens": 3, "prompt_tokens_details": {"cached_tokens": 6}}, "more tokens were cached"),
    ],
)
async def test_a_wrong_account_is_told(fake: FakeServer, usage: object, words: str) -> None:
    async def fault(request: web.Request) -> web.StreamResponse:
        end = json.dumps({"choices": [], "usage": usage})
        return await fake.stream(request, [event("one"), event("", "stop"), end, "[DONE]"])

    said = await failing(fake, fault)
    assert isinstance(said[BASE], Answer) and isinstance(said[TUNED], Failure) and words in said[TUNED].words


async def test_slow_tokens_end_at_the_time_limit_and_free_the_server_s_row(fake: FakeServer) -> None:
    lineup = await open_lineup(settings(fake))
    fake.pieces, fake.pause_s = ("slow ",) * 100, 0.05
    said = await answer_each({"a": Prompt(ASKED, Sampling())}, lineup.backend, PRICE, limit_s=0.4)
    assert isinstance(said["a"], Failure) and said["a"].kind == "timeout" and "No complete answer within 0.4 s" in said["a"].words
    assert said["a"].usage and said["a"].usage.new_tokens >= 2
    await freed(fake)
    await lineup.backend.aclose()


@pytest.mark.parametrize("pieces", [(), ("one", "two")])
async def test_a_server_that_falls_silent_is_given_up_after_the_time_limit(fake: FakeServer, pieces: tuple[str, ...]) -> None:
    async def fault(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        for piece in pieces:
            await response.write(f"data: {event(piece)}\n\n".encode())
        await asyncio.sleep(1.5)
        return response

    said = await failing(fake, fault, answer_limit_s=0.3)
    failure = said[TUNED]
    assert isinstance(said[BASE], Answer) and isinstance(failure, Failure) and failure.kind == "timeout"
    assert "was silent for too long" in failure.words and asked_for(fake, TUNED) == 1
    assert (failure.usage.new_tokens if failure.usage else 0) == len(pieces), "what came is counted, once"


async def freed(fake: FakeServer) -> None:
    async with asyncio.timeout(3):
        await fake.idle.wait()


# --- the start


@pytest.mark.parametrize(
    ("more", "kind", "words"),
    [
        ({"server_key": "wrong"}, BadModel, "refuses the key"),
        ({"base_model": "bsae"}, BadModel, "has no model bsae"),
        ({"adapter": "tnued"}, BadAdapter, "has no adapter tnued"),
        ({"server_url": ""}, SettingsError, "DUEL_SERVER_URL"),
        ({"server_url": "127.0.0.1:8000"}, SettingsError, "DUEL_SERVER_URL"),
        ({"server_url": "http://127.0.0.1:1/v1"}, BadModel, "cannot be reached"),
    ],
)
async def test_a_start_that_cannot_be_is_told(fake: FakeServer, more: dict[str, object], kind: type[DuelbotError], words: str) -> None:
    with pytest.raises(kind, match=words) as told:
        await open_lineup(settings(fake, **more))
    assert KEY not in str(told.value)


@pytest.mark.parametrize("logprobs", [True, False])
async def test_an_adapter_that_answers_as_the_base_does_is_dead(fake: FakeServer, logprobs: bool) -> None:
    fake.dead, fake.logprobs = True, logprobs
    with pytest.raises(BadAdapter, match="is dead"):
        await open_lineup(settings(fake))


async def test_without_logprobs_answers_prove_it_alive_and_that_is_told(fake: FakeServer) -> None:
    fake.logprobs = False
    lineup = await open_lineup(settings(fake))
    assert "proven alive by its answers alone" in " ".join(lineup.notes)
    await lineup.backend.aclose()


async def test_an_adapter_that_is_exchanged_under_its_name_is_another_contestant(fake: FakeServer) -> None:
    backend = await open_server(settings(fake))
    one = await backend.served(TUNED)
    fake.dead = True
    other = await backend.served(TUNED)
    await backend.aclose()
    assert one.named != other.named and one.digest != other.digest


def test_the_key_is_no_text_of_the_settings() -> None:
    chosen = EngineSettings().but({"server_key": KEY})
    assert KEY not in repr(chosen) and KEY not in str(chosen.model_dump())


# --- what is sent


def test_a_llama_server_is_told_every_adapter_s_scale() -> None:
    dialect = Dialect("llama", "b", (0, 1, 2))
    tuned = Adapter("t", "1", "", "d", served="1")
    assert [each["scale"] for each in dialect.asked(Prompt(ASKED, Sampling()))["lora"]] == [0, 0, 0]
    assert [each["scale"] for each in dialect.asked(Prompt(ASKED, Sampling(), tuned))["lora"]] == [0, 1, 0]
    assert dialect.asked(Prompt(ASKED, Sampling(), seed=2**48 - 1))["seed"] < 2**32 - 1


@pytest.mark.parametrize("rule", [{"top_k": 5}, {"min_p": 0.1}, {"repetition_penalty": 1.2}])
def test_a_rule_that_another_server_does_not_know_is_refused(rule: dict[str, float]) -> None:
    with pytest.raises(BackendError, match=f"no {next(iter(rule))}"):
        Dialect("none", "b").asked(Prompt(ASKED, replace(Sampling(), **rule)))  # type: ignore[arg-type]


def test_events_may_be_cut_anywhere_and_hold_any_character() -> None:
    whole = 'data: {"a": "\u2028\x85é"}\r\n\r\n: a comment\n\ndata: [DONE]\n\n'.encode()
    for size in range(1, 8):
        reader = EventReader()
        found = [said for start in range(0, len(whole), size) for said in reader.add(whole[start : start + size])]
        assert found == ['{"a": "\u2028\x85é"}', "[DONE]"]


def test_total_variation_of_what_is_listed_is_never_too_large() -> None:
    random.seed(1)
    for _ in range(100):
        one, other = ({str(k): random.random() ** 4 for k in range(12)} for _ in range(2))
        one, other = ({k: v / sum(each.values()) for k, v in each.items()} for each in (one, other))
        exact = sum(abs(one[k] - other[k]) for k in one) / 2
        listed = [dict(sorted(each.items(), key=lambda pair: -pair[1])[:5]) for each in (one, other)]
        assert 0 <= least_variation(listed[0], listed[1]) <= exact + 1e-12
    assert least_variation({"a": 1.0}, {"a": 1.0}) == 0


def test_shares_of_time_sum_to_the_time_in_which_anything_was_written() -> None:
    now = 0.0
    shared = SharedTime(lambda: now)
    shared.begin("a")
    now = 2.0
    shared.begin("b")
    now = 4.0
    assert shared.end("a") == (3.0, True)
    now = 5.0
    assert shared.end("b") == (2.0, True)
    now = 9.0
    shared.begin("c")
    now = 10.0
    assert shared.end("c") == (1.0, False)


# --- the contract of every back end


@pytest.fixture(params=["server", "two servers", "local"])
async def backend(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Backend]:
    if request.param != "local":
        async with fake_server() as fake:
            fake.pieces, fake.pause_s = ("word ",) * 20, 0.01
            fake.usage = {"prompt_tokens": 5, "completion_tokens": 20}
            opened = await open_servers(settings(fake, prompted_model=TUNED if request.param == "two servers" else ""))
            yield opened
            await opened.aclose()
            await freed(fake)
        return
    from engine.backends.local.backend import LocalBackend
    from engine.backends.local.loading import load_base
    from tests.engine.tiny import save_base

    local = LocalBackend(load_base(save_base(tmp_path / "tiny"), "tiny", "float32", "cpu"), max_rows=2)
    yield local
    await local.aclose()


async def test_that_of_the_tests_answers_as_the_others_do() -> None:
    await answers_as_a_duel_expects(ScriptedBackend(lambda _: Script(("word ",) * 20, 0.001)))


async def test_a_back_end_keeps_the_contract(backend: Backend) -> None:
    await keeps_the_contract(backend)
