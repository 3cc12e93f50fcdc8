"""What the terminal shows of values: aligned, blind, harmless."""

import io
import re
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.console import Console, RenderableType
from rich.text import Text

from bot.ballots import Choice
from bot.fronts.terminal import render
from bot.fronts.terminal.input import ENTER, Command, parse, single
from bot.views import DuelSummary, DuelView, ModelState, Reveal, RevealedSide, SideView
from engine.backends.base import Usage
from engine.contestants import Arm
from engine.cost import Cost, Estimate
from engine.duel import Side
from engine.named import Named

HOSTILE = "\x1b[2J\x1b]0;owned\x07 \x9b31m [red]x[/red] \u202eevil\u202c \x1b]8;;http://evil.example\x1b\\click"
WIDTHS = (60, 80, 90, 120)
AT = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


def drawn(shown: RenderableType, width: int = 100, **options: object) -> str:
    console = Console(file=io.StringIO(), width=width, height=30, highlight=False, markup=False, emoji=False, **options)  # type: ignore[arg-type]
    console.print(shown)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def both(text: str, **changes: object) -> dict[Side, SideView]:
    return {side: replace(SideView(text, "done"), **changes) for side in Side}  # type: ignore[arg-type]


def revealed(arm: Arm, adapter: Named | None = None) -> RevealedSide:
    usage = Usage(300, 280, 40, 0.0, 0.12, 1.5, 0.9, "cpu", "together")
    return RevealedSide(arm, "c" * 12, Named("house", "1"), adapter, usage, Cost(0.000025, "device_hour", "a list", "2026-11-22"))


REVEAL = Reveal({Side.LEFT: revealed(Arm.TUNED, Named("demo", "1")), Side.RIGHT: revealed(Arm.PROMPTED)}, {Choice.LEFT: 1})
VIEW = DuelView("d", "c", 1, "terminal", "What now?", AT, "open", "", both("Start small."), 0, None, None, None)
CLOSED = replace(VIEW, state="closed", own_choice=Choice.LEFT, carried=Side.LEFT, reveal=REVEAL, note="It goes on with A.")


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize(
    "text", ["short", "word " * 90, "x" * 400, "漢字かな " * 60, "👍🏽👨‍👩‍👧❤️🇩🇪1️⃣ " * 30, HOSTILE, "a\tb\r\nc\n\nd", ""]
)
def test_every_line_of_two_answers_is_as_wide_as_the_terminal(text: str, width: int) -> None:
    lines = drawn(render.Answers({Side.LEFT: SideView(text, "done"), Side.RIGHT: SideView("b", "done")}), width).splitlines()
    assert len({cell_len(line) for line in lines}) == 1
    assert width - 1 <= cell_len(lines[0]) <= width  # an odd column stays free beside two boxes


def test_answers_stand_side_by_side_from_ninety_columns() -> None:
    assert drawn(render.Answers(both("hello")), 90).count("│ hello") == 2
    assert len(drawn(render.Answers(both("hello")), 90).splitlines()) == 3
    assert len(drawn(render.Answers(both("hello")), 89).splitlines()) == 6


def test_right_to_left_answers_never_stand_side_by_side() -> None:
    assert len(drawn(render.Answers(both("שלום")), 120).splitlines()) == 6


