"""What is imported before the page is there: nothing heavy that it does not need."""

import subprocess
import sys

import pytest

HEAVY = (
    "torch",
    "transformers",
    "peft",
    "numba",
    "scipy",
    "matplotlib",
    "discord",
    "aiohttp",
    "requests",
    "prompt_toolkit",
    "trl",
    "jsonschema",
)


@pytest.mark.parametrize(
    ("imported", "needed"),
    [
        ("bot.__main__, bot.fronts.web", ()),
        ("bot.__main__, bot.fronts.terminal.chat", ("prompt_toolkit",)),
        ("bot.fronts.web, discord", ("discord", "aiohttp")),
    ],
)
def test_a_front_is_there_without_what_it_does_not_need(imported: str, needed: tuple[str, ...]) -> None:
    code = f"import sys, {imported}; print(*sorted({set(HEAVY)!r} & sys.modules.keys()))"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert set(found) == set(needed)
