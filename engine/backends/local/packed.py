"""Linear layers with their weights packed for this processor, and the counts of rows at which no row's result depends on the others.

float16 weights with float32 sums (fbgemm) take half the memory traffic of float32 and give the same numbers, as long as every weight is
exact in float16; a layer with one that is not keeps float32, packed by oneDNN. oneDNN's bfloat16 runs where the processor has units for it.
"""

from collections.abc import Sequence
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.backends.cpu import get_cpu_capability

from engine.backends.local.pages import MappedFiles

Kind = Literal["float16", "float32", "bfloat16"]
EVEN_ROWS = 12  # a multiple of it is even in the blocks of 4 rows of MKL's products and of 6 of fbgemm's


def even(rows: int) -> int:
    """Round a number of rows up to one at which each row's result is the same, bit for bit, whoever sits in the others.

    fbgemm's float16 kernels add up in another order in blocks of one or two rows, and MKL's float32 products in those of fewer than four
    when several threads share them; 4, 8 and the multiples of 12 are divided into neither.
    """
    return next((size for size in (4, 8) if rows <= size), -(-rows // EVEN_ROWS) * EVEN_ROWS)


FEWEST = even(1)  # rows
TESTED = 1 << 18  # weights that are tested at a time, so that the test needs little memory


class PackedLinear(nn.Module):
    """A linear layer of packed weights: x (..., in_features) becomes (..., out_features) in the type of x.

    `weight` (out_features, in_features) and `bias` are in float32, and copied.
    """

    def __init__(self, weight: Tensor, bias: Tensor | None, kind: Kind) -> None:
        super().__init__()
        (self.out_features, self.in_features), self.kind = weight.shape, kind
        self._bias = None if bias is None else bias.to(torch.bfloat16 if kind == "bfloat16" else torch.float32)
        if kind == "float16":
            self._packed: Any = torch.ops.quantized.linear_prepack_fp16(weight, self._bias)
        else:
            self._packed = torch.ops.mkldnn._reorder_linear_weight(weight.to(getattr(torch, kind)), None)

    def forward(self, x: Tensor) -> Tensor:
        """Multiply; a count of rows that is not even is filled up for the product."""
        rows = x.numel() // self.in_features
        flat = x.reshape(rows, self.in_features)
        if (filled := even(rows)) != rows:
            flat = nn.functional.pad(flat, (0, 0, 0, filled - rows))
        out: Tensor
        if self.kind == "float16":
            out = torch.ops.quantized.linear_dynamic_fp16(flat.float(), self._packed).to(x.dtype)
        else:
            out = torch.ops.mkldnn._linear_pointwise(flat.to(self._dtype()), self._packed, self._bias, "none", [], "").to(x.dtype)
        return out[:rows].view(*x.shape[:-1], self.out_features)

    def _dtype(self) -> torch.dtype:
        return torch.bfloat16 if self.kind == "bfloat16" else torch.float32

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
        self._files = MappedFiles()

    def linear(self, layer: nn.Linear) -> nn.Module:
        """Pack a layer; it stays a usual one where this processor can pack nothing."""
        weight, bias = self.joined([layer])
        if kind := kind_for(weight, self._dtype):
            return PackedLinear(weight, bias, kind)
        usual = nn.Linear(weight.shape[1], weight.shape[0], bias=bias is not None, device="meta")
        usual.weight = nn.Parameter(weight.to(self._dtype, copy=True), requires_grad=False)
        if bias is not None:
            usual.bias = nn.Parameter(bias.to(self._dtype), requires_grad=False)
        return usual

    def joined(self, layers: Sequence[nn.Linear]) -> tuple[Tensor, Tensor | None]:
        """Put the weights of layers with the same input below one another, in float32 and in memory that the next ones take; and biases.

        The pages of the layers' own weights are given back.
        """
        outputs, inputs = sum(layer.out_features for layer in layers), layers[0].in_features
        if self._scratch.numel() < outputs * inputs:
            self._scratch = torch.empty(outputs * inputs)
        weight, first = self._scratch[: outputs * inputs].view(outputs, inputs), 0
        for layer in layers:
            weight[first : first + layer.out_features] = layer.weight.detach()
            first += layer.out_features
            self._files.give_back(layer.weight)
        if all(layer.bias is None for layer in layers):
            return weight, None
        biases = [torch.zeros(layer.out_features) if layer.bias is None else layer.bias.detach().float() for layer in layers]
        return weight, torch.cat(biases)


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


def kind_for(weight: Tensor, dtype: torch.dtype) -> Kind | None:
    """Choose the packed form of a layer's weights, by what this processor can do and what they lose; None where it can do nothing."""
    if dtype == torch.bfloat16 and has_onednn() and torch.cpu._is_avx512_bf16_supported():
        return "bfloat16"
    if has_float16() and exact_in_float16(weight):
        return "float16"
    return "float32" if has_onednn() and dtype == torch.float32 else None


def exact_in_float16(weight: Tensor) -> bool:
    """Whether no weight changes when it is written as float16, which has less range than bfloat16 and fewer digits than float32."""
    return all(torch.equal(part.half().float(), part) for part in torch.split(weight.reshape(-1), TESTED))


def has_float16() -> bool:
    """Whether fbgemm's float16 products run here: on x86 with AVX2 and F16C, which every processor with AVX2 and FMA has."""
    return "fbgemm" in torch.backends.quantized.supported_engines and get_cpu_capability() in ("AVX2", "AVX512")


def has_onednn() -> bool:
    """Whether oneDNN is a part of this torch."""
    return bool(torch._C._has_mkldnn)