@pytest.mark.parametrize(
    "changes", [{}, {"state": "writing"}, {"state": "waiting"}, {"cut": True}, {"state": "failed", "failure": "It broke."}]
)
def test_both_sides_look_alike_but_for_their_letter(changes: dict[str, object]) -> None:
    shown = drawn(render.Answers(both("same", **changes)), 80, force_terminal=True, color_system="truecolor")
    first, second = (shown[: len(shown) // 2], shown[len(shown) // 2 :])
    assert first.replace("A", "B", 1) == second


@given(st.lists(st.integers(0, 60), min_size=2, max_size=2), st.integers(8, 50), st.sampled_from(WIDTHS))
def test_while_streaming_the_ends_are_seen_within_the_screen(counts: list[int], rows: int, width: int) -> None:
    texts = ["\n".join(["line"] * count + [f"end-{side}"]) for side, count in zip(Side, counts, strict=True)]
    sides = {side: SideView(text, "writing") for side, text in zip(Side, texts, strict=True)}
    shown = drawn(render.Answers(sides, rows=rows), width)
    assert len(shown.splitlines()) <= rows
    assert all(f"end-{side}" in shown for side in Side)
    assert drawn(render.Answers(sides), width).count("line") == sum(counts)  # printed in full, nothing is lost


def test_a_short_answer_leaves_its_room_to_a_long_one() -> None:
    wrapped = {Side.LEFT: [Text("x")], Side.RIGHT: [Text(str(n)) for n in range(50)]}
    shown = render.ends(wrapped, 20, beside=False)
    assert {side: len(lines) for side, lines in shown.items()} == {Side.LEFT: 1, Side.RIGHT: 15}
    assert shown[Side.RIGHT][0].plain == "⋮ 36 lines above"


def test_hostile_text_reaches_the_terminal_from_nowhere() -> None:
    side = replace(REVEAL.sides[Side.LEFT], recipe=HOSTILE, adapter=HOSTILE, cost=Cost(None, "device_hour", HOSTILE, HOSTILE))
    view = replace(CLOSED, request=HOSTILE, note=HOSTILE, sides=both(HOSTILE, state="failed", failure=HOSTILE))
    view = replace(view, reveal=Reveal({Side.LEFT: side, Side.RIGHT: side}, {}))
    summary = DuelSummary("d", "c", 1, HOSTILE, AT, "void", 0)
    waiting = replace(view, state="waiting")
    shown: list[RenderableType] = [*render.conversation([view, view]), render.history_table([summary], AT), render.welcome([HOSTILE])]
    shown += [render.streaming(state, (100, 30), "-") for state in (view, waiting)]
    shown.append(render.toolbar(ModelState("failed", HOSTILE), None, 400))
    for one in shown:
        text = drawn(one)
        assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]", text)
        assert "evil.example" not in text or "[red]x[/red]" in text


def test_the_reveal_says_who_was_who_and_what_each_took() -> None:
    shown = drawn(render.decided(CLOSED))
    for words in (
        "You chose A, the fine-tune.",
        "A: the fine-tune",
        "B: the prompt",
        "recipe house 1, adapter demo 1",
        "It goes on with A.",
    ):
        assert words in shown
    for label in ("first words", "full answer", "tokens in", "300 (280 cached)", "tokens out", "cost", "per 1,000", "a list, 2026-11-22"):
        assert label in shown


def test_of_identical_answers_nothing_is_said_to_be_chosen() -> None:
    view = replace(CLOSED, own_choice=None, reveal=replace(REVEAL, auto_tie=True), note="Both are the same.")
    shown = drawn(render.decided(view))
    assert "You" not in shown
    assert "Both are the same." in shown


def test_before_the_close_nothing_is_revealed() -> None:
    shown = drawn(render.streaming(VIEW, (100, 30), "-")) + drawn(render.decided(VIEW)) + drawn(render.briefly(VIEW))
    assert not re.search("prompt|tune|plain|house|demo", shown)


def test_a_failed_side_shows_its_words_and_what_it_had_written() -> None:
    text = render.answer_text(SideView("part", "failed", failure="It broke."))
    assert text.plain == "part\n\nNo answer: It broke."


def test_a_conversation_read_again_is_brief_but_for_its_last_duel() -> None:
    shown = "".join(drawn(one) for one in render.conversation([CLOSED, CLOSED]))
    assert shown.count("› What now?") == 2
    assert shown.count("A was the fine-tune, B was the prompt.") == 1
    assert shown.count("per 1,000") == 1


@pytest.mark.parametrize("width", [20, 60, 120])
def test_the_toolbar_is_one_line(width: int) -> None:
    for model in (ModelState("ready", "x"), ModelState("failed", "The folder is no model. " * 9), ModelState("loading", "Loading …")):
        line = render.toolbar(model, Estimate(12, 1.2, 0.00003), width)
        assert cell_len(line) <= width
        assert line.endswith("/help")


def test_the_toolbar_says_what_a_duel_takes_once_the_model_is_ready() -> None:
    ready = ModelState("ready", "Ready.")
    assert "About 1.20 s and $0.000030 per duel, from 12 duels." in render.toolbar(ready, Estimate(12, 1.2, 0.00003), 80)
    assert "About 1.20 s per duel, at an unknown cost, from 1 duel." in render.toolbar(ready, Estimate(1, 1.2, None), 80)
    assert "No history yet" in render.toolbar(ready, None, 80)
    assert "Loading demo" in render.toolbar(ModelState("loading", "Loading demo"), None, 80)


def test_the_vote_bar_fits_a_narrow_terminal() -> None:
    assert cell_len(render.vote_bar().plain) <= 60


@pytest.mark.parametrize("shown", [render.vote_bar(), render.help_table(), render.welcome(["x"]), render.decided(CLOSED)])
def test_no_color_is_honoured(shown: RenderableType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    assert not re.search(r"\x1b\[[0-9;]*\b[349][0-7]\b", drawn(shown, force_terminal=True, color_system="standard"))


def test_the_history_fits_on_lines() -> None:
    summaries = [DuelSummary(str(n), "c", 1, "a long request " * 20, AT, "closed", 1) for n in range(12)]
    lines = drawn(render.history_table(summaries, AT), 60).splitlines()
    assert len(lines) == 13
    assert max(map(cell_len, lines)) <= 60
    assert lines[11].split()[:2] == ["12", "12:00"]


@pytest.mark.parametrize(
    ("line", "meant"),
    [
        ("hello ", "hello"),
        ("/Open 3", Command("/open", "3")),
        ("/history two words", Command("/history", "two words")),
        ("//etc/passwd?", "/etc/passwd?"),
        ("  ", ""),
        ("1/2 or 2/3?", "1/2 or 2/3?"),
    ],
)
def test_a_line_is_a_request_or_a_command(line: str, meant: Command | str) -> None:
    assert parse(line) == meant


@pytest.mark.parametrize(
    ("names", "key"),
    [(["1"], "1"), (["1", ENTER], "1"), (["1", "2"], None), (list("hello 1"), None), (["x", "c-c", "1"], "c-c"), ([], None)],
)
def test_a_paste_is_no_vote(names: list[str], key: str | None) -> None:
    assert single(names) == key
