"""A checkpoint's weights by their names, as they lie in its safetensors files, with no model around them."""

from contextlib import ExitStack
from pathlib import Path
from typing import Any

from safetensors import safe_open
from torch import Tensor

from engine.parsing import read_json

WHOLE, INDEX = "model.safetensors", "model.safetensors.index.json"  # names that transformers gives; the first counts where both are there


class Checkpoint:
    """The weights of a folder, to be used in a with-statement. Raises OSError, ValueError, SafetensorError for a damaged folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._open = ExitStack()
        self._places: dict[str, Any] = {}  # the open file of each weight

    def __enter__(self) -> "Checkpoint":
        """Map the files into memory."""
        with self._open:
            for name in sorted(_files(self._folder)):
                file = self._open.enter_context(safe_open(self._folder / name, framework="pt"))
                self._places |= dict.fromkeys(file.keys(), file)
            self._open = self._open.pop_all()
        return self

    def __exit__(self, *raised: object) -> None:
        """Close the files; what was taken out of them stays."""
        self._open.close()

    @property
    def names(self) -> frozenset[str]:
        """The names of all weights."""
        return frozenset(self._places)

    def shape(self, name: str) -> tuple[int, ...]:
        """Look up a weight's shape in its file's header."""
        return tuple(self._places[name].get_slice(name).get_shape())

    def tensor(self, name: str) -> Tensor:
        """Take a weight in the type that it is kept in. Its memory is the file's, until it is written to."""
        found: Tensor = self._places[name].get_tensor(name)
        return found


def _files(folder: Path) -> set[str]:
    if (folder / WHOLE).is_file():
        return {WHOLE}
    table = read_json(folder / INDEX)
    places = table.get("weight_map") if isinstance(table, dict) else None
    if not isinstance(places, dict) or not all(isinstance(name, str) and Path(name).name == name for name in places.values()):
        raise ValueError(f"{INDEX} has no table weight_map of files")
    return set(places.values())
