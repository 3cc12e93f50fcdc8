import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from engine.printable import one_line, printable, runs_right_to_left

HOSTILE = {
    "clear screen": "\x1b[2J\x1b[H",
    "one-byte CSI": "\x9b31mred",
    "window title": "\x1b]0;owned\x07",
    "OSC 8 link": "\x1b]8;;http://evil.example\x1b\\click\x1b]8;;\x1b\\",
    "clipboard": "\x1b]52;c;AAAA\x07",
    "bell and backspace": "\x07\x08\x7f",
    "carriage return": "safe\rEVIL",
    "bidi override": "\u202eevil\u202c\u2066x\u2069\u200f\u061c",
    "tags": "a\U000e0041\U000e007f",
    "lone surrogate": "\ud800",
}


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE.keys())
def test_nothing_a_terminal_acts_on_gets_through(text: str) -> None:
    assert all(unicodedata.category(c) not in ("Cc", "Cf", "Cs", "Co") for c in printable(text).replace("\n", ""))


@given(st.text())
def test_of_any_text_only_drawn_characters_and_line_feeds_remain(text: str) -> None:
    shown = printable(text)
    assert all(c == "\n" or unicodedata.category(c) not in ("Cc", "Cf", "Cs", "Co", "Zl", "Zp") for c in shown)
    assert printable(shown) == shown
    shown.encode()


@given(st.text())
def test_a_text_is_as_wide_as_its_characters(text: str) -> None:
    """Joined emoji are two cells in one terminal and six in another; nothing may be joined."""
    for line in printable(text).split("\n"):
        assert cell_len(line) == sum(cell_len(c) for c in line)


def test_escape_is_seen_as_its_picture() -> None:
    assert printable("a\x1b[31mb\x00\x7f") == "a␛[31mb␀␡"


def test_every_kind_of_line_end_is_one() -> None:
    assert printable("a\r\nb\rc\x0bd\x0ce\x85f\u2028g\u2029h") == "\n".join("abcdefgh")


def test_letters_of_every_script_stay() -> None:
    text = "Grüße 漢字 العربية 한국어 ไทย हिन्दी 👍 ∑"
    assert printable(text) == text


def test_piled_up_accents_are_cut() -> None:
    assert printable("z" + "\u0335" * 50) == "z" + "\u0335" * 4


def test_markup_is_text() -> None:
    assert printable("[red]x[/red] <b>") == "[red]x[/red] <b>"


def test_one_line_runs_blanks_together_and_cuts() -> None:
    assert one_line("a\n\tb   c") == "a b c"
    assert one_line("abcdef", 4) == "abc…"
    assert one_line("abcd", 4) == "abcd"


def test_right_to_left_is_noticed() -> None:
    assert runs_right_to_left("abc שלום")
    assert runs_right_to_left("مرحبا")
    assert not runs_right_to_left("abc 漢字 123")
