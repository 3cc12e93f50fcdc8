"""Periods that a command can be narrowed to."""

from datetime import datetime, timedelta

import discord
from discord import app_commands

PERIODS = {"day": 1, "week": 7, "month": 30, "year": 365}  # days
PERIOD_CHOICES = [app_commands.Choice(name=f"last {period}", value=period) for period in PERIODS]


def since_of(period: str | None) -> datetime | None:
    """Return the moment when a period began that ends now; None: no period, so everything."""
    return discord.utils.utcnow() - timedelta(days=PERIODS[period]) if period in PERIODS else None


def day_of(period: str | None) -> datetime | None:
    """Return the moment when the period's first day began (UTC): one scope for all who ask today."""
    since = since_of(period)
    return since and since.replace(hour=0, minute=0, second=0, microsecond=0)
