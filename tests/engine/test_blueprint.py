"""Kinds of model that run as one compiled loop: known by their config alone, loaded without transformers' modules or peft."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import AutoConfig, AutoModelForCausalLM

from engine.backends.local import weights
from engine.backends.local.blueprint import KINDS, drawn, usual_config
from engine.backends.local.checkpoint import stored_in, weights_in
from engine.backends.local.compiling import can_compile
from engine.backends.local.factors import NONE
from engine.backends.local.fused import Fused
from engine.backends.local.kernels import COLUMNS
from engine.backends.local.loading import _context, load_base
from engine.backends.local.lora import LoraRows
from engine.backends.local.named_lora import named_factors
from engine.backends.local.peft_lora import fitted
from engine.backends.local.step import Step
from engine.contestants import open_adapter
from engine.errors import BadAdapter, BadModel
from engine.plain_lora import check_plain
from tests.engine import tiny

SHAPE = {"vocab_size": 40, "hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4}
ROTATIONS: list[dict[str, Any]] = [
    {},
    {"rope_type": "linear", "factor": 2.0},
    {"rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0, "original_max_position_embeddings": 64},
    {"rope_type": "yarn", "factor": 4.0, "original_max_position_embeddings": 64},
]
fusing = pytest.mark.skipif(not can_compile(), reason="this machine does not run the compiled loop")


def config_of(kind: str, **more: Any) -> Any:
    return AutoConfig.for_model(kind, **(SHAPE | {"num_key_value_heads": 2, "head_dim": 8} | more))


@pytest.mark.parametrize("kind", sorted(KINDS))
@pytest.mark.parametrize("more", [{}, {"attention_bias": True, "mlp_bias": True}, {"tie_word_embeddings": True}, {"head_dim": 16}])
def test_a_blueprint_names_the_weights_that_transformers_has(kind: str, more: dict[str, Any]) -> None:
    plan, model = drawn(config_of(kind, **more)), AutoModelForCausalLM.from_config(config_of(kind, **more))
    assert plan is not None
    expected = {name: tuple(weight.shape) for name, weight in model.state_dict().items()}
    if plan.tied:
        assert expected.pop("lm_head.weight") == expected["model.embed_tokens.weight"]
    assert dict(plan.shapes) == expected
    own = model.model.layers[0].self_attn
    assert (plan.sizes.scaling, plan.sizes.eps, plan.sizes.size) == (own.scaling, model.model.norm.variance_epsilon, own.head_dim)


@pytest.mark.parametrize("rotation", ROTATIONS)
@pytest.mark.parametrize("kind", sorted(KINDS))
def test_positions_turn_by_transformers_angles(kind: str, rotation: dict[str, Any]) -> None:
    config = config_of(kind, rope_parameters={"rope_theta": 5000.0, "rope_type": "default"} | rotation)
    plan, rotary = drawn(config), AutoModelForCausalLM.from_config(config).model.rotary_emb
    assert plan is not None
    assert np.allclose(plan.turn, rotary.inv_freq, rtol=2e-7, atol=0) and plan.amplitude == rotary.attention_scaling


@pytest.mark.parametrize(
    "config",
    [
        *(
            config_of("llama", **more)
            for more in ({"intermediate_size": 60}, {"hidden_size": 36}, {"head_dim": 12}, {"hidden_act": "gelu"})
        ),
        config_of("llama", rope_parameters={"rope_type": "dynamic", "rope_theta": 1e4, "factor": 2.0}),
        config_of("llama", quantization_config={"quant_method": "gptq", "bits": 4}),
        AutoConfig.for_model("gemma3_text", **SHAPE),
        AutoConfig.for_model("gpt2"),
    ],
    ids=lambda config: f"{config.model_type}",
)
def test_other_models_have_none(config: Any) -> None:
    assert drawn(config_of("llama")) is not None
    assert drawn(config) is None


QWEN = {"use_sliding_window": False, "sliding_window": 32768, "max_window_layers": 21}
YARN = {"factor": 4.0, "original_max_position_embeddings": 64}
TABLES: list[tuple[str, dict[str, Any]]] = [
    ("llama", {}),
    ("llama", {"tie_word_embeddings": True, "rope_theta": 100000, "rope_scaling": None, "eos_token_id": [1, 2]}),
    ("llama", {"attention_bias": True, "head_dim": 16, "rope_scaling": {"type": "linear", "factor": 2.0}}),
    ("llama", {"rope_theta": 5e5, "rope_scaling": {"rope_type": "llama3", "low_freq_factor": 1.0, "high_freq_factor": 4.0, **YARN}}),
    ("mistral", {"sliding_window": None, "rope_theta": 1e6}),
    ("mistral", {"sliding_window": 32}),
    ("qwen2", {**QWEN, "tie_word_embeddings": True, "rope_theta": 1e6}),
    ("qwen2", {**QWEN, "rope_scaling": {"type": "yarn", **YARN}}),
    ("qwen3", {**QWEN, "head_dim": 8, "rope_parameters": {"rope_theta": 1e6, "rope_type": "default"}}),
]


def table_of(kind: str, **more: Any) -> dict[str, Any]:
    """A config.json as older and newer versions of transformers wrote it."""
    sizes = {"num_key_value_heads": 2, "max_position_embeddings": 256, "hidden_act": "silu", "rms_norm_eps": 1e-5, "eos_token_id": 2}
    return {"model_type": kind, **SHAPE, **sizes, **more}


@pytest.mark.parametrize(("kind", "more"), TABLES)
def test_a_usual_config_is_read_as_transformers_reads_it(tmp_path: Path, kind: str, more: dict[str, Any]) -> None:
    table = table_of(kind, **more)
    (tmp_path / "config.json").write_text(json.dumps(table))
    own, theirs = usual_config(table, tmp_path), AutoConfig.from_pretrained(tmp_path)
    assert own is not None
    plan, expected = drawn(own), drawn(theirs)
    assert plan is not None and expected is not None
    assert (plan.sizes, plan.amplitude, plan.tied, plan.shapes) == (expected.sizes, expected.amplitude, expected.tied, expected.shapes)
    assert np.array_equal(plan.turn, expected.turn)
    assert _context(own, "tiny") == _context(theirs, "tiny")
    for key in ("eos_token_id", "model_type", "name_or_path", "num_hidden_layers"):
        assert getattr(own, key) == getattr(theirs, key), key


@pytest.mark.parametrize(
    "table",
    [
        [],
        table_of("gemma3_text"),
        table_of("mistral"),
        table_of("qwen3", **QWEN),
        table_of("qwen2", use_sliding_window=True, sliding_window=32),
        table_of("qwen2", layer_types=["full_attention", "sliding_attention"]),
        table_of("llama", auto_map={"AutoConfig": "own.Config"}),
        table_of("llama", partial_rotary_factor=0.5),
        table_of("llama", rope_scaling={"type": "yarn", "factor": 4.0}),
        table_of("llama", rope_parameters={"full_attention": {"rope_theta": 1e4}}),
        {key: value for key, value in table_of("llama").items() if key != "rms_norm_eps"},
    ],
)
def test_a_config_that_leaves_something_to_its_kind_is_read_by_transformers(table: Any, tmp_path: Path) -> None:
    assert usual_config(table, tmp_path) is None


def changed(folder: Path, **weights: torch.Tensor | None) -> Path:
    """Put weights into a checkpoint under other names than Python's; None takes one out."""
    found = load_file(folder / "model.safetensors")
    for name, weight in weights.items():
        found.pop(name, None)
        if weight is not None:
            found[name] = weight
    save_file(found, folder / "model.safetensors", {"format": "pt"})
    return folder


