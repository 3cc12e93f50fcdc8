"""The terminal's front: `python -m bot chat`.

input.py       keys and lines, and what a typed line means
render.py      duels, reveals and lists as rich's renderables
results.py     the verdict and its pictures' figures as tables
routes.py      /route: the duel share, and who answers the other requests
recipes.py     /recipe: versions listed, compared, used
duel.py        one duel: its answers as they are written, a vote, the reveal
chat.py        the conversation: asks, shows, takes votes and commands
"""
