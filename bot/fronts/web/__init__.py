"""The browser page: `await serve(app, settings)`."""

from bot.fronts.web.server import serve

__all__ = ["serve"]
