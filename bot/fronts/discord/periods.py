"""Periods that a command can be narrowed to."""

from datetime import datetime

import discord
from discord import app_commands

from bot.verdict.periods import PERIODS, days_of, period_words, since

PERIOD_CHOICES = [app_commands.Choice(name=f"last {period_words(days)}", value=name) for name, days in PERIODS.items()]


def since_of(period: str | None) -> datetime | None:
    """Find where a period begins (UTC); None: no period, so everything. Raises BadRequest."""
    return since(days_of(period or ""), discord.utils.utcnow())


def last_words(period: str | None) -> str:
    """Name a period in a sentence; empty for none. Raises BadRequest."""
    return f"the last {period_words(days_of(period))}" if period else ""
