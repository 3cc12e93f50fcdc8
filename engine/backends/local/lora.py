"""Adapters as an argument of a row, never a mode of the model.

A layer that some adapter trains has a hook, which adds to each row the product of its adapter's matrices, whichever rows share the batch;
or the model keeps the matrices itself and does the same. The base is touched by nothing.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from engine.backends.local.factors import NONE, Factors, side_by_side
from engine.backends.local.named_lora import named_factors
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

    @classmethod
    def of(cls, names: Sequence[str], device: torch.device) -> "Users":
        """Find them by the rows' names."""
        used = tuple(sorted(set(names) - {NONE}))
        owners = torch.tensor([used.index(name) if name in used else len(used) for name in names], device=device)
        return cls(len(names), used, owners, {})

    def mask(self, ranks: tuple[int, ...]) -> Tensor | None:
        """Which columns of a product with `down` are of another adapter than the row's, (rows, rank); None when none is."""
        if ranks not in self.masks:
            columns = torch.repeat_interleave(torch.arange(len(ranks)), torch.tensor(ranks)).to(self.owners.device)
            mask = columns != self.owners[:, None]
            self.masks[ranks] = mask if bool(mask.any()) else None
        return self.masks[ranks]


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
        self._hooks: dict[int, LoraLayerHook] = {}  # by the identity of the layer
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
                if id(layer) not in self._hooks:
                    self._hooks[id(layer)] = LoraLayerHook(self, layer)
                self._hooks[id(layer)].own[adapter.digest] = own
        self.loaded |= {adapter.digest}

    def remove(self, name: str) -> None:
        """Let an adapter's weights go, and the hooks of layers that no other adapter trains."""
        if self._holder:
            self._holder.drop(name)
        for key, hook in list(self._hooks.items()):
            if hook.forget(name):
                del self._hooks[key]
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
        if x.shape[0] != users.rows:
            raise ValueError(f"a layer sees {x.shape[0]} rows, and the batch has {users.rows}")
        return add_product(out, x, factors, users)

    def _factors(self, used: tuple[str, ...]) -> Factors | None:
        if len(used) <= 1:
            return self.own.get(used[0]) if used else None
        if self._together is None or self._together[0] != used:
            parts = [self.own.get(name) for name in used]
            self._together = used, side_by_side(parts) if any(parts) else None
        return self._together[1]


def add_product(out: Tensor, x: Tensor, factors: Factors, users: Users) -> Tensor:
    """Add x @ down @ up to `out`, row by row only the part of the row's own adapter. Changes `out` and returns it."""
    small = x.reshape(-1, x.shape[-1]).float() @ factors.down
    if (mask := users.mask(factors.ranks)) is not None:
        small.masked_fill_(mask.repeat_interleave(small.shape[0] // users.rows, 0), 0.0)
    if out.dtype == torch.float32:
        out.view(-1, out.shape[-1]).addmm_(small, factors.up)
        return out
    return out + (small @ factors.up).view(out.shape).to(out.dtype)
