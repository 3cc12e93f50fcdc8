"""What was freed is given back to the system."""

import sys
from pathlib import Path

import pytest
import torch

from engine.backends.local.pages import give_back_freed


def resident_bytes() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096


@pytest.mark.skipif(sys.platform != "linux", reason="glibc alone keeps freed pages so")
def test_pages_between_what_is_still_used_are_given_back() -> None:
    used, freed = [], []
    for _ in range(1_000):  # each below the size from which on memory comes from the system and goes back at once
        freed.append(torch.ones(25_000))
        used.append(torch.ones(300))
    before = resident_bytes()
    freed.clear()
    give_back_freed()
    assert resident_bytes() < before - 50_000_000 and all(bool((each == 1).all()) for each in used)
