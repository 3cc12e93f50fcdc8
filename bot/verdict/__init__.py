"""The verdict: closed duels of a scope are folded into a ledger, and a ledger is judged. Pure; bot.evidence does the arithmetic."""

from bot.verdict.facts import Facts, Latency, OfflineLine, Timings
from bot.verdict.judge import Unknown, Verdict, judge
from bot.verdict.ledger import Filed, Ledger
from bot.verdict.outcome import outcome
from bot.verdict.outcomes import Told, fold, repeats
from bot.verdict.samples import Sample
from bot.verdict.scope import Scope, ordered
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
    "judge",
    "ordered",
    "outcome",
    "repeats",
]
