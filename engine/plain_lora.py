"""What plain LoRA is: the options and the tensors that add products of two matrices to linear layers and leave the base alone.

peft (0.21) knows over twenty variations in one config. Some change the base's own weights while they load, which would change
the other side of a duel too; some cannot run for a part of a batch. So what is known to be plain is listed, and all else refused.
"""

import re
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open

from engine.errors import BadAdapter
from engine.parsing import read_json, reason

CONFIG, WEIGHTS = "adapter_config.json", "adapter_model.safetensors"  # files of an adapter folder, as peft saves them
FREE = frozenset(
    (
        *("r", "lora_alpha", "lora_dropout", "use_rslora", "rank_pattern", "alpha_pattern"),
        *("target_modules", "exclude_modules", "layers_to_transform", "layers_pattern", "fan_in_fan_out"),
        *("task_type", "inference_mode", "base_model_name_or_path", "revision", "auto_mapping", "peft_version", "runtime_config"),
        *("megatron_core", "qalora_group_size"),  # mean nothing without megatron_config and use_qalora, which must be empty
    )
)  # options that may have any value
FIXED: dict[str, tuple[Any, ...]] = {"peft_type": ("LORA",), "bias": ("none",), "init_lora_weights": (True, False, "gaussian")}
TENSOR = re.compile(r"base_model\.model\..+\.lora_[AB]\.weight")
CONVERTED = ("pissa", "olora", "corda", "lora_ga")  # beginnings of the init_lora_weights that peft converts

ATTENTION_ONLY = 'Train one for the attention layers alone (target_modules "q_proj", "k_proj", "v_proj").'
CHANGES = "which would change the base model for both sides"
CONVERSION = (
    'Turn it into plain LoRA with peft: load base and adapter, then save_pretrained("NEW_FOLDER", '
    'path_initial_model_for_weight_conversion="INITIAL"), where INITIAL is the adapter as it was saved before its first training step.'
)
SAVE_AS_LORA = (
    'peft turns it into a LoRA of nearly the same effect: load base and adapter, then peft.save_as_lora("NEW_FOLDER", model, rank=R).'
)
REASONS = {
    "init_lora_weights": "which plain LoRA does not use",
    "bias": CHANGES,
    "modules_to_save": CHANGES,
    "trainable_token_indices": CHANGES,
    "layer_replication": CHANGES,
    "use_dora": f"and peft cannot run DoRA for some rows of a batch alone, while both sides of a duel share one. {SAVE_AS_LORA}",
    "target_parameters": f"and peft cannot run that for some rows of a batch alone, while both sides of a duel share one. {ATTENTION_ONLY}",
}


def check_plain(folder: Path, name: str) -> dict[str, Any]:
    """Read the config of the adapter in `folder`, shown as `name`. Raises BadAdapter unless all options and tensors are plain LoRA's.

    Reads adapter_config.json and the header of adapter_model.safetensors; no weight is loaded.
    """
    try:
        config = read_json(folder / CONFIG)
    except (OSError, ValueError) as error:
        raise BadAdapter(f"The adapter {name} cannot be read: {reason(error)}.") from error
    if not isinstance(config, dict):
        raise BadAdapter(f"The adapter {name} cannot be read: its adapter_config.json is no table.")
    _check_options(config, name)
    _check_tensors(tensor_shapes(folder, name), name)
    return config


def tensor_shapes(folder: Path, name: str) -> dict[str, tuple[int, ...]]:
    """Read the shapes of an adapter's tensors from the header of its weights. Raises BadAdapter, which calls the adapter `name`."""
    try:
        with safe_open(folder / WEIGHTS, framework="np") as weights:
            return {key: tuple(weights.get_slice(key).get_shape()) for key in weights.keys()}  # noqa: SIM118
    except (OSError, ValueError, SafetensorError) as error:
        raise BadAdapter(f"The adapter {name} cannot be read: {reason(error)}.") from error


def _check_options(config: dict[str, Any], name: str) -> None:
    if (kind := config.get("peft_type")) != "LORA":
        raise BadAdapter(f"The adapter {name} is a {str(kind)[:80]} adapter; Duelbot runs plain LoRA. For some kinds, {SAVE_AS_LORA}")
    for option, value in config.items():
        if option in FREE or value in FIXED.get(option, ()) or (option not in FIXED and not value):
            continue
        if option == "init_lora_weights" and isinstance(value, str):
            raise BadAdapter(_init_words(value, name))
        why = REASONS.get(option, "which is not known to leave the base model alone; Duelbot runs plain LoRA")
        raise BadAdapter(f"The adapter {name} uses {option}={str(value)[:80]}, {why.rstrip('.')}.")


def _init_words(kind: str, name: str) -> str:
    said = f"The adapter {name} was trained with init_lora_weights={kind[:80]!r}, "
    if kind.startswith(CONVERTED):
        return f"{said}which takes a part out of the base's own weights, for both sides of a duel. {CONVERSION}"
    if kind.startswith("loftq"):
        return (
            f"{said}which replaces the base's own weights by quantised ones, for both sides of a duel. Save that base beside it, "
            "name it with DUEL_BASE_MODEL, and set init_lora_weights to true in adapter_config.json."
        )
    return f"{said}which is not known to leave the base model alone; Duelbot runs plain LoRA (true, false or gaussian)."


def _check_tensors(shapes: dict[str, tuple[int, ...]], name: str) -> None:
    others = sorted(key for key, shape in shapes.items() if not TENSOR.fullmatch(key) or len(shape) != 2)
    if not others:
        return
    shown = others[0].removeprefix("base_model.model.")[:120]
    if "lora_magnitude" in shown:
        raise BadAdapter(f"The adapter {name} holds DoRA's {shown}, {REASONS['use_dora']}")
    raise BadAdapter(
        f"The adapter {name} holds {len(others)} {'tensor that is' if len(others) == 1 else 'tensors that are'} no LoRA matrix of a "
        f"linear layer, {shown} for one, {CHANGES}. If the base's own weights were only saved along, as peft does with embeddings, "
        "save the adapter again with save_embedding_layers=False."
    )
