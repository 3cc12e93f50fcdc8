"""Whether this machine can run compiled loops, and where they are kept once they have been compiled."""

import atexit
import hashlib
import os
import platform
import shutil
import tempfile
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

import numba
import numpy as np
from llvmlite import binding

from engine.backends.local.imports import without
from engine.folders import user_cache

with without("scipy.linalg"):  # numba looks for it, to multiply matrices, which takes a third of a second; nothing here is multiplied so
    import numba.np.arraymath

NEEDED = ("avx2", "fma", "f16c")  # of a processor: eight numbers at once, multiplied and added in one, read out of float16
SOURCES = ("kernels.py", "products.py", "compiled.py")
F = TypeVar("F", bound=Callable[..., Any])


def can_compile() -> bool:
    """Whether the compiled loops run here: on x86 with what they need, under a system of the POSIX kind."""
    found = binding.get_host_cpu_features()
    return os.name == "posix" and platform.machine().lower() in {"x86_64", "amd64"} and all(found.get(name, False) for name in NEEDED)


def cache_folder() -> str:
    """Name the folder for compiled code. It goes by the text of all that is compiled, as numba looks at a function's own file alone.

    Where nothing can be kept, it is a folder for this process, and the next one compiles again.
    """
    texts = b"".join((Path(__file__).parent / name).read_bytes() for name in SOURCES)
    folder = user_cache() / f"compiled-{hashlib.sha256(texts).hexdigest()[:16]}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        writable = os.access(folder, os.W_OK)
    except OSError:
        writable = False
    return str(folder) if writable else _folder_for_now()


@cache
def _folder_for_now() -> str:
    folder = tempfile.mkdtemp(prefix="duelbot-compiled-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


numba.config.CACHE_DIR = cache_folder()


def is_kept(name: str) -> bool:
    """Whether a function of that name has been compiled here before."""
    return any(Path(numba.config.CACHE_DIR).rglob(f"*.{name}-*.nbi"))


def compiled(function: F) -> F:
    """Have a function compiled when it is first called, and kept. While it runs, the interpreter is free for others."""
    made: F = numba.njit(nogil=True, cache=True, error_model="numpy")(function)
    return made


def unknown(value: int) -> Any:
    """A number whose value a compiled function does not go by, so that one serves for all."""
    return np.int64(value)
