"""How many of this machine's processors nobody uses just now."""

import os
import time
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

STAT = Path("/proc/stat")
LOOK_S = 0.25  # seconds between two looks at how long processors were idle
LOOKS = 5  # of which the freest counts: what is over within a second takes no processor from minutes of training


def count_free(read: Callable[[], str] = lambda: STAT.read_text(encoding="ascii"), *, look_s: float = LOOK_S) -> int:
    """Count the processors that nobody uses, at least 1. It takes LOOKS times look_s seconds.

    Linux counts the time that its processors were idle. Elsewhere the load of the last minute stands for it, which is late by that minute:
    it still counts work that has ended.
    """
    there = os.cpu_count() or 1
    try:
        texts = [read()]
        for _ in range(LOOKS):
            time.sleep(look_s)
            texts.append(read())
        free = max(idle_between(before, after) for before, after in pairwise(texts)) * there
    except (OSError, ValueError, IndexError, ZeroDivisionError):
        free = there - (os.getloadavg()[0] if hasattr(os, "getloadavg") else 0.0)
    return max(1, min(there, round(free)))


def idle_between(before: str, after: str) -> float:
    """Compute from two texts of /proc/stat the share of time, 0 to 1, that the processors were idle. Raises ValueError, IndexError."""
    first, last = ([int(ticks) for ticks in text.splitlines()[0].split()[1:9]] for text in (before, after))
    spent = [late - early for early, late in zip(first, last, strict=True)]
    return (spent[3] + spent[4]) / sum(spent)  # idle, and waiting for a disk
