"""Layers packed for the processor: the same numbers for a row among any others, with its adapter and without, and no weight lost."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from transformers import AutoModelForCausalLM

from engine.backends.local import packed
from engine.backends.local.compiling import can_compile
from engine.backends.local.factors import NONE, Factors
from engine.backends.local.fused import Fused
from engine.backends.local.hooks import HookedLayers, TiledAdapters
from engine.backends.local.loading import load_base
from engine.backends.local.packed import (
    PackedLinear,
    Packer,
    TiledLinear,
    even,
    lying,
    packed_for,
)
from engine.backends.local.step import Step
from engine.backends.local.team import ThreadTeam
from engine.backends.local.tiles import tiled, tiled_halves
from tests.engine import tiny


@contextmanager
def processor_threads(number: int) -> Iterator[None]:
    """Run with so many of torch's threads."""
    usual = torch.get_num_threads()
    torch.set_num_threads(number)
    try:
        yield
    finally:
        torch.set_num_threads(usual)


@pytest.mark.parametrize("kind", ["tiles of float16", "tiles of float32", "oneDNN"])
@pytest.mark.parametrize("threads", [1, 2])
def test_a_row_of_a_packed_layer_is_the_same_to_the_bit_among_any_others(monkeypatch: pytest.MonkeyPatch, kind: str, threads: int) -> None:
    if kind == "oneDNN" and packed_for(torch.float32) is None:
        pytest.skip("this torch has no oneDNN")
    if kind != "oneDNN" and not can_compile():
        pytest.skip("this machine does not run the compiled loop")
    monkeypatch.setattr(packed, "SHARED", 0)
    with processor_threads(threads):
        torch.manual_seed(0)
        weight, bias = torch.randn(97, 64).half().float(), torch.randn(97)
        layer: nn.Module = PackedLinear(weight, bias, torch.float32)
        if kind != "oneDNN":
            layer = TiledLinear(tiled(weight.numpy(), getattr(np, kind.rsplit(maxsplit=1)[-1])), 97, bias, ThreadTeam())
        x = torch.randn(140, 64)
        assert torch.allclose(layer(x), nn.functional.linear(x, weight, bias), atol=1e-4)
        alone = torch.cat([layer(row[None]) for row in x])
        for rows in range(1, 141):
            assert layer(x[:rows]).equal(alone[:rows]), rows
        assert layer(x[None, 5:12]).equal(alone[None, 5:12])
        assert layer(x.bfloat16()).dtype == torch.bfloat16


def around(layer: nn.Module) -> nn.Module:
    """A model that is nothing but a layer."""
    model = nn.Sequential(layer, nn.LayerNorm(1))
    model.config = None  # type: ignore[assignment]
    return model


