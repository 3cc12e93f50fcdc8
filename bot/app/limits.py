"""Limits: how much one person and one team may ask and spend, on every front, each refused by a sentence that names it."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Literal

from bot.app.orders import BudgetSpent, LimitMet, Order, QueueFull
from bot.settings import LimitSettings
from bot.store import Transaction
from bot.store.counts import AskedLately, CountRows
from bot.store.keys import KeyRows
from bot.store.role_limits import RoleLimitRows
from bot.views import EVERYONE, RoleLimit, Spending
from bot.words import are, counted
from engine.errors import BadRequest

DAY, MONTH = timedelta(days=1), timedelta(days=30)
OUTSIDE = "Page, terminal and direct messages together have"  # they count as one team


@dataclass(frozen=True, slots=True)
class Caps:
    """How much somebody may ask: one person, or the members of one team together."""

    whose: str  # begins a sentence: "You have", "This server has"
    in_flight: int
    per_minute: int
    per_day: int
    usd_per_day: float | None  # what the answers may cost in 24 hours, in US dollars; None: no cap

    def refusal(self, asked: AskedLately, *, paced: bool = False) -> str | None:
        """Say which cap is met; None while there is room. paced: asked one after the other by the bot itself."""
        return self.too_many(asked, paced=paced) or over_budget(self.whose, "daily", asked.usd_last_day, self.usd_per_day)

    def too_many(self, asked: AskedLately, *, paced: bool = False) -> str | None:
        """Say which cap on requests is met; None while there is room."""
        if asked.in_flight >= self.in_flight and not paced:
            return (
                f"{self.whose} {counted(asked.in_flight, 'request')} being answered, and {self.in_flight} is the limit. "
                "Ask again when one of them is done, or stop one."
            )
        if asked.last_minute >= self.per_minute and not paced:
            many = counted(asked.last_minute, "request")
            return f"{self.whose} asked {many} within a minute, and {self.per_minute} is the limit. Wait a minute."
        if asked.last_day >= self.per_day:
            many = counted(asked.last_day, "request")
            return f"{self.whose} asked {many} within 24 hours, and {self.per_day} is the limit. Ask again tomorrow."
        return None


LIMITED = ("in_flight", "per_minute", "per_day", "usd_per_day")  # what a role may limit, as RoleLimit and Caps name it


def caps_of(person: Caps, limits: Mapping[str, RoleLimit], roles: Collection[str]) -> Caps:
    """Find how much a member with these roles may ask: as their most generous role says, and never more than `person`, the settings' caps.

    limits: by role; that of everybody holds for those who have no other role with limits. Pure.
    """
    own = [limit for role, limit in limits.items() if role != EVERYONE and role in roles]
    own = own or [limits[EVERYONE]] if own or EVERYONE in limits else []
    lowered: dict[str, Any] = {}
    for name in LIMITED if own else ():
        said = [getattr(limit, name) for limit in own]
        if None not in said:
            lowered[name] = min(max(said), getattr(person, name))
    return replace(person, **lowered)


def over_budget(whose: str, kind: Literal["daily", "monthly"], spent_usd: float, cap_usd: float | None) -> str | None:
    """Say that a budget is spent; None while there is room, or where there is no cap."""
    if cap_usd is None or spent_usd < cap_usd:
        return None
    period, when = ("24 hours", "tomorrow") if kind == "daily" else ("30 days", "in some days")
    cost = f"the answers of the last {period} cost ${spent_usd:,.2f} of ${cap_usd:,.2f}"
    return f"{whose} spent the {kind} budget: {cost}. Ask again {when}."


class Limits:
    """The limits that the settings name, applied to orders."""

    def __init__(self, settings: LimitSettings, programs_at_once: int) -> None:
        """programs_at_once: requests of programs that are answered at the same time, those of people counted in."""
        self._at_once, self._programs_at_once = settings.in_flight, programs_at_once
        self._person = Caps(
            "You have",
            settings.person_in_flight,
            settings.person_per_minute,
            settings.person_per_day,
            settings.person_usd_per_day,
        )
        self._team = Caps(
            "This server has",
            settings.team_in_flight,
            settings.team_per_minute,
            settings.team_per_day,
            settings.team_usd_per_day,
        )
        self._day_usd, self._month_usd = settings.cap_usd_per_day, settings.cap_usd_per_month

    async def refuse(self, change: Transaction, order: Order, running: int, now: datetime) -> None:
        """Raise QueueFull, LimitMet or BadRequest when this order meets a limit. running: duels that are being answered, of everybody."""
        if running >= (self._programs_at_once if order.program else self._at_once):
            raise QueueFull(f"The queue is full: {counted(running, 'request')} {are(running)} being answered. Ask again in a moment.")
        if order.program:
            await self._refuse_program(change, order, now)
        elif refusal := await self._met(change, order, now):
            raise BadRequest(refusal)

    async def _refuse_program(self, change: Transaction, order: Order, now: datetime) -> None:
        """Raise LimitMet or BudgetSpent when a key, or the budget of its team, allows no more."""
        key = await KeyRows(change).of_asker(order.asker)
        caps = Caps("This key has", key.in_flight, key.per_minute, key.per_day, key.usd_per_day)
        asked = await CountRows(change).of_person(order.asker, now)
        if refusal := caps.too_many(asked):
            raise LimitMet(refusal)
        if refusal := caps.refusal(asked, paced=True) or await self._over_budget(change, order.team, now):
            raise BudgetSpent(refusal)

    async def _met(self, change: Transaction, order: Order, now: datetime) -> str | None:
        """Say which limit of the asker or of the team is met."""
        counts, refusal = CountRows(change), None
        if not order.owner:
            limits = await RoleLimitRows(change).of(order.team) if order.team else {}
            caps = caps_of(self._person, limits, order.roles)
            refusal = caps.refusal(await counts.of_person(order.asker, now), paced=order.batch)
        if order.team and not refusal:
            refusal = self._team.refusal(await counts.of_team(order.team, now), paced=order.batch)
        return refusal or await self._over_budget(change, order.team, now)

    async def _over_budget(self, change: Transaction, team: str | None, now: datetime) -> str | None:
        """Say which budget of the team is spent; None: none, or there is no budget."""
        if self._day_usd is None and self._month_usd is None:
            return None
        spent, whose = await self.spending(change, team, now), self._team.whose if team else OUTSIDE
        day = over_budget(whose, "daily", spent.day_usd, self._day_usd)
        return day or over_budget(whose, "monthly", spent.month_usd, self._month_usd)

    async def spending(self, look: Transaction, team: str | None, now: datetime) -> Spending:
        """Sum up what a team's answers cost; None: page, terminal and direct messages, which count as one team."""
        counts = CountRows(look)
        day, month = [await counts.spent_since(now - period, team) for period in (DAY, MONTH)]
        return Spending(day, month, self._day_usd, self._month_usd)
