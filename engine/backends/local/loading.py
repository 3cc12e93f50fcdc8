"""A folder becomes a checked model and tokenizer; every way to fail is one sentence."""

from collections.abc import Mapping
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any, Literal

import numpy as np
from safetensors import SafetensorError

from engine.backends.local.blueprint import EMBEDDING, HEAD, KINDS, OWN_ROTATION, Blueprint, drawn, usual_config
from engine.backends.local.chat import Chat
from engine.backends.local.checkpoint import Stored, weights_in
from engine.backends.local.compiling import can_compile
from engine.backends.local.fused import Fused
from engine.backends.local.imports import transformers_without_torch, whole_transformers
from engine.backends.local.machine import may_have_cuda
from engine.backends.local.weights import ModelWeights
from engine.contestants import Base, folder_revision
from engine.errors import BadModel, SettingsError, first_line
from engine.folders import way_out
from engine.parsing import read_json, reason

UNKNOWN_CONTEXT = 2048  # tokens, of a model whose config says none
Way = Literal["plain", "general", "best"]  # of transformers as it is; with packed layers; fused where the kind of model is known


@dataclass(frozen=True, slots=True)
class Loaded:
    """A base model ready to run."""

    model: Any  # transformers PreTrainedModel in eval mode, or Fused
    chat: Chat
    base: Base
    end_ids: frozenset[int]  # tokens that end an answer

    @property
    def tokenizer(self) -> Any:
        """The model's tokenizer, of transformers."""
        return self.chat.tokenizer


def load_base(folder: Path, name: str, dtype: str, device: str, way: Way = "plain") -> Loaded:
    """Load weights, tokenizer and chat template from a folder. Raises BadModel; reads no pickle, runs no code from the folder.

    On the processor a model that goes another way than the plain one is packed for it. Elsewhere every way is the plain one.
    """
    lacks = [what for what in ("config.json", "*.safetensors") if not any(folder.glob(what))]
    if lacks and (known := way_out(folder, "base model")):
        raise BadModel(f"The base model {name} cannot be loaded from {folder}, which holds no {lacks[0]}. {known}")
    way = way if device == "cpu" else "plain"
    fuses = way == "best" and dtype == "float32" and can_compile()
    if fuses and _needs_no_torch(folder):
        transformers_without_torch()
    else:
        whole_transformers()
    config = _usual(folder)
    chat = Chat(_tokenizer(folder, name, config), name)
    found = _fused(folder, config) if fuses else None
    model, parameters = found or _general(folder, name, dtype, device, way)
    covered, end_ids = _ends(model.config, folder, chat)
    base = Base(
        name=name,
        revision=folder_revision(folder),
        context_tokens=_context(model.config, name),
        parameters=parameters,
        dtype=dtype,
        quantisation=_quantisation(model.config),
        more_ends=tuple(sorted(end_ids - covered)),
    )
    return Loaded(model, chat, base, end_ids)


def _needs_no_torch(folder: Path) -> bool:
    """Whether a model says that it is of a usual kind, and turns positions in a way that is computed here."""
    try:
        table = read_json(folder / "config.json")
        told = table.get("rope_scaling") or table.get("rope_parameters") or {}
        return table.get("model_type") in KINDS and (told.get("rope_type") or told.get("type") or "default") in OWN_ROTATION
    except (OSError, ValueError, AttributeError):
        return False


def _usual(folder: Path) -> Any:
    """Read the config of a usual kind of model; None for another, and for one that cannot be read, as the libraries will say."""
    try:
        return usual_config(read_json(folder / "config.json"), folder)
    except (OSError, ValueError, TypeError, AttributeError):
        return None


