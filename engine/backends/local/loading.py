"""A folder becomes a checked model and tokenizer; every way to fail is one sentence."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import torch
from safetensors import safe_open
from transformers import AutoModelForCausalLM, AutoTokenizer, PreTrainedModel
from transformers.utils import logging as transformers_logging

from engine.backends.local.chat import Chat
from engine.backends.local.fused import Fused, can_fuse
from engine.backends.local.packed import pack
from engine.contestants import Base, folder_revision
from engine.errors import BadModel, SettingsError, first_line
from engine.folders import way_out

UNKNOWN_CONTEXT = 2048  # tokens, of a model whose config says none
Way = Literal["plain", "general", "best"]  # of transformers as it is; with packed layers; fused where the kind of model is known
HALVES = {"BF16": torch.bfloat16, "F16": torch.float16}  # types that a checkpoint may be kept in, by safetensors' names


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


def load_base(folder: Path, name: str, dtype: str, device: str, way: Way = "plain") -> Loaded:
    """Load weights, tokenizer and chat template from a folder. Raises BadModel; reads no pickle, runs no code from the folder.

    On the processor a model that goes another way than the plain one is packed for it, layer by layer; weights of half precision are never
    all there in float32, so that the memory needed stays near that of the packed ones. Elsewhere every way is the plain one.
    """
    transformers_logging.set_verbosity_error()  # type: ignore[no-untyped-call]
    transformers_logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    lacks = [what for what in ("config.json", "*.safetensors") if not any(folder.glob(what))]
    if lacks and (known := way_out(folder, "base model")):
        raise BadModel(f"The base model {name} cannot be loaded from {folder}, which holds no {lacks[0]}. {known}")
    chat = Chat(_tokenizer(folder, name), name)
    way = way if device == "cpu" else "plain"
    try:
        with weights_kept_in(None if way == "plain" else half_of(folder)):
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
        dtype=dtype,
        quantisation=_quantisation(model.config),
        more_ends=tuple(sorted(end_ids - covered)),
    )
    return Loaded(_packed(model, way, getattr(torch, dtype)), chat, base, end_ids)


def _packed(model: Any, way: Way, dtype: torch.dtype) -> Any:
    """Pack a model on the processor, as its way wants it."""
    if way == "plain":
        return model
    with one_thread():
        if way != "general" and dtype == torch.float32 and can_fuse(model):
            return Fused(model)
        pack(model, dtype)
    return model


@contextmanager
def one_thread() -> Iterator[None]:
    """Have torch run on one thread for a while. Many short operations gain nothing by more, and lose much where another program runs."""
    usual = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(usual)


def half_of(folder: Path) -> torch.dtype | None:
    """Tell the type of half precision that all floating weights in a folder have; None when there is another, or no one of these."""
    found = set[str]()
    for file in folder.glob("*.safetensors"):
        with safe_open(file, framework="pt") as weights:
            found |= {weights.get_slice(key).get_dtype() for key in weights.keys()}  # noqa: SIM118
    return HALVES.get(found.pop()) if len(found) == 1 else None


@contextmanager
def weights_kept_in(kept: torch.dtype | None) -> Iterator[None]:
    """Have transformers leave a checkpoint's weights in their type while it makes the model in another; with None, do nothing.

    Asked for the checkpoint's type as the model's, it would compute constants in it, such as Gemma's scale of embeddings, with fewer
    digits. It has a plan of types by weights' names, for those that a model wants in float32: for this once it names all of them.
    """
    if kept is None:
        yield
        return
    usual = PreTrainedModel._get_dtype_plan
    PreTrainedModel._get_dtype_plan = lambda self, dtype: {".*": kept}  # type: ignore[method-assign]
    try:
        yield
    finally:
        PreTrainedModel._get_dtype_plan = usual  # type: ignore[method-assign]


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
