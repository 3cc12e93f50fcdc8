"""Adapters as an argument of a row, never a mode of the model.

A layer that some adapter trains adds to each row the product of its adapter's matrices, whichever rows share the batch: a layer in tiles
within its own product, any other by a hook; or the model keeps the matrices itself and does the same. The base is touched by nothing.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from engine.backends.local.factors import NONE, Factors, Placed, placed, side_by_side
from engine.backends.local.named_lora import named_factors
from engine.backends.local.packed import TiledLinear, no_adapters
from engine.backends.local.products import PARTS, LayerAdapters, runs_of
from engine.contestants import Adapter
from engine.errors import BadAdapter
from engine.plain_lora import WEIGHTS, check_plain


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


class Holder(Protocol):
    """A model that keeps adapters' matrices itself and is told with each row which one it uses."""

    config: Any
    linears: Mapping[str, tuple[int, int]]  # in_features and out_features of each linear layer

    def put(self, name: str, factors: Mapping[str, Factors]) -> None:
        """Load an adapter's matrices, by the names of the linear layers."""
        ...

    def drop(self, name: str) -> None:
        """Let an adapter's matrices go; nothing happens to one that is not there."""
        ...


class LoraRows:
    """The adapters on one base model, each known by its digest. `names` says, row by row, which one the next forward uses.

    holder: the model, where it keeps adapters itself; then `names` says nothing.
    """

    def __init__(self, model: Any, holder: Holder | None = None) -> None:
        self._model, self._holder = model, holder
        self._device = torch.device("cpu") if holder else next(model.parameters()).device
        self._layers: dict[int, LoraLayerHook | TiledAdapters] = {}  # by the identity of the layer
        self.loaded = frozenset({NONE})  # names that a row may use
        self.names = []

    @property
    def names(self) -> Sequence[str]:
        """For each row of the next forward its adapter, or NONE."""
        return self._names

    @names.setter
    def names(self, names: Sequence[str]) -> None:
        if names != getattr(self, "_names", None):
            self._names = list(names)
            self.users = Users.of(names, self._device)

    def add(self, adapter: Adapter) -> None:
        """Load an adapter's weights beside the base's. Raises BadAdapter, and then nothing is loaded."""
        found = self._factors(adapter)
        if self._holder:
            self._holder.put(adapter.digest, found)
        else:
            modules = dict(self._model.named_modules())
            for name, own in found.items():
                layer = modules[name]
                if id(layer) not in self._layers:
                    self._layers[id(layer)] = (TiledAdapters if isinstance(layer, TiledLinear) else LoraLayerHook)(self, layer)
                self._layers[id(layer)].put(adapter.digest, own)
        self.loaded |= {adapter.digest}

    def remove(self, name: str) -> None:
        """Let an adapter's weights go; layers that no other adapter trains are as they were before."""
        if self._holder:
            self._holder.drop(name)
        for key, layer in list(self._layers.items()):
            if layer.forget(name):
                del self._layers[key]
        self.loaded -= {name}
        self.names = []

    def _factors(self, adapter: Adapter) -> dict[str, Factors]:
        table, weights = check_plain(Path(adapter.folder), adapter.name), _weights(adapter)
        if self._holder and (found := named_factors(table, weights, self._holder.linears, self._device)):
            return found
        from engine.backends.local.peft_lora import fitted  # takes seconds to import, and few adapters need it

        return fitted(adapter, table, weights, self._model.config, self._device)


def _weights(adapter: Adapter) -> dict[str, Tensor]:
    try:
        found: dict[str, Tensor] = load_file(Path(adapter.folder) / WEIGHTS)
    except (OSError, ValueError, SafetensorError) as error:
        raise BadAdapter(f"The adapter {adapter.name} cannot be read: {type(error).__name__}, {str(error)[:200]}") from error
    return found


class LoraLayerHook:
    """What a layer adds for its rows' adapters: a forward hook of a linear layer."""

    def __init__(self, rows: LoraRows, layer: nn.Module) -> None:
        self.own: dict[str, Factors] = {}  # by the adapter's digest
        self._together: tuple[tuple[str, ...], Factors | None] | None = None  # those of several adapters that the last step used
        self._rows = rows
        self._handle = layer.register_forward_hook(self)

    def put(self, name: str, factors: Factors) -> None:
        """Take an adapter's matrices."""
        self.own[name] = factors
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

    def _factors(self, used: tuple[str, ...]) -> Factors | None:
        if len(used) <= 1:
            return self.own.get(used[0]) if used else None
        if self._together is None or self._together[0] != used:
            parts = [self.own.get(name) for name in used]
            self._together = used, side_by_side(parts) if any(parts) else None
        return self._together[1]


class TiledAdapters:
    """What a layer in tiles adds for its rows' adapters, within its own product."""

    def __init__(self, rows: LoraRows, layer: TiledLinear) -> None:
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


def add_product(out: Tensor, x: Tensor, factors: Factors, users: Users) -> Tensor:
    """Add x @ down @ up to `out`, row by row only the part of the row's own adapter. Changes `out` and returns it."""
    small = x.reshape(-1, x.shape[-1]).float() @ factors.down
    if (mask := users.mask(factors.ranks)) is not None:
        small.masked_fill_(mask.repeat_interleave(small.shape[0] // users.rows, 0), 0.0)
    if out.dtype == torch.float32:
        out.view(-1, out.shape[-1]).addmm_(small, factors.up)
        return out
    return out + (small @ factors.up).view(out.shape).to(out.dtype)
