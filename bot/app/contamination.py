"""Requests that an adapter saw in training are no evidence for it: its folder may list their digests."""

import hashlib
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

from bot.evidence.units import folded
from engine.contestants import Contestant

FILE = "trained_on.txt"
"""In the adapter's folder: one digest a line, as `digest` gives them, of every request in its training data."""


def digest(request: str) -> str:
    """First 16 hex digits of the SHA-256 of the request's words, whatever their case and spacing."""
    return hashlib.sha256(folded(request).encode()).hexdigest()[:16]


def was_trained_on(request: str, entrants: Sequence[Contestant]) -> bool:
    """Whether an adapter of these saw the request in training. Reads the adapter's file, once."""
    adapters = {entrant.adapter.folder for entrant in entrants if entrant.adapter}
    return any(digest(request) in _listed(folder) for folder in adapters)


@lru_cache(maxsize=16)
def _listed(folder: str) -> frozenset[str]:
    try:
        return frozenset((Path(folder) / FILE).read_text(encoding="ascii").split())
    except (OSError, UnicodeDecodeError):
        return frozenset()
