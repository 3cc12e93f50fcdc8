"""The checkpoint of a training: one file, whole at any moment. It is safetensors with JSON in its header: to read it runs no code."""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from engine.errors import DuelbotError

STATE = "state"  # name of the entry in the header that holds everything but the tensors


class BadCheckpoint(DuelbotError):
    """A training cannot go on from the file that should say where it has got to."""


def save(path: Path, state: dict[str, Any]) -> None:
    """Keep tensors and plain values. The file is written beside and moved into place: a torn one would stop the resuming.

    Raises OSError where it cannot be written; then the one before is still there, and nothing beside it.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_suffix(".part")
    tensors: list[torch.Tensor] = []
    plain = json.dumps(_packed(state, tensors))
    try:
        save_file({str(number): tensor.contiguous().clone() for number, tensor in enumerate(tensors)}, beside, {STATE: plain})
        with beside.open("rb") as file:
            os.fsync(file.fileno())
        beside.replace(path)
    except SafetensorError as error:
        beside.unlink(missing_ok=True)
        raise OSError(str(error)) from error
    except OSError:
        beside.unlink(missing_ok=True)
        raise


def load(path: Path, device: str) -> dict[str, Any]:
    """Return what was kept, its tensors on `device`. Raises BadCheckpoint for a file that is no checkpoint, or a torn one."""
    try:
        with safe_open(path, framework="pt", device=device) as file:
            plain = json.loads((file.metadata() or {})[STATE])
            state: dict[str, Any] = _unpacked(plain, {name: file.get_tensor(name) for name in file.keys()})  # noqa: SIM118
    except (OSError, SafetensorError, ValueError, LookupError, TypeError) as error:
        raise BadCheckpoint(f"The checkpoint {path} cannot be read. Delete it, and the training begins anew.") from error
    return state


def _packed(value: Any, tensors: list[torch.Tensor]) -> Any:
    """Turn a value into JSON, its tensors into their numbers; keys that are numbers stay numbers."""
    if isinstance(value, torch.Tensor):
        tensors.append(value)
        return {"tensor": len(tensors) - 1}
    if isinstance(value, Mapping):
        return {"table": [[key, _packed(each, tensors)] for key, each in value.items()]}
    if isinstance(value, list | tuple):
        return [_packed(each, tensors) for each in value]
    return value


def _unpacked(value: Any, tensors: Mapping[str, torch.Tensor]) -> Any:
    if isinstance(value, list):
        return [_unpacked(each, tensors) for each in value]
    if not isinstance(value, dict):
        return value
    if "tensor" in value:
        return tensors[str(value["tensor"])]
    return {key: _unpacked(each, tensors) for key, each in value["table"]}


def trained(module: torch.nn.Module) -> dict[str, torch.nn.Parameter]:
    """Return the weights that are trained, by name. The others are as they were made, and no checkpoint needs them."""
    return {name: weight for name, weight in module.named_parameters() if weight.requires_grad}


@torch.no_grad()
def put_back(path: Path, module: torch.nn.Module, kept: Mapping[str, torch.Tensor]) -> None:
    """Set the trained weights to those that were kept in `path`. Raises BadCheckpoint where they are another model's."""
    own = trained(module)
    if {name: weight.shape for name, weight in own.items()} != {name: weight.shape for name, weight in kept.items()}:
        raise BadCheckpoint(f"The checkpoint {path} is of another model. Delete it, or keep this training's checkpoint elsewhere.")
    for name, weight in own.items():
        weight.copy_(kept[name])


def dice() -> dict[str, Any]:
    """Return the state of torch's random numbers, as dropout draws them."""
    return {"cpu": torch.get_rng_state(), "cuda": torch.cuda.get_rng_state_all() if torch.cuda.is_available() else []}


def throw_on(state: dict[str, Any]) -> None:
    """Go on drawing random numbers from where `dice` was taken."""
    torch.set_rng_state(state["cpu"].cpu())
    if torch.cuda.is_available():
        torch.cuda.set_rng_state_all([each.cpu() for each in state["cuda"]])
