"""/route: what share of requests become duels, who answers the others, who has changed that, and keys for programs. Renders what App says.

form.py    the form in which a route is changed
keys.py    the keys of programs
page.py    the page that is open in a browser, and its address
"""

from bot.fronts.web.routing.page import add_routing

__all__ = ["add_routing"]
