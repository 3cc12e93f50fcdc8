"""The browser page: `await serve(app, settings)`.

light.py     NiceGUI, imported for less
words.py     sentences that only the page says
maths.py     formulas as MathML
code.py      code, coloured
markup.py    what people and models wrote, made safe to show
dom.py       plain elements, icons, and the two components that run in the browser
assets.py    the style sheet, and the few lines that run before the page is drawn
plain.py     pages of a few words, without a script: the login, everything that can go wrong
patience.py  how long a connection may take to say what it wants
sessions.py  who is logged in, and the key that signs what browsers keep
door.py      who may come in, and the headers of every response
watch.py     /healthz, /readyz, /metrics, and an id for every request
login.py     the login page, and the way out
tab.py       what runs for one browser tab until it is left
header.py    the header of the chat page
hands.py     pages with jobs: looking again, and what can be done with any job
bringing.py  files of rows that are brought: the form, the way in, what the check says
history.py   the drawer with earlier duels
ballot.py    the foot of an open duel: a ballot, votes of several people, second thoughts, why
reveal.py    the foot of a closed one: who was who, what each took
turn.py      one duel: the request, two cards that nothing tells apart, and what can be done
turns.py     the duels of a tab's conversation: drawn, followed, voted on
queue.py     duels that wait for a vote, one after the other
pair.py      the bar above the box: who meets, and whose votes close the duel
filed.py     files of requests: brought, followed, voted on
dock.py      the box that requests are typed into, and the way from there to a duel
page.py      the chat page of one browser tab
asked.py     what the address of the results asks for: a pair, a tag, a period
results/     the verdict with its pictures, following the votes
form.py      the form in which a recipe is edited, and what comes out of it
recipes/     recipes and their versions: edited, compared, answered again, voted on
adapters/    adapters to use and to roll back, rows, and trainings while they go on
deciding/    a file of examples becomes a decision: brought, watched, read, confirmed by votes
settings.py  what a browser has settled, the export, what this is
searching.py  a search for a better prompt, from rows that are brought
routing/     the duel share and who answers the others; keys for programs
server.py    NiceGUI behind the door, in the event loop that the app runs in
"""

import bot.fronts.web.light  # noqa: F401 - before anything else imports NiceGUI
from bot.fronts.web.server import serve, serve_watch

__all__ = ["serve", "serve_watch"]
