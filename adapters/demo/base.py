"""The base model: its shape, its training, and the folder that transformers loads."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from adapters.demo.mix import base_talk
from adapters.demo.tokenizer import END, PAD, VOCABULARY, load_tokenizer
from adapters.demo.training import Job, Plan, train

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
    seed=20261124,
    steps=6_100,
    batch_tokens=6_144,
    matrix_rate=2e-3,
    other_rate=2e-3,
    warm_up=100,
    cool_down=0.5,
    longest=1_400,
)


def new_model(tokenizer: Path, seed: int) -> Any:
    """Random weights in the base's shape, for the tokenizer in this folder."""
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    torch.manual_seed(seed)
    words = load_tokenizer(tokenizer)
    end, pad = (words.convert_tokens_to_ids(token) for token in (END, PAD))
    config = LlamaConfig(vocab_size=VOCABULARY, bos_token_id=None, eos_token_id=end, pad_token_id=pad, initializer_range=0.03, **SHAPE)
    return LlamaForCausalLM(config)


def train_base(tokenizer: Path, folder: Path, work: Path, show: Callable[[str], None]) -> dict[str, Any]:
    """Train from scratch and save bfloat16 weights with config and generation config into `folder`."""
    build = partial(new_model, tokenizer, BASE_PLAN.seed)
    model, figures = train(Job(build, tokenizer, base_talk, BASE_PLAN, work / "base.pt", show))
    save_base(model, folder)
    return {"parameters": sum(weight.numel() for weight in model.parameters()), **figures}


def save_base(model: Any, folder: Path) -> None:
    import torch
    from transformers import GenerationConfig

    model.to("cpu", torch.bfloat16)
    ends = {"eos_token_id": model.config.eos_token_id, "pad_token_id": model.config.pad_token_id}
    model.generation_config = GenerationConfig(**ends, do_sample=False)  # type: ignore[no-untyped-call]
    model.save_pretrained(folder)
