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
        """What narrows it; empty for all duels."""
        parts = (
            f"tag {self.tag}" if self.tag is not None else "",
            "this team" if self.team is not None else "",
            f"since {self.since:%Y-%m-%d}" if self.since else "",
            f"before {self.until:%Y-%m-%d}" if self.until else "",
        )
        return ", ".join(part for part in parts if part)


def ordered(contestants: Sequence[Who]) -> tuple[Who, Who]:
    """The pair as evidence counts it, whatever the order of a duel's arms: prompted before tuned, the one without an adapter first."""
    arms = list(Arm)
    first, second = sorted(contestants, key=lambda one: (one.arm.adapted, arms.index(one.arm), one.id))
    return first, second
