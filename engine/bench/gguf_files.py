"""GGUF files for llama.cpp, made of a run's base and adapter with the package gguf.

Names and layouts are those of llama.cpp's convert_hf_to_gguf.py and convert_lora_to_gguf.py, for the kinds in KINDS. Norms and biases stay
float32, and a Q4_1 file has its embeddings and head in Q8_0, as llama-quantize writes them where rows are no multiple of 256.
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from safetensors import safe_open

from engine.errors import BadModel
from engine.plain_lora import CONFIG, WEIGHTS

KINDS = {"llama": "llama", "mistral": "llama", "qwen2": "qwen2"}  # model_type of transformers -> architecture of llama.cpp
NORMAL_TOKEN = 1  # gguf.TokenType.NORMAL


@dataclass(frozen=True, slots=True)
class GgufShape:
    """What GGUF wants to know of a base."""

    kind: str  # llama.cpp's name of the architecture
    config: Mapping[str, Any]  # config.json

    @property
    def heads(self) -> tuple[int, int]:
        """The number of heads of queries, and of keys and values."""
        queries = int(self.config["num_attention_heads"])
        return queries, int(self.config.get("num_key_value_heads") or queries)

    @property
    def head_size(self) -> int:
        """The size of a head."""
        return int(self.config.get("head_dim") or self.config["hidden_size"] // self.heads[0])

    @property
    def rotary(self) -> Mapping[str, Any]:
        """The settings of the rotary positions."""
        given = self.config.get("rope_parameters") or self.config.get("rope_scaling") or {}
        return {"rope_theta": self.config.get("rope_theta", 10000.0), "rope_type": "default"} | given


def shape_of(base: Path) -> GgufShape:
    """Read a base's config. Raises BadModel for a kind that is not made into GGUF here."""
    config = json.loads((base / "config.json").read_text(encoding="utf-8"))
    kind = config.get("model_type", "")
    if kind not in KINDS:
        raise BadModel(f"A model of the kind {kind} is not made into GGUF here; those of {', '.join(KINDS)} are.")
    shape = GgufShape(KINDS[kind], config)
    if shape.rotary["rope_type"] != "default":
        raise BadModel(f"A model with {shape.rotary['rope_type']} rotary positions is not made into GGUF here.")
    return shape


def write_base(base: Path, file: Path, quantisation: str) -> None:
    """Write a base as one GGUF file; quantisation: F16, Q8_0 or Q4_1. Raises BadModel as `shape_of` does."""
    import gguf

    shape, types = shape_of(base), gguf.GGMLQuantizationType
    writer = gguf.GGUFWriter(file, shape.kind)
    _add_shape(writer, shape)
    _add_numbers(writer, int(shape.config["vocab_size"]))
    named = _names(gguf, shape)
    for name, weight in _weights(base):
        kind = types.F32 if weight.ndim == 1 else types[quantisation]
        if quantisation == "Q4_1" and re.search("embed_tokens|lm_head", name):
            kind = types.Q8_0
        writer.add_tensor(named(name), gguf.quants.quantize(_reordered(name, weight, shape), kind), raw_dtype=kind)
    _close(writer)


def write_adapter(adapter: Path, base: Path, file: Path) -> None:
    """Write a LoRA adapter as a GGUF file, its scale by alpha, rank and rslora multiplied into B. Raises BadModel as `shape_of` does."""
    import gguf

    shape, config = shape_of(base), json.loads((adapter / CONFIG).read_text(encoding="utf-8"))
    writer = gguf.GGUFWriter(file, shape.kind)
    writer.add_type("adapter")
    writer.add_string("adapter.type", "lora")
    writer.add_float32("adapter.lora.alpha", 0.0)  # llama.cpp then multiplies by nothing but the request's scale
    named, weights = _names(gguf, shape), dict(_tensors(adapter / WEIGHTS))
    for name, first in weights.items():
        if not name.endswith(".lora_A.weight"):
            continue
        module = name.removeprefix("base_model.model.").removesuffix(".lora_A.weight")
        second = weights[name.replace("lora_A", "lora_B")] * _scale(config, module, first.shape[0])
        target = named(f"{module}.weight")
        writer.add_tensor(f"{target}.lora_a", first.astype("float32"))
        writer.add_tensor(f"{target}.lora_b", _reordered(module, second, shape).astype("float32"))
    _close(writer)


def _scale(config: Mapping[str, Any], module: str, rank: int) -> float:
    """The factor of an adapter's product, as peft computes it."""
    patterns = config.get("alpha_pattern") or {}
    alpha = next((value for key, value in patterns.items() if re.match(rf"(.*\.)?({key})$", module)), config["lora_alpha"])
    return float(alpha / (rank**0.5 if config.get("use_rslora") else rank))


def _names(gguf: Any, shape: GgufShape) -> Any:
    kind = next(number for number, name in gguf.MODEL_ARCH_NAMES.items() if name == shape.kind)
    names = gguf.get_tensor_name_map(kind, int(shape.config["num_hidden_layers"]))

    def named(weight: str) -> str:
        found = names.get_name(weight, try_suffixes=(".weight", ".bias"))
        if found is None:
            raise BadModel(f"The weight {weight} has no name in GGUF.")
        return str(found)

    return named


def _add_shape(writer: Any, shape: GgufShape) -> None:
    config, (heads, kv_heads) = shape.config, shape.heads
    writer.add_context_length(config["max_position_embeddings"])
    writer.add_embedding_length(config["hidden_size"])
    writer.add_feed_forward_length(config["intermediate_size"])
    writer.add_block_count(config["num_hidden_layers"])
    writer.add_head_count(heads)
    writer.add_head_count_kv(kv_heads)
    writer.add_key_length(shape.head_size)
    writer.add_value_length(shape.head_size)
    writer.add_rope_dimension_count(shape.head_size)
    writer.add_rope_freq_base(shape.rotary["rope_theta"])
    writer.add_layer_norm_rms_eps(config["rms_norm_eps"])
    writer.add_vocab_size(config["vocab_size"])


def _add_numbers(writer: Any, vocabulary: int) -> None:
    """Write the tokens as their numbers, as the base's own tokenizer does. Prompts come as numbers, so no text is ever split."""
    writer.add_tokenizer_model("llama")  # SentencePiece: a byte-level one is split by regular expressions, at which the wheel's server ends
    writer.add_token_list([str(number) for number in range(vocabulary)])
    writer.add_token_scores([0.0] * vocabulary)
    writer.add_token_types([NORMAL_TOKEN] * vocabulary)


def _close(writer: Any) -> None:
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def _weights(base: Path) -> Iterator[tuple[str, Any]]:
    for file in sorted(base.glob("*.safetensors")):
        yield from _tensors(file)


def _tensors(file: Path) -> Iterator[tuple[str, Any]]:
    """Names and values of a safetensors file, as float32 arrays of numpy, which knows no bfloat16."""
    with safe_open(file, "pt") as opened:
        for name in opened.keys():  # noqa: SIM118
            yield name, opened.get_tensor(name).float().numpy()


def _reordered(name: str, weight: Any, shape: GgufShape) -> Any:
    """Put the rows of a llama's queries and keys in llama.cpp's order: halves that are rotated together lie side by side there."""
    which = re.search(r"\b([qk])_proj", name)
    if shape.kind != "llama" or which is None:
        return weight
    heads = shape.heads[0 if which[1] == "q" else 1]
    return weight.reshape(heads, 2, weight.shape[0] // heads // 2, *weight.shape[1:]).swapaxes(1, 2).reshape(weight.shape)
