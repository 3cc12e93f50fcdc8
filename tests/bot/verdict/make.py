"""Closed duels as the store gives them, and a pair to judge."""

from collections.abc import Sequence

from bot.evidence.card import AdapterFacts, RecipeFacts
from bot.evidence.duels import ClosedDuel
from bot.verdict import Facts, Filed, Ledger, Sample, Scope, Who
from engine.contestants import Arm
from engine.named import Named
from tests.bot.evidence.make import PAIR

WHO = (Who(PAIR[0], Arm.PROMPTED, Named("house", "1")), Who(PAIR[1], Arm.TUNED, Named("plain", "1"), Named("demo", "1")))
SCOPE = Scope(PAIR)
RECIPE = RecipeFacts(Named("house", "1"), 120, 3, "demo", None, "local")
ADAPTER = AdapterFacts(Named("demo", "1"), "demo", "0" * 16, training_usd=2.0)
SAMPLE = Sample((400, 60), (0.2, 0.1), (1.0, 0.8), (0.001, 0.0005))


def filed(duels: Sequence[ClosedDuel]) -> list[Filed]:
    """With a sample in the order of each duel's entrants."""
    return [Filed(duel, SAMPLE if duel.entrants == PAIR else SAMPLE.flipped()) for duel in duels]


def ledger_of(duels: Sequence[ClosedDuel], scope: Scope = SCOPE) -> Ledger:
    return Ledger.start(scope).after(filed(duels), max((duel.number for duel in duels), default=0))


def facts() -> Facts:
    return Facts(WHO, RECIPE, ADAPTER, requests_per_month=1000)
