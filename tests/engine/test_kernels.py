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
from transformers import AutoModelForCausalLM

from engine.backends.local.factors import NONE, Placed
from engine.backends.local.fused import Fused
from engine.backends.local.loading import Way, load_base
from engine.backends.local.packed import (
    PackedLinear,
    TiledLinear,
    no_adapters,
)
from engine.backends.local.step import Step
from engine.contestants import open_adapter
from tests.engine import tiny

FAMILIES: list[tuple[str, Way]] = [
    *((family, "best") for family in ("llama", "qwen2", "qwen3", "mistral")),
    *((family, "general") for family in ("llama", "gpt_neox", "phi", "gemma3_text", "qwen3", "gpt2", "opt")),
]
ATTENTION = {"gpt_neox": ["query_key_value"], "gpt2": ["c_attn"], "opt": ["q_proj", "v_proj"]}
ROWS = 3  # at once


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
