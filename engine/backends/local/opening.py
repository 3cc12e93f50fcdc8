"""A folder becomes a backend that answers. Needs no torch until it is asked to open one."""

import asyncio
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from engine.backends.local.imports import light_imports
from engine.backends.local.machine import SHARE, machine_bytes
from engine.backends.local.threads import choices
from engine.settings import EngineSettings

if TYPE_CHECKING:
    from engine.backends.local.backend import LocalBackend
    from engine.backends.local.loading import Way


async def open_local(folder: Path, name: str, settings: EngineSettings, way: "Way" = "best") -> "LocalBackend":
    """Load the base model in `folder`, shown as `name`, to be run in the best way or one that is to be measured.

    Raises BadModel, SettingsError.

    torch and transformers are imported here, in a thread beside the event loop: that takes seconds, in which a page is already served.
    """
    start = await asyncio.to_thread(_load, folder, name, settings, way)
    return start()


def _load(folder: Path, name: str, settings: EngineSettings, way: "Way") -> "Callable[[], LocalBackend]":
    with light_imports():
        import torch

        from engine.backends.local.backend import MOST_THREADS, LocalBackend
        from engine.backends.local.loading import load_base, pick_device
    device = pick_device(settings.device)
    loaded = load_base(folder, name, settings.dtype, device, way)
    if settings.threads:
        torch.set_num_threads(settings.threads)
    return partial(
        LocalBackend,
        loaded,
        max_rows=settings.max_rows,
        device=device,
        least=settings.alive_difference,
        threads=choices(MOST_THREADS) if device == "cpu" and not settings.threads else [],
        budget_bytes=settings.kv_mib << 20 or machine_bytes() // SHARE,
    )
