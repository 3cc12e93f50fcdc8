"""The base model: a Llama of transformers' own classes, a few million parameters, trained from scratch on the broad mix."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from adapters.examples.demo.batches import Source
from adapters.examples.demo.learning import Lesson, learn
from adapters.examples.demo.mix import base_talk
from adapters.examples.demo.sizes import Size
from adapters.examples.demo.tokenizer import END, PAD, VOCABULARY, load_tokenizer


def new_model(tokenizer: Path, size: Size) -> Any:
    """Make a model of random weights in this size, for the tokenizer in this folder."""
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    torch.manual_seed(size.base.seed)
    words = load_tokenizer(tokenizer)
    end, pad = (words.convert_tokens_to_ids(token) for token in (END, PAD))
    config = LlamaConfig(vocab_size=VOCABULARY, bos_token_id=None, eos_token_id=end, pad_token_id=pad, initializer_range=0.03, **size.shape)
    return LlamaForCausalLM(config)


def train_base(size: Size, tokenizer: Path, folder: Path, work: Path, show: Callable[[str], None]) -> dict[str, Any]:
    """Train from scratch and save bfloat16 weights with config and generation config into `folder`."""
    build = partial(new_model, tokenizer, size)
    model, figures = learn(Lesson(build, Source(tokenizer, base_talk, size.base)), work / "base.safetensors", show)
    save_base(model, folder)
    return {"parameters": sum(weight.numel() for weight in model.parameters()), "shape": size.shape, **figures}


def save_base(model: Any, folder: Path) -> None:
    """Save bfloat16 weights with config and generation config."""
    import torch
    from transformers import GenerationConfig

    model.to("cpu", torch.bfloat16)
    ends = {"eos_token_id": model.config.eos_token_id, "pad_token_id": model.config.pad_token_id}
    model.generation_config = GenerationConfig(**ends, do_sample=False)  # type: ignore[no-untyped-call]
    model.save_pretrained(folder)
