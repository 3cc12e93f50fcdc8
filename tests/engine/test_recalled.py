"""What a recipe's prompts begin with is read once and kept for the next start: the same answers, and nothing that somebody asked."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from engine.backends.base import Chunk, Prompt, Stop
from engine.backends.local.backend import LocalBackend
from engine.backends.local.compiling import can_compile
from engine.backends.local.factors import NONE
from engine.backends.local.loading import load_base
from engine.backends.local.prefixes import common_length
from engine.backends.local.recalled import FEWEST, MOST_FILES, StatesFolder
from engine.contestants import Adapter, open_adapter
from engine.proving import PROBES
from engine.recipes import Recipe, load_recipe
from engine.request import Request
from tests.engine import tiny

pytestmark = pytest.mark.skipif(not can_compile(), reason="this machine does not run the compiled loop")
PLAIN = load_recipe("plain")
LONG = replace(PLAIN, system="Tell which of two techniques to take, and why. " * 12)


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny.save_base(tmp_path_factory.mktemp("base"), context=2048)


@pytest.fixture(scope="module")
def adapter(base: Path, tmp_path_factory: pytest.TempPathFactory) -> Adapter:
    return open_adapter(tiny.save_adapter(tmp_path_factory.mktemp("adapter"), base))


def started(base: Path, folder: Path) -> LocalBackend:
    loaded = load_base(base, "tiny", "float32", "cpu", "best")
    return LocalBackend(loaded, max_rows=2, recalled=StatesFolder(folder, loaded.base.revision))


def prompt(request: Request, adapter: Adapter | None = None, recipe: Recipe = LONG) -> Prompt:
    return Prompt(recipe.messages(request), replace(recipe.sampling, max_new_tokens=6), adapter)


def files(folder: Path) -> list[Path]:
    return list(folder.iterdir())


def alike(adapter: Adapter | None = None) -> list[Prompt]:
    return [prompt(probe, adapter) for probe in PROBES]


async def answered(backend: LocalBackend, asked: Prompt) -> tuple[str, int]:
    chunks: list[Chunk] = [chunk async for chunk in backend.generate(asked, Stop())]
    usage = chunks[-1].usage
    assert usage is not None and chunks[-1].error is None
    return "".join(chunk.text for chunk in chunks), usage.cached_prompt_tokens


async def asked_at_a_start(base: Path, folder: Path, adapter: Adapter | None, requests: Sequence[str]) -> list[tuple[str, int]]:
    """Start, take back what is kept, ask, keep it, and stop."""
    backend = started(base, folder)
    if adapter:
        await backend.add_adapter(adapter, PLAIN)
    await backend.recall(alike(adapter))
    found = [await answered(backend, prompt(Request.of(text), adapter)) for text in requests]
    await backend.remember(alike(adapter))
    await backend.aclose()
    return found


async def test_the_next_start_reads_a_request_alone_and_answers_alike(base: Path, adapter: Adapter, tmp_path: Path) -> None:
    for own in (None, adapter):
        folder = tmp_path / str(own is None)
        ((text, cached),) = await asked_at_a_start(base, folder, own, ["hello"])
        ((again, found),) = await asked_at_a_start(base, folder, own, ["hello"])
        assert cached == 0 and found >= FEWEST and again == text
        ((other, kept),) = await asked_at_a_start(base, folder, own, ["what can you do"])
        ((alone, nothing),) = await asked_at_a_start(base, tmp_path / "empty" / str(own is None), own, ["what can you do"])
        assert kept == found and nothing == 0 and other == alone


async def test_states_are_those_of_one_adapter_one_model_and_the_recipe_alone(base: Path, adapter: Adapter, tmp_path: Path) -> None:
    await asked_at_a_start(base, tmp_path, None, ["hello"])
    ((_, cached),) = await asked_at_a_start(base, tmp_path, adapter, ["hello"])
    assert cached == 0, "the base's states are wrong for an adapter"
    assert len(files(tmp_path)) == 2
    backend = started(base, tmp_path)
    one, other = [await backend.encoded(each) for each in alike()]
    beginning = one[: common_length(one, other)]
    await backend.aclose()
    same, others = StatesFolder(tmp_path, backend.base.revision), StatesFolder(tmp_path, "another revision")
    states = same.load(NONE, beginning)
    assert states is not None and sum(piece.shape[-2] for piece in states) == len(beginning), "no token of a request is there"
    assert others.load(NONE, beginning) is None and same.load(NONE, beginning[:-1]) is None


async def test_a_short_recipe_is_read_at_every_start(base: Path, tmp_path: Path) -> None:
    backend = started(base, tmp_path)
    short = [prompt(probe, None, PLAIN) for probe in PROBES]
    await backend.recall(short)
    await answered(backend, short[0])
    await backend.remember(short)
    await backend.remember(alike())  # which nobody has asked
    await backend.aclose()
    assert not files(tmp_path)


def states_of(seed: int) -> list[Any]:
    return [
        np.random.default_rng([seed, part]).standard_normal((3, 2, 4, columns, 8)).astype(np.float32) for part, columns in enumerate((9, 5))
    ]


def test_a_damaged_file_is_computed_anew(tmp_path: Path) -> None:
    folder, tokens = StatesFolder(tmp_path, "r"), [1, 2, 3, 4, 5]
    for damage in (lambda text: text[:-7], lambda text: text[:-4] + b"\0\0\0\1", lambda text: b"", lambda text: b"x" * 99):
        folder.save(NONE, tokens, states_of(1))
        loaded = folder.load(NONE, tokens)
        assert loaded is not None
        for own, other in zip(loaded, states_of(1), strict=True):
            assert np.array_equal(own, other)
        (file,) = tmp_path.iterdir()
        file.write_bytes(damage(file.read_bytes()))
        assert folder.load(NONE, tokens) is None
        assert not folder.holds(NONE, tokens), "it is not in the way of the next"


def test_few_files_are_kept_those_used_last(tmp_path: Path) -> None:
    folder = StatesFolder(tmp_path, "r")
    for number in range(MOST_FILES + 2):
        folder.save(NONE, [number] * 5, states_of(number))
        for at, file in enumerate(sorted(tmp_path.iterdir(), key=lambda file: file.stat().st_mtime_ns)):
            assert at < MOST_FILES, file
        assert folder.load(NONE, [0] * 5) is not None, "what is used stays"
    assert not folder.holds(NONE, [1] * 5) and folder.holds(NONE, [MOST_FILES + 1] * 5)


def test_a_folder_that_cannot_be_written_is_done_without(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    folder = StatesFolder(tmp_path / "file" / "below", "r")
    folder.save(NONE, [1], states_of(1))
    assert folder.load(NONE, [1]) is None
