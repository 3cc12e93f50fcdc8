"""Adapters on a model of transformers: each of its rows uses one of them, or none. The base is touched by nothing.

A layer that some adapter trains adds to each row the product of its adapter's matrices, whichever rows share the batch: a layer in tiles
within its own product, any other by a hook.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from engine.backends.local.factors import NONE, Factors, Placed, placed
from engine.backends.local.packed import TiledLinear, no_adapters
from engine.backends.local.products import PARTS, LayerAdapters, runs_of

EVEN_RANK = 16  # ranks are filled up to a multiple, as products add up in groups of numbers: so a row's do not move when others join


@dataclass(frozen=True, slots=True)
class TorchFactors:
    """The two matrices of one layer where its model is; those of several adapters lie side by side in them."""

    down: Tensor  # (in_features, rank)
    up: Tensor  # (rank, out_features), with the scale in it
    ranks: tuple[int, ...]  # of each adapter


def on_device(factors: Factors, device: torch.device) -> TorchFactors:
    """Move an adapter's matrices to where the model is, in float32, as peft adds them."""
    more = -factors.one.shape[0] % EVEN_RANK
    one, other = torch.from_numpy(factors.one), torch.from_numpy(factors.other)
    down = nn.functional.pad(one.float().T, (0, more)).contiguous().to(device)
    up = nn.functional.pad(other.float().T * factors.scale, (0, 0, 0, more)).contiguous().to(device)
    return TorchFactors(down, up, (down.shape[1],))


def side_by_side(parts: Sequence[TorchFactors | None]) -> TorchFactors:
    """Put the factors of several adapters beside one another; one that does not train the layer has none."""
    there = [part for part in parts if part is not None]
    ranks = tuple(part.down.shape[1] if part else 0 for part in parts)
    return TorchFactors(torch.cat([part.down for part in there], 1), torch.cat([part.up for part in there], 0), ranks)


@dataclass(frozen=True, slots=True)
class Users:
    """Which adapters the rows of the next forward use."""

    rows: int
    used: tuple[str, ...]  # each adapter once
    owners: Tensor  # for each row the place of its adapter in `used`; len(used) for none
    masks: dict[tuple[int, ...], Tensor | None]  # by the ranks of a layer's factors, each made when it is first wanted
    spans: dict[int, Any]  # by the tokens of each row, the runs of those with the same adapter

    @classmethod
    def of(cls, names: Sequence[str], device: torch.device) -> "Users":
        """Find them by the rows' names."""
        used = tuple(sorted(set(names) - {NONE}))
        owners = torch.tensor([used.index(name) if name in used else len(used) for name in names], device=device)
        return cls(len(names), used, owners, {}, {})

    def check(self, shape: Sequence[int]) -> None:
        """Raise ValueError for a layer whose input, of this shape, has not the batch's rows."""
        if shape[0] != self.rows:
            raise ValueError(f"a layer sees {shape[0]} rows, and the batch has {self.rows}")

    def mask(self, ranks: tuple[int, ...]) -> Tensor | None:
        """Which columns of a product with `down` are of another adapter than the row's, (rows, rank); None when none is."""
        if ranks not in self.masks:
            columns = torch.repeat_interleave(torch.arange(len(ranks)), torch.tensor(ranks)).to(self.owners.device)
            mask = columns != self.owners[:, None]
            self.masks[ranks] = mask if bool(mask.any()) else None
        return self.masks[ranks]

    def runs(self, tokens: int) -> Any:
        """Neighbours with the same adapter, of rows with so many tokens each: first, end, adapter, as in a ReadBatch."""
        if tokens not in self.spans:
            owners = np.repeat(self.owners.numpy(), tokens)
            self.spans[tokens] = runs_of(np.where(owners < len(self.used), owners, -1))
        return self.spans[tokens]


class HookedLayers:
    """The layers of a model that adapters train. `names` says, row by row, which adapter the next forward uses."""

    def __init__(self, model: Any) -> None:
        self.config = model.config
        self.linears: Mapping[str, tuple[int, int]] = {}  # peft says which layers there are
        self._model = model
        self.device = next(model.parameters()).device
        self._layers: dict[int, LoraLayerHook | TiledAdapters] = {}  # by the identity of the layer
        self.names = []

    @property
    def names(self) -> Sequence[str]:
        """For each row of the next forward its adapter, or NONE."""
        return self._names

    @names.setter
    def names(self, names: Sequence[str]) -> None:
        if names != getattr(self, "_names", None):
            self._names = list(names)
            self.users = Users.of(names, self.device)

    def put(self, name: str, factors: Mapping[str, Factors]) -> None:
        """Load an adapter's matrices, by the names of the linear layers."""
        modules = dict(self._model.named_modules())
        for layer_name, own in factors.items():
            layer = modules[layer_name]
            if id(layer) not in self._layers:
                self._layers[id(layer)] = (TiledAdapters if isinstance(layer, TiledLinear) else LoraLayerHook)(self, layer)
            self._layers[id(layer)].put(name, own)

    def drop(self, name: str) -> None:
        """Let an adapter's matrices go; layers that no other adapter trains are as they were before."""
        for key, layer in list(self._layers.items()):
            if layer.forget(name):
                del self._layers[key]
        self.names = []


