"""/decide: a file of examples is brought, a decision is watched while it is made, read, and confirmed by votes. Renders what App says.

words.py   sentences that only this page says
card.py    a decision as it goes on: its steps, its end, and what can be done with it
page.py    the page that is open in a browser, and the addresses
"""

from bot.fronts.web.deciding.page import add_decisions

__all__ = ["add_decisions"]
