"""A folder becomes a checked model and tokenizer; every way to fail is one sentence."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer
from transformers.utils import logging as transformers_logging

from engine.backends.local.chat import Chat
from engine.contestants import Base, folder_revision
from engine.errors import BadModel, SettingsError, first_line
from engine.folders import way_out

UNKNOWN_CONTEXT = 2048  # tokens, of a model whose config says none


@dataclass(frozen=True, slots=True)
class Loaded:
    """A base model ready to run."""

    model: Any  # transformers PreTrainedModel in eval mode
    chat: Chat
    base: Base
    end_ids: frozenset[int]  # tokens that end an answer

    @property
    def tokenizer(self) -> Any:
        """The model's tokenizer, of transformers."""
        return self.chat.tokenizer


def load_base(folder: Path, name: str, dtype: str, device: str) -> Loaded:
    """Load weights, tokenizer and chat template from a folder. Raises BadModel; reads no pickle, runs no code from the folder."""
    transformers_logging.set_verbosity_error()  # type: ignore[no-untyped-call]
    transformers_logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    lacks = [what for what in ("config.json", "*.safetensors") if not any(folder.glob(what))]
    if lacks and (known := way_out(folder, "base model")):
        raise BadModel(f"The base model {name} cannot be loaded from {folder}, which holds no {lacks[0]}. {known}")
    chat = Chat(_tokenizer(folder, name), name)
    try:
        loaded: Any = AutoModelForCausalLM.from_pretrained(
            folder,
            dtype=getattr(torch, dtype),
            use_safetensors=True,
            local_files_only=True,
            attn_implementation="sdpa",
            output_loading_info=True,
        )
    except Exception as error:  # what is wrong in a folder from elsewhere comes as any kind, the Rust libraries' own too
        raise BadModel(f"The base model {name} cannot be loaded from {folder}: {first_line(error)}") from error
    model, info = loaded
    if missing := sorted(info["missing_keys"]):
        raise BadModel(f"The base model {name} is incomplete: {len(missing)} of its weights are missing, {missing[0]} for one.")
    model = model.to(device).eval().requires_grad_(False)
    covered, end_ids = _ends(model, chat)
    base = Base(
        name=name,
        revision=folder_revision(folder),
        context_tokens=_context(model.config, name),
        parameters=sum(p.numel() for p in model.parameters()),
        dtype=str(model.dtype).removeprefix("torch."),
        quantisation=_quantisation(model.config),
        more_ends=tuple(sorted(end_ids - covered)),
    )
    return Loaded(model, chat, base, end_ids)


def pick_device(wish: str) -> str:
    """Choose where the model runs: "auto" takes cuda where there is one. Raises SettingsError when cuda is asked for and missing."""
    if wish == "cuda" and not torch.cuda.is_available():
        raise SettingsError("DUEL_DEVICE is cuda, but no CUDA device can be used here; set it to auto or cpu.")
    return "cuda:0" if wish == "cuda" or (wish == "auto" and torch.cuda.is_available()) else "cpu"


def _tokenizer(folder: Path, name: str) -> Any:
    try:
        tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
    except Exception as error:
        raise BadModel(f"The tokenizer of {name} cannot be loaded from {folder}: {first_line(error)}") from error
    if not tokenizer.chat_template:
        raise BadModel(f"The base model {name} has no chat template, so it cannot be asked anything; take its chat or instruct variant.")
    return tokenizer


def _context(config: Any, name: str) -> int:
    """Tokens that prompt and answer may have together.

    Within its window a sliding-window layer is a full one, so such a model is used up to the window and stays exact.
    """
    text = config.get_text_config()
    kinds = set(getattr(text, "layer_types", None) or ["full_attention"])
    if not kinds <= {"full_attention", "sliding_attention"}:
        raise BadModel(f"The base model {name} has {', '.join(sorted(kinds))} layers; this engine runs attention layers only.")
    context: int = getattr(text, "max_position_embeddings", None) or UNKNOWN_CONTEXT
    window = getattr(text, "sliding_window", None)
    slides = "sliding_attention" in kinds or (not getattr(text, "layer_types", None) and window)
    return min(context, int(window)) if slides and window else context


def _ends(model: Any, chat: Chat) -> tuple[frozenset[int], frozenset[int]]:
    """The tokens that end an answer: those of config and tokenizer, and with these all there are.

    generation_config.json may add some, and so may the mark that the chat template writes after an assistant's turn.
    """

    def given(config: Any) -> set[int]:
        ids = getattr(config, "eos_token_id", None)
        return set(ids if isinstance(ids, list) else [ids]) - {None}

    covered = given(model.config) | given(chat.tokenizer)
    return frozenset(covered), frozenset(covered | given(model.generation_config) | chat.ends())


def _quantisation(config: Any) -> str:
    """The method by which a model's weights are stored in fewer bits, as its config names it; "" for none."""
    told = getattr(config, "quantization_config", None)
    if not told:
        return ""
    method = told.get("quant_method") if isinstance(told, dict) else getattr(told, "quant_method", None)
    return str(getattr(method, "value", method) or "unnamed")
