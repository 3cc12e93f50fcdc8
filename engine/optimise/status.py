"""How far a search is, in a file of its state folder: whoever can read the folder can show it."""

import contextlib
import json
from dataclasses import asdict, dataclass, fields
from pathlib import Path

from engine.parsing import read_json

NAME = "status.json"


@dataclass(frozen=True, slots=True)
class SearchStatus:
    """How far a search is."""

    stage: str  # "search", "test"
    calls: int  # answers so far
    most_calls: int  # that the search may ask for
    seconds: float  # of its own time, earlier sittings included
    best: float | None = None  # mean score on the dev rows, of the best recipe so far
    rows: int = 0  # dev rows behind it
    made: str = ""  # how that recipe was made

    def write(self, folder: Path) -> None:
        """Replace the status file. A full disk does not stop a search here: the journal's own error will."""
        new = folder / f"{NAME}.new"
        with contextlib.suppress(OSError):
            new.write_text(json.dumps(asdict(self)), encoding="utf-8")
            new.replace(folder / NAME)


def read_status(folder: Path) -> SearchStatus | None:
    """Read how far the search of a folder is; None where nothing is told or it cannot be read."""
    try:
        table = read_json(folder / NAME)
        return SearchStatus(**{each.name: table[each.name] for each in fields(SearchStatus)})
    except (OSError, ValueError, TypeError, LookupError):
        return None
