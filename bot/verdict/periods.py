"""Periods that evidence can be narrowed to: one list and one beginning for every front. Pure."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from bot.words import counted
from engine.errors import BadRequest

PERIODS: Mapping[str, int] = {"day": 1, "week": 7, "month": 30, "quarter": 90, "year": 365}  # days, by the name that commands take
ALL_TIME = 0  # days of no period


def since(days: int, now: datetime) -> datetime | None:
    """Find where a period begins, in UTC: at midnight, so that all looks of a day share their evidence; None for all time."""
    today = now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    return today - timedelta(days=days) if days else None


def days_of(name: str) -> int:
    """Read a period's name, or its days in digits; empty is all time. Raises BadRequest for a period that there is none of."""
    known = {"": ALL_TIME, str(ALL_TIME): ALL_TIME, **PERIODS, **{str(days): days for days in PERIODS.values()}}
    if name not in known:
        raise BadRequest(f"There is no such period: days is one of 0, {', '.join(map(str, PERIODS.values()))}; 0 means all time.")
    return known[name]


def period_words(days: int) -> str:
    """Name a period: "7 days", "all time"."""
    return counted(days, "day") if days else "all time"
