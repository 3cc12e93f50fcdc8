"""Linear layers with their weights packed for this processor, and the counts of rows at which no row's result depends on the others.

Weights in tiles go through the compiled products (see kernels.py): float16 with float32 sums takes half the memory traffic of float32 and
gives the same numbers, as long as every weight is exact in float16; a layer with one that is not keeps float32. Where these do not run,
oneDNN packs float32; its bfloat16 runs where the processor has units for it.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import pad

from engine.backends.local.kernels import COLUMNS, LANES
from engine.backends.local.pages import MappedFiles
from engine.backends.local.products import PARTS, LayerAdapters, multiply_together
from engine.backends.local.team import ThreadTeam
from engine.backends.local.tiles import Lying, can_tile, tiled, tiled_halves

EVEN_ROWS = 12  # a multiple of it is even in the blocks of 4 rows of MKL's products
SHARED = 1 << 24  # multiplications from which on threads share a product: fewer take less time than to wake one


def even(rows: int) -> int:
    """Round a number of rows up to one at which each row's result is the same, bit for bit, whoever sits in the others.

    MKL's float32 products add up in another order in those of fewer than four rows when several threads share them; 4, 8 and the
    multiples of 12 are not divided into such.
    """
    return next((size for size in (4, 8) if rows <= size), -(-rows // EVEN_ROWS) * EVEN_ROWS)


FEWEST = even(1)  # rows
WIDTHS = {torch.bfloat16: 0, torch.float16: 2, torch.float32: 4}  # bytes of a number, by which tile_halves knows a type


_NO_ADAPTERS = LayerAdapters(np.zeros((0, 2 + 5 * PARTS), np.int64), np.zeros((0, 3), np.int64), np.zeros((0, 1), np.float32))


def no_adapters(shape: Sequence[int]) -> LayerAdapters:
    """Add nothing to a layer's outputs."""
    return _NO_ADAPTERS


