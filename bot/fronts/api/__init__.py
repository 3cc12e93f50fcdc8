"""The endpoint for a team's own program: OpenAI's chat completions over what App says. `await serve(app, settings)`.

refused.py  errors as OpenAI's API has them
asked.py    what a program asks, read strictly: nothing that it says is ignored
told.py     what it is told: completions, pieces of them, models
server.py   the addresses, the keys, and the way from a body to an answer
"""

from bot.fronts.api.server import serve

__all__ = ["serve"]
