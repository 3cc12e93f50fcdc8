"""A model's weights, taken out of its checkpoint product by product, in the tables where the compiled loop looks for them."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from engine.backends.local.blueprint import EMBEDDING, HEAD, HEAD_NORMS, LAST_NORM, NORMS, PRODUCTS, Blueprint
from engine.backends.local.checkpoint import Stored
from engine.backends.local.kernels import COLUMNS, LANES
from engine.backends.local.pages import MappedFiles
from engine.backends.local.products import LINEARS, NORM_QUERY, Weights
from engine.backends.local.products import NORMS as FIRST_NORM
from engine.backends.local.tiles import tiled, tiled_halves

PIECE = 1024 * COLUMNS  # outputs that are put into tiles of float32 at a time
Place = tuple[int, int]  # of a product: layer and place in PRODUCTS; behind the last layer the head


class Product:
    """Linear layers with the same input as one, its weights in tiles."""

    def __init__(self, parts: Sequence[Stored], biases: Sequence[Stored | None]) -> None:
        """parts: each layer's weights (out_features, in_features). biases: each layer's."""
        self.widths, self.inputs = [part.shape[0] for part in parts], parts[0].shape[1]
        lying = [part.lying for part in parts]
        halves = tiled_halves([part for part in lying if part]) if all(lying) else None
        if halves is not None:
            self.weights = halves
        elif len(parts) == 1:  # the head among them, which is the largest by far
            self.weights = _piece_by_piece(parts[0])
        else:
            self.weights = tiled(np.concatenate([part.floats() for part in parts]))
        self.bias: Any = None
        if any(biases):
            added = [
                np.zeros(width, np.float32) if bias is None else bias.floats() for bias, width in zip(biases, self.widths, strict=True)
            ]
            self.bias = np.concatenate(added)

    @property
    def places(self) -> tuple[int, int, int]:
        """Where the weights are, whether they are float16, and where the bias is; 0 for none."""
        return self.weights.ctypes.data, int(self.weights.dtype == np.float16), 0 if self.bias is None else self.bias.ctypes.data

    def rows(self, numbers: Any) -> Any:
        """Look up the weights of some outputs, (numbers, in_features), in float32."""
        found = self.weights[numbers // COLUMNS, :, numbers % COLUMNS]
        return found.reshape(len(numbers), -1).astype(np.float32)


def _piece_by_piece(part: Stored) -> Any:
    """Put weights (out_features, in_features) into tiles of float32, few of them at a time."""
    outputs, inputs = part.shape
    made = np.empty((-(-outputs // COLUMNS), inputs // LANES, COLUMNS, LANES), np.float32)
    for first in range(0, outputs, PIECE):
        own = tiled(part.part(slice(first, first + PIECE)).floats())
        made[first // COLUMNS : first // COLUMNS + len(own)] = own
    return made


class ModelWeights:
    """All weights of a model. There are never two copies of all: what has been taken of the checkpoint's memory is given back."""

    def __init__(self, plan: Blueprint, checkpoint: Mapping[str, Stored]) -> None:
        """checkpoint: holds what the plan names, in its shapes."""
        sizes, files = plan.sizes, MappedFiles()
        self.products: dict[Place, Product] = {}
        self.names: dict[Place, Sequence[str]] = {}  # of the linear layers in each product
        self._norms: list[Any] = []
        table = np.zeros((sizes.layers + 1, LINEARS + 3 * len(PRODUCTS)), np.int64)

        def take_norms(row: Any, first: int, names: Sequence[str]) -> None:
            for at, name in enumerate(names, start=first):
                if (weight := f"{name}.weight") in plan.shapes:
                    self._norms.append(kept := checkpoint[weight].floats())
                    row[at] = kept.ctypes.data

        def take_product(place: Place, names: Sequence[str], read: Sequence[str]) -> None:
            parts = [checkpoint[f"{name}.weight"] for name in read]
            biases = [checkpoint[f"{name}.bias"] if f"{name}.bias" in plan.shapes else None for name in read]
            self.names[place], self.products[place] = names, (made := Product(parts, biases))
            for part in parts:
                files.give_back(part.numbers.ctypes.data, part.numbers.nbytes)
            first = LINEARS + 3 * place[1]
            table[place[0], first : first + 3] = made.places

        take_product((sizes.layers, 0), [HEAD], [EMBEDDING if plan.tied else HEAD])
        self.embedding = None if plan.tied else checkpoint[f"{EMBEDDING}.weight"]  # None: the head's
        for number in range(sizes.layers):
            layer = f"model.layers.{number}"
            take_norms(table[number], FIRST_NORM, [f"{layer}.{norm}" for norm in NORMS])
            take_norms(table[number], NORM_QUERY, [f"{layer}.{norm}" for norm in HEAD_NORMS])
            for which, parts in enumerate(PRODUCTS):
                names = [f"{layer}.{part}" for part in parts]
                take_product((number, which), names, names)
        take_norms(table[sizes.layers], FIRST_NORM, [LAST_NORM])
        self.tables = Weights(sizes, table)

    @property
    def linears(self) -> dict[str, tuple[int, int]]:
        """The linear layers that an adapter may train: in_features and out_features of each by its name."""
        return {
            name: (self.products[place].inputs, width)
            for place, names in self.names.items()
            for name, width in zip(names, self.products[place].widths, strict=True)
        }
