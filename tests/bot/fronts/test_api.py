"""The endpoint over real sockets: keys, completions, streams, refusals in OpenAI's shape, many requests at once."""

import asyncio
import json
import sqlite3
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, closing, suppress
from pathlib import Path
from typing import Any

import httpx
import pytest

from bot.app import App
from bot.app.programs import KeyLimits
from bot.fronts.api import serve
from bot.settings import Settings
from engine.backends.base import Prompt
from engine.backends.scripted import Script, ScriptedBackend
from engine.errors import BackendError, DuelbotError, SettingsError
from tests.bot.scripted import is_tuned, scripted_app
from tests.patience import patient
from tests.ports import free_port

ASK = {"model": "duelbot", "messages": [{"role": "user", "content": "Prompt or fine-tune?"}]}


def canned(prompt: Prompt) -> Script:
    asked = prompt.messages[-1].content
    if "slow" in asked:
        return Script(("word ",) * 500, 0.01)
    if "fail at once" in asked:
        return Script((), error=BackendError("server", "The server broke down."))
    if "fail later" in asked:
        return Script(("Half ",), 0.001, error=BackendError("server", "The server broke down."))
    if "long" in asked:
        return Script(("word ",) * 4, finish="length")
    if "nothing" in asked:
        return Script(())
    return Script(("tuned ", "says ", "hello") if is_tuned(prompt) else ("prompted ", "says ", "hi"), 0.001)


class Stage:
    """An endpoint that is served, with a client that has a key."""

    def __init__(self, app: App, backend: ScriptedBackend, client: httpx.AsyncClient, secret: str) -> None:
        self.app, self.backend, self.client, self.secret = app, backend, client, secret

    async def post(self, **body: Any) -> httpx.Response:
        return await self.client.post("/v1/chat/completions", json={**ASK, **body})

    async def said(self, text: str, **body: Any) -> httpx.Response:
        return await self.post(messages=[{"role": "user", "content": text}], **body)


@asynccontextmanager
async def staged(folder: Path, script: Callable[[Prompt], Script] = canned, *, limit_s: float = 30.0, **names: Any) -> AsyncIterator[Stage]:
    names = {"api": True, "api_port": free_port(), "api_idle_s": 3600.0, "route_rises": True, **names}
    settings = Settings.of(**names)
    async with scripted_app(folder / "s", script, limit_s=limit_s, **names) as (app, backend):
        up = asyncio.Event()
        serving = asyncio.create_task(serve(app, settings, lambda words: up.set()))
        _, secret = await app.programs.keys.make("ann", "triage", limits=KeyLimits(in_flight=500, per_minute=5000))
        try:
            await asyncio.wait_for(up.wait(), patient(5))
            base, headers = f"http://127.0.0.1:{settings.api.port}", {"authorization": f"Bearer {secret}"}
            async with httpx.AsyncClient(base_url=base, headers=headers, timeout=patient(30)) as client:
                yield Stage(app, backend, client, secret)
        finally:
            serving.cancel()
            with suppress(asyncio.CancelledError):
                await serving


def events(text: str) -> list[Any]:
    """The events of a stream; the last is "[DONE]"."""
    said = [line.removeprefix("data: ") for line in text.split("\n\n") if line]
    return [each if each == "[DONE]" else json.loads(each) for each in said]


async def test_an_answer_comes_whole_with_exact_usage_and_says_what_it_is(tmp_path: Path) -> None:
    async with staged(tmp_path) as stage:
        await stage.app.routing.change("ann", share=0.1, winner="tuned")
        answered = await stage.post()
        body = answered.json()
        assert answered.status_code == 200 and body["object"] == "chat.completion" and body["model"] == "duelbot"
        [choice] = body["choices"]
        assert choice["message"] == {"role": "assistant", "content": "tuned says hello", "refusal": None}
        assert choice["finish_reason"] == "stop"
        used = {"prompt_tokens": 3, "completion_tokens": 3, "total_tokens": 6, "prompt_tokens_details": {"cached_tokens": 0}}
        assert body["usage"] == used
        assert body["duelbot"]["kind"] == "single" and body["duelbot"]["contestant"]["arm"] == "tuned"
        assert answered.headers["x-request-id"] == body["duelbot"]["turn"] and body["id"].endswith(body["duelbot"]["turn"])
        assert (await stage.said("long")).json()["choices"][0]["finish_reason"] == "length"
        assert (await stage.said("nothing")).json()["choices"][0]["message"]["content"] == ""


