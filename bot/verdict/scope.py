"""Which duels a verdict is about: a pair of contestants, and perhaps a team, a tag, a period."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime

from bot.evidence.duels import Pair
from bot.margins import ALPHA, DELTA
from bot.who import Who
from engine.contestants import Arm


@dataclass(frozen=True, slots=True)
class Scope:
    """All closed duels of the pair, unless narrowed. Evidence is kept by scope, so the same question is answered in O(1) later.

    Scopes and margins should be chosen before looking: each has its own error rate, and picking the best of many has none.
    """

    pair: Pair
    team: str | None = None  # None: everybody's duels
    tag: str | None = None
    since: datetime | None = None  # UTC; closed at or after
    until: datetime | None = None  # UTC; closed before
    delta: float = DELTA
    alpha: float = ALPHA

    @property
    def key(self) -> str:
        """The scope as text, to keep evidence under."""
        return json.dumps(asdict(self), default=lambda moment: moment.isoformat(), sort_keys=True)

    @property
    def words(self) -> str:
        """Words that say what narrows the scope; empty for all duels."""
        parts = (
            f"tag {self.tag}" if self.tag is not None else "",
            "this team" if self.team is not None else "",
            f"since {self.since:%Y-%m-%d}" if self.since else "",
            f"before {self.until:%Y-%m-%d}" if self.until else "",
        )
        return ", ".join(part for part in parts if part)


def in_question(now: tuple[Who, Who] | None, met: Sequence[tuple[Who, Who, int]]) -> tuple[Who, Who] | None:
    """Choose the pair that a verdict is about where nobody named one: the one that meets now, else (no model is loaded) the one that
    closed the latest duel; None where there is neither. met: pairs with their closed duels, the latest first.
    """
    if now is not None or not met:
        return now
    first, second, _ = met[0]
    return first, second


def ordered(contestants: Sequence[Who]) -> tuple[Who, Who]:
    """Order a pair as evidence counts it, whatever the order of a duel's arms: the one without an adapter first, prompted before plain."""
    arms = list(Arm)
    first, second = sorted(contestants, key=lambda one: (one.arm.adapted, arms.index(one.arm), one.id))
    return first, second
