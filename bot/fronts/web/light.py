"""NiceGUI, imported without what its socket library wants for clients: this is a server, which is there a fifth sooner without."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager

CLIENTS = ("aiohttp", "requests")  # engineio takes both for optional, and its servers use neither


@contextmanager
def without(*names: str) -> Iterator[None]:
    """Import as if these modules were not installed; those that are imported already stay, and later ones are found again."""
    absent = [name for name in names if name not in sys.modules]
    sys.modules.update(dict.fromkeys(absent))  # type: ignore[arg-type]  # what None says to an import
    try:
        yield
    finally:
        for name in absent:
            del sys.modules[name]


with without(*CLIENTS):
    import nicegui  # noqa: F401
