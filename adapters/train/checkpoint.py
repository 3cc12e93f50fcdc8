"""The checkpoint of a training: one file, whole at any moment."""

import pickle
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from engine.errors import DuelbotError


class BadCheckpoint(DuelbotError):
    """A training cannot go on from the file that should say where it has got to."""


def save(path: Path, state: dict[str, Any]) -> None:
    """Keep tensors and plain values. The file is written beside and moved into place: a torn one would stop the resuming."""
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_suffix(".part")
    torch.save(state, beside)
    beside.replace(path)


def load(path: Path, device: str) -> dict[str, Any]:
    """Return what was kept, its tensors on `device`. Raises BadCheckpoint for a file that torch cannot read."""
    try:
        state: dict[str, Any] = torch.load(path, weights_only=True, map_location=device)
    except (OSError, RuntimeError, ValueError, EOFError, pickle.UnpicklingError) as error:
        raise BadCheckpoint(f"The checkpoint {path} cannot be read. Delete it, and the training begins anew.") from error
    return state


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
