"""How likely an answer is, told by the model in this process: the same numbers as transformers gives, whatever runs beside."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import pytest_asyncio
import torch

from engine.backends.base import LikelihoodBackend, Prompt, Stop
from engine.backends.local.backend import LocalBackend
from engine.backends.local.compiling import can_compile
from engine.backends.local.factors import NONE
from engine.backends.local.loading import Way, load_base
from engine.backends.local.opening import open_local
from engine.backends.local.step import Step
from engine.backends.local.writing import WeighedText, Writing
from engine.backends.scripted import Script, ScriptedBackend
from engine.contestants import Adapter, open_adapter
from engine.errors import BackendError
from engine.recipes import Recipe, Sampling
from engine.request import Request
from engine.settings import EngineSettings
from tests.engine import tiny

pytestmark = pytest.mark.asyncio(loop_scope="module")
SYSTEM = "Answer in two lines, name the team. " * 6
RECIPE = Recipe("long", "1", system=SYSTEM, sampling=Sampling(max_new_tokens=24))
SAID = "Team: Fees\nReply: We <|im_end|> look into it, naïve 日本語 🙂."


@pytest.fixture(scope="module", params=["llama", "qwen3"])
def base(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny.save_base(tmp_path_factory.mktemp("base"), request.param)


@pytest.fixture(scope="module")
def adapter(base: Path, tmp_path_factory: pytest.TempPathFactory) -> Adapter:
    return open_adapter(tiny.save_adapter(tmp_path_factory.mktemp("adapter"), base, 1))


@pytest.fixture(scope="module", params=["general", "best"])
def way(request: pytest.FixtureRequest) -> Way:
    if request.param == "best" and not can_compile():
        pytest.skip("this machine does not run the compiled loop")
    chosen: Way = request.param
    return chosen


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def backend(base: Path, adapter: Adapter, way: Way) -> AsyncIterator[LocalBackend]:
    opened = await open_local(base, "tiny", EngineSettings(max_rows=3, threads=1), way)
    await opened.add_adapter(adapter, RECIPE)
    yield opened
    await opened.aclose()


def prompt(text: str, adapter: Adapter | None = None) -> Prompt:
    return Prompt(RECIPE.messages(Request.of(text)), RECIPE.sampling, adapter)


async def logs(backend: LocalBackend, wanted: Prompt, text: str, given: str = "", *, ends: bool = True) -> tuple[float, ...]:
    told = await backend.likelihood(wanted, text, Stop(), given=given, ends=ends)
    assert not told.stopped and told.usage.busy_s > 0 and told.usage.new_tokens >= len(told.logs) == len(told.leads)
    return told.logs


async def test_the_logarithms_are_those_of_plain_transformers(base: Path, backend: LocalBackend) -> None:
    loaded, wanted = load_base(base, "tiny", "float32", "cpu", "plain"), prompt("What now?")
    before = loaded.chat.encode(wanted.messages, {})
    answer = loaded.tokenizer.encode(SAID, add_special_tokens=False, split_special_tokens=True)
    with torch.inference_mode():
        chances = loaded.model(input_ids=torch.tensor([[*before, *answer]])).logits[0, len(before) - 1 :].double().log_softmax(-1)
    expected = [float(own[token]) for own, token in zip(chances, answer, strict=False)]
    ending = float(chances[-1, sorted(loaded.end_ids)].logsumexp(0))
    assert await logs(backend, wanted, SAID) == pytest.approx([*expected, ending], abs=1e-4)
    assert await logs(backend, wanted, SAID, ends=False) == pytest.approx(expected, abs=1e-4)
    colder = (chances * 4).log_softmax(-1)
    told = await backend.likelihood(wanted, SAID, Stop(), ends=False, temperature=0.25)
    assert told.logs == pytest.approx([float(own[token]) for own, token in zip(colder, answer, strict=False)], abs=4e-4)
    line = SAID.index("Reply")
    behind = len(loaded.tokenizer.encode(SAID[:line], add_special_tokens=False))
    assert await logs(backend, wanted, SAID[line:], SAID[:line]) == pytest.approx([*expected[behind:], ending], abs=1e-4)


async def test_leads_tell_what_greedy_decoding_writes(base: Path, backend: LocalBackend) -> None:
    loaded = load_base(base, "tiny", "float32", "cpu", "plain")
    written = 0
    for number in range(150):
        wanted = prompt(f"Go {number}")
        with torch.inference_mode():
            after = loaded.model(input_ids=torch.tensor([loaded.chat.encode(wanted.messages, {})])).logits[0, -1]
        first, second = after.topk(2).indices.tolist()
        for token, lead in ((first, after[first] - after[second]), (second, after[second] - after[first])):
            text = loaded.tokenizer.decode([token])
            if loaded.chat.tokens_of(text) == [token]:
                told = await backend.likelihood(wanted, text, Stop(), ends=False)
                assert told.leads == (pytest.approx(float(lead), abs=1e-4),)
                written += token == first
    assert written >= 5, "few tokens of a small vocabulary are texts by themselves"


async def test_company_a_kept_beginning_and_an_adapter_beside_change_nothing(
    base: Path, backend: LocalBackend, adapter: Adapter, way: Way
) -> None:
    asked = [(prompt(f"request {'far ' * at}{at}", [None, adapter][at % 2]), f"Team: {at}\nReply: {'so ' * 9 * at}") for at in range(6)]
    solo = [await logs(backend, *each) for each in asked]
    stop = Stop()
    written = backend.generate(replace(prompt("write on"), sampling=Sampling(max_new_tokens=200)), stop)
    await anext(written)
    again = await asyncio.gather(*(logs(backend, *each) for each in asked))
    stop.raise_()
    await written.aclose()
    fresh = await open_local(base, "tiny", EngineSettings(max_rows=3, threads=1), way)
    await fresh.add_adapter(adapter, RECIPE)
    unkept = [await logs(fresh, *each) for each in reversed(asked)][::-1]
    await fresh.aclose()
    if way == "best":
        assert again == solo == unkept  # to the last bit
    for one, other, third in zip(solo, again, unkept, strict=True):
        assert one == pytest.approx(other, abs=1e-4) and one == pytest.approx(third, abs=1e-4)
    assert await logs(backend, prompt("same"), "Team: x") != await logs(backend, prompt("same", adapter), "Team: x")


@pytest.mark.parametrize("most", [1, 5, 128])
async def test_an_answer_that_is_read_at_once_has_the_numbers_of_one_read_token_by_token(base: Path, way: Way, most: int) -> None:
    loaded = load_base(base, "tiny", "float32", "cpu", way)
    step = Step(loaded.model, max_rows=2, device="cpu", budget_bytes=1 << 20)
    row = Writing(stop=Stop(), adapter=NONE, submitted=0.0, prompt=prompt("What now?"), deliver=lambda chunk: None)
    row.wanted = wanted = WeighedText(text=SAID * 2, given="", ends=True, temperature=1.0)
    row.slot = 1
    row.count(loaded.chat, loaded.base)
    with torch.inference_mode():
        found = []
        while row.left:
            logits = step.weigh(row, wanted, most)
            found += [logits] if row.read >= len(row.tokens) else []
        tokens = [*row.tokens, *wanted.tokens]
        step.read_span(tokens, 0, len(row.tokens) - 1, NONE, 0)
        one_by_one = np.stack([step.read_span(tokens, at, at + 1, NONE, 0) for at in range(len(row.tokens) - 1, len(tokens))])
    together = np.concatenate(found)
    assert together.shape == one_by_one.shape
    assert np.array_equal(together, one_by_one) if way == "best" else np.allclose(together, one_by_one, atol=1e-4)


async def test_a_weighed_answer_s_account_is_kept_and_its_prompt_too(backend: LocalBackend) -> None:
    wanted = prompt("Of whom is the account?")
    first, again = [await backend.likelihood(wanted, "Team", Stop()) for _ in range(2)]
    assert again.usage.cached_prompt_tokens == again.usage.prompt_tokens - 1 == first.usage.prompt_tokens - 1
    assert first.usage.new_tokens == len(first.logs)
    assert not backend.thread.schedule.seats


async def test_what_cannot_be_told_is_said(backend: LocalBackend, adapter: Adapter) -> None:
    stop = Stop()
    stop.raise_()
    assert (await backend.likelihood(prompt("stopped"), "Team", stop)).stopped
    with pytest.raises(BackendError, match="tokens together"):
        await backend.likelihood(prompt("long " * 600), "Team", Stop())
    with pytest.raises(BackendError, match="tokens together"):
        await backend.likelihood(prompt("short"), "long " * 600, Stop())
    with pytest.raises(BackendError, match="is not loaded"):
        await backend.likelihood(prompt("x", replace(adapter, digest="0" * 16)), "Team", Stop())
    for text, temperature in (("", 1.0), ("x", 0.0)):
        with pytest.raises(ValueError, match="nothing of which"):
            await backend.likelihood(prompt("x"), text, Stop(), ends=False, temperature=temperature)
    assert len(await logs(backend, prompt("an end alone"), "")) == 1


async def test_who_can_tell_and_who_cannot(backend: LocalBackend) -> None:
    assert isinstance(backend, LikelihoodBackend)
    assert not isinstance(ScriptedBackend(lambda prompt: Script(("x",))), LikelihoodBackend)
