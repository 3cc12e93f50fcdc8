"""Weights by their names, as they lie in safetensors files, with no model around them."""

import json
import mmap
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import safe_open

from engine.backends.local.tiles import Lying
from engine.parsing import read_json

WHOLE, INDEX = "model.safetensors", "model.safetensors.index.json"  # names that transformers gives; the first counts where both are there
BFLOAT16 = "BF16"
KINDS = {"F64": np.float64, "F32": np.float32, "F16": np.float16, BFLOAT16: np.uint16, "I64": np.int64, "I32": np.int32}  # of what is read


@dataclass(frozen=True, slots=True, eq=False)
class Stored:
    """A weight as a file holds it. Its memory is the file's."""

    numbers: Any  # an array; of bfloat16 the bits
    kind: str  # as safetensors names it

    @property
    def shape(self) -> tuple[int, ...]:
        """Its shape."""
        return tuple(self.numbers.shape)

    @property
    def lying(self) -> Lying | None:
        """Where a matrix of weights lies; None for one of a type that is not put into tiles as it is."""
        width = {"F32": 4, "F16": 2, BFLOAT16: 0}.get(self.kind)
        outputs, inputs = self.shape
        return None if width is None else Lying(self.numbers.ctypes.data, outputs, inputs, width)

    def floats(self) -> Any:
        """Turn it into float32, in memory of its own."""
        if self.kind == BFLOAT16:
            return (self.numbers.astype(np.uint32) << np.uint32(16)).view(np.float32)
        return self.numbers.astype(np.float32)

    def part(self, rows: Any) -> "Stored":
        """Take some of its rows."""
        return Stored(self.numbers[rows], self.kind)


def stored_in(file: Path) -> dict[str, Stored]:
    """Map a safetensors file's weights into memory. Raises OSError, ValueError, SafetensorError for a damaged one."""
    with safe_open(file, framework="np"):
        pass  # it has checked that the header and what it promises are there
    with file.open("rb") as opened:
        memory: Any = mmap.mmap(opened.fileno(), 0, **_PRIVATE)
    size = int.from_bytes(memory[:8], "little")
    table = json.loads(memory[8 : 8 + size])
    found = {}
    for name, told in table.items():
        if name == "__metadata__":
            continue
        if told["dtype"] not in KINDS:
            raise ValueError(f"{name} is of the type {told['dtype']}, which is not read here")
        kind, (start, end) = np.dtype(KINDS[told["dtype"]]), told["data_offsets"]
        numbers = np.frombuffer(memory, kind, (end - start) // kind.itemsize, 8 + size + start)
        found[name] = Stored(numbers.reshape(told["shape"]), told["dtype"])
    return found


_PRIVATE = {"prot": mmap.PROT_READ, "flags": mmap.MAP_PRIVATE} if hasattr(mmap, "MAP_PRIVATE") else {"access": mmap.ACCESS_READ}


def weights_in(folder: Path) -> dict[str, Stored]:
    """Map the weights of a model's folder into memory. Raises OSError, ValueError, SafetensorError for a damaged folder."""
    found = dict[str, Stored]()
    for name in sorted(_files(folder)):
        found |= stored_in(folder / name)
    return found


def _files(folder: Path) -> set[str]:
    if (folder / WHOLE).is_file():
        return {WHOLE}
    table = read_json(folder / INDEX)
    places = table.get("weight_map") if isinstance(table, dict) else None
    if not isinstance(places, dict) or not all(isinstance(name, str) and Path(name).name == name for name in places.values()):
        raise ValueError(f"{INDEX} has no table weight_map of files")
    return set(places.values())
