"""For the fronts: the first picture of a process loads matplotlib and its fonts, which is no part of any answer's time."""

from collections.abc import Sequence

import pytest

from adapters.train.curve import TrainingCurve
from bot.charts import BoardLine, Chart, Form, Picture, Theme, alt, draw, drawn, training_picture
from bot.verdict import Ledger, Verdict, judge
from tests.bot.verdict.make import SCOPE, facts


@pytest.fixture(scope="session", autouse=True)
def fonts_are_known() -> None:
    """Draw a picture before anything waits for one."""
    draw(Chart.CARD, judge(Ledger.start(SCOPE), facts()), form="png")


KEPT: dict[tuple[Chart, Theme, Form], bytes] = {}
CURVES: dict[tuple[TrainingCurve, float | None, Theme, Form], Picture] = {}


@pytest.fixture
def drawn_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """For tests that are not about what pictures show: each kind is drawn for the first verdict, later ones have their own words alone."""

    async def kept(chart: Chart, verdict: Verdict, theme: Theme, form: Form, board: Sequence[BoardLine] = ()) -> Picture:
        if (chart, theme, form) not in KEPT:
            KEPT[chart, theme, form] = (await drawn(chart, verdict, theme, form, board)).data
        return Picture(KEPT[chart, theme, form], form, alt(chart, verdict, board))

    async def curve(losses: TrainingCurve, prompt_right: float | None, theme: Theme = "light", form: Form = "svg") -> Picture:
        if (losses, prompt_right, theme, form) not in CURVES:
            CURVES[losses, prompt_right, theme, form] = await training_picture(losses, prompt_right, theme, form)
        return CURVES[losses, prompt_right, theme, form]

    monkeypatch.setattr("bot.app.pictures.drawn", kept)
    monkeypatch.setattr("bot.app.training.training_picture", curve)
