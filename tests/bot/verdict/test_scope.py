"""Which duels a verdict is about: one list of periods, one beginning, one rule for the pair."""

from datetime import UTC, datetime, timedelta, timezone

import pytest

from bot.fronts.discord.periods import PERIOD_CHOICES
from bot.fronts.web.asked import Query
from bot.verdict import in_question
from bot.verdict.periods import PERIODS, days_of, period_words, since
from engine.errors import BadRequest
from tests.bot.verdict.make import WHO

OTHERS = (WHO[1], WHO[0])


def test_a_period_begins_at_midnight_in_utc_wherever_the_clock_stands() -> None:
    now = datetime(2026, 3, 1, 1, 30, tzinfo=timezone(timedelta(hours=2)))  # still February in UTC
    assert since(7, now) == datetime(2026, 2, 21, tzinfo=UTC)
    assert since(0, now) is None


def test_every_front_takes_the_same_periods() -> None:
    assert [choice.name for choice in PERIOD_CHOICES] == [f"last {period_words(days)}" for days in PERIODS.values()]
    for choice in PERIOD_CHOICES:
        assert Query.read({"days": str(days_of(str(choice.value)))}).days == PERIODS[str(choice.value)]
    assert Query.read({}).days == days_of("") == days_of("0") == 0
    with pytest.raises(BadRequest, match="days is one of 0, 1, 7, 30, 90, 365;"):
        days_of("8")


def test_the_pair_in_question_is_the_one_that_meets_and_else_the_latest_that_did() -> None:
    assert in_question(WHO, [(*OTHERS, 3)]) == WHO
    assert in_question(None, [(*OTHERS, 3), (*WHO, 9)]) == OTHERS
    assert in_question(None, []) is None
