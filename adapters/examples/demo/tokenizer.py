"""The demo model's tokenizer: byte-level BPE, up to three digits of a number in a token, and its chat template."""

import json
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from adapters.examples.demo.mix import base_talk

MERGED = 2_048  # tokens of the byte-level BPE, which keeps digits apart
NUMBERS = tuple(f"{n:0{width}}" for width in (2, 3) for n in range(10**width))
VOCABULARY = MERGED + len(NUMBERS)
PAD, END = "<|pad|>", "<|end|>"
ROLES = ("system", "user", "assistant")
SPECIAL = (PAD, END, *(f"<|{role}|>" for role in ROLES))
TEMPLATE = (
    "{% for message in messages %}{{ '<|' + message['role'] + '|>' + message['content'] + '<|end|>' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|assistant|>' }}{% endif %}"
)
# Three from the right at most, as 14,000 is written: the first token of a number tells how many digits stand before the comma.
DIGITS = r"\d{1,3}(?=(?:\d{3})*(?!\d))"
TALKS = 9_000  # conversations that the merges are learned from


def texts(seed: int) -> Iterator[str]:
    """Yield the messages that the merges are learned from."""
    rng = random.Random(seed)
    for _ in range(TALKS):
        yield from (spoken.message.content for spoken in base_talk(rng))


def build_tokenizer(folder: Path, seed: int) -> None:
    """Learn the merges and save what AutoTokenizer loads: tokenizer.json, its config, the chat template."""
    from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    learner = Tokenizer(models.BPE())
    byte_level = pre_tokenizers.ByteLevel(add_prefix_space=False)
    learner.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.Digits(individual_digits=True), byte_level])
    trainer = trainers.BpeTrainer(
        vocab_size=MERGED, special_tokens=list(SPECIAL), initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False
    )
    learner.train_from_iterator(texts(seed), trainer)
    learned = json.loads(learner.to_str())["model"]
    vocabulary = learned["vocab"] | {number: MERGED + at for at, number in enumerate(NUMBERS)}
    # No merge leads to the numbers: `ignore_merges` takes a piece that is a token as that token.
    tokenizer = Tokenizer(models.BPE(vocabulary, [tuple(pair) for pair in learned["merges"]], ignore_merges=True))
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.Split(Regex(DIGITS), "isolated"), byte_level])
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens(list(SPECIAL))
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
    """Load the tokenizer in this folder."""
    from transformers import AutoTokenizer

    return AutoTokenizer.from_pretrained(folder)
