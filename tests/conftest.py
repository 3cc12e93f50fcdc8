"""For all tests: no setting of the person who runs them reaches the product, and tests that run side by side share the cores."""

import os

import pytest

if "PYTEST_XDIST_WORKER" in os.environ:
    os.environ.setdefault("OMP_NUM_THREADS", "1")  # torch, numpy: else each worker takes all cores for itself


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.startswith("DUEL_") or name == "DISCORD_TOKEN":
            monkeypatch.delenv(name)
