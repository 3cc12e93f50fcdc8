"""Pictures of a verdict: one look, light and dark, each with words that say the same. Drawn off the event loop.

picture = await drawn(Chart.SHARE, verdict, "dark", "png")
"""

from bot.charts.draw import Chart, Form, Picture, Theme, alt, draw, drawn
from bot.charts.words import BoardLine

__all__ = ["BoardLine", "Chart", "Form", "Picture", "Theme", "alt", "draw", "drawn"]
