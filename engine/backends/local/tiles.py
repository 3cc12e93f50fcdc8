"""Weights in tiles, as the compiled products read them."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from engine.backends.local.compiling import can_compile
from engine.backends.local.kernels import COLUMNS, LANES
from engine.backends.local.products import tile_halves


class Lying(NamedTuple):
    """A linear layer's weights (outputs, inputs) as they lie in memory, row after row."""

    address: int
    outputs: int
    inputs: int
    width: int  # bytes of a number; 0 for bfloat16


def tiled_halves(parts: Sequence[Lying]) -> Any:
    """Put weights of layers with the same input into tiles of float16 as `tiled` does, reading them once.

    None where float16 does not hold one of them, and where no tiles are.
    """
    inputs, outputs = parts[0].inputs, sum(part.outputs for part in parts)
    if inputs % LANES or not can_compile():
        return None
    made = np.empty((-(-outputs // COLUMNS), inputs // LANES, COLUMNS, LANES), np.float16)
    made[-1] = 0
    first = 0
    for part in parts:
        if tile_halves(part.address, part.width, part.outputs, inputs, first, made.ctypes.data):
            return None
        first += part.outputs
    return made


def tiled(weights: Any, kind: type = np.float32) -> Any:
    """Put weights (outputs, inputs) into tiles (tiles, inputs / LANES, COLUMNS, LANES); zeros fill up the last."""
    outputs, inputs = weights.shape
    whole, left = divmod(outputs, COLUMNS)
    made = np.empty((-(-outputs // COLUMNS), inputs // LANES, COLUMNS, LANES), kind)
    made[:whole] = weights[: whole * COLUMNS].reshape(whole, COLUMNS, inputs // LANES, LANES).transpose(0, 2, 1, 3)
    if left:
        made[whole] = 0
        made[whole, :, :left] = weights[-left:].reshape(left, inputs // LANES, LANES).transpose(1, 0, 2)
    return made


def can_tile(inputs: int) -> bool:
    """Whether products of so many inputs run in tiles here."""
    return can_compile() and inputs % LANES == 0
