"""What it costs to have a model: nothing before one is opened, no stop of the page while it is."""

import gc
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from engine.backends.local import opening
from engine.backends.local.imports import light_imports
from engine.errors import SettingsError
from engine.lineup import open_backend
from engine.settings import EngineSettings


def test_the_lineup_is_imported_without_the_heavy_libraries() -> None:
    heavy = "{'torch', 'transformers', 'peft', 'huggingface_hub', 'httpx', 'aiohttp'}"
    code = f"import sys, engine.lineup; print(sorted({heavy} & sys.modules.keys()))"
    assert subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout == "[]\n"


async def test_a_model_is_imported_and_loaded_beside_the_event_loop(monkeypatch: pytest.MonkeyPatch) -> None:
    where = []

    def load(folder: Path, name: str, settings: EngineSettings, way: str) -> object:
        where.append((folder, name, threading.current_thread() is threading.main_thread()))
        return lambda: "a backend"

    monkeypatch.setattr(opening, "_load", load)
    assert await open_backend(Path("there"), EngineSettings(base_model="mine")) == "a backend"
    assert where == [(Path("there"), "mine", False)]


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