class TiledLinear(nn.Module):
    """A linear layer of weights in tiles, as `tiled` makes them: x (..., in_features) becomes (..., out_features) in the type of x.

    It is computed in float32, in which `bias` is.
    """

    def __init__(self, weights: Any, out_features: int, bias: Tensor | None, team: ThreadTeam) -> None:
        super().__init__()
        self.out_features, self.in_features = out_features, weights.shape[1] * LANES
        self.adapters: Callable[[tuple[int, ...]], LayerAdapters] = no_adapters  # what is added, by the shape of x
        self._weights, self._bias, self._team = weights, bias, team
        self._places = weights.ctypes.data, 0 if bias is None else bias.data_ptr()
        self._width = -(-self.out_features // (COLUMNS * LANES)) * COLUMNS * LANES  # written in tiles, added to in registers

    def forward(self, x: Tensor) -> Tensor:
        """Multiply, with as many threads as torch has where that pays."""
        flat = x.reshape(-1, self.in_features).float().contiguous()
        out = torch.empty(len(flat), self._width)
        many = len(flat) * self.in_features * self.out_features >= SHARED
        places, half = (flat.data_ptr(), *self._places, out.data_ptr()), int(self._weights.dtype == np.float16)
        shape, added = (len(flat), self.in_features, self.out_features, self._width), self.adapters(x.shape)
        self._team.run(lambda *threads: multiply_together(places, shape, half, added, *threads), torch.get_num_threads() if many else 1)
        return out[:, : self.out_features].contiguous().view(*x.shape[:-1], self.out_features).to(x.dtype)

    def extra_repr(self) -> str:
        """Tell torch what to show of the layer."""
        return f"in_features={self.in_features}, out_features={self.out_features}, weights={self._weights.dtype}"


def lying(weight: Tensor) -> Lying | None:
    """Where a layer's weights (out_features, in_features) lie; None for those of a type that is not put into tiles as it is."""
    width = WIDTHS.get(weight.dtype) if weight.is_contiguous() else None
    outputs, inputs = weight.shape
    return None if width is None else Lying(weight.data_ptr(), outputs, inputs, width)


class PackedLinear(nn.Module):
    """A linear layer packed by oneDNN: x (..., in_features) becomes (..., out_features) in the type of x.

    `weight` (out_features, in_features) and `bias` are in float32, and copied; the weights are kept in `kind`.
    """

    def __init__(self, weight: Tensor, bias: Tensor | None, kind: torch.dtype) -> None:
        super().__init__()
        (self.out_features, self.in_features), self.kind = weight.shape, kind
        self._bias = None if bias is None else bias.to(kind)
        self._packed: Any = torch.ops.mkldnn._reorder_linear_weight(weight.to(kind), None)

    def forward(self, x: Tensor) -> Tensor:
        """Multiply; a count of rows that is not even is filled up for the product."""
        rows = x.numel() // self.in_features
        flat = x.reshape(rows, self.in_features)
        if (filled := even(rows)) != rows:
            flat = pad(flat, (0, 0, 0, filled - rows))
        out: Tensor = torch.ops.mkldnn._linear_pointwise(flat.to(self.kind), self._packed, self._bias, "none", [], "").to(x.dtype)
        return out[:rows].view(*x.shape[:-1], self.out_features)

    def extra_repr(self) -> str:
        """Tell torch what to show of the layer."""
        return f"in_features={self.in_features}, out_features={self.out_features}, weights={self.kind}"


def pack(model: nn.Module, dtype: torch.dtype) -> None:
    """Replace every linear layer of a model on the processor by a packed one; its own weights go, layer by layer.

    `dtype` is the one that the model is to answer in. What else has weights of another type is turned into it, but for plain embeddings:
    these keep their bytes, and what is looked up in them is turned.
    """
    packer = Packer(dtype)
    linears = [(parent, name) for parent in model.modules() for name, child in parent.named_children() if type(child) is nn.Linear]
    for parent, name in sorted(linears, key=lambda place: -getattr(*place).weight.numel()):  # the most memory while little is taken
        setattr(parent, name, packer.linear(getattr(parent, name)))
    tables = [module for module in model.modules() if type(module) is nn.Embedding]
    for table in tables:
        cast_embedding(table, dtype)
    kept = {id(table.weight) for table in tables}
    for module in model.modules():
        for parameter in module.parameters(recurse=False):
            if parameter.is_floating_point() and id(parameter) not in kept:
                parameter.data = parameter.data.to(dtype)
        for name, buffer in module.named_buffers(recurse=False):
            if buffer.dtype in (torch.float16, torch.bfloat16):
                setattr(module, name, buffer.to(dtype))


class Packer:
    """Packs linear layers for a model that is to answer in a type, one after the other, with one piece of memory for their float32 forms.

    Many such pieces, each freed before the next layer is packed, would leave holes all over the memory of the process.
    """

    def __init__(self, dtype: torch.dtype) -> None:
        self._dtype = dtype
        self._scratch = torch.empty(0)
        self._files, self._team = MappedFiles(), ThreadTeam()

    def linear(self, layer: nn.Linear) -> nn.Module:
        """Pack a layer; it stays a usual one where this processor can pack nothing."""
        weight, bias = layer.weight.detach(), None if layer.bias is None else layer.bias.detach().float()
        if packed_for(self._dtype) != torch.bfloat16 and (place := lying(weight)) and (halves := tiled_halves([place])) is not None:
            self._give_back(weight)
            return TiledLinear(halves, layer.out_features, bias, self._team)
        weight = self._float(weight)
        if self._dtype == torch.float32 and can_tile(layer.in_features):
            return TiledLinear(tiled(weight.numpy()), layer.out_features, bias, self._team)
        if kind := packed_for(self._dtype):
            return PackedLinear(weight, bias, kind)
        usual = nn.Linear(weight.shape[1], weight.shape[0], bias=bias is not None, device="meta")
        usual.weight = nn.Parameter(weight.to(self._dtype, copy=True), requires_grad=False)
        if bias is not None:
            usual.bias = nn.Parameter(bias.to(self._dtype), requires_grad=False)
        return usual

    def _float(self, weight: Tensor) -> Tensor:
        """Turn weights (out_features, in_features) into float32, in memory that the next ones take; their pages are given back."""
        if self._scratch.numel() < weight.numel():
            self._scratch = torch.empty(weight.numel())
        made = self._scratch[: weight.numel()].view(weight.shape)
        made[:] = weight
        self._give_back(weight)
        return made

    def _give_back(self, weight: Tensor) -> None:
        self._files.give_back(weight.data_ptr(), weight.numel() * weight.element_size())


def is_tiled(model: nn.Module) -> bool:
    """Whether all products of a packed model are those of weights in tiles, so that no row needs others to fill them up."""
    return all(
        parameter.ndim < 2 or type(module) is nn.Embedding for module in model.modules() for parameter in module.parameters(recurse=False)
    ) and not any(isinstance(module, PackedLinear) for module in model.modules())


def cast_embedding(table: nn.Module, dtype: torch.dtype) -> None:
    """Have what is looked up in a table of embeddings turned into a type, when the table has another."""
    if table.weight.dtype != dtype:
        table.register_forward_hook(_Cast(dtype))


class _Cast:
    """A hook that turns what a layer gives into another type."""

    def __init__(self, dtype: torch.dtype) -> None:
        self._dtype = dtype

    def __call__(self, module: nn.Module, args: Any, out: Tensor) -> Tensor:
        return out.to(self._dtype)


def packed_for(dtype: torch.dtype) -> torch.dtype | None:
    """Choose the type of weights that oneDNN packs here for a model that is to answer in `dtype`; None where it can pack nothing."""
    if not torch._C._has_mkldnn:
        return None
    if dtype == torch.bfloat16:
        return torch.bfloat16 if torch.cpu._is_avx512_bf16_supported() else None
    return torch.float32 if dtype == torch.float32 else None


@contextmanager
def one_thread() -> Iterator[None]:
    """Have torch run on one thread for a while. Many short operations gain nothing by more, and lose much where another program runs."""
    usual = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(usual)
