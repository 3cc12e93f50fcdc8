"""The browser page: `await serve(app, settings)`.

markup.py    text of models and people as safe HTML
dom.py       elements, icons, the composer
assets.py    style and scripts
words.py     sentences that only the page says
turn.py      one duel
history.py   earlier conversations
page.py      the conversation
asked.py     which duels the address of the results asks for
results/     the verdict with its pictures
plain.py     pages of a few words: what can go wrong
sessions.py  who is logged in
login.py     the password's page
patience.py  slow requests
door.py      who may come in
server.py    the server, its headers and its end
"""

from bot.fronts.web.server import serve

__all__ = ["serve"]
