"""What fronts call: a few coroutines, all rules of the product behind them."""

from bot.app.app import App
from bot.app.model import OpenLineup

__all__ = ["App", "OpenLineup"]
