"""What a row's numbers are does not depend on company, pieces or kept prompts, to the bit, and they are transformers' and peft's."""

import gc
import weakref
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from peft import LoraConfig, PeftModel, get_peft_model
from torch import Tensor, nn
from transformers import AutoModelForCausalLM

from engine.backends.local import packed
from engine.backends.local.compiling import can_compile
from engine.backends.local.factors import NONE, Factors, Placed
from engine.backends.local.fused import Fused
from engine.backends.local.hooks import HookedLayers, TiledAdapters
from engine.backends.local.loading import Way, load_base
from engine.backends.local.packed import (
    PackedLinear,
    Packer,
    TiledLinear,
    even,
    lying,
    no_adapters,
    packed_for,
)
from engine.backends.local.step import Step
from engine.backends.local.team import ThreadTeam
from engine.backends.local.tiles import tiled, tiled_halves
from engine.contestants import open_adapter
from tests.engine import tiny

FAMILIES: list[tuple[str, Way]] = [
    *((family, "best") for family in ("llama", "qwen2", "qwen3", "mistral")),
    *((family, "general") for family in ("llama", "gpt_neox", "phi", "gemma3_text", "qwen3", "gpt2", "opt")),
]
ATTENTION = {"gpt_neox": ["query_key_value"], "gpt2": ["c_attn"], "opt": ["q_proj", "v_proj"]}
ROWS = 3  # at once


# --- packed layers


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


# --- rows


@dataclass(eq=False)
class Asked:
    """A row as a step sees it, with the logits that it was given."""

    tokens: list[int]
    adapter: str
    new: list[int] = field(default_factory=list)
    logits: list[Any] = field(default_factory=list)

    @property
    def length(self) -> int:
        return len(self.tokens) + len(self.new) - 1

    def take(self, logits: Any) -> None:
        self.logits.append(logits.copy())
        self.new.append(int(logits.argmax()))


@dataclass(frozen=True)
class Runner:
    """A step with two adapters, and what each prompt gives alone."""

    step: Step
    adapters: list[str]
    solo: dict[tuple[tuple[int, ...], str], list[Any]]

    def read(self, row: Asked, slot: int, pieces: Sequence[int]) -> None:
        start, number = 0, 0
        while start < len(row.tokens):
            end = min(len(row.tokens), start + pieces[number % len(pieces)])
            logits = self.step.read_span(row.tokens, start, end, row.adapter, slot)
            start, number = end, number + 1
        row.take(logits)

    def decode(self, rows: list[Asked]) -> None:
        for row, logits in zip(rows, self.step.decode(rows), strict=True):  # type: ignore[arg-type]
            row.take(logits)

    def alone(self, tokens: list[int], adapter: str, count: int) -> list[Any]:
        known = self.solo.setdefault((tuple(tokens), adapter), [])
        if len(known) < count:
            row = Asked(tokens, adapter)
            self.read(row, ROWS - 1, [len(tokens)])
            self.step.move(ROWS - 1, 0)
            for _ in range(count - 1):
                self.decode([row])
            self.step.free(0)
            known[:] = row.logits
        return known


@cache
def runner(family: str, way: Way) -> Runner:
    folder = tiny.save_base(Path(mkdtemp()) / "base", family)
    step = Step(load_base(folder, "tiny", "float32", "cpu", way).model, max_rows=ROWS, device="cpu", budget_bytes=1 << 30)
    found = []
    for seed in (1, 2):
        options: dict[str, Any] = {"target_modules": ATTENTION.get(family, "all-linear"), "r": (4, 20)[seed - 1]}
        options["fan_in_fan_out"] = family == "gpt2"
        adapter = open_adapter(tiny.save_adapter(folder.with_name(f"adapter{seed}"), folder, seed, **options))
        step.lora.add(adapter)
        found.append(adapter.digest)
    return Runner(step, found, {})


@contextmanager
def processor_threads(number: int) -> Iterator[None]:
    """Run with so many of torch's threads."""
    usual = torch.get_num_threads()
    torch.set_num_threads(number)
    try:
        yield
    finally:
        torch.set_num_threads(usual)


