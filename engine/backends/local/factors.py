"""What an adapter adds to linear layers: two matrices for each."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from engine.backends.local.kernels import COLUMNS, LANES
from engine.backends.local.packed import tiled
from engine.backends.local.products import PARTS

NONE = "__base__"  # the name of a row that uses no adapter
EVEN_RANK = 16  # ranks are filled up to a multiple, as products add up in groups of numbers: so a row's do not move when others join


@dataclass(frozen=True, slots=True)
class Factors:
    """The two matrices of one layer; those of several adapters lie side by side in them."""

    down: Tensor  # (in_features, rank)
    up: Tensor  # (rank, out_features), with the scale in it
    ranks: tuple[int, ...]  # of each adapter


def factors(one: Tensor, other: Tensor, scale: float, device: torch.device) -> Factors:
    """Make factors of peft's matrices A (rank, in_features) and B (out_features, rank), in float32, as peft adds them."""
    more = -one.shape[0] % EVEN_RANK
    down = nn.functional.pad(one.float().T, (0, more)).contiguous().to(device)
    up = nn.functional.pad(other.float().T * scale, (0, 0, 0, more)).contiguous().to(device)
    return Factors(down, up, (down.shape[1],))


def side_by_side(parts: Sequence[Factors | None]) -> Factors:
    """Put the factors of several adapters beside one another; one that does not train the layer has none."""
    there = [part for part in parts if part is not None]
    ranks = tuple(part.down.shape[1] if part else 0 for part in parts)
    return Factors(torch.cat([part.down for part in there], 1), torch.cat([part.up for part in there], 0), ranks)


@dataclass(frozen=True, slots=True)
class Placed:
    """What an adapter adds to a product, as the compiled loops want it."""

    row: Any  # (2 + 5 * PARTS,) int64, as in a ReadBatch: where the matrices lie
    kept: tuple[Tensor, ...]  # the matrices


def placed(parts: Sequence[Factors | None], widths: Sequence[int]) -> Placed:
    """Place an adapter's factors of linear layers with the same input, which are one product; widths: the layers' out_features."""
    row = np.zeros(2 + 5 * PARTS, np.int64)
    downs = tiled(torch.cat([part.down.T for part in parts if part is not None]), torch.float32)
    row[:2] = downs.data_ptr(), downs.shape[0] * COLUMNS
    kept, first, rank = [downs], 0, 0
    for number, (part, width) in enumerate(zip(parts, widths, strict=True)):
        if part is not None:
            up = nn.functional.pad(part.up, (0, -width % LANES)).contiguous()
            row[2 + 5 * number : 7 + 5 * number] = up.data_ptr(), first, up.shape[1], rank, up.shape[0]
            kept.append(up)
            rank += up.shape[0]
        first += width
    return Placed(row, tuple(kept))