def _fused(folder: Path, config: Any) -> tuple[Fused, int] | None:
    """Load a model of a kind that runs as one compiled loop, and count its parameters; None for any other folder, damaged ones too.

    What is wrong with those is said by the libraries that load all kinds.
    """
    try:
        if config is None:
            from transformers import AutoConfig

            config = AutoConfig.from_pretrained(folder, local_files_only=True)
        plan = drawn(config)
    except Exception:  # transformers' own checks of a config end in any kind
        return None
    if plan is None:
        return None
    try:
        checkpoint = weights_in(folder)
        return (Fused(plan, ModelWeights(plan, checkpoint)), sum(map(prod, plan.shapes.values()))) if _holds(plan, checkpoint) else None
    except (OSError, ValueError, KeyError, SafetensorError):
        return None


def _holds(plan: Blueprint, checkpoint: Mapping[str, Stored]) -> bool:
    """Whether a checkpoint has the weights that a blueprint names, in its shapes, and no others that would mean something."""
    head, embedding = f"{HEAD}.weight", f"{EMBEDDING}.weight"
    more = {name for name in checkpoint.keys() - plan.shapes.keys() if not name.endswith(".rotary_emb.inv_freq")}  # old ones keep angles
    if not plan.shapes.keys() <= checkpoint.keys() or not more <= {head}:
        return False
    if not all(checkpoint[name].shape == shape for name, shape in plan.shapes.items()):
        return False
    return not more or np.array_equal(checkpoint[head].floats(), checkpoint[embedding].floats())


def _general(folder: Path, name: str, dtype: str, device: str, way: Way) -> tuple[Any, int]:
    """Load any model by transformers, and count its parameters. Raises BadModel."""
    whole_transformers()
    import torch

    from engine.backends.local.general import load_general, pack_whole  # takes seconds to import, and the usual kinds do without

    kind = getattr(torch, dtype)
    model = load_general(folder, name, kind, device, packed=way != "plain")
    parameters = sum(parameter.numel() for parameter in model.parameters())
    if way != "plain":
        pack_whole(model, kind)
    return model, parameters


def pick_device(wish: str) -> str:
    """Choose where the model runs: "auto" takes cuda where there is one. Raises SettingsError when cuda is asked for and missing."""
    if wish == "cpu" or (wish == "auto" and not may_have_cuda()):
        return "cpu"
    whole_transformers()  # which is to find torch, now that it is there
    import torch

    if wish == "cuda" and not torch.cuda.is_available():
        raise SettingsError("DUEL_DEVICE is cuda, but no CUDA device can be used here; set it to auto or cpu.")
    return "cuda:0" if torch.cuda.is_available() else "cpu"


def _tokenizer(folder: Path, name: str, config: Any) -> Any:
    """Load the tokenizer. config: of the model, where it has been read; without its class being named, the config's class tells it."""
    try:
        from transformers import AutoTokenizer

        named = "tokenizer_class" in read_json(folder / "tokenizer_config.json")
        tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True, config=config if named else None)
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


def _ends(config: Any, folder: Path, chat: Chat) -> tuple[frozenset[int], frozenset[int]]:
    """The tokens that end an answer: those of config and tokenizer, and with these all there are. Raises BadModel.

    generation_config.json may add some, and so may the mark that the chat template writes after an assistant's turn.
    """

    def given(ids: Any) -> set[int]:
        return set(ids if isinstance(ids, list) else [ids]) - {None}

    file = folder / "generation_config.json"
    try:
        table = read_json(file) if file.is_file() else {}
    except (OSError, ValueError) as error:
        raise BadModel(f"The base model {chat.name} cannot be loaded from {folder}: {file.name}, {reason(error)}.") from error
    more = given(table.get("eos_token_id")) if isinstance(table, dict) else set()
    covered = given(getattr(config, "eos_token_id", None)) | given(chat.tokenizer.eos_token_id)
    return frozenset(covered), frozenset(covered | more | chat.ends())


def _quantisation(config: Any) -> str:
    """The method by which a model's weights are stored in fewer bits, as its config names it; "" for none."""
    told = getattr(config, "quantization_config", None)
    if not told:
        return ""
    method = told.get("quant_method") if isinstance(told, dict) else getattr(told, "quant_method", None)
    return str(getattr(method, "value", method) or "unnamed")