async def test_of_a_duel_nobody_is_told_who_answered(tmp_path: Path) -> None:
    async with staged(tmp_path) as stage:
        body = (await stage.post()).json()
        assert body["duelbot"] == {"turn": body["duelbot"]["turn"], "kind": "duel"} and body["choices"][0]["message"]["content"]


async def test_a_stream_comes_in_pieces_and_ends_with_what_it_took(tmp_path: Path) -> None:
    async with staged(tmp_path) as stage:
        await stage.app.routing.change("ann", share=0.1, winner="prompted")
        answered = await stage.post(stream=True, stream_options={"include_usage": True})
        assert answered.headers["content-type"] == "text/event-stream; charset=utf-8"
        first, *pieces, last, used, done = events(answered.text)
        assert done == "[DONE]" and first["choices"][0]["delta"] == {"role": "assistant", "content": "", "refusal": None}
        assert "".join(piece["choices"][0]["delta"]["content"] for piece in pieces) == "prompted says hi"
        assert last["choices"][0] == {"index": 0, "delta": {}, "logprobs": None, "finish_reason": "stop"}
        assert last["duelbot"]["contestant"]["arm"] == "prompted"
        assert (used["choices"], used["usage"]["prompt_tokens"], used["usage"]["completion_tokens"]) == ([], 7, 3)
        assert {piece["id"] for piece in (first, *pieces, last, used)} == {first["id"]}
        without = events((await stage.post(stream=True)).text)
        assert all("usage" not in each for each in without[:-1])
        assert [each["choices"][0]["delta"] for each in events((await stage.said("nothing", stream=True)).text)[:-1]][1:] == [{}]


async def test_a_stream_that_is_closed_frees_its_row(tmp_path: Path) -> None:
    async with staged(tmp_path) as stage:
        for stream in (True, False):
            body = {**ASK, "messages": [{"role": "user", "content": "slow"}], "stream": stream}
            with suppress(httpx.ReadTimeout):
                async with stage.client.stream("POST", "/v1/chat/completions", json=body, timeout=0.3) as answered:
                    async for _ in answered.aiter_bytes():
                        break
            for _ in range(round(patient(200))):
                if not stage.backend.running and not stage.app.core.running.count:
                    break
                await asyncio.sleep(0.01)
            assert stage.backend.running == 0 and stage.app.core.running.count == 0
    with closing(sqlite3.connect(tmp_path / "s")) as store:
        assert store.execute("SELECT state, note FROM duels").fetchall() == [("void", "The program closed its stream.")] * 2


async def test_failures_have_a_status_before_the_first_word_and_an_event_after_it(tmp_path: Path) -> None:
    async with staged(tmp_path) as stage:
        for stream in (False, True):
            failed = await stage.said("fail at once", stream=stream)
            assert failed.status_code == 502
            assert failed.json() == {
                "error": {"message": "The server broke down.", "type": "server_error", "param": None, "code": "server"}
            }
        *_, last = events((await stage.said("fail later", stream=True)).text)
        assert last["error"]["message"] == "The server broke down."
    async with staged(tmp_path / "2", limit_s=0.1) as stage:
        late = await stage.said("slow")
        assert (late.status_code, late.json()["error"]["code"]) == (504, "timeout")


