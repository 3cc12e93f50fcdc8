"""What fronts call: a few coroutines, all rules of the product behind them.

orders.py         a request with who asked it and where
agreed.py         what is said where both sides gave the same answer, and what to ask next
saying_who.py     answers that say which side they are
ending.py         how a duel ends, and whose answer its conversation goes on with
before.py         the duels of the conversation that a request goes on with
progress.py       a duel while it is answered, and how those who watch one are woken
blind.py          a stored or running duel as one viewer may see it
limits.py         how much one person and one team may ask and spend
gathering.py      what is known about a pair besides its duels: cards, settings, timings
ledgers.py        ledgers in memory, brought up to date with the duels closed since the last look
evidence.py       verdicts on demand, who met whom, the leader board
routing.py        what share of requests become duels, who answers the others, and what drift does to it
route_words.py   how requests are answered, in sentences
pictures.py       pictures that were drawn, kept while nothing has changed
model.py          the model, loading beside everything else
choices.py        the recipes there are, and the two contestants that meet
shelf.py          adapters that come and go while the bot runs
bases.py          the bases that duels can be asked of; another one loads once it is picked
pairing.py        any two contestants that were picked, or those of which least is known
teams.py          what each team has settled for its duels, and what it may choose from
learnable.py      what closed duels of people who agreed teach: pairs, winners, judged answers
past.py           a past request with all that it was asked with
running.py        duels in flight, from the waiting for the model to their end in the store
core.py           what the parts of the app work with, and changes that are never cut off
differing.py      two versions of a recipe compared word by word
versions.py       versions of recipes: saved, switched at once, imported and exported
consents.py       people agree that their closed duels may train adapters, or withdraw
closing.py        votes are closed, by those who decide it and by their deadlines
collecting.py     votes of several people outside of channels, and what waits for one's vote
addressing.py     which messages in a server ask, and which only talk
notices.py        who wants to be pinged when a vote closes
asking.py         an order becomes a duel that is being answered
programs.py       programs that ask with a key, and those keys
voting.py         ballots, guesses, reasons and closes
exporting.py      a team's duels and ballots as rows for files
export_files.py   duels and ballots as CSV and JSONL
talks.py          conversations: found again, given a title, deleted
looking.py        duels as one person may see them now, while they change, and in lists
judging.py        the verdict of a pair, with its pictures, sums and estimates
editing.py        requests that were edited after they were asked
removing.py       duels whose texts are deleted
posting.py        what the messages of duels show, and whom to tell
remembering.py    what fronts keep across starts, and forgetting a person
asked_rows.py     the requests in a file of rows
batching.py       files of requests, asked one after the other, also after a restart
filing.py         files of requests outside of channels, worked on by the app itself
previewing.py     a recipe that is edited tried out on the team's last requests
proposing.py      examples for a recipe, from the winners of votes
rematching.py     a new version answers past requests again, and only changed answers are voted on
replays.py        past requests answered by each side alone while nobody waits, to compare their clocks
halves.py         the other answer of a duel that a program asked, written while nobody waits
jobs.py           work that takes minutes: a queue, each in a process of its own
readiness.py      whether people can be served: the model answers, the store is writable
training.py       rows that are brought, estimates and trainings as jobs, and what has come of them
searching.py      a job searches for a better recipe
decisions.py      a file of examples becomes a decision, and duels that confirm it
serving.py        the winner of a decision answers, and most requests are no duels any more
rereading.py      recipes, prices and tag rules read again while people are served
app.py            opens all of these and holds them
"""

from bot.app.app import App
from bot.app.model import OpenLineup

__all__ = ["App", "OpenLineup"]
