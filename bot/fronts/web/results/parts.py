"""Parts of the results page: panels, tables and pictures."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import get_args

from bot.charts import Chart, Theme, alt
from bot.evidence.figure import Figure
from bot.fronts.web.dom import el
from bot.fronts.web.markup import shown
from bot.fronts.web.results.look import ResultsLook
from bot.verdict import Verdict
from bot.verdict.figures import value_words

SIZES = {Chart.SHARE: (560, 300), Chart.LATENCY: (560, 350), Chart.COST: (560, 350), Chart.BOARD: (560, 202)}  # pixels, width and height


@contextmanager
def panel(title: str) -> Iterator[None]:
    """Open a panel under its heading; on a phone it is folded until somebody opens it (duel_conduct.js)."""
    with el("details", "panel folds", open=True):
        with el("summary"):
            el("h2", "", title)
        yield


def note(words: str) -> None:
    """Write a quiet line."""
    el("p", "quiet", shown(words))


def table(caption: str, heads: Iterable[str], rows: Iterable[Iterable[str]]) -> None:
    """Draw a table whose first column names its rows. Texts may be a team's own."""
    with el("div", "scroll"), el("table", "grid"):
        head_of(caption, heads)
        with el("tbody"):
            for first, *others in rows:
                with el("tr"):
                    el("th", "", shown(first), scope="row")
                    for cell in others:
                        el("td", "", shown(cell))


def head_of(caption: str, heads: Iterable[str]) -> None:
    """Draw a table's caption and the names of its columns."""
    el("caption", "", caption)
    with el("thead"), el("tr"):
        for head in heads:
            if head:
                el("th", "", shown(head), scope="col")
            else:
                el("td")  # a corner names no column


def picture(chart: Chart, look: ResultsLook, found: Verdict) -> None:
    """Place a chart in both themes; the stylesheet shows the one in use."""
    width, height = SIZES[chart]
    words = shown(alt(chart, found, look.board))
    version = f"{found.requests}-{found.ballots}-{sum(found.absent.values())}"
    with el("div", "picture"):
        for theme in get_args(Theme):
            source = f"/results/{chart}.svg?{look.wanted.query(theme=theme, v=version)}"
            el("img", f"for-{theme}", src=source, alt=words, width=width, height=height, loading="lazy")


def labelled(figure: Figure) -> None:
    """Write a figure's label and its value."""
    with el("div"):
        el("span", "", shown(figure.label), dir="auto")
        el("span", "", shown(value_words(figure)))