@pytest.mark.parametrize(
    ("body", "status", "param", "words"),
    [
        ({"model": "gpt-4"}, 404, "model", "There is no model 'gpt-4'"),
        ({"model": None}, 400, "model", "Name the model"),
        ({"messages": []}, 400, "messages", "must be a list that ends with what the user asks"),
        ({"messages": [{"role": "assistant", "content": "Hi"}]}, 400, "messages", "The last message must be the user's"),
        ({"messages": [{"role": "system", "content": "Be brief."}, *ASK["messages"]]}, 400, "messages[0]", "The recipe of the contestant"),
        ({"messages": [{"role": "tool", "content": "x", "tool_call_id": "1"}]}, 400, "messages[0]", "must be user or assistant"),
        ({"messages": [{"role": "user", "content": " "}]}, 400, "messages[0]", "The request is empty"),
        ({"messages": [{"role": "user", "content": [{"type": "image_url"}]}]}, 400, "messages[0]", "must be text"),
        ({"messages": [{"role": "user", "content": "Hi", "name": "ann"}]}, 400, "messages[0]", "'name', which says nothing here"),
        ({"temperature": 0.2}, 400, "temperature", "The recipe of the contestant decides temperature"),
        ({"max_tokens": 5}, 400, "max_tokens", "decides max_tokens"),
        ({"n": 2}, 400, "n", "says nothing here"),
        ({"user": "ann"}, 400, "user", "says nothing here"),
        ({"stream": 1}, 400, "stream", "true or false"),
        ({"stream_options": {"include_usage": True}}, 400, "stream_options", "goes with stream = true"),
        ({"metadata": {"team": "x"}}, 400, "metadata", 'takes a "tag" alone'),
        ({"metadata": {"tag": "x" * 41}}, 400, None, "at most 40 characters"),
    ],
)
async def test_what_would_be_ignored_is_refused_by_its_name(tmp_path: Path, body: Any, status: int, param: str | None, words: str) -> None:
    async with staged(tmp_path) as stage:
        refused = await stage.post(**body)
        error = refused.json()["error"]
        assert (refused.status_code, error["param"]) == (status, param) and words in error["message"], error
        assert set(error) == {"message", "type", "param", "code"} and error["type"] == "invalid_request_error"
        assert stage.backend.prompts == []


async def test_what_says_what_holds_anyway_is_taken_and_text_comes_in_parts(tmp_path: Path) -> None:
    async with staged(tmp_path) as stage:
        parts = [{"type": "text", "text": "Prompt or "}, {"type": "text", "text": "fine-tune?"}]
        before = [{"role": "user", "content": "Hello."}, {"role": "assistant", "content": "Yes?", "tool_calls": None}]
        same = {"n": 1, "stream": False, "store": False, "logprobs": None, "response_format": {"type": "text"}, "presence_penalty": 0}
        answered = await stage.post(messages=[*before, {"role": "user", "content": parts}], metadata={"tag": "billing"}, **same)
        assert answered.status_code == 200, answered.text
        said = [message.content for message in stage.backend.prompts[0].messages if message.role != "system"]
        assert said == ["Hello.", "Yes?", "Prompt or fine-tune?"]
    with closing(sqlite3.connect(tmp_path / "s")) as store:
        assert store.execute("SELECT tag, by_rule FROM tags").fetchall() == [("billing", 0)]


async def test_nobody_comes_in_without_a_key_and_every_refusal_has_openai_s_shape(tmp_path: Path) -> None:
    async with staged(tmp_path, api_max_bytes=2000) as stage:
        for given in ({}, {"authorization": "Bearer duel-x"}, {"authorization": stage.secret}, {"authorization": "Bearer"}):
            async with httpx.AsyncClient(base_url=stage.client.base_url, headers=given) as stranger:
                for refused in (await stranger.post("/v1/chat/completions", json=ASK), await stranger.get("/v1/models")):
                    assert (refused.status_code, refused.json()["error"]["code"]) == (401, "invalid_api_key")
        for refused, status in (
            (await stage.client.post("/v1/chat/completions", content=b"{"), 400),
            (await stage.client.post("/v1/chat/completions", content=b"[]"), 400),
            (await stage.said("x" * 3000), 413),
            (await stage.client.post("/v1/chat/completions", content=slow_body()), 413),
            (await stage.client.get("/v1/chat/completions"), 405),
            (await stage.client.get("/v1/else"), 404),
            (await stage.client.get("/v1/models", headers={"host": "evil.example"}), 403),
        ):
            assert refused.status_code == status and set(refused.json()["error"]) == {"message", "type", "param", "code"}, refused.text
        await stage.app.programs.keys.end("ann", "triage")
        assert (await stage.post()).status_code == 401


async def slow_body() -> AsyncIterator[bytes]:
    """A body without a length, larger than may be."""
    for _ in range(10):
        yield b" " * 500


async def test_a_body_that_does_not_arrive_is_not_waited_for(tmp_path: Path) -> None:
    async with staged(tmp_path, api_read_s=0.2) as stage:
        reader, writer = await asyncio.open_connection("127.0.0.1", stage.client.base_url.port)
        head = (
            f"POST /v1/chat/completions HTTP/1.1\r\nhost: 127.0.0.1\r\nauthorization: Bearer {stage.secret}\r\ncontent-length: 50\r\n\r\n"
        )
        writer.write(head.encode() + b"{")
        said = await asyncio.wait_for(reader.readuntil(b"\r\n"), patient(5))
        assert b"408" in said
        writer.close()


