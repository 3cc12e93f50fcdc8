"""An adapter that is no plain LoRA never touches the base; what is refused leaves nothing behind; each sentence names a way that works."""

import json
from collections.abc import AsyncIterator
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import peft
import pytest
import torch
from peft import LoraConfig, PeftModel, get_peft_model
from safetensors.torch import load_file, save_file
from torch import Tensor
from transformers import AutoModelForCausalLM

from engine.backends.local.alive import check_base_kept
from engine.backends.local.backend import LocalBackend
from engine.backends.local.factors import NONE
from engine.backends.local.hooks import HookedLayers
from engine.backends.local.loading import load_base
from engine.backends.local.lora import LoraRows
from engine.backends.local.opening import open_local
from engine.contestants import Adapter, check_made_for, open_adapter
from engine.errors import BadAdapter, BadModel
from engine.folders import way_out
from engine.plain_lora import check_plain
from engine.recipes import Recipe
from engine.settings import EngineSettings
from tests.engine import tiny

PLAIN = Recipe("plain", "1")
PROBE = torch.arange(5, 25)[None]
peft_warns = pytest.mark.filterwarnings("ignore::UserWarning", "ignore::RuntimeWarning")
"""While an adapter is made, as it would be elsewhere; while one is loaded, nothing is to be seen of peft's warnings anyway."""


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny.save_base(tmp_path_factory.mktemp("base"))


@pytest.fixture
async def backend(base: Path) -> AsyncIterator[LocalBackend]:
    opened = await open_local(base, "tiny", EngineSettings(max_rows=2, threads=1))
    yield opened
    await opened.aclose()


def logits(model: Any, layers: HookedLayers, name: str = NONE) -> Tensor:
    """Of every probe token, by the base itself or with one adapter."""
    layers.names = [name]
    with torch.inference_mode():
        found: Tensor = model(input_ids=PROBE).logits.clone()
    return found


def changed(folder: Path, **options: object) -> Path:
    config = json.loads((folder / "adapter_config.json").read_text())
    (folder / "adapter_config.json").write_text(json.dumps(config | options))
    return folder


def with_tensor(folder: Path, name: str, tensor: Tensor) -> Path:
    file = folder / "adapter_model.safetensors"
    save_file(load_file(file) | {name: tensor}, file)
    return folder


@cache
def good_for(base: Path) -> Adapter:
    """A plain adapter of this base."""
    return open_adapter(tiny.save_adapter(base.with_name("good"), base))


def refused_and_base_kept(base: Path, folder: Path, words: str) -> None:
    """Refused in these words; then the base says the same to the bit, and another adapter can still be loaded and does something."""
    model = load_base(base, "tiny", "float32", "cpu").model
    rows = HookedLayers(model)
    before, names = logits(model, rows), [name for name, _ in model.named_modules()]
    with pytest.raises(BadAdapter, match=words):
        LoraRows(rows).add(open_adapter(folder))
    assert logits(model, rows).equal(before)
    assert [name for name, _ in model.named_modules()] == names
    good = good_for(base)
    LoraRows(rows).add(good)
    assert logits(model, rows).equal(before) and not logits(model, rows, good.digest).equal(before)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        *(({"init_lora_weights": kind}, kind) for kind in ("pissa", "pissa_niter_4", "olora", "corda", "loftq", "lora_ga", "mica", "new")),
        ({"init_lora_weights": 3}, "init_lora_weights=3"),
        ({"layer_replication": [[0, 2], [0, 2]]}, "layer_replication.* change the base model"),
        ({"modules_to_save": ["lm_head"]}, "modules_to_save.* change the base model"),
        ({"trainable_token_indices": [1]}, "trainable_token_indices"),
        ({"bias": "all"}, "bias=all"),
        ({"use_dora": True}, "DoRA for some rows of a batch alone.*save_as_lora"),
        ({"lora_bias": True}, "lora_bias"),
        ({"target_parameters": ["mlp.experts.down_proj"]}, "target_parameters.*attention layers"),
        ({"kasa_config": {"beta": 1}}, "kasa_config"),
        ({"alora_invocation_tokens": [5]}, "alora_invocation_tokens"),
        ({"an_option_of_next_year": {"on": True}}, "an_option_of_next_year"),
        ({"peft_type": "LOHA"}, "LOHA adapter"),
        ({"target_modules": ["no_such_layer"]}, "does not fit"),
        ({"r": "many"}, "does not fit"),
        ({"r": 10**400}, "does not fit"),
        ({"rank_pattern": {"k_proj": 2}}, "does not fit"),
    ],
)
def test_what_is_no_plain_lora_is_refused_and_the_base_says_the_same_to_the_bit(
    base: Path, tmp_path: Path, options: dict[str, object], words: str
) -> None:
    refused_and_base_kept(base, changed(tiny.save_adapter(tmp_path / "a", base), **options), words)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("base_model.model.model.embed_tokens.weight", "no LoRA matrix.*model.embed_tokens.weight.*save_embedding_layers=False"),
        ("base_model.model.lm_head.weight", "lm_head.weight"),
        ("base_model.model.lm_head.base_layer.weight", "base_layer"),
        ("base_model.model.model.layers.0.self_attn.q_proj.base_layer.weight", "base_layer"),
        ("base_model.model.lm_head.modules_to_save.weight", "modules_to_save"),
        ("base_model.model.model.layers.0.self_attn.q_proj.lora_magnitude_vector.weight", "DoRA.*save_as_lora"),
        ("base_model.model.model.embed_tokens.lora_embedding_A", "lora_embedding_A"),
        ("model.layers.0.input_layernorm.weight", "input_layernorm"),
    ],
)
def test_tensors_that_are_no_lora_matrices_of_linear_layers_are_refused(base: Path, tmp_path: Path, name: str, words: str) -> None:
    refused_and_base_kept(base, with_tensor(tiny.save_adapter(tmp_path / "a", base), name, torch.randn(5, 4)), words)


