"""An adapter's matrices as peft finds them.

On a model without weights, made from the base's config, peft finds the layers that an adapter's options mean, their matrices and their
scale, and says what does not fit.
"""

import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import fields
from typing import Any

import torch
from peft import LoraConfig, PeftModel, set_peft_model_state_dict
from peft.tuners.lora import Linear, LoraLayer
from transformers import AutoConfig, AutoModelForCausalLM, PreTrainedConfig

from engine.backends.local.checkpoint import Stored
from engine.backends.local.factors import Factors
from engine.contestants import Adapter
from engine.errors import BadAdapter
from engine.plain_lora import ATTENTION_ONLY


@contextmanager
def quiet_peft() -> Iterator[None]:
    """Drop peft's warnings: of what matters in training, of patterns that match no layer, of an old name in transformers 5.23.

    Whatever makes an adapter unfit is an error here, found by looking.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def fitted(adapter: Adapter, table: Mapping[str, Any], stored: Mapping[str, Stored], config: Any) -> dict[str, Factors]:
    """Have peft put an adapter on a model without weights. Returns its matrices by the names of the layers. Raises BadAdapter.

    table: the adapter's options, of plain LoRA. stored: its weights as peft saves them. config: the base's, of transformers.
    """
    weights = {name: torch.from_numpy(weight.floats()) for name, weight in stored.items()}
    kinds: Any = AutoModelForCausalLM
    try:
        with quiet_peft():
            options = _options(adapter, table)
            with torch.device("meta"):
                frame = kinds.from_config(_whole(config), attn_implementation="eager")
            peft = PeftModel(frame, options, adapter_name=adapter.digest, low_cpu_mem_usage=True)
            result: Any = set_peft_model_state_dict(peft, weights, adapter_name=adapter.digest, low_cpu_mem_usage=True)
    except BadAdapter:
        raise
    except Exception as error:  # a config from elsewhere ends peft in any kind
        raise BadAdapter(
            f"The adapter {adapter.name} does not fit the base model: {' '.join(str(error).split())[:300] or type(error).__name__}"
        ) from error
    absent = [key for key in result.missing_keys if adapter.digest in key and "lora_" in key]
    if absent or result.unexpected_keys:
        raise BadAdapter(
            f"The adapter {adapter.name} does not fit the base model: {len(absent)} of its weights are missing "
            f"and {len(result.unexpected_keys)} belong to no layer."
        )
    layers = {name: layer for name, layer in frame.named_modules() if isinstance(layer, LoraLayer)}
    for name, layer in layers.items():
        _check_linear(adapter, name, layer)
    scales = {name: float(layer.scaling[adapter.digest]) for name, layer in layers.items()}
    keys = {name: f"base_model.model.{name}.lora_" for name in scales}
    return {name: Factors(weights[f"{key}A.weight"].numpy(), weights[f"{key}B.weight"].numpy(), scales[name]) for name, key in keys.items()}


def _whole(config: Any) -> Any:
    """A config of its kind's own class, to be changed: one that was read without it is read again."""
    if type(config).__name__ == PreTrainedConfig.__name__:  # which may be that of transformers as it is without torch
        return AutoConfig.from_pretrained(str(config.name_or_path), local_files_only=True)
    return deepcopy(config)


def _options(adapter: Adapter, table: Mapping[str, Any]) -> LoraConfig:
    known = {field.name for field in fields(LoraConfig)} - {"runtime_config"}
    try:
        return LoraConfig(**{name: value for name, value in table.items() if name in known} | {"inference_mode": True})
    except (ValueError, TypeError, AttributeError) as error:
        raise BadAdapter(f"The adapter {adapter.name} cannot be read: {type(error).__name__}, {str(error)[:200]}") from error


def _check_linear(adapter: Adapter, name: str, layer: Any) -> None:
    """Raise BadAdapter for a layer that cannot be run for a part of a batch, such as the experts of a mixture."""
    if not isinstance(layer, Linear):
        raise BadAdapter(
            f"The adapter {adapter.name} trains {name}, which is no linear layer but {type(layer.get_base_layer()).__name__}: "
            f"peft cannot run that for some rows of a batch alone, while both sides of a duel share one. {ATTENTION_ONLY}"
        )
