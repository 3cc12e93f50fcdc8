"""torch, transformers and peft, imported for less."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager


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