def test_a_second_adapter_that_fails_half_way_leaves_the_first_as_it_was(base: Path, tmp_path: Path) -> None:
    model = load_base(base, "tiny", "float32", "cpu").model
    rows, first = HookedLayers(model), open_adapter(tiny.save_adapter(tmp_path / "first", base))
    LoraRows(rows).add(first)
    before = logits(model, rows), logits(model, rows, first.digest)
    other = tiny.save_base(tmp_path / "other")
    config = json.loads((other / "config.json").read_text()) | {"num_hidden_layers": 1, "intermediate_size": 32}
    (other / "config.json").write_text(json.dumps(config))
    AutoModelForCausalLM.from_config(AutoModelForCausalLM.from_pretrained(base).config.__class__(**config)).save_pretrained(other)
    with pytest.raises(BadAdapter, match="does not fit"):
        LoraRows(rows).add(open_adapter(tiny.save_adapter(tmp_path / "second", other, seed=5)))
    assert logits(model, rows).equal(before[0]) and logits(model, rows, first.digest).equal(before[1])
    LoraRows(rows).add(open_adapter(tiny.save_adapter(tmp_path / "third", base, seed=7)))
    assert logits(model, rows, first.digest).equal(before[1])


@pytest.mark.parametrize(
    "options", [{}, {"init_lora_weights": True}, {"init_lora_weights": "gaussian"}, {"use_rslora": True}, {"lora_dropout": 0.1}]
)
def test_plain_lora_is_accepted(base: Path, tmp_path: Path, options: dict[str, object]) -> None:
    folder = changed(tiny.save_adapter(tmp_path / "a", base), **options)
    assert check_plain(folder, "a")["peft_type"] == "LORA"
    model = load_base(base, "tiny", "float32", "cpu").model
    rows = HookedLayers(model)
    before = logits(model, rows)
    LoraRows(rows).add(adapter := open_adapter(folder))
    assert logits(model, rows).equal(before) and not logits(model, rows, adapter.digest).equal(before)


def test_lora_on_the_head_alone_is_plain_lora(base: Path, tmp_path: Path) -> None:
    torch.manual_seed(1)
    config = LoraConfig(r=4, target_modules=["lm_head"], task_type="CAUSAL_LM", init_lora_weights=False)
    get_peft_model(AutoModelForCausalLM.from_pretrained(base), config).save_pretrained(tmp_path, save_embedding_layers=False)
    model = load_base(base, "tiny", "float32", "cpu").model
    rows, adapter = HookedLayers(model), open_adapter(tmp_path)
    before = logits(model, rows)
    LoraRows(rows).add(adapter)
    assert logits(model, rows).equal(before) and not logits(model, rows, adapter.digest).equal(before)


