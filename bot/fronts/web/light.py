"""NiceGUI, imported without what its socket library wants for clients: this is a server, which is there a fifth sooner without."""

from engine.backends.local.imports import without

with without("aiohttp", "requests"):  # engineio takes both for optional, and its servers use neither
    import nicegui  # noqa: F401
