"""A model's weights, taken out of its checkpoint product by product, in the tables where the compiled loop looks for them."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from engine.backends.local.blueprint import EMBEDDING, HEAD, HEAD_NORMS, LAST_NORM, NORMS, PRODUCTS, Blueprint
from engine.backends.local.checkpoint import Checkpoint
from engine.backends.local.kernels import COLUMNS, LANES
from engine.backends.local.packed import Packer, joined_biases, tiled, tiled_halves
from engine.backends.local.products import LINEARS, NORM_QUERY, Weights
from engine.backends.local.products import NORMS as FIRST_NORM

PIECE = 1024 * COLUMNS  # outputs that are put into tiles at a time
Place = tuple[int, int]  # of a product: layer and place in PRODUCTS; behind the last layer the head


class Product:
    """Linear layers with the same input as one, its weights in tiles."""

    def __init__(self, parts: Sequence[tuple[Tensor, Tensor | None]], packer: Packer) -> None:
        """parts: each layer's weights (out_features, in_features) and its bias."""
        self.widths, self.inputs = [len(weight) for weight, _ in parts], parts[0][0].shape[1]
        weights = [weight for weight, _ in parts]
        self.bias = joined_biases(parts)
        if (halves := tiled_halves(weights)) is not None:
            packer.give_back(weights)
            self.weights = halves
        elif len(parts) == 1:  # the head among them, which is the largest by far
            self.weights = _piece_by_piece(weights[0], packer)
        else:
            self.weights = tiled(packer.joined(weights), torch.float32)

    @property
    def places(self) -> tuple[int, int, int]:
        """Where the weights are, whether they are float16, and where the bias is; 0 for none."""
        return self.weights.data_ptr(), int(self.weights.dtype == torch.float16), 0 if self.bias is None else self.bias.data_ptr()

    def rows(self, numbers: Tensor) -> Tensor:
        """Look up the weights of some outputs, (numbers, in_features), in float32."""
        found = self.weights[numbers // COLUMNS, :, numbers % COLUMNS]
        return found.reshape(len(numbers), -1).float()


def _piece_by_piece(weight: Tensor, packer: Packer) -> Tensor:
    """Put weights (out_features, in_features) into tiles of float32, few of them at a time."""
    made = torch.empty(-(-len(weight) // COLUMNS), weight.shape[1] // LANES, COLUMNS, LANES)
    for first in range(0, len(weight), PIECE):
        own = tiled(packer.joined([weight[first : first + PIECE]]), torch.float32)
        made[first // COLUMNS : first // COLUMNS + len(own)] = own
    return made


class ModelWeights:
    """All weights of a model. There are never two copies of all: what has been taken of the checkpoint's memory is given back."""

    def __init__(self, plan: Blueprint, checkpoint: Checkpoint) -> None:
        """checkpoint: holds what the plan names, in its shapes; it may be closed afterwards."""
        sizes, packer = plan.sizes, Packer(torch.float32)
        self.products: dict[Place, Product] = {}
        self.names: dict[Place, Sequence[str]] = {}  # of the linear layers in each product
        self._norms: list[Tensor] = []
        table = np.zeros((sizes.layers + 1, LINEARS + 3 * len(PRODUCTS)), np.int64)

        def take_norms(row: Any, first: int, names: Sequence[str]) -> None:
            for at, name in enumerate(names, start=first):
                if (weight := f"{name}.weight") in plan.shapes:
                    self._norms.append(kept := checkpoint.tensor(weight).float().clone())
                    row[at] = kept.data_ptr()

        def take_product(place: Place, names: Sequence[str], read: Sequence[str]) -> None:
            parts = [
                (checkpoint.tensor(f"{name}.weight"), checkpoint.tensor(f"{name}.bias") if f"{name}.bias" in plan.shapes else None)
                for name in read
            ]
            self.names[place], self.products[place] = names, (made := Product(parts, packer))
            first = LINEARS + 3 * place[1]
            table[place[0], first : first + 3] = made.places

        take_product((sizes.layers, 0), [HEAD], [EMBEDDING if plan.tied else HEAD])
        self.embedding = None if plan.tied else checkpoint.tensor(f"{EMBEDDING}.weight")  # None: the head's
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
