"""What it costs to have a model: nothing before one is opened, no stop of the page while it is."""

import gc
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from engine.backends.local import compiling, opening
from engine.backends.local.imports import light_imports
from engine.errors import SettingsError
from engine.lineup import open_backend
from engine.settings import EngineSettings
from tests.engine import tiny


def test_the_lineup_is_imported_without_the_heavy_libraries() -> None:
    heavy = "{'torch', 'transformers', 'peft', 'huggingface_hub', 'httpx', 'aiohttp'}"
    code = f"import sys, engine.lineup; print(sorted({heavy} & sys.modules.keys()))"
    assert subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout == "[]\n"


async def test_a_model_is_imported_and_loaded_beside_the_event_loop(monkeypatch: pytest.MonkeyPatch) -> None:
    where = []

    def load(folder: Path, name: str, settings: EngineSettings, way: str, say: Callable[[str], None]) -> object:
        where.append((folder, name, threading.current_thread() is threading.main_thread()))
        return lambda: "a backend"

    monkeypatch.setattr(opening, "_load", load)
    assert await open_backend(Path("there"), EngineSettings(base_model="mine")) == "a backend"
    assert where == [(Path("there"), "mine", False)]


async def test_what_is_compiled_the_first_time_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder, said = tiny.save_base(tmp_path / "base"), list[str]()
    settings = EngineSettings(base_model="mine", device="cpu", threads=torch.get_num_threads())
    monkeypatch.setattr(compiling.numba.config, "CACHE_DIR", str(tmp_path / "empty"))
    await (await open_backend(folder, settings, said.append)).aclose()
    assert said == (["Compiling the loop over the model's layers for this processor, once …"] if compiling.can_compile() else [])
    there = tmp_path / "there" / "local_1"
    there.mkdir(parents=True)
    (there / "compiled.forward-1.py311.nbi").write_text("")
    monkeypatch.setattr(compiling.numba.config, "CACHE_DIR", str(there.parent))
    said.clear()
    await (await open_backend(folder, settings, said.append)).aclose()
    assert not said and compiling.is_kept("forward") and not compiling.is_kept("for")


def test_an_unknown_backend_is_refused_in_words() -> None:
    with pytest.raises(SettingsError, match=r"DUEL_BACKEND is 'vllm': input should be 'local' or 'openai'\."):
        EngineSettings.read({"DUEL_BACKEND": "vllm"}, None)


def test_garbage_is_not_collected_while_libraries_are_imported_and_is_again_afterwards() -> None:
    before = gc.get_freeze_count()
    try:
        with light_imports():
            assert not gc.isenabled()
            loaded = [object() for _ in range(10)]
        assert gc.isenabled() and gc.get_freeze_count() > before + len(loaded), "what was imported is looked at no more"
        with pytest.raises(ImportError), light_imports():
            raise ImportError
        assert gc.isenabled()
    finally:
        gc.unfreeze()