def best(folder: Path) -> Any:
    return load_base(folder, "tiny", "float32", "cpu", "best").model


def last_logits(model: Any) -> Any:
    return Step(model, max_rows=1, device="cpu", budget_bytes=1 << 30).probe([5, 6, 7, 8], NONE)


@fusing
def test_a_checkpoint_in_several_files_is_the_same_model(tmp_path: Path) -> None:
    whole, parts = tiny.save_base(tmp_path / "whole"), tiny.save_base(tmp_path / "parts")
    (parts / "model.safetensors").unlink()
    AutoModelForCausalLM.from_pretrained(whole).save_pretrained(parts, max_shard_size="30KB")
    assert len(list(parts.glob("model-*.safetensors"))) > 1
    save_file({"of_another_program": torch.ones(2)}, parts / "consolidated.safetensors")
    one, other = best(whole), best(parts)
    assert isinstance(one, Fused) and isinstance(other, Fused)
    assert np.array_equal(last_logits(one), last_logits(other))


@fusing
def test_a_tied_head_may_lie_in_the_checkpoint_too(tmp_path: Path) -> None:
    folder = tiny.save_base(tmp_path, "llama")
    config = json.loads((folder / "config.json").read_text()) | {"tie_word_embeddings": True}
    (folder / "config.json").write_text(json.dumps(config))
    embedding = load_file(folder / "model.safetensors")["model.embed_tokens.weight"]
    same = best(changed(folder, **{"lm_head.weight": embedding.clone()}))
    assert isinstance(same, Fused)
    alone = best(changed(folder, **{"lm_head.weight": None}))
    assert isinstance(alone, Fused) and np.array_equal(last_logits(alone), last_logits(same))
    assert not isinstance(best(changed(folder, **{"lm_head.weight": embedding + 1})), Fused), "transformers says what is meant by two"


