"""Llama's and Qwen's kinds of model by their config: which weights there are, of which shapes, and what is fixed in the arithmetic.

transformers' own modules say the same, but to import them takes seconds and a hundred megabytes. What differs from what is written here
in any name or shape is no such model, and goes the way of all others.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from engine.backends.local.kernels import LANES
from engine.backends.local.products import ModelShape

PRODUCTS = (
    ("self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj"),
    ("self_attn.o_proj",),
    ("mlp.gate_proj", "mlp.up_proj"),
    ("mlp.down_proj",),
)  # linear layers of a layer, those with the same input together
NORMS = ("input_layernorm", "post_attention_layernorm")
HEAD_NORMS = ("self_attn.q_norm", "self_attn.k_norm")
HEAD, EMBEDDING, LAST_NORM = "lm_head", "model.embed_tokens", "model.norm"
OWN_ROTATION = frozenset({"default", "linear"})  # kinds of rotary positions that are computed here
FIXED_ROTATION = OWN_ROTATION | {"llama3", "yarn"}  # kinds of rotary positions whose angles no length of a row changes


class Biases(NamedTuple):
    """Which linear layers of a kind of model have a bias, by the places in PRODUCTS."""

    qkv: bool
    out: bool
    wide: bool
    narrow: bool


KINDS: Mapping[str, Callable[[Any], Biases]] = {
    "llama": lambda config: Biases(config.attention_bias, config.attention_bias, config.mlp_bias, config.mlp_bias),
    "mistral": lambda config: Biases(qkv=False, out=False, wide=False, narrow=False),
    "qwen2": lambda config: Biases(qkv=True, out=False, wide=False, narrow=False),
    "qwen3": lambda config: Biases(config.attention_bias, config.attention_bias, wide=False, narrow=False),
}  # by model_type


SAID = frozenset(
    (
        *("vocab_size", "hidden_size", "intermediate_size", "num_hidden_layers", "num_attention_heads", "num_key_value_heads"),
        *("hidden_act", "max_position_embeddings", "rms_norm_eps", "eos_token_id"),
    )
)  # keys that a config must have to be read here: where they are left out, each kind has defaults of its own
SAID_BY: Mapping[str, frozenset[str]] = {"mistral": frozenset({"sliding_window"}), "qwen3": frozenset({"head_dim"})}
USUAL = {"attention_bias": False, "mlp_bias": False, "tie_word_embeddings": False}


def usual_config(table: Any, folder: Path) -> Any:
    """Read a config.json of a kind that is known here as transformers would; None where it leaves out or says what is not known here.

    transformers' own class of such a config imports half of the library.
    """
    kind = str(table.get("model_type")) if isinstance(table, dict) else ""
    if (
        kind not in KINDS
        or not SAID | SAID_BY.get(kind, frozenset()) <= table.keys()
        or {"auto_map", "partial_rotary_factor"} & table.keys()
    ):
        return None
    rotation = table.get("rope_scaling") or table.get("rope_parameters") or {}
    if not isinstance(rotation, dict) or any(isinstance(value, dict) for value in rotation.values()):
        return None
    rotation = {"rope_theta": table.get("rope_theta", 10000.0), **rotation}
    rotation["rope_type"] = rotation.get("rope_type") or rotation.get("type") or "default"
    if rotation["rope_type"] not in {"default", "linear"} and "original_max_position_embeddings" not in rotation:
        return None
    layers = table.get("layer_types") or ["full_attention"]
    if table.get("use_sliding_window") or not set(layers) <= {"full_attention"}:
        return None
    left = {key: value for key, value in table.items() if key not in {"rope_scaling", "rope_theta", "model_type", "layer_types"}}
    if kind.startswith("qwen"):
        left["sliding_window"] = None
    from transformers import PreTrainedConfig  # which its caller has imported in one way or another

    config: Any = PreTrainedConfig.from_dict(USUAL | left | {"rope_parameters": rotation})
    config.model_type, config.name_or_path = kind, str(folder)
    return config


@dataclass(frozen=True, slots=True)
class Blueprint:
    """A model that the compiled loop can run, before there are weights."""

    config: Any  # transformers'
    sizes: ModelShape
    turn: Any  # float32 (size of a head / 2,): angle by which a position turns each pair of a head's numbers
    amplitude: float  # of the turned numbers
    tied: bool  # whether the head's weights are the embedding's
    shapes: Mapping[str, tuple[int, ...]]  # of each weight, by its name in the checkpoint; a tied head is not among them


def drawn(config: Any) -> Blueprint | None:
    """Draw the blueprint of a model by its config; None for a kind that is not known here, or whose widths do not fill registers."""
    if config.model_type not in KINDS or config.hidden_act != "silu" or getattr(config, "quantization_config", None):
        return None
    size = getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
    widths = (size, config.hidden_size, config.intermediate_size)
    kind = config.rope_parameters.get("rope_type")  # not there where each kind of layer has its own
    if kind not in FIXED_ROTATION or any(width % LANES for width in widths):
        return None
    turn, amplitude = _rotation(config, size) if kind in OWN_ROTATION else _rotation_of_transformers(config)
    if 2 * len(turn) != size:
        return None
    sizes = ModelShape(
        layers=config.num_hidden_layers,
        hidden=config.hidden_size,
        heads=config.num_attention_heads,
        keys=config.num_key_value_heads,
        size=size,
        inner=config.intermediate_size,
        vocabulary=config.vocab_size,
        eps=config.rms_norm_eps,
        scaling=size**-0.5,
    )
    tied = bool(config.tie_word_embeddings)
    return Blueprint(config, sizes, turn, amplitude, tied, _shapes(sizes, KINDS[config.model_type](config), config, tied=tied))


def _rotation(config: Any, size: int) -> tuple[Any, float]:
    """Angles as of Su et al. 2021: the base to the power of minus the pair's share of the head; or that by a factor (Chen et al. 2023)."""
    told = config.rope_parameters
    factor = float(told["factor"]) if told["rope_type"] == "linear" else 1.0
    turn = 1.0 / (float(told["rope_theta"]) ** (np.arange(0, size, 2) / size)) / factor
    return turn.astype(np.float32), 1.0


