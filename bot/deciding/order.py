"""What was ordered, the folder of a decision, and how far it is. Whoever can read the folder can show the decision.

order.json      what was ordered; the same as long as the decision lives
status.json     how far it is: `DecisionStatus`, replaced as a whole
rows.jsonl      the rows with their roles; known.jsonl, those that both crafts may look at
recipe.toml     the recipe at its best; optimise/ holds the search's state
adapter/        the adapter; train/ holds the training's state
answers.jsonl   the test rows answered by all arms; alone.jsonl, by each arm alone
decision.json   all figures and words; report.html, the same to send on
"""

import contextlib
import errno
import hashlib
import json
import os
import re
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field, fields
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from engine.errors import DuelbotError
from engine.locks import take
from engine.parsing import read_json, shown

StepState = Literal["waiting", "running", "done", "skipped", "failed"]
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


class BadDecision(DuelbotError):
    """A decision cannot begin or go on."""


@dataclass(frozen=True, slots=True)
class DecisionOrder:
    """What was ordered. Paths are absolute, so that the decision goes on from any folder."""

    name: str
    file: str
    file_digest: str  # SHA-256 of its bytes
    base: str  # as DUEL_BASE_MODEL names it
    metric: str  # as engine/scoring.py names it
    guessed: bool  # whether the metric was guessed from the rows
    minutes: float  # for everything
    usd: float | None  # for everything, by the device's price per hour; None: no limit of its own
    margin: float  # of the score, below which a difference counts as none
    seed: int
    recipe: str = ""  # where the search begins, as DUEL_RECIPE names it; "": at one that is written from the rows

    @classmethod
    def of(cls, table: dict[str, Any]) -> "DecisionOrder":
        """Read an order from parsed JSON. Raises LookupError, TypeError for what is none."""
        return cls(**{each.name: table[each.name] for each in fields(cls)})


@dataclass(frozen=True, slots=True)
class StepStatus:
    """One step: how it stands, the seconds it has taken, and a sentence for people."""

    name: str
    state: StepState = "waiting"
    spent_s: float = 0.0
    words: str = ""
    part: float | None = None  # of it that is done, 0 to 1, where that is known


@dataclass(frozen=True, slots=True)
class DecisionStatus:
    """How far a decision is."""

    steps: tuple[StepStatus, ...]
    ended: bool = False
    words: str = ""  # of the end, or of what stopped it
    pid: int = 0  # of the process that decides, or did
    at: str = ""  # UTC, when this was written

    @property
    def spent_s(self) -> float:
        """Seconds that all steps have taken, stops not counted."""
        return sum(step.spent_s for step in self.steps)


@dataclass(frozen=True, slots=True)
class DecisionFolder:
    """The folder of one decision. Only one process works in it at a time."""

    path: Path
    files: dict[str, Path] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        names = ("order.json", "status.json", "rows.jsonl", "recipe.toml", "answers.jsonl", "alone.jsonl", "decision.json", "report.html")
        object.__setattr__(self, "files", {name: self.path / name for name in names})

    def __getitem__(self, name: str) -> Path:
        return self.files.get(name, self.path / name)

    @property
    def begun(self) -> bool:
        """Whether there is a decision in it."""
        return self["order.json"].is_file()

    def begin(self, order: DecisionOrder) -> None:
        """Write down what was ordered."""
        self.path.mkdir(parents=True, exist_ok=True)
        self.write("order.json", asdict(order))

    def order(self) -> DecisionOrder:
        """Read what was ordered. Raises BadDecision."""
        if not self.begun:
            raise BadDecision(f"There is no decision in {self.path}.")
        try:
            return DecisionOrder.of(read_json(self["order.json"]))
        except (OSError, ValueError, LookupError, TypeError, AttributeError) as error:
            raise BadDecision(f"{self['order.json']} cannot be read. Delete the folder, and begin anew.") from error

    def tell(self, status: DecisionStatus) -> None:
        """Replace the status file. A full disk does not stop a decision here: the next result's own error will."""
        with contextlib.suppress(OSError):
            self.write("status.json", asdict(status) | {"pid": os.getpid(), "at": datetime.now(UTC).isoformat(timespec="seconds")})

    def status(self) -> DecisionStatus | None:
        """Read how far the decision is; None where nothing is told or it cannot be read."""
        try:
            table = read_json(self["status.json"])
            steps = tuple(StepStatus(**{each.name: step[each.name] for each in fields(StepStatus)}) for step in table["steps"])
            return DecisionStatus(steps, table["ended"], table["words"], table["pid"], table["at"])
        except (OSError, ValueError, LookupError, TypeError):
            return None

    def write(self, name: str, table: Any) -> None:
        """Write a JSON file, whole or not at all."""
        path, new = self[name], self[f"{name}.new"]
        new.write_text(json.dumps(table, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
        new.replace(path)

    def read(self, name: str) -> Any:
        """Read a JSON file that a step has written. Raises BadDecision."""
        try:
            return read_json(self[name])
        except (OSError, ValueError) as error:
            raise BadDecision(f"{self[name]} cannot be read. Delete it, and the decision makes it again.") from error

    @contextlib.contextmanager
    def alone(self) -> Iterator[None]:
        """Keep other processes out while this lasts. Raises BadDecision where one works in the folder already."""
        self.path.mkdir(parents=True, exist_ok=True)
        with self["lock"].open("w") as file:
            try:
                take(file.fileno())
            except OSError as error:
                if error.errno not in (errno.EAGAIN, errno.EACCES):
                    raise
                raise BadDecision(f"Another process decides in {self.path}. Wait for it, or take another --name.") from error
            yield


@contextlib.contextmanager
def in_words(folder: DecisionFolder) -> Iterator[None]:
    """Make a sentence of what the system says of a decision's files, as of a full disk. Raises BadDecision."""
    try:
        yield
    except OSError as error:
        where = error.filename or folder.path
        raise BadDecision(f"{where} cannot be written or read: {error.strerror}. Mend that, and start the same command again.") from error


def check_name(name: str) -> None:
    """Raise BadDecision for a name that cannot be a folder's."""
    if not NAME.fullmatch(name):
        raise BadDecision(
            f"The name {shown(name)} must be letters, digits, dots, dashes and underscores, at most 64, the first no dot. Give --name."
        )


def file_digest(path: Path) -> str:
    """Digest a file: the SHA-256 of its bytes, in hex. Raises BadDecision where it cannot be read."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise BadDecision(f"The rows {path} cannot be read: {error.strerror}.") from error
