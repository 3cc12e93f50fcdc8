"""The contract of every back end, as one test: what a duel relies on, whatever runs the model."""

import pytest

from engine.backends.base import Backend, Prompt, Stop
from engine.contestants import Adapter
from engine.errors import BackendError, BadAdapter
from engine.recipes import Message, Sampling, load_recipe

ASKED = (Message("user", "hello"),)


async def keeps_the_contract(backend: Backend) -> None:
    """Walk through a back end that was opened for this, and close it."""
    await answers_as_a_duel_expects(backend)
    await refuses_what_cannot_be(backend)


async def answers_as_a_duel_expects(backend: Backend) -> None:
    """What every back end keeps, that of the tests as well: ends, accounts, repeats, stops, and rows of those who go away."""
    prompt = Prompt(ASKED, Sampling(max_new_tokens=20))
    chunks = [chunk async for chunk in backend.generate(prompt, Stop())]
    assert all(chunk.usage is None and chunk.finish is None for chunk in chunks[:-1])
    last = chunks[-1]
    assert (
        last.usage and last.finish in ("end", "length") and last.usage.prompt_tokens > 0 and last.usage.total_s >= last.usage.first_token_s
    )
    again = [chunk async for chunk in backend.generate(prompt, Stop())]
    assert "".join(chunk.text for chunk in again) == "".join(chunk.text for chunk in chunks)
    assert await backend.encoded(prompt) == await backend.encoded(prompt) != () and await backend.unread(prompt) == ()

    stop = Stop()
    stop.raise_()
    stopped = [chunk async for chunk in backend.generate(prompt, stop)]
    assert stopped[-1].finish == "stopped" and stopped[-1].usage

    for _ in range(12):  # more than there are rows: those who go away leave their row
        stream = backend.generate(prompt, Stop())
        await anext(stream)
        await stream.aclose()


async def refuses_what_cannot_be(backend: Backend) -> None:
    """What is told of prompts that are too long, of adapters that are not there, and after the close."""
    prompt = Prompt(ASKED, Sampling(max_new_tokens=20))
    long = Prompt((Message("user", "long " * 3000),), Sampling(max_new_tokens=20))
    with pytest.raises(BackendError, match="tokens together") as refused:
        async for chunk in backend.generate(long, Stop()):
            if chunk.error:
                raise chunk.error
    assert refused.value.kind == "too_long"

    stranger = Adapter("stranger", "1", "nowhere", "0" * 16)
    with pytest.raises(BackendError, match="stranger is not loaded"):
        await anext(backend.generate(Prompt(ASKED, Sampling(), stranger), Stop()))
    with pytest.raises(BadAdapter):
        await backend.add_adapter(stranger, load_recipe("plain"))
    with pytest.raises(BadAdapter, match="is not loaded, so it cannot be removed"):
        await backend.remove_adapter(stranger)
    await backend.aclose()
    with pytest.raises(BackendError) as closed:
        await anext(backend.generate(prompt, Stop()))
    assert closed.value.kind == "closed"