@contextmanager
def in_threads(step: Step, first: int) -> Iterator[None]:
    """Run a compiled loop in so many threads; torch's products stay as they are."""
    fused = isinstance(step.rows.model, Fused)
    usual = step.rows.model.threads if fused else 0
    if fused:
        step.rows.use_threads(first)
    try:
        yield
    finally:
        if fused:
            step.rows.use_threads(usual)


events = st.lists(
    st.one_of(
        st.tuples(st.just("join"), st.integers(1, 70), st.integers(0, 2), st.lists(st.integers(1, 40), min_size=1, max_size=3)),
        st.tuples(st.just("step"), st.integers(1, 6)),
        st.tuples(st.just("leave"), st.integers(0, ROWS - 1)),
    ),
    min_size=2,
    max_size=14,
)


@pytest.mark.parametrize(("family", "way"), FAMILIES)
@settings(max_examples=5, deadline=None, phases=[Phase.explicit, Phase.reuse, Phase.generate])
@given(schedule=events, threads=st.lists(st.integers(1, 3), min_size=2, max_size=2))
def test_a_row_s_logits_are_those_of_its_solo_run_in_any_company_and_in_any_pieces(
    family: str, way: Way, schedule: list[tuple[Any, ...]], threads: list[int]
) -> None:
    """In any number of threads too, where the loop is compiled; torch's own products may round otherwise in another number."""
    run = runner(family, way)
    with torch.inference_mode(), in_threads(run.step, threads[0]):
        rows: list[Asked] = []
        done: list[Asked] = []
        for event, *given_ in schedule:
            if event == "join" and len(rows) < ROWS:
                length, which, pieces = given_
                tokens = [(length * 7 + 3 * i) % 300 + 5 for i in range(length)]
                row = Asked(tokens, [NONE, *run.adapters][which])
                run.read(row, len(rows), pieces)
                rows.append(row)
            elif event == "step" and rows:
                for _ in range(given_[0]):
                    run.decode(rows)
            elif event == "leave" and given_[0] < len(rows):
                done.append(rows[given_[0]])
                last = rows.pop()
                if given_[0] < len(rows):
                    run.step.move(len(rows), given_[0])
                    rows[given_[0]] = last
        for slot in range(ROWS):
            run.step.free(slot)
        if way == "best":
            run.step.rows.use_threads(threads[1])
        same = np.array_equal if not getattr(run.step.rows, "stacked", False) else close
        for row in (*done, *rows):
            expected = run.alone(row.tokens, row.adapter, len(row.logits))
            assert all(same(one, other) for one, other in zip(row.logits, expected, strict=False))


def close(one: Any, other: Any) -> bool:
    """Of a model with an attention of its own, which is padded to the longest row: no more than the same tokens."""
    return bool(one.argmax() == other.argmax()) and np.allclose(one, other, atol=1e-4)


def test_which_models_are_fused_and_which_attend_in_their_own_way() -> None:
    assert {family: isinstance(runner(family, way).step.rows.model, Fused) for family, way in FAMILIES if way == "best"} == dict.fromkeys(
        ("llama", "qwen2", "qwen3", "mistral"), True
    )
    assert {family for family, way in FAMILIES if getattr(runner(family, way).step.rows, "stacked", False)} == set()


@pytest.mark.parametrize(("family", "way"), FAMILIES)
def test_greedy_tokens_are_those_of_transformers_and_peft(family: str, way: Way) -> None:
    run = runner(family, way)
    folder = Path(run.step.rows.model.config.name_or_path)
    for adapter in (None, folder.with_name("adapter2")):
        model = AutoModelForCausalLM.from_pretrained(folder)
        if adapter is not None:
            model = PeftModel.from_pretrained(model, adapter)
        tokens = list(range(5, 45))
        with torch.inference_mode():
            out = model.generate(input_ids=torch.tensor([tokens]), max_new_tokens=24, do_sample=False, eos_token_id=None, pad_token_id=0)
            alone = run.alone(tokens, NONE if adapter is None else run.adapters[1], 24)
        assert [int(logits.argmax()) for logits in alone] == out[0, len(tokens) :].tolist()


