"""Adapters as an argument of a row, never a mode of the model.

peft reads an adapter: on a model without weights, made from the base's config, it finds the layers that its options mean, their matrices
and their scale. The arithmetic is here: a layer that some adapter trains has a hook, which adds to each row the product of its adapter's
matrices, whichever rows share the batch. The base itself is touched by nothing.
"""

import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Protocol

import torch
from peft import LoraConfig, PeftModel, set_peft_model_state_dict
from peft.tuners.lora import Linear, LoraLayer
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn
from transformers import AutoModelForCausalLM

from engine.contestants import Adapter
from engine.errors import BadAdapter
from engine.plain_lora import ATTENTION_ONLY, check_plain

NONE = "__base__"  # the name of a row that uses no adapter
EVEN_RANK = 16  # ranks are filled up to a multiple, as products add up in groups of numbers: so a row's do not move when others join


@contextmanager
def quiet_peft() -> Iterator[None]:
    """Drop peft's warnings: of what matters in training, of patterns that match no layer, of an old name in transformers 5.23.

    Whatever makes an adapter unfit is an error here, found by looking.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


@dataclass(frozen=True, slots=True)
class Factors:
    """The two matrices of one layer; those of several adapters lie side by side in them."""

    down: Tensor  # (in_features, rank)
    up: Tensor  # (rank, out_features), with the scale in it
    ranks: tuple[int, ...]  # of each adapter


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
        found = self._factors(adapter, *self._read(adapter))
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

    def _factors(self, adapter: Adapter, config: LoraConfig, weights: dict[str, Tensor]) -> dict[str, Factors]:
        """Have peft put an adapter on a model without weights, which tells what fits where and how much it is scaled."""
        kinds: Any = AutoModelForCausalLM
        try:
            with quiet_peft():
                with torch.device("meta"):
                    frame = kinds.from_config(deepcopy(self._model.config), attn_implementation="eager")
                peft = PeftModel(frame, config, adapter_name=adapter.digest, low_cpu_mem_usage=True)
                result: Any = set_peft_model_state_dict(peft, weights, adapter_name=adapter.digest, low_cpu_mem_usage=True)
        except Exception as error:  # a config from elsewhere ends peft in any kind
            raise BadAdapter(
                f"The adapter {adapter.name} does not fit the base model: {' '.join(str(error).split())[:300] or type(error).__name__}"
            ) from error
        absent = [key for key in result.missing_keys if adapter.digest in key and "lora_" in key]
        if absent or result.unexpected_keys:
            raise BadAdapter(
                f"The adapter {adapter.name} does not fit the base model: {len(absent)} of its weights are missing "
                f"and {len(result.unexpected_keys)} belong to no layer."
            )
        layers = {name: layer for name, layer in frame.named_modules() if isinstance(layer, LoraLayer)}
        for name, layer in layers.items():
            self._check_linear(adapter, name, layer)
        scales = {name: float(layer.scaling[adapter.digest]) for name, layer in layers.items()}
        keys = {name: f"base_model.model.{name}.lora_" for name in scales}
        return {
            name: factors(weights[f"{key}A.weight"], weights[f"{key}B.weight"], scales[name], self._device) for name, key in keys.items()
        }

    def _check_linear(self, adapter: Adapter, name: str, layer: Any) -> None:
        """Raise BadAdapter for a layer that cannot be run for a part of a batch, such as the experts of a mixture."""
        if not isinstance(layer, Linear):
            raise BadAdapter(
                f"The adapter {adapter.name} trains {name}, which is no linear layer but {type(layer.get_base_layer()).__name__}: "
                f"peft cannot run that for some rows of a batch alone, while both sides of a duel share one. {ATTENTION_ONLY}"
            )

    def _read(self, adapter: Adapter) -> tuple[LoraConfig, dict[str, Tensor]]:
        table = check_plain(Path(adapter.folder), adapter.name)
        known = {field.name for field in fields(LoraConfig)} - {"runtime_config"}
        try:
            config = LoraConfig(**{name: value for name, value in table.items() if name in known} | {"inference_mode": True})
            weights = load_file(Path(adapter.folder) / "adapter_model.safetensors")
        except (OSError, ValueError, TypeError, AttributeError, SafetensorError) as error:
            raise BadAdapter(f"The adapter {adapter.name} cannot be read: {type(error).__name__}, {str(error)[:200]}") from error
        return config, weights


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


def add_product(out: Tensor, x: Tensor, factors: Factors, users: Users) -> Tensor:
    """Add x @ down @ up to `out`, row by row only the part of the row's own adapter. Changes `out` and returns it."""
    small = x.reshape(-1, x.shape[-1]).float() @ factors.down
    if (mask := users.mask(factors.ranks)) is not None:
        small.masked_fill_(mask.repeat_interleave(small.shape[0] // users.rows, 0), 0.0)
    if out.dtype == torch.float32:
        out.view(-1, out.shape[-1]).addmm_(small, factors.up)
        return out
    return out + (small @ factors.up).view(out.shape).to(out.dtype)
