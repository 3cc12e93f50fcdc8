"""For all tests: no setting of the person who runs them reaches the product, and tests that run side by side share the cores."""

import gc
import os
import shutil
from pathlib import Path

import pytest

MEMORY = Path("/dev/shm")  # a folder in memory, on Linux
ROOM = 4 << 30  # bytes that must be free there

if "PYTEST_XDIST_WORKER" in os.environ:
    os.environ.setdefault("OMP_NUM_THREADS", "1")  # torch, numpy: else each worker takes all cores for itself


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """Count the workers of -n auto: one a core, and one more while tests wait for processes and browsers of theirs."""
    return (os.cpu_count() or 1) + ("not process" not in config.option.markexpr)


def pytest_configure(config: pytest.Config) -> None:
    if os.access(MEMORY, os.W_OK) and shutil.disk_usage(MEMORY).free > ROOM:
        os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", str(MEMORY))  # a store syncs each change, which a disk takes milliseconds for
    if hasattr(config.option, "loadscopereorder"):
        config.option.loadscopereorder = False  # pytest-xdist hands out files in the order below, not those with most tests first


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the files that take longest, so that workers end together."""
    long = {item.path for item in items if item.get_closest_marker("process") or item.get_closest_marker("demo")}
    items.sort(key=lambda item: item.path not in long)


def pytest_collection_finish() -> None:
    """Spare the garbage collector what the tests have imported: it went through all of it anew, twice for each page that is tested."""
    gc.collect()
    gc.freeze()


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.startswith("DUEL_") or name == "DISCORD_TOKEN":
            monkeypatch.delenv(name)
    monkeypatch.setenv("DUEL_BASE_MODEL", "demo")  # so that no test fetches a model, or waits for a large one
