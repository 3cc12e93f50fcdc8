"""Which adapter the tuned side takes where DUEL_ADAPTER names none: in-use.json in the folder of adapters says it, for each base.

    {"smollm2": [{"name": "support", "version": "1", "digest": "0c6b…", "folder": "support-1"}, …]}

The last one of a list is in use, those before it were, in this order; without a list, what ships for the base is. Whoever opens a line-up
reads this file, and a program that runs compares it with what it took. A folder within the folder of adapters is kept by its name.
"""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from engine.contestants import Adapter, open_adapter
from engine.errors import BadAdapter
from engine.named import Named
from engine.parsing import read_json

FILE = "in-use.json"
MOST_KEPT = 50  # adapters of a base that were in use before


@dataclass(frozen=True, slots=True)
class AdapterChoice:
    """An adapter as it was chosen."""

    name: str
    version: str
    digest: str  # as Adapter.digest
    folder: str  # a name in the folder of adapters, else a path

    @property
    def named(self) -> Named:
        """Its name and version."""
        return Named(self.name, self.version)


def base_key(base: str) -> str:
    """Name a base as the file does: a folder by its whole path, another one as DUEL_BASE_MODEL names it."""
    return str(Path(base).absolute()) if Path(base).exists() else base


def choices_of(adapters: Path, base: str) -> tuple[AdapterChoice, ...]:
    """Read which adapters of a base were chosen, the last one is in use. adapters: the folder of adapters. Raises BadAdapter."""
    return _read(adapters).get(base_key(base), ())


def choose(adapters: Path, base: str, adapter: Adapter) -> AdapterChoice:
    """Have the tuned side on a base take this adapter from now on. Raises BadAdapter where that cannot be written."""
    table, folder = _read(adapters), Path(adapter.folder).absolute()
    kept = folder.name if folder.parent == adapters.absolute() else str(folder)
    choice = AdapterChoice(adapter.name, adapter.version, adapter.digest, kept)
    before = table.get(base_key(base), ())
    if before[-1:] != (choice,):
        _write(adapters, {**table, base_key(base): (*before, choice)[-MOST_KEPT:]})
    return choice


def roll_back(adapters: Path, base: str) -> AdapterChoice | None:
    """Go back to the adapter that was in use before; None: to what ships for the base. Raises BadAdapter where none was chosen."""
    table = _read(adapters)
    before = table.get(base_key(base), ())
    if not before:
        raise BadAdapter(f"No adapter was chosen for {base}, so there is none to go back from.")
    _write(adapters, {**table, base_key(base): before[:-1]})
    return before[-2] if len(before) > 1 else None


def forget_choice(adapters: Path, digest: str) -> None:
    """Take an adapter that goes out of what was in use before. Raises BadAdapter while it is in use."""
    table = _read(adapters)
    for base, listed in table.items():
        if listed and listed[-1].digest == digest:
            raise BadAdapter(f"The adapter {listed[-1].named} is in use for {base}. Choose another one or roll back first.")
    left = {base: _in_turn(each for each in listed if each.digest != digest) for base, listed in table.items()}
    if left != table:
        _write(adapters, left)


def open_choice(adapters: Path, choice: AdapterChoice) -> Adapter:
    """Open the adapter that was chosen. Raises BadAdapter, also where the folder holds another one now."""
    adapter = open_adapter(adapters / choice.folder)
    if adapter.digest != choice.digest:
        raise BadAdapter(
            f"The folder {adapter.folder} holds another adapter than the {choice.named} that was chosen: weights or config have changed. "
            f"Choose it again with: adapters use {choice.name}"
        )
    return adapter


def _in_turn(choices: Any) -> tuple[AdapterChoice, ...]:
    """Leave one of those that follow themselves."""
    left: list[AdapterChoice] = []
    for each in choices:
        if left[-1:] != [each]:
            left.append(each)
    return tuple(left)


def _read(adapters: Path) -> dict[str, tuple[AdapterChoice, ...]]:
    file = adapters / FILE
    try:
        table = read_json(file)
        return {base: tuple(AdapterChoice(**each) for each in listed) for base, listed in table.items()}
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except OSError as error:
        raise BadAdapter(f"Which adapter is in use cannot be read from {file}: {error.strerror}.") from error
    except (ValueError, TypeError, AttributeError) as error:
        raise BadAdapter(f"{file}, which says what adapter is in use, is damaged. Delete it, then choose the adapter again.") from error


def _write(adapters: Path, table: dict[str, tuple[AdapterChoice, ...]]) -> None:
    """Write the file beside its place and move it there, so that a reader sees the one or the other."""
    file, whole = adapters / FILE, {base: [asdict(each) for each in listed] for base, listed in table.items() if listed}
    beside = file.with_suffix(".part")
    try:
        adapters.mkdir(parents=True, exist_ok=True)
        beside.write_text(json.dumps(whole, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
        beside.replace(file)
    except OSError as error:
        raise BadAdapter(f"{file} cannot be written: {error.strerror}. Nothing was changed.") from error
