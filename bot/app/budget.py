"""What a team may spend: sums of a day and a month, and a cap that refuses politely before anything is answered."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from bot.settings import LimitSettings
from bot.store.evidence import EvidenceRows
from engine.errors import BadRequest

DAY, MONTH = timedelta(days=1), timedelta(days=30)


@dataclass(frozen=True, slots=True)
class Spending:
    """US dollars that a team's answers cost, against its caps (None: no cap)."""

    day_usd: float
    month_usd: float
    day_cap_usd: float | None
    month_cap_usd: float | None

    def refusal(self) -> str | None:
        """The sentence that says which cap is met; None while there is room."""
        for what, spent, cap, when in (
            ("24 hours", self.day_usd, self.day_cap_usd, "tomorrow"),
            ("30 days", self.month_usd, self.month_cap_usd, "in some days"),
        ):
            if cap is not None and spent >= cap:
                return (
                    f"The team's budget is used up: the answers of the last {what} cost ${spent:,.2f} of ${cap:,.2f}. "
                    f"Ask again {when}, or raise the cap."
                )
        return None


class Budget:
    """Page, terminal and direct messages count as one team of their own."""

    def __init__(self, limits: LimitSettings, now: Callable[[], datetime]) -> None:
        self._limits = limits
        self._now = now

    async def spending(self, book: EvidenceRows, team: str | None) -> Spending:
        now = self._now()
        day, month = [await book.spent_since(now - period, team) for period in (DAY, MONTH)]
        return Spending(day, month, self._limits.cap_usd_per_day, self._limits.cap_usd_per_month)

    async def check(self, book: EvidenceRows, duel: str) -> None:
        """Raises BadRequest when the team of this new duel has met a cap; then nothing of the duel is kept."""
        if self._limits.cap_usd_per_day is None and self._limits.cap_usd_per_month is None:
            return
        if refusal := (await self.spending(book, await book.team_of(duel))).refusal():
            raise BadRequest(refusal)