class LoraLayerHook:
    """What a layer adds for its rows' adapters: a forward hook of a linear layer."""

    def __init__(self, rows: HookedLayers, layer: nn.Module) -> None:
        self.own: dict[str, TorchFactors] = {}  # by the adapter's digest
        self._together: tuple[tuple[str, ...], TorchFactors | None] | None = None  # those of several adapters that the last step used
        self._rows = rows
        self._handle = layer.register_forward_hook(self)

    def put(self, name: str, factors: Factors) -> None:
        """Take an adapter's matrices."""
        self.own[name] = on_device(factors, self._rows.device)
        self._together = None

    def forget(self, name: str) -> bool:
        """Let one adapter's matrices go. Returns whether they were the last, and the hook went with them."""
        self.own.pop(name, None)
        self._together = None
        if not self.own:
            self._handle.remove()
        return not self.own

    def __call__(self, layer: nn.Module, args: tuple[Tensor, ...], out: Tensor) -> Tensor:
        """Add to what the layer gives, (rows, tokens, out_features), what each row's adapter adds."""
        users = self._rows.users
        factors = self._factors(users.used)
        if factors is None:
            return out
        (x,) = args
        users.check(x.shape)
        return add_product(out, x, factors, users)

    def _factors(self, used: tuple[str, ...]) -> TorchFactors | None:
        if len(used) <= 1:
            return self.own.get(used[0]) if used else None
        if self._together is None or self._together[0] != used:
            parts = [self.own.get(name) for name in used]
            self._together = used, side_by_side(parts) if any(parts) else None
        return self._together[1]


class TiledAdapters:
    """What a layer in tiles adds for its rows' adapters, within its own product."""

    def __init__(self, rows: HookedLayers, layer: TiledLinear) -> None:
        self.own: dict[str, Placed] = {}  # by the adapter's digest
        self._together: tuple[tuple[str, ...], Any, int] | None = None  # those that the last step used, their table and the largest rank
        self._rows, self._layer = rows, layer
        layer.adapters = self

    def put(self, name: str, factors: Factors) -> None:
        """Take an adapter's matrices."""
        self.own[name] = placed([factors], [self._layer.out_features])
        self._together = None

    def forget(self, name: str) -> bool:
        """Let one adapter's matrices go. Returns whether they were the last, and the layer adds nothing any more."""
        self.own.pop(name, None)
        self._together = None
        if not self.own:
            self._layer.adapters = no_adapters
        return not self.own

    def __call__(self, shape: Sequence[int]) -> LayerAdapters:
        """Tell what is added to the rows of x, of this shape (rows, ..., in_features)."""
        users = self._rows.users
        if self._together is None or self._together[0] != users.used:
            found = [self.own[name].row if name in self.own else _NOTHING for name in users.used]
            table = np.stack(found) if found else _NOTHING[None]
            self._together = users.used, table, int(table[:, 1].max())
        _, table, rank = self._together
        if not rank:
            return no_adapters(shape)
        users.check(shape)
        many = prod(shape[:-1])
        return LayerAdapters(table, users.runs(many // users.rows), np.empty((many, rank), np.float32))


_NOTHING = np.zeros(2 + 5 * PARTS, np.int64)  # of a layer that an adapter does not train


def add_product(out: Tensor, x: Tensor, factors: TorchFactors, users: Users) -> Tensor:
    """Add x @ down @ up to `out`, row by row only the part of the row's own adapter. Changes `out` and returns it."""
    small = x.reshape(-1, x.shape[-1]).float() @ factors.down
    if (mask := users.mask(factors.ranks)) is not None:
        small.masked_fill_(mask.repeat_interleave(small.shape[0] // users.rows, 0), 0.0)
    if out.dtype == torch.float32:
        out.view(-1, out.shape[-1]).addmm_(small, factors.up)
        return out
    return out + (small @ factors.up).view(out.shape).to(out.dtype)
