"""Requests that an adapter saw in training are no evidence for it; trained_on.txt in its folder lists them by their digests.

A line for each request, in any order: 16 hex digits, as `digest` gives them. So the list can go along with the weights and tells
nobody what the training data says. A training run writes it with `write_trained_on`.
"""

import hashlib
import re
from collections.abc import Iterable
from pathlib import Path

from engine.errors import BadAdapter
from engine.request import folded

FILE = "trained_on.txt"
_DIGEST = re.compile(r"[0-9a-f]{16}")


def digest(request: str) -> str:
    """Digest a request: the first 16 hex digits of the SHA-256 of its words, whatever their case and spacing."""
    return hashlib.sha256(folded(request).encode(errors="replace")).hexdigest()[:16]


def write_trained_on(folder: Path, requests: Iterable[str]) -> None:
    """List these requests in an adapter folder, each once."""
    (folder / FILE).write_text("".join(f"{each}\n" for each in sorted({digest(request) for request in requests})), encoding="ascii")


def read_trained_on(folder: Path) -> frozenset[str]:
    """Read the digests of the requests that the adapter in a folder saw in training; none where nothing is listed.

    Raises BadAdapter for a list that cannot be read: to take it for empty would count duels that prove nothing.
    """
    path = folder / FILE
    try:
        lines = path.read_text(encoding="ascii").split()
    except FileNotFoundError:
        return frozenset()
    except (OSError, UnicodeDecodeError) as error:
        why = "it is not plain text" if isinstance(error, UnicodeDecodeError) else error.strerror
        raise BadAdapter(f"The list of requests that an adapter was trained on, {path}, cannot be read: {why}.") from error
    if wrong := next((line for line in lines if not _DIGEST.fullmatch(line)), ""):
        raise BadAdapter(
            f"The list of requests that an adapter was trained on, {path}, holds {wrong[:40]!r}, which is no digest: 16 hex digits a line. "
            "Write it again, or take the file away; then nothing is known of what the adapter was trained on."
        )
    return frozenset(lines)