@pytest.mark.parametrize("threads", [1, 2, 3])
@pytest.mark.parametrize("outputs", [97, 24, 3])
def test_what_a_row_s_adapter_adds_in_tiles_is_the_same_to_the_bit_among_any_others(
    monkeypatch: pytest.MonkeyPatch, threads: int, outputs: int
) -> None:
    if not can_compile():
        pytest.skip("this machine does not run the compiled loop")
    monkeypatch.setattr(packed, "SHARED", 0)
    torch.manual_seed(0)
    weight, bias, x = torch.randn(outputs, 64).half().float(), torch.randn(outputs), torch.randn(30, 1, 64)
    layer = TiledLinear(tiled(weight.numpy(), np.float16), outputs, bias, ThreadTeam())
    rows = HookedLayers(around(layer))
    ranks = {"a": 4, "b": 16, "c": 40}
    matrices = {name: (torch.randn(rank, 64), torch.randn(outputs, rank)) for name, rank in ranks.items()}
    own = TiledAdapters(rows, layer)
    names = [[*ranks, NONE, "elsewhere"][(number * number + number // 4) % 5] for number in range(30)]
    with processor_threads(threads):
        rows.names = names
        base = layer(x)
        for name, (down, up) in matrices.items():
            own.put(name, Factors(down.numpy(), up.numpy(), 0.5))
        together, alone = layer(x), []
        for number, name in enumerate(names):
            rows.names = [name]
            alone.append(layer(x[number : number + 1]))
            added = 0.5 * x[number] @ matrices[name][0].T @ matrices[name][1].T if name in ranks else 0
            assert torch.allclose(alone[-1], base[number : number + 1] + added, atol=1e-3)
            assert (name in ranks) or alone[-1].equal(base[number : number + 1])
        assert together.equal(torch.cat(alone))
        rows.names = ["c"]
        assert layer(x.transpose(0, 1)).equal(torch.cat([layer(one) for one in x.split(1)], 1))
        with pytest.raises(ValueError, match="rows"):
            layer(x)


def test_products_of_an_even_number_of_rows_are_those_of_each_row_to_the_bit() -> None:
    """What LoRA's matrices and everything else is multiplied with: torch's own products, of as many rows as a batch is filled up to."""
    torch.manual_seed(0)
    x, down, up, out = torch.randn(240, 64), torch.randn(64, 16), torch.randn(16, 96), torch.randn(240, 96)
    whole = out.clone().addmm_(x @ down, up)
    for rows in sorted({even(rows) for rows in range(1, 241)}):
        assert out[:rows].clone().addmm_(x[:rows] @ down, up).equal(whole[:rows]), rows


def test_a_layer_with_a_weight_that_float16_cannot_hold_keeps_float32() -> None:
    torch.manual_seed(0)
    exact = torch.randn(8, 16).half().float()
    for weight in (1e6, 1e-9, 1.0001):
        inexact = exact.clone()
        inexact[3, 4] = weight
        if can_compile():
            assert halves_of(exact) is not None and halves_of(exact, inexact) is None
        usual, x = nn.Linear(16, 8), torch.randn(4, 16)
        usual.weight.data = inexact
        assert torch.allclose(Packer(torch.float32).linear(usual)(x), usual(x), rtol=1e-5)


def halves_of(*weights: Tensor) -> Any:
    return tiled_halves([place for place in map(lying, weights) if place])


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16, torch.float32])
@pytest.mark.parametrize("outputs", [(97,), (64, 3, 32), (1,), (2, 4)])
def test_weights_come_into_tiles_of_float16_as_they_lie(dtype: torch.dtype, outputs: tuple[int, ...]) -> None:
    if not can_compile():
        pytest.skip("this machine does not run the compiled loop")
    torch.manual_seed(0)
    parts = [torch.randn(rows, 64).bfloat16().clamp(-2, 2).to(dtype) for rows in outputs]
    parts[0].view(-1)[:4] = torch.tensor([2.0**-24, -0.0, 65504.0 if dtype != torch.bfloat16 else 65280.0, -(2.0**-14)])
    parts = [torch.where(part.abs() < 2.0**-6, torch.zeros_like(part), part) if at else part for at, part in enumerate(parts)]
    expected = tiled(torch.cat(parts).float().numpy(), np.float16)
    exact = bool((torch.cat(parts).half().to(dtype) == torch.cat(parts)).all())
    found = halves_of(*parts)
    assert (found is not None) == exact
    assert found is None or np.array_equal(found.view(np.int16), expected.view(np.int16))
    for wrong in (float("nan"), 1e38 if dtype != torch.float16 else float("nan"), 2.0**-30 if dtype != torch.float16 else float("nan")):
        spoilt = [part.clone() for part in parts]
        spoilt[-1][-1, -1] = wrong
        assert halves_of(*spoilt) is None
    assert lying(torch.ones(2, 64)[:, :60]) is None and lying(parts[0].double()) is None and halves_of(torch.ones(2, 60)) is None


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
@pytest.mark.parametrize("family", ["llama", "gemma3_text"])
def test_half_precision_is_loaded_as_it_is_packed_and_computed_in_float32(tmp_path: Path, family: str, dtype: torch.dtype) -> None:
    folder = tiny.save_base(tmp_path, family)
    AutoModelForCausalLM.from_pretrained(folder, dtype=dtype).save_pretrained(folder)
    plain, general, best = (load_base(folder, "tiny", "float32", "cpu", way).model for way in ("plain", "general", "best"))
    assert not [module for module in general.modules() if type(module) is nn.Linear]
    assert {buffer.dtype for buffer in general.buffers()} <= {torch.float32}
    assert all(one.equal(other) for one, other in zip(plain.buffers(), general.buffers(), strict=True)), "constants keep their digits"
    if family == "llama":
        assert general.get_input_embeddings().weight.dtype == dtype
    with torch.inference_mode():
        ids = torch.arange(5, 25)[None]
        expected = plain(input_ids=ids).logits
        assert torch.allclose(expected, general(input_ids=ids).logits, atol=1e-4, rtol=1e-4)
        if isinstance(best, Fused):
            assert {product.weights.dtype for product in best._weights.products.values()} == {np.dtype(np.float16)}, (
                "its weights are exact in float16"
            )
            step = Step(best, max_rows=1, device="cpu", budget_bytes=1 << 30)
            assert np.allclose(expected[0, -1].numpy(), step.probe(ids[0].tolist(), NONE), atol=1e-4, rtol=1e-4)
        assert isinstance(best, Fused) == (family == "llama")
