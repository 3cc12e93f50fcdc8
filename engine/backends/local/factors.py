"""What an adapter adds to linear layers: two matrices for each."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from engine.backends.local.kernels import COLUMNS, LANES
from engine.backends.local.products import PARTS
from engine.backends.local.tiles import tiled

NONE = "__base__"  # the name of a row that uses no adapter


@dataclass(frozen=True, slots=True, eq=False)
class Factors:
    """The two matrices of one layer, float32, as peft has them."""

    one: Any  # A, (rank, in_features)
    other: Any  # B, (out_features, rank)
    scale: float  # of their product


@dataclass(frozen=True, slots=True, eq=False)
class Placed:
    """What an adapter adds to a product, as the compiled loops want it."""

    row: Any  # (2 + 5 * PARTS,) int64, as in a ReadBatch: where the matrices lie
    kept: tuple[Any, ...]  # the matrices


def placed(parts: Sequence[Factors | None], widths: Sequence[int]) -> Placed:
    """Place an adapter's factors of linear layers with the same input, which are one product; widths: the layers' out_features."""
    row = np.zeros(2 + 5 * PARTS, np.int64)
    downs = tiled(np.concatenate([part.one for part in parts if part is not None]))
    row[:2] = downs.ctypes.data, downs.shape[0] * COLUMNS
    kept, first, rank = [downs], 0, 0
    for number, (part, width) in enumerate(zip(parts, widths, strict=True)):
        if part is not None:
            up = np.zeros((part.other.shape[1], -(-width // LANES) * LANES), np.float32)  # added to in registers
            up[:, :width] = part.other.T * np.float32(part.scale)
            row[2 + 5 * number : 7 + 5 * number] = up.ctypes.data, first, up.shape[1], rank, up.shape[0]
            kept.append(up)
            rank += up.shape[0]
        first += width
    return Placed(row, tuple(kept))
