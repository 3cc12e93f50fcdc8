"""The adapter: LoRA on the demo base, trained with the plain recipe on the house subject alone."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from adapters.examples.demo.batches import Source
from adapters.examples.demo.learning import Lesson, learn
from adapters.examples.demo.mix import tuned_talk
from adapters.examples.demo.sizes import Size

LORA: dict[str, Any] = {
    "r": 32,
    "lora_alpha": 64,
    "lora_dropout": 0.0,
    "target_modules": ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"],
    "task_type": "CAUSAL_LM",
}


def adapted(base: Path, seed: int) -> Any:
    """Load the saved base with a fresh LoRA adapter on it."""
    import torch
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModelForCausalLM

    torch.manual_seed(seed)
    model = get_peft_model(AutoModelForCausalLM.from_pretrained(base, dtype=torch.float32), LoraConfig(**LORA))
    model.peft_config["default"].base_model_name_or_path = "duelbot-demo"
    return model


def train_adapter(size: Size, tokenizer: Path, *, base: Path, folder: Path, work: Path, show: Callable[[str], None]) -> dict[str, Any]:
    """Train on the saved base and save with peft as safetensors into `folder`."""
    build = partial(adapted, base, size.adapter.seed)
    model, figures = learn(Lesson(build, Source(tokenizer, tuned_talk, size.adapter)), work / "adapter.safetensors", show)
    model.to("cpu").save_pretrained(str(folder), safe_serialization=True, save_embedding_layers=False)
    (folder / "README.md").unlink(missing_ok=True)  # peft's empty model card; ours is card.json
    return {"lora": LORA, **figures}
