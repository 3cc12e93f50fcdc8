"""The state of an optimisation on the disk: every answer as it came, or how likely it is, a line of JSON each. None is asked for twice.

The first line says what the answers depend on beside recipe and row: the base, the metric, and how much of an answer was awaited. The
search is a function of its order and these answers, so it goes on where it was stopped by running once more.
"""

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal, TextIO

from engine.errors import SettingsError
from engine.parsing import Malformed, json_value
from engine.rows import Row

FORM = 1  # of the file
NAME = "answers.jsonl"
How = Literal["whole", "part", "look"]  # an answer to its end; one until its score is certain; none, but how likely the wanted one is
Key = tuple[str, str, How]  # digests of recipe and row


@dataclass(frozen=True, slots=True)
class Noted:
    """One answer as the journal keeps it, or one that could not be given."""

    recipe: str  # digest
    row: str  # digest
    whole: bool  # False: stopped as soon as its score was certain
    text: str
    failure: str  # kind; "": there is an answer
    tokens: int  # prompt and answer
    usd: float
    at_s: float  # of the run's own time, those of earlier sittings included
    chance: float | None = None  # of the wanted answer, 0 to 1; None: an answer was written

    @property
    def key(self) -> Key:
        """What it is found by."""
        how: How = "look" if self.chance is not None else "whole" if self.whole else "part"
        return self.recipe, self.row, how


def row_digest(row: Row) -> str:
    """16 hex digits of the SHA-256 of a row's request, history and references; ids and lines do not matter."""
    content = [row.text, [[turn.role, turn.text] for turn in row.history], list(row.references)]
    return hashlib.sha256(json.dumps(content).encode()).hexdigest()[:16]


class Journal:
    """Answers by recipe and row, in memory and, with a folder, in its file."""

    def __init__(self, folder: Path | None, depends: Mapping[str, Any]) -> None:
        """depends: all that the answers depend on beside recipe and row. Raises SettingsError for a folder of another search."""
        self._known: dict[Key, Noted] = {}
        self._file: TextIO | None = None
        self.before_s = 0.0  # seconds of earlier sittings
        if folder is not None:
            try:
                self._open(folder, {"form": FORM, **depends})
            except OSError as error:
                raise SettingsError(f"The state in {folder} cannot be read or written: {error.strerror}.") from error

    def __len__(self) -> int:
        return len(self._known)

    def _open(self, folder: Path, head: dict[str, Any]) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / NAME
        lines = path.read_bytes().split(b"\n") if path.is_file() else []
        whole = lines[:-1]  # what follows the last line's end was cut off by a crash
        if whole and _value(whole[0]) != head:
            raise SettingsError(f"{path} is of a search with another base or another metric. Give another --state folder, or remove it.")
        for line in whole[1:]:
            noted = Noted(**_value(line))
            self._known[noted.key] = noted
            self.before_s = max(self.before_s, noted.at_s)
        with path.open("r+b" if whole else "wb") as file:
            file.truncate(sum(len(line) + 1 for line in whole))
        self._file = path.open("a", encoding="utf-8")
        if not whole:
            self._write(head)

    def find(self, recipe: str, row: str, how: How) -> Noted | None:
        """Find an answer, or how likely one is; a whole answer does where a part is enough."""
        whole = self._known.get((recipe, row, "whole")) if how == "part" else None
        return whole or self._known.get((recipe, row, how))

    def note(self, noted: Noted) -> None:
        """Keep an answer."""
        self._known[noted.key] = noted
        self._write(asdict(noted))

    def _write(self, value: dict[str, Any]) -> None:
        if self._file is not None:
            self._file.write(json.dumps(value) + "\n")
            self._file.flush()
            os.fsync(self._file.fileno())

    def close(self) -> None:
        """Close the file."""
        if self._file is not None:
            self._file.close()


def _value(line: bytes) -> Any:
    try:
        return json_value(line.decode())
    except (Malformed, UnicodeDecodeError) as error:
        raise SettingsError("The state's file is damaged: a line of it is no JSON. Give another --state folder.") from error
