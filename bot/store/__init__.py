"""Conversations, answers and ballots on disk. What people are told to be kept is kept: committed and synced first.

cells.py        a value as a cell of a CSV file, and back
place.py        where the store's files lie, and whether their names still lead to them
seals.py        which log belongs to which file
records.py      the values that are kept, and how they become rows and come back
checking.py     what a row must be before it is taken into a store
transaction.py  duels, answers, ballots, contestants: asked and changed inside one transaction
evaluations.py  what is kept of evaluation sets
evidence.py     closed duels in closing order, and the ledgers folded from them
runs.py         what is kept of files of requests while they are worked on
teams.py        where duels are shown, conversations in channels, a team's settings, guesses
opening.py      the folder, the lock, the migrations, and words for what fails
backup.py       a copy made while the store is used, and such a copy put back
store.py        one file, one connection, one transaction at a time
exchange.py     whole tables out of a store and into an empty one
"""

from bot.store.records import AnswerRecord, CarriedBy, ClosedBy, DuelRecord
from bot.store.store import Store
from bot.store.transaction import Transaction

__all__ = ["AnswerRecord", "CarriedBy", "ClosedBy", "DuelRecord", "Store", "Transaction"]
