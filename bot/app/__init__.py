"""What fronts call: a few coroutines, all rules of the product behind them.

agreed.py       what is said where both sides gave the same answer, and what to ask next
ending.py       how a duel ends, and whose answer its conversation goes on with
progress.py     a duel while it is answered, and how those who watch one are woken
blind.py        a stored or running duel as one viewer may see it
gathering.py    what is known about a pair besides its duels: cards, settings, timings
model.py        the model, loading beside everything else
choices.py      the recipes there are, and the two contestants that meet
running.py      duels in flight, from the waiting for the model to their end in the store
orders.py       a request with who asked it and where
limits.py       how much a person and a team may ask and spend, on every front
teams.py        what a team has settled for its duels, and what it may choose from
batching.py     files of requests, asked one after the other, also after a restart
before.py       what comes before a request: the conversation that it goes on with
core.py         what the parts share: store, model, duels in flight, clock, changes never cut off
replays.py      past requests answered by each side alone while nobody waits, to compare their clocks
asking.py       an order becomes a duel that is being answered, in one transaction
exporting.py    a team's duels and ballots as rows for files; an open vote stays blind
ledgers.py      each scope's ledger in memory, brought up to date and kept now and then
evidence.py     verdicts on demand: the ledger brought up to date, and judged
pictures.py     pictures that were drawn, kept while nothing has changed
judging.py      verdicts, pictures, sums and estimates over many duels
looking.py      duels as one person may see them now, while they change, and in lists
posting.py      what the messages of duels show, and whom to tell of a close
remembering.py  what fronts keep across starts, and forgetting a person
voting.py       ballots, guesses, closes: who may do what is decided where it is written
app.py          opens and holds the parts that fronts call
"""

from bot.app.app import App
from bot.app.model import OpenLineup

__all__ = ["App", "OpenLineup"]
