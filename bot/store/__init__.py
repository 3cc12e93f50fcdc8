"""Conversations, answers and ballots on disk. What people are told to be kept is kept: committed and synced first.

place.py          where the store's files lie, and whether their names still lead to them
seals.py          which log belongs to which file
records.py        the values that are kept, and how they become rows and come back
checking.py       what a row must be before it is taken into a store
transaction.py    what runs SQL; the SQL stands in the row classes, a subject a file
evaluations.py    what is kept of evaluation sets
evidence.py       what closed duels of a scope say, in closing order
teams.py          what teams have settled, and small facts that a front remembers
opening.py        the folder, the lock, the migrations, and words for what fails
backup.py         a copy made while the store is used, and such a copy put back
store.py          one file, one connection, one transaction at a time
exchange.py       whole tables out of a store and into an empty one
ballots.py        ballots and guesses, at most one of each for a voter and a duel
batches.py        files of requests that are worked on
contestants.py    contestants spelled out, when they went live, who met whom
conversations.py  what was said before a conversation, and which one goes on in a direct message
counts.py         counts and sums over duels: asked and spent lately, what a duel took
duels.py          duels with their answers and ballots: read whole, begun, changed
forgetting.py     a person's requests, answers and guesses deleted
ledgers.py        the folded evidence of a scope, up to a closing number
posts.py          where duels of channels are shown, what their messages show, who has to be told
lists.py          lists and sums of duels as people look at them
replays.py        past requests answered again by each side alone
tags.py           what requests are about, in a word
"""

from bot.store.records import AnswerRecord, CarriedBy, ClosedBy, DuelRecord
from bot.store.store import Store
from bot.store.transaction import Transaction

__all__ = ["AnswerRecord", "CarriedBy", "ClosedBy", "DuelRecord", "Store", "Transaction"]