@pytest.mark.parametrize("content", [b"[]", b"[" * 100_000, b'{"r": ' + b"9" * 5_000 + b"}", b"\xff", b'{"r": 1, "r": 2}', b"nothing"])
def test_a_config_that_is_no_table_is_refused_in_words(base: Path, tmp_path: Path, content: bytes) -> None:
    folder = tiny.save_adapter(tmp_path, base)
    (folder / "adapter_config.json").write_bytes(content)
    with pytest.raises(BadAdapter, match="cannot be read"):
        check_plain(folder, "a")


def test_a_change_of_the_base_by_one_bit_is_seen(base: Path, tmp_path: Path) -> None:
    adapter, one = open_adapter(tiny.save_adapter(tmp_path, base)), np.zeros(4, np.float32)
    check_base_kept(adapter, [one], [one.copy()])
    with pytest.raises(BadAdapter, match="changes what the base model itself answers"):
        check_base_kept(adapter, [one], [one + np.array([0, 0, 0, 1e-45], np.float32)])


@peft_warns
async def test_the_way_that_the_sentence_names_turns_a_pissa_adapter_into_one_that_duels(
    base: Path, backend: LocalBackend, tmp_path: Path
) -> None:
    torch.manual_seed(3)
    config = LoraConfig(r=4, lora_alpha=8, target_modules=["q_proj", "v_proj"], task_type="CAUSAL_LM", init_lora_weights="pissa")
    model = get_peft_model(AutoModelForCausalLM.from_pretrained(base), config)
    model.peft_config["default"].init_lora_weights = True
    model.save_pretrained(tmp_path / "initial")
    model.peft_config["default"].init_lora_weights = "pissa"
    for name, weight in model.named_parameters():
        if "lora_" in name:
            weight.data += torch.randn_like(weight) * 0.5
    model.save_pretrained(tmp_path / "trained")
    with torch.inference_mode():
        trained = model.eval()(input_ids=PROBE).logits
    with pytest.raises(BadAdapter, match="path_initial_model_for_weight_conversion"):
        await backend.add_adapter(open_adapter(tmp_path / "trained"), PLAIN)
    model.save_pretrained(tmp_path / "plain", path_initial_model_for_weight_conversion=str(tmp_path / "initial"))
    await backend.add_adapter(open_adapter(tmp_path / "plain"), PLAIN)
    loaded = load_base(base, "tiny", "float32", "cpu").model
    layers = HookedLayers(loaded)
    LoraRows(layers).add(adapter := open_adapter(tmp_path / "plain"))
    assert torch.allclose(logits(loaded, layers, adapter.digest), trained, atol=1e-3)


@peft_warns
async def test_the_way_that_the_sentence_names_turns_a_dora_adapter_into_one_that_duels(
    base: Path, backend: LocalBackend, tmp_path: Path
) -> None:
    folder = tiny.save_adapter(tmp_path / "dora", base, use_dora=True)
    with pytest.raises(BadAdapter, match="save_as_lora"):
        await backend.add_adapter(open_adapter(folder), PLAIN)
    model = PeftModel.from_pretrained(AutoModelForCausalLM.from_pretrained(base), folder)
    peft.save_as_lora(tmp_path / "plain", model, rank=16)
    await backend.add_adapter(open_adapter(tmp_path / "plain"), PLAIN)


@peft_warns
@pytest.mark.parametrize(
    ("family", "words"), [("mixtral", "target_parameters"), ("qwen3_moe", "target_parameters"), ("opt", "in one batch")]
)
async def test_layers_that_see_the_rows_of_a_batch_as_one_are_a_sentence_and_attention_layers_duel(
    tmp_path: Path, family: str, words: str
) -> None:
    base = tiny.save_base(tmp_path / "base", family)
    backend = await open_local(base, "tiny", EngineSettings(max_rows=2, threads=1))
    try:
        with pytest.raises(BadAdapter, match=f"{words}.*attention layers alone"):
            await backend.add_adapter(open_adapter(tiny.save_adapter(tmp_path / "all", base)), PLAIN)
        attention = tiny.save_adapter(tmp_path / "attention", base, target_modules=["q_proj", "k_proj", "v_proj"])
        await backend.add_adapter(open_adapter(attention), PLAIN)
    finally:
        await backend.aclose()


