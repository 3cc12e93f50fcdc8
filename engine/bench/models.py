"""Folders for a run of the benchmark: a base whose tokens are numbers and that knows no end, and a LoRA adapter on it.

Real weights are linked, not copied. The tokenizer of every base is replaced by one whose words are the numbers of the tokens, "17 4711 3":
then the text of an answer is its tokens, to the last one, by whatever way it was written. No end token is left, so each answer has the
length that was asked for.
"""

import json
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
from peft import LoraConfig, get_peft_model, get_peft_model_state_dict
from safetensors.torch import save_file
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer, PreTrainedTokenizerFast
from transformers.utils import logging as transformers_logging

from engine.backends.local.peft_lora import quiet_peft
from engine.errors import BadModel, first_line
from engine.plain_lora import CONFIG, WEIGHTS

TEMPLATE = "{% for message in messages %}{{ message['content'] }} {% endfor %}"  # a prompt is the numbers of its messages, nothing more
ENDS: Mapping[str, Any] = {"eos_token_id": None, "bos_token_id": None, "pad_token_id": None}
RANK, ALPHA = 16, 32  # of the LoRA that is made
SPREAD_B = 0.004  # standard deviation of its B matrices: it moves answers, and leaves them answers


def copy_base(source: Path, folder: Path) -> int:
    """Make the base of a run out of the one in `source`. Returns the size of its vocabulary. Raises BadModel."""
    folder.mkdir()
    try:
        config = json.loads((source / "config.json").read_text(encoding="utf-8"))
        vocabulary = int(AutoConfig.from_pretrained(source, local_files_only=True).get_text_config().vocab_size)
    except Exception as error:  # what is wrong in a folder from elsewhere comes as any kind
        raise BadModel(f"The base model in {source} cannot be read: {first_line(error)}") from error
    inner = {"text_config": config["text_config"] | dict(ENDS)} if isinstance(config.get("text_config"), dict) else {}
    (folder / "config.json").write_text(json.dumps(config | dict(ENDS) | inner), encoding="utf-8")
    for file in (*source.glob("*.safetensors"), *source.glob("*.safetensors.index.json")):
        link(file, folder / file.name)
    save_numbers(vocabulary, folder)
    return vocabulary


def link(source: Path, target: Path) -> None:
    """Link a file to another place, or copy it where links are not to be had."""
    try:
        target.symlink_to(source.resolve())
    except OSError:
        shutil.copyfile(source, target)


def encoder(source: Path) -> Callable[[str], list[int]]:
    """Open the tokenizer that came with a base; what it returns turns text into tokens, no special ones added. Raises BadModel."""
    try:
        tokenizer: Any = AutoTokenizer.from_pretrained(source, local_files_only=True)
    except Exception as error:
        raise BadModel(f"The tokenizer in {source} cannot be loaded: {first_line(error)}") from error
    return lambda text: list(tokenizer.encode(text, add_special_tokens=False))


def make_base(shape: Mapping[str, Any], folder: Path, seed: int = 0) -> int:
    """Make a base of a shape (arguments of transformers' AutoConfig.for_model) with random weights. Returns the size of its vocabulary.

    The weights are bfloat16 numbers that are float16 numbers too, as nearly all of a trained model's are.
    """
    transformers_logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    torch.manual_seed(seed)
    model = _untrained(AutoConfig.for_model(**shape, **ENDS))
    for weight in model.parameters():
        weight.data = weight.data.half().bfloat16()
    model.config.dtype = "bfloat16"
    model.save_pretrained(folder)
    (folder / "generation_config.json").unlink(missing_ok=True)
    save_numbers(int(shape["vocab_size"]), folder)
    return int(shape["vocab_size"])


def _untrained(config: Any) -> Any:
    return AutoModelForCausalLM.from_config(config)  # type: ignore[no-untyped-call]


def save_numbers(vocabulary: int, folder: Path) -> None:
    """Save a tokenizer of that many tokens, each of which is written as its number."""
    words = Tokenizer(models.WordLevel({str(number): number for number in range(vocabulary)}, unk_token="0"))
    words.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    tokenizer: Any = PreTrainedTokenizerFast(tokenizer_object=words)  # type: ignore[no-untyped-call]
    tokenizer.chat_template = TEMPLATE
    tokenizer.save_pretrained(folder)


def make_adapter(base: Path, folder: Path, seed: int = 1) -> None:
    """Make a LoRA adapter of rank RANK on all kinds of linear layers, with random weights in float32. No weight of the base is read."""
    torch.manual_seed(seed)
    config = LoraConfig(r=RANK, lora_alpha=ALPHA, target_modules="all-linear", task_type="CAUSAL_LM")
    with torch.device("meta"), quiet_peft():
        tuned: Any = get_peft_model(_untrained(AutoConfig.from_pretrained(base, local_files_only=True)), config)
        shapes = {name: weight.shape for name, weight in get_peft_model_state_dict(tuned).items()}
    weights = {name: torch.randn(shape) * (shape[1] ** -0.5 if "lora_A" in name else SPREAD_B) for name, shape in shapes.items()}
    tuned.peft_config["default"].inference_mode = True
    tuned.peft_config["default"].save_pretrained(folder)
    save_file(weights, folder / WEIGHTS)


def copy_adapter(source: Path, folder: Path) -> None:
    """Link an adapter's config and weights, and leave out its card, which is about the base under its own name."""
    folder.mkdir()
    for name in (CONFIG, WEIGHTS):
        link(source / name, folder / name)
