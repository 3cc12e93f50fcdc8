"""What fronts call: a few coroutines, all rules of the product behind them.

agreed.py         what is said where both sides gave the same answer, and what to ask next
ending.py         how a duel ends, and whose answer its conversation goes on with
progress.py       a duel while it is answered, and how those who watch one are woken
blind.py          a stored or running duel as one viewer may see it
budget.py         what a team may spend in a day and a month
limits.py         how much one person and one team may ask at once and in a minute
gathering.py      what is known about a pair besides its duels: cards, settings, timings
evidence.py       verdicts on demand: the ledger brought up to date, and judged
pictures.py       pictures that were drawn, kept while nothing has changed
model.py          the model, loading beside everything else
choices.py        the recipes there are, and the two contestants that meet
running.py        duels in flight, from the waiting for the model to their end in the store
replays.py        past requests answered by each side alone while nobody waits, to compare their clocks
app.py            asking, voting and looking for one person at a time
orders.py         a request with the place where it was asked, and what a team has settled
teams.py          the same for teams in channels: deadlines, roles, limits, forgetting
runs.py           files of requests, asked one after the other, also after a restart
"""

from bot.app.app import App
from bot.app.model import OpenLineup

__all__ = ["App", "OpenLineup"]