# --- adapters


@pytest.mark.parametrize(
    "options",
    [
        {"use_rslora": True},
        {"alpha_pattern": {"q_proj": 3}, "rank_pattern": {"down_proj": 7}},
        {"target_modules": r".*\.1\..*(gate|k)_proj"},
        {"target_modules": ["v_proj", "up_proj"], "layers_to_transform": [1]},
        {"target_modules": ["lm_head", "o_proj"]},
    ],
)
@pytest.mark.parametrize("way", ["general", "best", "plain"])
def test_an_adapter_adds_what_peft_adds(tmp_path: Path, way: Way, options: dict[str, Any]) -> None:
    base = tiny.save_base(tmp_path / "base", "llama")
    torch.manual_seed(1)
    config = LoraConfig(**({"r": 4, "lora_alpha": 8, "target_modules": "all-linear", "init_lora_weights": False} | options))
    model = get_peft_model(AutoModelForCausalLM.from_pretrained(base), config).eval()
    model.save_pretrained(tmp_path / "adapter", save_embedding_layers=False)
    step = Step(load_base(base, "tiny", "float32", "cpu", way).model, max_rows=2, device="cpu", budget_bytes=1 << 30)
    tokens = list(range(5, 40))
    with torch.inference_mode():
        plain = step.probe(tokens, NONE)
        step.lora.add(adapter := open_adapter(tmp_path / "adapter"))
        expected = model(input_ids=torch.tensor([tokens])).logits[0, -1].numpy()
        assert np.array_equal(step.probe(tokens, NONE), plain)
        tuned = step.probe(tokens, adapter.digest)
        others = [[*tokens[:4], 9], tokens, tokens[:2], [*tokens, 7]]
        for name in (NONE, adapter.digest):
            together = step.probe_each(others, name)
            assert all(np.array_equal(own, step.probe(each, name)) for own, each in zip(together, others, strict=True)), (
                "what they share changes nothing"
            )
        assert np.allclose(tuned, expected, atol=1e-3, rtol=1e-3) and not np.allclose(tuned, plain, atol=1e-3, rtol=1e-3)


@pytest.mark.parametrize("way", ["general", "best"])
def test_an_adapter_that_is_removed_leaves_nothing(tmp_path: Path, way: Way) -> None:
    base = tiny.save_base(tmp_path / "base", "llama")
    step = Step(load_base(base, "tiny", "float32", "cpu", way).model, max_rows=2, device="cpu", budget_bytes=1 << 30)
    adapters = [open_adapter(tiny.save_adapter(tmp_path / str(seed), base, seed)) for seed in (1, 2)]
    with torch.inference_mode():
        before = step.probe([5, 6, 7], NONE)
        for adapter in adapters:
            step.lora.add(adapter)
        both = [Asked([5, 6], adapter.digest) for adapter in adapters]
        for slot, row in enumerate(both):
            row.take(step.read_span(row.tokens, 0, 2, row.adapter, slot))
        step.decode(both)  # type: ignore[arg-type]
        if isinstance(step.rows.model, Fused):
            kept = [weakref.ref(matrix) for tuned in step.rows.model._adapters.values() for own in tuned._kept for matrix in own.kept]
        else:
            found = [own for layer in step.rows.layers._layers.values() for own in layer.own.values()]
            kept = [weakref.ref(matrix) for own in found for matrix in (own.kept if isinstance(own, Placed) else (own.down, own.up))]
            del found
        assert kept and all(one() is not None for one in kept)
        for adapter in adapters:
            step.remove(adapter.digest)
        gc.collect()
        assert not [one for one in kept if one() is not None]
        if not isinstance(step.rows.model, Fused):
            layers = [module for module in step.rows.model.modules() if isinstance(module, (PackedLinear, TiledLinear))]
            assert layers and not any(layer._forward_hooks for layer in layers)
            assert all(layer.adapters is no_adapters for layer in layers if isinstance(layer, TiledLinear))
        assert np.array_equal(step.probe([5, 6, 7], NONE), before)
