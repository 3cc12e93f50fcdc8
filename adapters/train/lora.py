"""The adapter that is trained: fresh LoRA on the top layers of a base, or the copy of one that was trained before."""

from pathlib import Path
from typing import Any

import torch
from peft import LoraConfig, PeftModel, get_peft_model, set_peft_model_state_dict
from safetensors.torch import load_file
from torch import nn

from adapters.train.plan import BadPlan, LoraPlan
from engine.backends.local.peft_lora import quiet_peft
from engine.contestants import Adapter
from engine.errors import BadAdapter
from engine.plain_lora import WEIGHTS, check_plain


def lowest_layer(model: Any, plan: LoraPlan, parent: Adapter | None) -> int:
    """Return the number of layers below the lowest one that is adapted."""
    count: int = model.config.get_text_config().num_hidden_layers
    if parent is None:
        return count - max(1, round(count * plan.layers))
    layers = check_plain(Path(parent.folder), parent.name).get("layers_to_transform")
    return min(layers) if isinstance(layers, list) and layers else layers if isinstance(layers, int) else 0


def adapted(model: Any, plan: LoraPlan, parent: Adapter | None, base: str, seed: int) -> Any:
    """Put the adapter that is trained on a base model, which is changed. Returns peft's model of it.

    A parent's weights are copied, and its shape stays what it was. Raises BadPlan for layers that have no such parts, BadAdapter for a
    parent that does not fit.
    """
    torch.manual_seed(seed)
    config = _fresh(model, plan) if parent is None else _config_of(parent)
    with quiet_peft():
        try:
            tuned = get_peft_model(model, config, autocast_adapter_dtype=True)
        except ValueError as error:
            raise BadPlan(f"The base model {base} cannot be adapted so: {' '.join(str(error).split())[:300]}") from error
        if parent is not None:
            _fill(tuned, parent)
    tuned.peft_config["default"].base_model_name_or_path = base
    tuned.eval()
    for name, module in tuned.named_modules():
        if name.rpartition(".")[2] == "lora_dropout":
            module.train()  # the adapter's own dropout alone: what the base gives stays what a duel sees
    return tuned


def save(tuned: Any, folder: Path) -> None:
    """Write an adapter as peft's folder of safetensors."""
    with quiet_peft():
        tuned.save_pretrained(str(folder), save_embedding_layers=False)
    (folder / "README.md").unlink(missing_ok=True)  # peft's empty model card; ours is card.json


def _fresh(model: Any, plan: LoraPlan) -> LoraConfig:
    count: int = model.config.get_text_config().num_hidden_layers
    lower = lowest_layer(model, plan, None)
    targets = _linears(model) if plan.targets == "all-linear" else list(plan.targets)
    return LoraConfig(
        r=plan.rank,
        lora_alpha=plan.alpha,
        lora_dropout=plan.dropout,
        target_modules=targets,
        layers_to_transform=list(range(lower, count)) if lower else None,
        task_type="CAUSAL_LM",
    )


def _linears(model: Any) -> list[str]:
    """List the last names of all linear layers but the head."""
    head = model.get_output_embeddings()
    return sorted({name.rpartition(".")[2] for name, each in model.named_modules() if isinstance(each, nn.Linear) and each is not head})


def _config_of(parent: Adapter) -> LoraConfig:
    table = check_plain(Path(parent.folder), parent.name)
    known = set(LoraConfig.__dataclass_fields__) - {"runtime_config"}
    try:
        return LoraConfig(**{name: value for name, value in table.items() if name in known} | {"inference_mode": False})
    except (ValueError, TypeError) as error:
        raise BadAdapter(f"The adapter {parent.name} cannot be read: {' '.join(str(error).split())[:200]}") from error


def _fill(tuned: PeftModel, parent: Adapter) -> None:
    result: Any = set_peft_model_state_dict(tuned, load_file(Path(parent.folder) / WEIGHTS))
    absent = [key for key in result.missing_keys if "lora_" in key]
    if absent or result.unexpected_keys:
        raise BadAdapter(
            f"The adapter {parent.name} does not fit the base model: {len(absent)} of its weights are missing "
            f"and {len(result.unexpected_keys)} belong to no layer."
        )
