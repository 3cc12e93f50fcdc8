"""For all tests: no setting of the person who runs them reaches the product."""

import os

import pytest


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.startswith("DUEL_") or name == "DISCORD_TOKEN":
            monkeypatch.delenv(name)
