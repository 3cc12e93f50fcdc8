"""An adapter's matrices by the names of a model's linear layers, where its config says no more than names, numbers of layers and a scale.

This is what nearly every adapter is. peft reads the same out of it; to import it takes seconds and a hundred megabytes.
"""

import re
from collections.abc import Mapping
from math import sqrt
from typing import Any

from engine.backends.local.checkpoint import Stored
from engine.backends.local.factors import Factors

KNOWN = frozenset({"r", "lora_alpha", "use_rslora", "target_modules", "layers_to_transform"})  # options that are read here
SILENT = frozenset(
    (
        *("lora_dropout", "peft_type", "bias", "init_lora_weights", "task_type", "inference_mode", "base_model_name_or_path"),
        *("revision", "auto_mapping", "peft_version", "runtime_config", "megatron_core", "qalora_group_size"),
    )
)  # options that say nothing of where and how much; that they are plain LoRA's has been checked
LAYER = re.compile(r".*\.[^.]*\.(\d+)\.")  # as peft finds a layer's number in a name


def named_factors(
    config: Mapping[str, Any], weights: Mapping[str, Stored], linears: Mapping[str, tuple[int, int]]
) -> dict[str, Factors] | None:
    """Read an adapter's matrices by the names of the layers that it trains; None where it says more than is read here, or does not fit.

    config: of plain LoRA, as `check_plain` gives it. weights: as peft saves them. linears: in_features and out_features of each layer.
    """
    rank, alpha, targets, layers = (config.get(option) for option in ("r", "lora_alpha", "target_modules", "layers_to_transform"))
    if any(value for option, value in config.items() if option not in KNOWN | SILENT):
        return None
    if not isinstance(rank, int) or not isinstance(alpha, int | float) or rank < 1 or not isinstance(targets, list):
        return None
    if layers is not None and not (isinstance(layers, list) and layers and all(type(number) is int for number in layers)):
        return None
    named = {target: [name for name in linears if name == target or name.endswith(f".{target}")] for target in targets}
    if not all(named.values()):
        return None
    chosen = {name for names in named.values() for name in names if layers is None or _number(name) in layers}
    scale = alpha / (sqrt(rank) if config.get("use_rslora") else rank)
    shapes = {f"base_model.model.{name}.lora_A.weight": (rank, linears[name][0]) for name in chosen}
    shapes |= {f"base_model.model.{name}.lora_B.weight": (linears[name][1], rank) for name in chosen}
    if {key: weight.shape for key, weight in weights.items()} != shapes:
        return None
    keys = {name: f"base_model.model.{name}.lora_" for name in linears if name in chosen}
    return {name: Factors(weights[f"{key}A.weight"].floats(), weights[f"{key}B.weight"].floats(), scale) for name, key in keys.items()}


def _number(name: str) -> int | None:
    found = LAYER.match(name)
    return int(found[1]) if found else None
