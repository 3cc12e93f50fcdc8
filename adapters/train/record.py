"""The record of a training, kept as a JSON file beside its checkpoints; and steps that are done once."""

import json
import platform
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

TOOLS = ("torch", "transformers", "peft", "trl")  # what else than the plan decides how a training comes out


@dataclass(frozen=True, slots=True)
class RunRecord:
    """The figures of a training that has ended, as a card tells them."""

    loss: float  # of a learned token, nats, mean over the latest steps
    tokens: int  # that were read, without padding
    hours: float  # of training, stops not counted
    device: str  # the GPU's name, or "cpu"
    processes: int
    tools: str  # names and versions


def tools() -> str:
    """Return the names and versions of what trains, "Python 3.11.7, torch 2.13.0, ..."."""
    return ", ".join((f"Python {platform.python_version()}", *(f"{name} {version(name)}" for name in TOOLS)))


def write(path: Path, table: dict[str, Any]) -> None:
    """Keep a table as JSON. The file is written beside and moved into place, so that it is there whole or not at all."""
    beside = path.with_suffix(".part")
    beside.write_text(json.dumps(table, indent=2), encoding="utf-8")
    beside.replace(path)


def once(path: Path, what: str, show: Callable[[str], None], make: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """Return what `make` returned, now or in an earlier run: its record in `path` says that the step is done."""
    if path.is_file():
        show(f"{what}: done before")
        kept: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        return kept
    show(f"{what}: begins")
    made = make()
    write(path, made)
    return made
