"""The work folder of a run: what was ordered, how far it is, and its checkpoint. Whoever can read the folder can show the run.

order.json               what was ordered; the same as long as the run lives
status.json              how far it is: `Status`, replaced as a whole
checkpoint.safetensors   where the training has got to
curve.jsonl              how the loss fell and how right the model became
adapter/                 the adapter while it is made and proven
"""

import contextlib
import errno
import hashlib
import json
import os
import re
from collections.abc import Iterator
from dataclasses import MISSING, asdict, dataclass, fields
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from adapters.train.curve import FILE as CURVE_FILE
from adapters.train.curve import CurveFile
from adapters.train.plan import TrainingPlan, plan_of
from adapters.train.record import write
from engine.errors import DuelbotError
from engine.locks import take
from engine.parsing import read_json, shown

Phase = Literal[
    "reading", "loading", "lower layers", "before", "training", "after", "beside", "alive", "forgetting", "done", "stopped", "failed"
]
PHASES: dict[str, str] = {  # what a run does, for people
    "reading": "reading rows",
    "loading": "loading the base model",
    "lower layers": "running the lower layers once",
    "before": "measuring before",
    "training": "training",
    "after": "measuring after",
    "beside": "measuring the other arms",
    "alive": "proving the adapter alive",
    "forgetting": "asking what it has forgotten",
}
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


class BadRun(DuelbotError):
    """A training run cannot begin or go on."""


@dataclass(frozen=True, slots=True)
class TrainingOrder:
    """What was ordered. Paths are absolute, so that the run goes on from any folder."""

    name: str
    version: str
    file: str
    file_digest: str  # SHA-256 of its bytes
    base: str  # as DUEL_BASE_MODEL names it
    base_revision: str
    recipe: str  # the plain recipe, as DUEL_PLAIN_RECIPE names it
    recipe_digest: str
    plan: TrainingPlan
    parent: str  # folder of the adapter that it begins with; "": none
    parent_digest: str
    threads: int  # of the processor: another number adds up in another order
    out: str  # folder in which the adapter comes to lie
    engineered: str = ""  # the engineered recipe that is measured beside, as DUEL_RECIPE names it; "": none
    engineered_digest: str = ""
    method: Literal["sft", "dpo", "kto"] = "sft"

    def table(self) -> dict[str, Any]:
        """The order as order.json holds it."""
        return asdict(self)

    @classmethod
    def of(cls, table: dict[str, Any]) -> "TrainingOrder":
        """Read an order from parsed JSON. Raises LookupError, TypeError for what is none."""
        given = {each.name: table[each.name] for each in fields(cls) if each.default is MISSING or each.name in table}
        return cls(**given | {"plan": plan_of(table["plan"])})

    @property
    def digest(self) -> str:
        """16 hex digits of what was ordered, by which a finished adapter is known as this run's."""
        usual = {each.name: each.default for each in fields(self) if each.default is not MISSING}
        told = {name: value for name, value in self.table().items() if name not in usual or value != usual[name]}
        return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()[:16]


@dataclass(frozen=True, slots=True)
class Status:
    """How far a run is."""

    phase: Phase
    step: int = 0  # done, of the training
    steps: int = 0
    loss: float | None = None  # nats a token, mean over the latest steps
    spent_s: float = 0.0  # of the training, stops not counted
    left_s: float | None = None  # to the end of the training, estimated
    words: str = ""  # a sentence for people, of an end
    pid: int = 0  # of the process that trains, or did
    at: str = ""  # UTC, when this was written


class WorkFolder:
    """The folder of one run. Only one process works in it at a time."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.order_file, self.status_file = path / "order.json", path / "status.json"
        self.checkpoint, self.adapter = path / "checkpoint.safetensors", path / "adapter"
        self.curve = CurveFile(path / CURVE_FILE)

    @property
    def begun(self) -> bool:
        """Whether there is a run in it."""
        return self.order_file.is_file()

    def begin(self, order: TrainingOrder) -> None:
        """Write down what was ordered."""
        self.path.mkdir(parents=True, exist_ok=True)
        write(self.order_file, order.table())

    def order(self) -> TrainingOrder:
        """Read what was ordered. Raises BadRun."""
        if not self.begun:
            raise BadRun(f"No run has begun in {self.path}. Begin it without --resume.")
        try:
            return TrainingOrder.of(read_json(self.order_file))
        except (OSError, ValueError, LookupError, TypeError, AttributeError) as error:
            raise BadRun(f"{self.order_file} cannot be read, so this run cannot go on. Delete the folder and begin anew.") from error

    def tell(self, status: Status) -> None:
        """Replace the status file. A full disk does not stop a run here: the checkpoint's own error will."""
        told = asdict(status) | {"pid": os.getpid(), "at": datetime.now(UTC).isoformat(timespec="seconds")}
        with contextlib.suppress(OSError):
            write(self.status_file, told)

    def status(self) -> Status | None:
        """Read how far the run is; None where nothing is told or it cannot be read."""
        try:
            table = read_json(self.status_file)
            return Status(**{each.name: table[each.name] for each in fields(Status) if each.name in table})
        except (OSError, ValueError, TypeError):
            return None

    @contextlib.contextmanager
    def alone(self) -> Iterator[None]:
        """Keep other processes out while this lasts. Raises BadRun where one works in the folder already."""
        self.path.mkdir(parents=True, exist_ok=True)
        with (self.path / "lock").open("w") as file:
            try:
                take(file.fileno())
            except OSError as error:
                if error.errno not in (errno.EAGAIN, errno.EACCES):
                    raise
                raise BadRun(f"Another process trains in {self.path}. Wait for it, or take another --name.") from error
            yield


def check_name(name: str) -> None:
    """Raise BadRun for a name that cannot be a folder's."""
    if not NAME.fullmatch(name):
        raise BadRun(f"The name {shown(name)} must be letters, digits, dots, dashes and underscores, at most 64, a letter or digit first.")


def file_digest(path: Path) -> str:
    """Digest a file: the SHA-256 of its bytes, in hex. Raises BadRun where it cannot be read."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise BadRun(f"The rows {path} cannot be read: {error.strerror}.") from error
