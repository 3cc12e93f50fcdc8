"""From a verdict to a picture: which chart, in which theme, as which file."""

import asyncio
import io
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Literal

from adapters.train.curve import TrainingCurve
from bot.charts import words
from bot.verdict import Verdict

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from bot.charts.look import Look

Theme = Literal["light", "dark"]
Form = Literal["svg", "png"]
_ONE_AT_A_TIME = threading.Lock()  # matplotlib's settings and font cache belong to the process
DOTS = 160  # dots per inch of a PNG: sharp on a phone


class Chart(StrEnum):
    """The charts there are."""

    SHARE = "share"  # theta with its confidence sequence over duels
    LATENCY = "latency"  # distributions of both sides
    COST = "cost"  # cumulative cost against requests, with the break-even band
    CARD = "card"  # the decision card as a table
    BOARD = "board"  # all contestants with intervals


@dataclass(frozen=True, slots=True)
class Picture:
    """A drawn file, with the same in words for those who cannot see it."""

    data: bytes
    form: Form
    alt: str

    @property
    def media(self) -> str:
        """Media type of the file."""
        return "image/svg+xml" if self.form == "svg" else "image/png"


def alt(chart: Chart, verdict: Verdict, board: Sequence[words.BoardLine] = ()) -> str:
    """Say what the picture shows, without drawing it."""
    if chart is Chart.BOARD:
        return words.board(board)
    return {Chart.SHARE: words.share, Chart.LATENCY: words.latency, Chart.COST: words.cost, Chart.CARD: words.card}[chart](verdict)


async def drawn(
    chart: Chart, verdict: Verdict, theme: Theme = "light", form: Form = "svg", board: Sequence[words.BoardLine] = ()
) -> Picture:
    """Draw one chart in a thread, as `draw` does."""
    return await asyncio.to_thread(draw, chart, verdict, theme, form, board)


def draw(chart: Chart, verdict: Verdict, theme: Theme = "light", form: Form = "svg", board: Sequence[words.BoardLine] = ()) -> Picture:
    """Draw one chart; takes some tenths of a second. board: for Chart.BOARD alone."""
    from bot.charts import card, cost, latency, leaders, share

    painters = {Chart.SHARE: share.paint, Chart.LATENCY: latency.paint, Chart.COST: cost.paint, Chart.CARD: card.paint}
    data = _printed(lambda look: leaders.paint(board, look) if chart is Chart.BOARD else painters[chart](verdict, look), theme, form)
    return Picture(data, form, alt(chart, verdict, board))


async def training_picture(curve: TrainingCurve, prompt_right: float | None, theme: Theme = "light", form: Form = "svg") -> Picture:
    """Draw how a training went, in a thread. prompt_right: share of such requests that the prompt answers right; None: not known."""

    def draw_training() -> Picture:
        from bot.charts import training

        data = _printed(lambda look: training.paint(curve, prompt_right, look), theme, form)
        return Picture(data, form, words.training(curve, prompt_right))

    return await asyncio.to_thread(draw_training)


def _printed(paint: Callable[["Look"], "Figure"], theme: Theme, form: Form) -> bytes:
    """Paint a figure and print it as a file."""
    import matplotlib
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.backends.backend_svg import FigureCanvasSVG

    from bot.charts.look import LOOKS, SETTINGS, fonts

    with _ONE_AT_A_TIME, matplotlib.rc_context(SETTINGS | {"font.sans-serif": fonts()}):
        look = LOOKS[theme]
        fig = paint(look)
        canvas = FigureCanvasSVG(fig) if form == "svg" else FigureCanvasAgg(fig)
        file = io.BytesIO()
        canvas.print_figure(file, format=form, dpi=DOTS, facecolor=look.ground, metadata={"Date" if form == "svg" else "Software": None})
    return file.getvalue()