@fusing
def test_what_a_checkpoint_has_more_or_less_is_told_by_transformers(tmp_path: Path) -> None:
    norm = "model.layers.1.input_layernorm.weight"
    assert isinstance(
        best(changed(tiny.save_base(tmp_path / "1"), **{"model.layers.0.self_attn.rotary_emb.inv_freq": torch.ones(4)})), Fused
    )
    assert not isinstance(best(changed(tiny.save_base(tmp_path / "2"), **{"model.layers.0.self_attn.q_proj.bias": torch.ones(32)})), Fused)
    with pytest.raises(BadModel, match=f"1 of its weights are missing, {norm}"):
        best(changed(tiny.save_base(tmp_path / "3"), **{norm: None}))
    with pytest.raises(BadModel, match="cannot be loaded"):
        best(changed(tiny.save_base(tmp_path / "4"), **{norm: torch.ones(33)}))
    cut = tiny.save_base(tmp_path / "5") / "model.safetensors"
    cut.write_bytes(cut.read_bytes()[:-9])
    with pytest.raises(BadModel, match="cannot be loaded"):
        best(cut.parent)


def test_an_index_names_files_of_its_own_folder_alone(tmp_path: Path) -> None:
    for table in ([], {"weight_map": {"a": "../b.safetensors"}}, {"weight_map": {"a": 1}}):
        (tmp_path / "model.safetensors.index.json").write_text(json.dumps(table))
        with pytest.raises(ValueError, match="weight_map"):
            weights_in(tmp_path)


@fusing
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"use_rslora": True, "r": 8, "lora_alpha": 3},
        {"target_modules": ["q_proj", "mlp.down_proj"]},
        {"target_modules": ["q_proj", "up_proj"], "layers_to_transform": [1]},
        {"target_modules": ["v_proj", "o_proj"], "layers_to_transform": [0], "lora_dropout": 0.1},
    ],
)
def test_an_adapter_by_names_alone_is_what_peft_reads(tmp_path: Path, options: dict[str, Any]) -> None:
    base = tiny.save_base(tmp_path / "base", "qwen2")
    adapter = open_adapter(tiny.save_adapter(tmp_path / "adapter", base, **options))
    model, table = best(base), check_plain(Path(adapter.folder), adapter.name)
    weights = stored_in(Path(adapter.folder) / "adapter_model.safetensors")
    own, theirs = named_factors(table, weights, model.linears), fitted(adapter, table, weights, model.config)
    assert own is not None and own.keys() == theirs.keys()
    for name, factors in own.items():
        assert np.array_equal(factors.one, theirs[name].one) and np.array_equal(factors.other, theirs[name].other)
        assert factors.scale == theirs[name].scale


