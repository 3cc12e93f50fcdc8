"""The base model: its shape, its training, and the folder that transformers loads."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from adapters.demo.mix import base_talk
from adapters.demo.tokenizer import END, PAD, VOCABULARY
from adapters.demo.training import Plan, train

SHAPE: dict[str, Any] = {
    "hidden_size": 256,
    "intermediate_size": 768,
    "num_hidden_layers": 6,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": 2_048,
    "tie_word_embeddings": True,
}
BASE_PLAN = Plan(
    name="base",
    seed=20261122,
    steps=2_500,
    batch_tokens=4_096,
    matrix_rate=3e-3,
    other_rate=3e-3,
    warm_up=100,
    cool_down=0.35,
    longest=1_400,
)


def new_model(tokenizer: Any, seed: int) -> Any:
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    torch.manual_seed(seed)
    end, pad = (tokenizer.convert_tokens_to_ids(token) for token in (END, PAD))
    config = LlamaConfig(vocab_size=VOCABULARY, bos_token_id=None, eos_token_id=end, pad_token_id=pad, initializer_range=0.03, **SHAPE)
    return LlamaForCausalLM(config)


def train_base(tokenizer: Any, folder: Path, work: Path, show: Callable[[str], None]) -> dict[str, Any]:
    """Train from scratch and save bfloat16 weights with config and generation config into `folder`."""
    model = new_model(tokenizer, BASE_PLAN.seed)
    figures = train(model, tokenizer, base_talk, plan=BASE_PLAN, work=work, show=show)
    save_base(model, folder)
    return {"parameters": sum(weight.numel() for weight in model.parameters()), **figures}


def save_base(model: Any, folder: Path) -> None:
    import torch
    from transformers import GenerationConfig

    model.to("cpu", torch.bfloat16)
    ends = {"eos_token_id": model.config.eos_token_id, "pad_token_id": model.config.pad_token_id}
    model.generation_config = GenerationConfig(**ends, do_sample=False)  # type: ignore[no-untyped-call]
    model.save_pretrained(folder)
