"""Every picture, of nothing, little and much, in both themes: a file that shows something, and words that say the same."""

import struct
from dataclasses import replace
from xml.etree import ElementTree

import numpy as np
import pytest

from bot.ballots import Choice
from bot.charts import BoardLine, Chart, alt, draw, drawn
from bot.charts.look import LOOKS, LTR, drawable
from bot.evidence.capital import Interval
from bot.verdict import Facts, Ledger, Timings, Verdict, judge
from tests.bot.evidence.make import closed, team
from tests.bot.verdict.make import SAMPLE, SCOPE, WHO, facts, ledger_of
from tests.bot.verdict.odd import TAGS

BOARD = (
    BoardLine("Prompt, house 2", 0.61, Interval(0.5, 0.7), 120, False, True),
    BoardLine("Fine-tune $1", 0.4, Interval(0.3, 0.5), 90, True, False),
)


def much() -> Verdict:
    return judge(ledger_of(team(np.random.default_rng(0), 120, 4, theta=0.85)), facts())


NOTHING = judge(Ledger.start(SCOPE), Facts(WHO))
ONE = judge(ledger_of([closed(1, {"ann": Choice.LEFT})]), facts())
NEVER = judge(ledger_of(team(np.random.default_rng(0), 60, 4)), replace(facts(), adapter=None))


EVERY = {"nothing": NOTHING, "one": ONE, "no card": NEVER, "much": much()}


@pytest.mark.parametrize("chart", Chart)
@pytest.mark.parametrize(("verdict", "theme"), [*((each, "light") for each in EVERY), ("nothing", "dark"), ("much", "dark")])
def test_every_picture_can_be_drawn_and_has_words(chart: Chart, theme: str, verdict: str) -> None:
    found = EVERY[verdict]
    svg = draw(chart, found, theme, "svg", BOARD if found is not NOTHING else ())  # type: ignore[arg-type]
    root = ElementTree.fromstring(svg.data)
    assert root.tag.endswith("svg") and svg.media == "image/svg+xml" and len(svg.alt) > 15
    assert LOOKS[theme].ground in svg.data.decode()  # type: ignore[index]
    assert svg.alt == alt(chart, found, BOARD if found is not NOTHING else ())


def test_tags_of_every_kind_are_drawn_as_they_are() -> None:
    """A warning of a letter that no font has is an error here."""
    duels = [closed(at, {"ann": Choice.LEFT}, tag=TAGS[at % len(TAGS)]) for at in range(1, 12 * len(TAGS) + 1)]
    found = judge(ledger_of(duels), facts())
    assert {tag.tag for tag in found.tags} == set(TAGS) and sum(tag.differs for tag in found.tags) == len(TAGS)
    for chart in Chart:
        assert draw(chart, found, "dark", "png", BOARD).data.startswith(b"\x89PNG")
    [labels] = [[figure.label for figure in aspect.side(1)] for aspect in found.aspects if aspect.name == "use cases"]
    assert labels == [tag.tag for tag in found.tags]
    plain = judge(ledger_of([replace(duel, tag=f"t{TAGS.index(duel.tag):02}") for duel in duels]), facts())
    assert [aspect for aspect in plain.aspects if aspect.name != "use cases"] == [
        aspect for aspect in found.aspects if aspect.name != "use cases"
    ]


def test_letters_that_no_font_has_are_shown_as_missing() -> None:
    assert drawable("a\u202eb 12%").lstrip(LTR) == "ab 12%"
    assert drawable("\U0001f389").lstrip(LTR) == "\ufffd"


async def test_a_png_is_made_off_the_loop_with_the_width_that_discord_shows() -> None:
    png = await drawn(Chart.SHARE, much(), "dark", "png")
    assert png.data.startswith(b"\x89PNG") and png.media == "image/png"
    width, height = struct.unpack(">II", png.data[16:24])
    assert 800 < width < 2000 and 400 < height < 1200


def test_the_words_tell_what_the_pictures_show() -> None:
    found = much()
    assert f"{found.requests} requests" in alt(Chart.SHARE, found)
    assert "purpose: the fine-tune" in alt(Chart.CARD, found)
    assert "Prompt, house 2 61% (50% to 70%)" in alt(Chart.BOARD, found, BOARD)
    assert "as served" in alt(Chart.LATENCY, found) and "pays back after 4,000 answers" in alt(Chart.COST, found)


def test_times_alone_are_shown_once_there_are_replays() -> None:
    side = tuple(0.1 * n for n in range(1, 13))
    alone = replace(facts(), alone=Timings((side, side), (side, tuple(2 * each for each in side))))
    found = judge(ledger_of([closed(1, {"ann": Choice.LEFT})]), alone)
    assert "each side alone, 12 answers a side" in alt(Chart.LATENCY, found)
    assert [line.condition for line in found.latency] == ["as served", "as served", "alone", "alone"]
    assert found.latency[3].sides[1][1].value is None and "40" in found.latency[3].sides[1][1].why


def test_the_same_verdict_gives_the_same_bytes() -> None:
    assert draw(Chart.COST, much()).data == draw(Chart.COST, much()).data and SAMPLE.usd
