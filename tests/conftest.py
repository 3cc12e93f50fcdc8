"""For all tests: no setting of the person who runs them reaches the product, and tests that run side by side share the cores."""

import gc
import os

import pytest

if "PYTEST_XDIST_WORKER" in os.environ:
    os.environ.setdefault("OMP_NUM_THREADS", "1")  # torch, numpy: else each worker takes all cores for itself


def pytest_collection_finish() -> None:
    """Spare the garbage collector what the tests have imported: it went through all of it anew, twice for each page that is tested."""
    gc.collect()
    gc.freeze()


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.startswith("DUEL_") or name == "DISCORD_TOKEN":
            monkeypatch.delenv(name)
