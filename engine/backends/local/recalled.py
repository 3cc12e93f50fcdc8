"""The states of what all prompts of a recipe begin with, in files: a recipe of a thousand tokens is read once, and not at every start.

Nothing is written here that somebody has asked, as that belongs into the store alone.
"""

import hashlib
import json
import logging
from collections.abc import Iterable, Sequence
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any
from uuid import uuid4

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

log = logging.getLogger(__name__)
FEWEST = 256  # tokens; fewer are read as soon as a file is
MOST_FILES = 4  # the least recently used goes first


class StatesFolder:
    """Files of states, each of some tokens under an adapter. They are of one model, as it is computed by this very code.

    What cannot be written, or read again whole, is computed as if it had never been there.
    """

    def __init__(self, folder: Path, revision: str) -> None:
        """revision: of the base, as `folder_revision` tells it."""
        self._folder, self._model = folder, f"{revision} {_code()}"

    def holds(self, adapter: str, tokens: Sequence[int]) -> bool:
        """Whether there are states of these tokens."""
        return self._path(adapter, tokens).exists()

    def load(self, adapter: str, tokens: Sequence[int]) -> list[Any] | None:
        """Find the states of these tokens, in the pieces in which they were saved; None where there are none."""
        path = self._path(adapter, tokens)
        try:
            with safe_open(path, framework="np") as file:
                pieces = [file.get_tensor(str(number)) for number in range(int(file.metadata()["pieces"]))]
                if file.metadata()["digest"] != _digest(pieces):
                    raise ValueError("its numbers have changed")
            path.touch()
        except FileNotFoundError:
            return None
        except (OSError, ValueError, KeyError, SafetensorError) as error:
            log.info("%s is of no use: %s", path, error)
            _let_go(path)
            return None
        return pieces

    def save(self, adapter: str, tokens: Sequence[int], pieces: Sequence[Any]) -> None:
        """Write the states of these tokens, arrays of numbers in any pieces."""
        path = self._path(adapter, tokens)
        whole = {str(number): np.ascontiguousarray(piece) for number, piece in enumerate(pieces)}
        new = path.with_suffix(f".{uuid4().hex}.new")
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            save_file(whole, new, {"pieces": str(len(pieces)), "digest": _digest(whole.values())})
            new.rename(path)
            for old in sorted(self._folder.glob("*.safetensors"), key=lambda file: -file.stat().st_mtime)[MOST_FILES:]:
                _let_go(old)
        except (OSError, SafetensorError) as error:
            log.info("states cannot be kept in %s: %s", self._folder, error)
            _let_go(new)

    def _path(self, adapter: str, tokens: Sequence[int]) -> Path:
        told = json.dumps([self._model, adapter, list(tokens)]).encode()
        return self._folder / f"{hashlib.sha256(told).hexdigest()[:32]}.safetensors"


def _let_go(path: Path) -> None:
    with suppress(OSError):
        path.unlink()


@cache
def _code() -> str:
    """Digest of the code that computes states, by which those of another version are not taken for its own."""
    texts = (path.read_bytes() for path in sorted(Path(__file__).parent.glob("*.py")))
    return hashlib.sha256(b"".join(texts)).hexdigest()[:16]


def _digest(pieces: Iterable[Any]) -> str:
    digest = hashlib.sha256()
    for piece in pieces:
        digest.update(piece.data)
    return digest.hexdigest()
