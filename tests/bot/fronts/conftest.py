"""For the fronts: the first picture of a process loads matplotlib and its fonts, which is no part of any answer's time."""

import pytest

from bot.charts import Chart, draw
from bot.verdict import Ledger, judge
from tests.bot.verdict.make import SCOPE, facts


@pytest.fixture(scope="session", autouse=True)
def fonts_are_known() -> None:
    """Draw a picture before anything waits for one."""
    draw(Chart.CARD, judge(Ledger.start(SCOPE), facts()), form="png")
