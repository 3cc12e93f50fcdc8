"""Pictures of a verdict: one look, light and dark, each with words that say the same. Drawn off the event loop.

picture = await drawn(Chart.SHARE, verdict, "dark", "png")

look.py     colours as on the page, and a bare figure to draw on
words.py    what each picture shows, for those who cannot see it
share.py    the fine-tune's share with its confidence sequence, look by look
latency.py  how long both sides take, as distributions with their medians
cost.py     what both sides have cost after so many requests, and where the lines cross
card.py     the decision card as a table
training.py  how a training went: loss and held-out rows
leaders.py  all contestants with their expected share against the others
draw.py     which chart, in which theme, as which file
"""

from bot.charts.draw import Chart, Form, Picture, Theme, alt, draw, drawn, training_picture
from bot.charts.words import BoardLine

__all__ = ["BoardLine", "Chart", "Form", "Picture", "Theme", "alt", "draw", "drawn", "training_picture"]
