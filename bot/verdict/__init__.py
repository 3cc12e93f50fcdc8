"""The verdict: closed duels of a scope are folded into a ledger, and a ledger is judged. Pure; bot.evidence does the arithmetic.

scope.py     which duels a verdict is about: a pair, and perhaps a team, a tag, a period
periods.py   the periods there are, and where one begins
samples.py   what the latest answers of a pair took, paired by duel
trail.py     the way the evidence went, at looks few enough to draw
ledger.py    what is kept of a scope's closed duels, so that one more costs the same at any time
outcomes.py  many closed duels folded at once
tried.py     among how many pairs and versions a verdict stands
facts.py     what is known about a pair besides its duels
offline.py   an evaluation set's scores as paired differences with intervals
words.py     a verdict in sentences
figures.py   its figures in words, the same on every front
judge.py     from a ledger and facts to a Verdict
"""

from bot.verdict.facts import Facts, Latency, OfflineLine, Timings
from bot.verdict.judge import Unknown, Verdict, judge
from bot.verdict.ledger import Filed, Ledger
from bot.verdict.outcomes import Told, fold, repeats
from bot.verdict.samples import Sample
from bot.verdict.scope import Scope, in_question, ordered
from bot.verdict.tried import Tried
from bot.who import Who

__all__ = [
    "Facts",
    "Filed",
    "Latency",
    "Ledger",
    "OfflineLine",
    "Sample",
    "Scope",
    "Timings",
    "Told",
    "Tried",
    "Unknown",
    "Verdict",
    "Who",
    "fold",
    "in_question",
    "judge",
    "ordered",
    "repeats",
]