async def test_models_are_the_route_and_those_who_meet_each_alone(tmp_path: Path) -> None:
    async with staged(tmp_path) as stage:
        listed = (await stage.client.get("/v1/models")).json()
        assert listed["object"] == "list" and listed["data"][0]["id"] == "duelbot"
        arms = {each["duelbot"]["arm"]: each["id"] for each in listed["data"][1:]}
        assert set(arms) == {"prompted", "tuned"}
        one = (await stage.client.get(f"/v1/models/{arms['tuned']}")).json()
        assert one == next(each for each in listed["data"] if each["id"] == arms["tuned"])
        assert (await stage.client.get("/v1/models/none")).status_code == 404
        body = (await stage.post(model=arms["tuned"])).json()
        assert body["choices"][0]["message"]["content"] == "tuned says hello" and body["model"] == arms["tuned"]
        assert body["duelbot"]["kind"] == "single"


async def test_limits_are_told_as_openai_s_clients_expect_them(tmp_path: Path) -> None:
    async with staged(tmp_path, api_in_flight=2) as stage:
        _, secret = await stage.app.programs.keys.make("ann", "narrow", limits=KeyLimits(per_minute=1))
        _, poor = await stage.app.programs.keys.make("ann", "poor", limits=KeyLimits(usd_per_day=1e-12))
        for key, code, retry in ((secret, "rate_limit_exceeded", "5"), (poor, "insufficient_quota", None)):
            given = {"authorization": f"Bearer {key}"}
            assert (await stage.client.post("/v1/chat/completions", json=ASK, headers=given)).status_code == 200
            refused = await stage.client.post("/v1/chat/completions", json=ASK, headers=given)
            assert (refused.status_code, refused.json()["error"]["code"], refused.headers.get("retry-after")) == (429, code, retry)
        slow = [asyncio.create_task(stage.said("slow")) for _ in range(2)]
        for _ in range(round(patient(200))):
            if stage.app.core.running.count == 2:
                break
            await asyncio.sleep(0.01)
        full = await stage.post()
        assert (full.status_code, full.json()["error"]["code"]) == (503, "overloaded")
        for each in slow:
            each.cancel()


def test_the_endpoint_is_off_and_away_from_the_public_address_unless_allowed() -> None:
    assert Settings.of().api.on is False and Settings.of().api.host == "127.0.0.1"
    with pytest.raises(SettingsError, match="DUEL_API_PUBLIC=true"):
        Settings.read({"DUEL_API": "true", "DUEL_API_HOST": "0.0.0.0"}, None)
    assert Settings.read({"DUEL_API": "true", "DUEL_API_HOST": "0.0.0.0", "DUEL_API_PUBLIC": "true"}, None).api.public


async def test_a_taken_port_is_said_in_words(tmp_path: Path) -> None:
    async with staged(tmp_path) as stage:
        with pytest.raises(DuelbotError, match="DUEL_API_PORT"):
            await serve(stage.app, Settings.of(api=True, api_port=stage.client.base_url.port))


async def test_two_hundred_requests_in_flight_are_all_answered(tmp_path: Path) -> None:
    def unhurried(prompt: Prompt) -> Script:
        return Script(("word ",) * 10, 0.05)

    async with staged(tmp_path, unhurried) as stage:
        await stage.app.routing.change("ann", share=0.1, winner="tuned")
        limits = httpx.Limits(max_connections=250)
        given = {"authorization": f"Bearer {stage.secret}"}
        async with httpx.AsyncClient(base_url=stage.client.base_url, headers=given, limits=limits, timeout=patient(60)) as many:

            async def one(number: int) -> httpx.Response:
                body = {**ASK, "messages": [{"role": "user", "content": f"Number {number}?"}], "stream": number % 2 == 0}
                return await many.post("/v1/chat/completions", json=body)

            asking = [asyncio.create_task(one(number)) for number in range(200)]
            most = 0
            while not all(task.done() for task in asking):
                most = max(most, stage.app.core.running.count)
                await asyncio.wait(asking, timeout=0.05)
            answered = [task.result() for task in asking]
        assert [each.status_code for each in answered] == [200] * 200 and stage.backend.running == 0
        assert most >= 150
        assert sum(each.text.count('"content": "') or each.text.count('"content":"') for each in answered) >= 200
