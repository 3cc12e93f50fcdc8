"""/recipes: recipes and their versions. Renders what App says, and hands on what people do.

frame.py      what all these pages share: the header, ways between them
listing.py    the chains of versions, with what can be done with each
trying.py     a draft tried out beside the version that answers now
shots.py      examples proposed from votes or rows
editor.py     a version in the form, with the preview beside it
comparing.py  two versions word by word, and their rematch
votes.py      rematches that wait for a vote, one after the other
page.py       the addresses
"""

from bot.fronts.web.recipes.page import add_recipes

__all__ = ["add_recipes"]
