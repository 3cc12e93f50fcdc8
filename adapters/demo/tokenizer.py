"""The demo model's tokenizer: byte-level BPE with one token per digit, and its chat template."""

import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from adapters.demo.mix import base_talk

VOCABULARY = 2_048
PAD, END = "<|pad|>", "<|end|>"
ROLES = ("system", "user", "assistant")
SPECIAL = (PAD, END, *(f"<|{role}|>" for role in ROLES))
TEMPLATE = (
    "{% for message in messages %}{{ '<|' + message['role'] + '|>' + message['content'] + '<|end|>' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|assistant|>' }}{% endif %}"
)
TALKS = 9_000  # conversations that the merges are learned from


def texts(seed: int) -> Iterator[str]:
    rng = random.Random(seed)
    for _ in range(TALKS):
        yield from (spoken.message.content for spoken in base_talk(rng))


def build_tokenizer(folder: Path, seed: int) -> None:
    """Learn the merges and save what AutoTokenizer loads: tokenizer.json, its config, the chat template."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)]
    )
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY, special_tokens=list(SPECIAL), initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False
    )
    tokenizer.train_from_iterator(texts(seed), trainer)
    fast = PreTrainedTokenizerFast(  # type: ignore[no-untyped-call]
        tokenizer_object=tokenizer,
        pad_token=PAD,
        eos_token=END,
        additional_special_tokens=list(SPECIAL[2:]),
        clean_up_tokenization_spaces=False,
    )
    fast.model_max_length = 2_048
    fast.chat_template = TEMPLATE
    fast.save_pretrained(folder)


def load_tokenizer(folder: Path) -> Any:
    from transformers import AutoTokenizer

    return AutoTokenizer.from_pretrained(folder)
