"""Text on its way to Discord: hostile, endless, empty; cut alike, with its fences closed."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from bot.fronts.discord.fit import ELLIPSIS, EMPTY, FENCE, clean, closed, cut, cut_alike, inline, quote, size
from engine.duel import Side

hostile = st.text(st.one_of(st.characters(), st.sampled_from("`\n \u200b\u202e😀*_@")), max_size=600)


@given(hostile, st.integers(20, 400))
@example("```py\n" + "x\n" * 300, 50)
@example("😀" * 300, 41)
def test_a_cut_fits_and_leaves_no_fence_open(text: str, room: int) -> None:
    shown = cut(clean(text), room)
    assert size(shown) <= room
    assert shown.count(FENCE) % 2 == 0


@given(hostile)
def test_what_fits_is_shown_whole(text: str) -> None:
    assert cut(clean(text), 10_000) == closed(clean(text))


@given(st.text(max_size=50))
def test_size_is_what_discord_counts_or_more(text: str) -> None:
    assert len(text) <= size(text) == len(text.encode("utf-16-le", "surrogatepass")) // 2


def test_a_cut_prefers_the_end_of_a_paragraph_a_line_a_word() -> None:
    assert cut("a" * 70 + "\n\n" + "b" * 100, 100) == "a" * 70 + "\n" + ELLIPSIS
    assert cut("a" * 80 + "\n" + "b" * 100, 100) == "a" * 80 + "\n" + ELLIPSIS
    assert cut("word " * 100, 100).endswith(f"word\n{ELLIPSIS}")


def test_a_cut_within_code_closes_the_code() -> None:
    assert cut("Look:\n```py\n" + "line\n" * 100, 100).endswith(f"line\n{FENCE}\n{ELLIPSIS}")


def test_both_sides_get_the_same_room_whatever_the_other_has() -> None:
    shown = cut_alike({Side.LEFT: "x" * 5000, Side.RIGHT: "short"}, 300)
    assert size(shown[Side.LEFT]) <= 300
    assert shown[Side.RIGHT] == "short"


@pytest.mark.parametrize("text", ["", " \n ", "\u200b\u200d", "\x00"[:0]])
def test_an_answer_with_nothing_to_read_says_so(text: str) -> None:
    assert cut_alike(dict.fromkeys(Side, text), 100) == dict.fromkeys(Side, EMPTY)


def test_invisible_and_control_characters_do_not_reach_discord() -> None:
    assert clean("a\u202eb\u200bc\x1b[31m") == "abc␛[31m"


@given(hostile, st.integers(40, 400))
def test_a_quotation_stays_a_quotation(text: str, room: int) -> None:
    shown = quote(text, room)
    assert size(shown) <= room
    assert FENCE not in shown
    assert all(line.startswith(">") for line in shown.split("\n"))


def test_a_quotation_of_many_lines_shows_the_first_ones() -> None:
    shown = quote("\n".join(f"line {number}" for number in range(300)), 400)
    assert shown.startswith("> line 0\n> line 1\n")
    assert shown.endswith("\n> …")
    assert "> line 30\n" in shown
    assert size(shown) <= 400


@given(hostile, st.integers(5, 80))
def test_a_line_stays_a_line_and_cannot_be_a_link(text: str, room: int) -> None:
    shown = inline(text, room)
    assert size(shown) <= room
    assert "\n" not in shown
    assert "](" not in shown.replace("\\]", "")
