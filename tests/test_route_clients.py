"""docs/route.py and other clients of OpenAI's API talk to the endpoint, each in a process of its own as a team's program would be."""

import asyncio
import importlib.util
import sys
from pathlib import Path

import pytest

from tests.bot.fronts.test_api import staged
from tests.patience import patient

pytestmark = pytest.mark.process
ROOT = Path(__file__).parents[1]
SCRIPT = ROOT / "docs" / "route.py"
CLIENTS = ROOT / "build" / "clients" / "bin" / "python"
LITELLM = """
import sys
import litellm

litellm.suppress_debug_info = True  # it prints advice among the program's own lines
key, address = sys.argv[1:]
given = {"model": "openai/duelbot", "api_base": address, "api_key": key}
messages = [{"role": "user", "content": "Where is my parcel?"}]
whole = litellm.completion(messages=messages, **given)
print(whole.choices[0].message.content, whole.usage.prompt_tokens, whole.usage.completion_tokens)
pieces = litellm.completion(messages=messages, stream=True, **given)
print("".join(piece.choices[0].delta.content or "" for piece in pieces))
try:
    litellm.completion(messages=[{"role": "system", "content": "Be brief."}, *messages], **given)
except litellm.BadRequestError as error:
    print("refused", "The recipe of the contestant" in str(error))
try:
    litellm.completion(messages=messages, **{**given, "api_key": "duel-none"})
except litellm.AuthenticationError:
    print("unknown")
"""
OPENAI = """
import sys
import openai

key, address = sys.argv[1:]
asked = {"model": "duelbot", "messages": [{"role": "user", "content": "Where is my parcel?"}]}
client = openai.OpenAI(base_url=address, api_key=key, max_retries=0)
for wrong, more in ((openai.BadRequestError, {"temperature": 1.0}), (openai.NotFoundError, {"model": "gpt-4"})):
    try:
        client.chat.completions.create(**{**asked, **more})
    except wrong as error:
        print(error.status_code, error.code, error.param)
try:
    openai.OpenAI(base_url=address, api_key="duel-none", max_retries=0).models.list()
except openai.AuthenticationError as error:
    print(error.status_code, error.code)
raw = client.chat.completions.with_raw_response.create(**asked)
print(raw.parse().to_dict()["duelbot"]["kind"], raw.headers["x-request-id"] == raw.parse().to_dict()["duelbot"]["turn"])
"""


def needs_openai() -> None:
    if importlib.util.find_spec("openai") is None:
        pytest.skip("needs the client openai")


async def run(*words: str, python: str = sys.executable) -> list[str]:
    """The lines that a program prints."""
    process = await asyncio.create_subprocess_exec(python, *words, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE)
    out, err = await asyncio.wait_for(process.communicate(), patient(60))
    assert process.returncode == 0, err.decode()
    return out.decode().splitlines()


async def test_the_script_of_the_docs_does_what_they_say(tmp_path: Path) -> None:
    needs_openai()
    async with staged(tmp_path) as stage:
        await stage.app.routing.change("ann", share=0.1, winner="tuned")
        models, answer, took, streamed, used = await run(str(SCRIPT), stage.secret, f"{stage.client.base_url}/v1")
        assert models.startswith("Models: duelbot, prompted-") and ", tuned-" in models
        assert (answer, took, streamed, used) == ("tuned says hello", "4 + 3 tokens, single", "tuned says hello", "9 + 3 tokens")


async def test_openai_s_client_understands_every_refusal(tmp_path: Path) -> None:
    needs_openai()
    async with staged(tmp_path) as stage:
        said = await run("-c", OPENAI, stage.secret, f"{stage.client.base_url}/v1")
        assert said == ["400 unsupported_parameter temperature", "404 model_not_found model", "401 invalid_api_key", "duel True"]


async def test_litellm_asks_whole_and_streamed_and_understands_refusals(tmp_path: Path) -> None:
    if not CLIENTS.with_name("litellm").exists():
        pytest.skip("needs the client litellm in build/clients, where `make check` installs it")
    async with staged(tmp_path) as stage:
        await stage.app.routing.change("ann", share=0.1, winner="prompted")
        said = await run("-c", LITELLM, stage.secret, f"{stage.client.base_url}/v1", python=str(CLIENTS))
        assert said == ["prompted says hi 8 3", "prompted says hi", "refused True", "unknown"]
