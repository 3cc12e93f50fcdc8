"""Heavy libraries, imported for less, or as if others were not installed."""

import gc
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

QUIET = "TRANSFORMERS_NO_ADVISORY_WARNINGS"  # else transformers says that there will be no models


@contextmanager
def light_imports() -> Iterator[None]:
    """Import without collecting garbage, and leave all that is there out of later collections.

    An import makes objects that stay, some million of them here; the collector looks at them again and again, finds nothing, and takes a
    fifth of the time. Frozen, they cost later collections nothing either, each of which stops the page and the model.
    """
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        if was_on:
            gc.enable()


@contextmanager
def without(*names: str) -> Iterator[None]:
    """Import as if these modules were not installed; those that are imported already stay, and later ones are found again."""
    absent = [name for name in names if name not in sys.modules]
    sys.modules.update(dict.fromkeys(absent))  # type: ignore[arg-type]  # None says to an import that there is none
    try:
        yield
    finally:
        for name in absent:
            del sys.modules[name]


def transformers_without_torch() -> None:
    """Import transformers as if torch were not installed, for its tokenizers alone; as it is, where either has been imported before.

    torch takes 1.6 seconds and 190 MB, and no tokenizer needs it.
    """
    if "torch" in sys.modules or "transformers" in sys.modules:
        _quieten()
        return
    usual = os.environ.get(QUIET)
    os.environ[QUIET] = "1"
    try:
        with without("torch"):
            import transformers
            from transformers import AutoTokenizer, PreTrainedConfig, PreTrainedTokenizerBase  # noqa: F401 - each decides by what is there

        transformers._without_torch = True  # type: ignore[attr-defined]
        _quieten()
    finally:
        if usual is None:
            del os.environ[QUIET]
        else:
            os.environ[QUIET] = usual


def whole_transformers() -> None:
    """Import transformers so that it finds torch when it wants it. What has been made without goes on as it is."""
    if getattr(sys.modules.get("transformers"), "_without_torch", False):
        for name in [name for name in sys.modules if name == "transformers" or name.startswith("transformers.")]:
            del sys.modules[name]
    _quieten()


def _quieten() -> None:
    """Have transformers say nothing below an error, and draw no bars."""
    from transformers.utils import logging

    logging.set_verbosity_error()  # type: ignore[no-untyped-call]
    logging.disable_progress_bar()  # type: ignore[no-untyped-call]
