"""/adapters: which adapters there are, rows that are brought and checked, and trainings while they go on. Renders what App says.

words.py    sentences that only this page says
shelf.py    the list of adapters, with what a person can do with each
rows.py     from rows that were brought to an estimate or a training
jobs.py     a job as it goes on: bar, time left, picture, and what can be done with what it made
page.py     the page that is open in a browser, and the addresses
"""

from bot.fronts.web.adapters.page import add_adapters

__all__ = ["add_adapters"]