@peft_warns
@pytest.mark.parametrize("family", ["mixtral", "qwen3_moe"])
def test_experts_without_their_option_are_a_sentence(tmp_path: Path, family: str) -> None:
    base = tiny.save_base(tmp_path / "base", family)
    folder = changed(tiny.save_adapter(tmp_path / "all", base), target_parameters=None, target_modules=["q_proj", "experts", "w1", "gate"])
    model = load_base(base, "tiny", "float32", "cpu").model
    rows = HookedLayers(model)
    before = logits(model, rows)
    with pytest.raises(BadAdapter, match=r"does not fit|no linear layer"):
        LoraRows(rows).add(open_adapter(folder))
    assert logits(model, rows).equal(before)


def test_another_base_s_name_is_said_and_the_same_one_is_not(base: Path, tmp_path: Path) -> None:
    folder = tiny.save_adapter(tmp_path, base)
    for named, used, said in (
        ("Qwen/Qwen3-0.6B", "./models/Qwen3-0.6B/", False),
        ("/home/ann/qwen3-0.6b", "Qwen/Qwen3-0.6B", False),
        ("Qwen/Qwen3-0.6B", "Qwen/Qwen3-1.7B", True),
        (None, "Qwen/Qwen3-1.7B", False),
        (7, "Qwen/Qwen3-1.7B", False),
    ):
        changed(folder, base_model_name_or_path=named)
        notes = check_made_for(open_adapter(folder), used, "r", PLAIN)
        assert bool(notes) == said
        assert not said or ("trained on Qwen/Qwen3-0.6B" in notes[0] and "runs on Qwen/Qwen3-1.7B" in notes[0])


@pytest.mark.parametrize(
    ("files", "wanted", "words"),
    [
        (["checkpoint-9/adapter_config.json", "checkpoint-10/adapter_config.json"], "adapter", "checkpoint-10 for the latest"),
        (["adapter_config.json", "adapter_model.bin"], "adapter", r"AutoPeftModelForCausalLM.*save_pretrained"),
        (["adapter.gguf"], "adapter", "GGUF"),
        (["config.json", "model.safetensors"], "adapter", "a whole model, perhaps with an adapter merged"),
        (["adapter_config.json", "adapter_model.safetensors"], "base model", "It holds an adapter.*DUEL_ADAPTER"),
        (["config.json", "pytorch_model.bin"], "base model", r"AutoModelForCausalLM.*save_pretrained"),
        (["checkpoint-500/config.json"], "base model", "checkpoint-500"),
    ],
)
def test_a_folder_of_another_kind_is_refused_with_the_way_out(tmp_path: Path, files: list[str], wanted: str, words: str) -> None:
    for file in files:
        (tmp_path / file).parent.mkdir(exist_ok=True)
        (tmp_path / file).write_text("{}")
    if wanted == "adapter":
        with pytest.raises(BadAdapter, match=words):
            open_adapter(tmp_path)
    else:
        with pytest.raises(BadModel, match=words):
            load_base(tmp_path, "mine", "float32", "cpu")


def test_nothing_is_said_where_nothing_is_known(tmp_path: Path) -> None:
    assert way_out(tmp_path, "adapter") == way_out(tmp_path / "nowhere", "base model") == ""


async def test_the_way_out_of_a_pickled_adapter_works(base: Path, backend: LocalBackend, tmp_path: Path) -> None:
    folder = tiny.save_adapter(tmp_path / "pickled", base)
    torch.save(load_file(folder / "adapter_model.safetensors"), folder / "adapter_model.bin")
    (folder / "adapter_model.safetensors").unlink()
    with pytest.raises(BadAdapter, match="AutoPeftModelForCausalLM"):
        open_adapter(folder)
    peft.AutoPeftModelForCausalLM.from_pretrained(str(folder)).save_pretrained(tmp_path / "new")
    await backend.add_adapter(open_adapter(tmp_path / "new"), PLAIN)
