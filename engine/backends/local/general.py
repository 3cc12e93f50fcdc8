"""Any model of transformers out of a folder: as it is, or packed for this processor."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from transformers import AutoModelForCausalLM, PreTrainedModel

from engine.backends.local.packed import one_thread, pack
from engine.errors import BadModel, first_line

HALVES = {"BF16": torch.bfloat16, "F16": torch.float16}  # types that a checkpoint may be kept in, by safetensors' names


def load_general(folder: Path, name: str, dtype: torch.dtype, device: str, *, packed: bool) -> Any:
    """Load a model in eval mode. Raises BadModel, which calls the model `name`.

    packed: layer by layer; weights of half precision are never all there in float32, so that the memory needed stays near that of the
    packed ones.
    """
    try:
        with weights_kept_in(half_of(folder) if packed else None):
            loaded: Any = AutoModelForCausalLM.from_pretrained(
                folder,
                dtype=dtype,
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
    return model.to(device).eval().requires_grad_(False)


def pack_whole(model: Any, dtype: torch.dtype) -> None:
    """Pack a loaded model on the processor."""
    with one_thread():
        pack(model, dtype)


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