def _rotation_of_transformers(config: Any) -> tuple[Any, float]:
    from transformers.modeling_rope_utils import ROPE_INIT_FUNCTIONS

    turn, amplitude = ROPE_INIT_FUNCTIONS[config.rope_parameters["rope_type"]](config)
    return turn.float().numpy(), float(amplitude)


def _shapes(sizes: ModelShape, biases: Biases, config: Any, *, tied: bool) -> dict[str, tuple[int, ...]]:
    found = {f"{EMBEDDING}.weight": (sizes.vocabulary, sizes.hidden), f"{LAST_NORM}.weight": (sizes.hidden,)}
    if not tied:
        found[f"{HEAD}.weight"] = (sizes.vocabulary, sizes.hidden)
    own, shared = sizes.heads * sizes.size, sizes.keys * sizes.size
    outputs = ((own, shared, shared), (sizes.hidden,), (sizes.inner, sizes.inner), (sizes.hidden,))
    inputs = (sizes.hidden, own, sizes.hidden, sizes.inner)
    for number in range(sizes.layers):
        layer = f"model.layers.{number}"
        found |= {f"{layer}.{norm}.weight": (sizes.hidden,) for norm in NORMS}
        if config.model_type == "qwen3":
            found |= {f"{layer}.{norm}.weight": (sizes.size,) for norm in HEAD_NORMS}
        for names, out, into, biased in zip(PRODUCTS, outputs, inputs, biases, strict=True):
            found |= {f"{layer}.{name}.weight": (width, into) for name, width in zip(names, out, strict=True)}
            if biased:
                found |= {f"{layer}.{name}.bias": (width,) for name, width in zip(names, out, strict=True)}
    return found
