"""A folder becomes a backend that answers. Needs no torch until it is asked to open one."""

import asyncio
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from engine.backends.local.gguf import Say, unsaid
from engine.backends.local.imports import light_imports
from engine.backends.local.machine import SHARE, machine_bytes, usual_threads
from engine.backends.local.threads import choices
from engine.folders import user_cache
from engine.settings import EngineSettings

if TYPE_CHECKING:
    from engine.backends.local.backend import LocalBackend
    from engine.backends.local.loading import Way


async def open_local(folder: Path, name: str, settings: EngineSettings, way: "Way" = "best", say: Say = unsaid) -> "LocalBackend":
    """Load the base model in `folder`, shown as `name`, to be run in the best way or one that is to be measured.

    say: is told what takes long, the first time, from any thread. Raises BadModel, SettingsError.

    transformers, and torch where the model needs it, are imported here, in a thread beside the event loop: that takes seconds, in which
    a page is already served.
    """
    start = await asyncio.to_thread(_load, folder, name, settings, way, say)
    return start()


def _load(folder: Path, name: str, settings: EngineSettings, way: "Way", say: Say) -> "Callable[[], LocalBackend]":
    with light_imports():
        from engine.backends.local.loading import load_base, pick_device  # before the next, as it chooses how transformers is imported

        device = pick_device(settings.device)
        loaded = load_base(folder, name, settings.dtype, device, way)
        from engine.backends.local.backend import LocalBackend
        from engine.backends.local.compiling import is_kept
        from engine.backends.local.fused import Fused
        from engine.backends.local.pages import give_back_freed
        from engine.backends.local.recalled import StatesFolder
    if isinstance(loaded.model, Fused) and not is_kept("forward"):
        say("Compiling the loop over the model's layers for this processor, once …")
    recalled = StatesFolder(states_folder(), loaded.base.revision) if isinstance(loaded.model, Fused) else None
    give_back_freed()  # what the weights lay in before they were packed
    return partial(
        LocalBackend,
        loaded,
        max_rows=settings.max_rows,
        device=device,
        least=settings.alive_difference,
        threads=[settings.threads] if settings.threads else choices(usual_threads()) if device == "cpu" else [],
        budget_bytes=settings.kv_mib << 20 or machine_bytes() // SHARE,
        recalled=recalled,
    )


def states_folder() -> Path:
    """Name the folder in the user's cache where states of recipes are kept."""
    return user_cache() / "read"