@fusing
@pytest.mark.parametrize(
    "options",
    [
        {"rank_pattern": {"q_proj": 2}},
        {"alpha_pattern": {"q_proj": 2}},
        {"target_modules": r".*\.q_proj"},
        {"exclude_modules": ["v_proj"]},
        {"target_modules": ["q_proj", "nowhere"]},
        {"target_modules": ["q_proj"], "layers_to_transform": 1},
    ],
)
def test_an_adapter_that_says_more_is_left_to_peft(tmp_path: Path, options: dict[str, Any]) -> None:
    base = tiny.save_base(tmp_path / "base", "llama")
    adapter = open_adapter(tiny.save_adapter(tmp_path / "adapter", base, **options))
    model, table = best(base), check_plain(Path(adapter.folder), adapter.name)
    weights = stored_in(Path(adapter.folder) / "adapter_model.safetensors")
    assert named_factors(table, weights, model.linears) is None
    rows = LoraRows(model)
    rows.add(adapter)
    assert adapter.digest in rows.loaded


@fusing
def test_an_adapter_that_does_not_fit_is_told_by_peft(tmp_path: Path) -> None:
    base = tiny.save_base(tmp_path / "base", "llama")
    folder = tiny.save_adapter(tmp_path / "adapter", base)
    weights = load_file(folder / "adapter_model.safetensors")
    weights.pop(min(weights))
    save_file(weights, folder / "adapter_model.safetensors")
    model = best(base)
    with pytest.raises(BadAdapter, match="does not fit the base model: 1 of its weights are missing"):
        LoraRows(model).add(open_adapter(folder))


WHOLE = ["peft", "torch", "transformers.modeling_utils"]  # what is imported where a model or an adapter is not read by names alone
SCRIPT = """
import asyncio, sys
from engine.api import Answer, Arm, EngineSettings, ask, open_engine

async def main():
    names = {{"DUEL_BASE_MODEL": {base!r}, "DUEL_ADAPTER": {adapter!r}, "DUEL_DEVICE": "cpu"}}
    async with open_engine(EngineSettings.read(names, None)) as engine:
        outcomes = await ask(engine, "hello", arms=[Arm.PLAIN, Arm.TUNED])
    assert all(isinstance(outcome, Answer) for outcome in outcomes.values()), outcomes

asyncio.run(main())
print(*sorted({{"peft", "transformers.modeling_utils", "torch"}} & sys.modules.keys()))
"""


@fusing
@pytest.mark.parametrize(
    ("options", "weights", "imported"),
    [
        ({}, {}, []),
        pytest.param({"alpha_pattern": {"q_proj": 2}}, {}, WHOLE, marks=pytest.mark.process),  # peft reads what more it says
        pytest.param({}, {"model.layers.0.self_attn.q_proj.bias": torch.ones(32)}, WHOLE, marks=pytest.mark.process),  # another model
    ],
)
def test_such_a_model_and_its_adapter_run_without_torch_and_what_says_more_finds_it(
    tmp_path: Path, options: dict[str, Any], weights: dict[str, torch.Tensor], imported: list[str]
) -> None:
    base = tiny.save_base(tmp_path / "base", "llama")
    adapter = tiny.save_adapter(tmp_path / "adapter", base, **options)
    script = SCRIPT.format(base=str(changed(base, **weights)), adapter=str(adapter))
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert ran.returncode == 0 and ran.stdout.split() == imported, ran.stderr
    assert not ran.stderr, "nobody is told that torch is not there"


@fusing
@pytest.mark.parametrize("inexact", [0, 170, 347])
def test_a_large_layer_is_put_into_tiles_piece_by_piece(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, inexact: int) -> None:
    """One weight that float16 cannot hold keeps the whole layer in float32, in whichever piece it is."""
    folder = tiny.save_base(tmp_path, "llama")
    AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float16).save_pretrained(folder)
    halves = load_file(folder / "model.safetensors")
    save_file({name: weight.float() for name, weight in halves.items()}, folder / "model.safetensors", {"format": "pt"})
    exact = best(folder)
    monkeypatch.setattr(weights, "PIECE", 2 * COLUMNS)
    in_pieces = best(folder)
    assert np.array_equal(last_logits(in_pieces), last_logits(exact))
    head = halves["lm_head.weight"].float()
    head[inexact, 7] += 1e-5
    kept = best(changed(folder, **{"lm_head.weight": head}))
    product = kept._weights.products[2, 0]
    assert product.weights.dtype == np.float32 and in_pieces._weights.products[2, 0].weights.dtype == np.float16
    assert np.array_equal(product.rows(np.arange(len(head))), head.numpy())
