"""Small models with random weights, built from real configurations and saved to disk like any downloaded one.

The same words give the same files: they are made once in a process, and copied from then on.
"""

import atexit
import hashlib
import json
import shutil
from collections.abc import Callable
from functools import cache
from pathlib import Path
from tempfile import mkdtemp

import torch
from peft import LoraConfig, get_peft_model
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import AutoConfig, AutoModelForCausalLM, PreTrainedTokenizerFast

CHAT = (
    "{% for m in messages %}<|im_start|>{{ m['role'] }}\n{{ m['content'] }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
TEXT = ["Should we prompt or fine-tune? We have 300 examples and two weeks. A naïve answer costs 5 €. 日本語 🙂", "hello what can you do"]


def save_tokenizer(folder: Path, chat_template: str | None = CHAT) -> int:
    """A byte-level BPE tokenizer; returns its vocabulary's size."""
    bpe = Tokenizer(models.BPE())
    bpe.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    bpe.decoder = decoders.ByteLevel()
    special = ["<|im_end|>", "<|im_start|>"]
    trainer = trainers.BpeTrainer(
        vocab_size=400, special_tokens=special, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False
    )
    bpe.train_from_iterator(TEXT, trainer)
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=bpe, eos_token="<|im_end|>")
    tokenizer.chat_template = chat_template
    tokenizer.save_pretrained(folder)
    return len(tokenizer)


@cache
def _made_in() -> Path:
    """Make the folder of what was made in this process."""
    folder = Path(mkdtemp(prefix="tiny-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


def _copied(key: object, make: Callable[[Path], None], folder: Path) -> None:
    """Copy what `make` makes into a folder, made when this key comes for the first time."""
    made = _made_in() / hashlib.sha256(repr(key).encode()).hexdigest()
    if not made.exists():
        new = made.with_suffix(".new")
        shutil.rmtree(new, ignore_errors=True)  # of one that failed
        make(new)
        new.rename(made)
    shutil.copytree(made, folder, dirs_exist_ok=True)


def save_base(folder: Path, family: str = "llama", seed: int = 0, chat_template: str | None = CHAT, context: int = 512) -> Path:
    """A model of a few thousand random weights whose next-token distribution is peaked enough to have clear winners."""
    key = (family, seed, chat_template, context)
    _copied(key, lambda made: _make_base(made, family, seed, chat_template, context), folder)
    return folder


def _make_base(folder: Path, family: str, seed: int, chat_template: str | None, context: int) -> None:
    folder.mkdir(parents=True)
    vocabulary = save_tokenizer(folder, chat_template)
    shape = {
        "vocab_size": vocabulary,
        "hidden_size": 32,
        "intermediate_size": 64,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "max_position_embeddings": context,
        "eos_token_id": 0,
        "bos_token_id": None,
        "pad_token_id": None,
        "initializer_range": 0.4,
    }
    more = {
        "qwen3": {"head_dim": 8},
        "gemma3_text": {"head_dim": 8, "query_pre_attn_scalar": 8, "sliding_window": 512},
        "mixtral": {"num_local_experts": 4, "num_experts_per_tok": 2},
        "qwen3_moe": {"head_dim": 8, "num_experts": 4, "num_experts_per_tok": 2, "moe_intermediate_size": 16},
        "opt": {"ffn_dim": 64, "word_embed_proj_dim": 32},
    }
    torch.manual_seed(seed)
    AutoModelForCausalLM.from_config(AutoConfig.for_model(family, **shape, **more.get(family, {}))).save_pretrained(folder)


def save_adapter(folder: Path, base: Path, seed: int = 1, *, dead: bool = False, **options: object) -> Path:
    """A LoRA adapter with random weights on that base; a dead one is as freshly initialised, B = 0."""
    usual = {"r": 4, "lora_alpha": 8, "target_modules": "all-linear", "task_type": "CAUSAL_LM", "init_lora_weights": dead}
    config = LoraConfig(**(usual | options))  # type: ignore[arg-type]
    model = [hashlib.sha256((base / name).read_bytes()).hexdigest() for name in ("config.json", "model.safetensors")]
    _copied((model, seed, config), lambda made: _make_adapter(made, base, seed, config), folder)
    named = folder / "adapter_config.json"
    named.write_text(json.dumps(json.loads(named.read_text()) | {"base_model_name_or_path": str(base)}, indent=2, sort_keys=True))
    return folder


def _make_adapter(folder: Path, base: Path, seed: int, config: LoraConfig) -> None:
    torch.manual_seed(seed)
    get_peft_model(AutoModelForCausalLM.from_pretrained(base), config).save_pretrained(folder)
