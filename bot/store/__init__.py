"""Conversations, answers and ballots on disk. What people are told to be kept is kept: committed and synced first.

place.py          where the store's files lie, and whether their names still lead to them
seals.py          which log belongs to which file
records.py        the values that are kept, and how they become rows and come back
checking.py       what a row must be before it is taken into a store
transaction.py    one transaction: what runs SQL
duels.py          duels with their answers and ballots: read whole, begun, changed
ballots.py        ballots, guesses and reasons, at most one of each for a voter and a duel; names of voters
conversations.py  what was said before a first request, and which one goes on
contestants.py    contestants spelled out, when they went live, who met whom
tags.py           what requests are about
counts.py         what people and teams have asked and spent lately
posts.py          where duels are shown, what their messages show, whom to tell
lists.py          duels as people look at them: the history, a team's, how they went
teams.py          what teams have settled, and small facts that a front keeps
role_limits.py    how much members of a team may ask, by their roles
notices.py        who wants to be pinged when a vote closes, and whom its news has still to name
consents.py       who agreed that their duels may train adapters
batches.py        files of requests while they are worked on
jobs.py           work that takes minutes: its queue, and what has come of it
replays.py        past requests answered again by each side alone
versions.py       recipes as chains of versions, and which of them answers whom
previews.py       requests on which a recipe was tried out while it was edited
rematches.py      past requests that a new version has answered again, for people to vote on
routes.py         how a team's requests are answered, the next draw, and halves that wait for their other answer
keys.py           keys of programs
evaluations.py    rows with references, answered and scored
evidence.py       what closed duels of a scope say, in closing order
ledgers.py        folded evidence, kept so that a start need not read every duel
forgetting.py     a person is forgotten, and what must stay leads to nobody
talks.py          conversations as people look through them: listed, called something, deleted
opening.py        the folder, the lock, the migrations, and words for what fails
backup.py         a copy made while the store is used, and such a copy put back
store.py          one file, one connection, one transaction at a time
exchange.py       whole tables out of a store and into an empty one
"""

from bot.store.records import AnswerRecord, CarriedBy, ClosedBy, DuelRecord
from bot.store.store import Store
from bot.store.transaction import Transaction

__all__ = ["AnswerRecord", "CarriedBy", "ClosedBy", "DuelRecord", "Store", "Transaction"]
