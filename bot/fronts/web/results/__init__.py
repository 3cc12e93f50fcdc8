"""/results: the verdict with its pictures, aspect by aspect, following the votes as they come. Renders what App says.

look.py      what one look at the results holds, read from the app
parts.py     panels, tables and pictures
panels.py    the panels from top to bottom
page.py      the page that is open in a browser, and the addresses
"""

from bot.fronts.web.results.page import add_results

__all__ = ["add_results"]
