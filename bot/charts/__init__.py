"""Pictures of a verdict: one look, light and dark, each with words that say the same. Drawn off the event loop.

    picture = await drawn(Chart.SHARE, verdict, "dark", "png")

words.py    what each picture shows, for those who cannot see it
look.py     colours, fonts and bare axes, light and dark
share.py    the share with its confidence sequence
latency.py  the times of both sides
cost.py     cumulative cost and the break-even
card.py     the decision card
leaders.py  the leader board
draw.py     which chart, in which theme, as which file
"""

from bot.charts.draw import Chart, Form, Picture, Theme, alt, draw, drawn
from bot.charts.words import BoardLine

__all__ = ["BoardLine", "Chart", "Form", "Picture", "Theme", "alt", "draw", "drawn"]
