"""Figures and states in words."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from bot.ballots import Choice
from bot.fronts.web.words import (
    comparison,
    dollars,
    estimate_words,
    live_words,
    price_words,
    seconds,
    summary_words,
    title_of,
    vote_words,
    welcome_words,
    when,
)
from bot.views import DuelSummary, DuelView, Reveal, RevealedSide, SideView
from engine.backends.base import Usage
from engine.contestants import Arm
from engine.cost import Cost, Estimate
from engine.duel import Side

USAGE = Usage(
    prompt_tokens=412,
    cached_prompt_tokens=390,
    new_tokens=58,
    queued_s=0.0,
    first_token_s=0.08,
    total_s=1.24,
    busy_s=0.9,
    device="cpu",
    ran="together",
)
PROMPTED = RevealedSide(Arm.PROMPTED, "c1", "house 1", "", USAGE, Cost(0.000025, "device_hour", "a price", "2026-11-22"))
TUNED = RevealedSide(
    Arm.TUNED,
    "c2",
    "plain 1",
    "demo 1",
    replace(USAGE, prompt_tokens=31, cached_prompt_tokens=0, total_s=0.8),
    Cost(0.000014, "device_hour", "a price", "2026-11-22"),
)
ASKED = datetime(2026, 5, 3, 14, 5, tzinfo=UTC)


def view(**changes: object) -> DuelView:
    sides = {side: SideView("text", "done") for side in Side}
    return replace(DuelView("d", "c", 1, "web:1", "why?", ASKED, "open", "", sides, 0, None, None, None), **changes)  # type: ignore[arg-type]


def reveal(**tally: int) -> Reveal:
    return Reveal({Side.LEFT: TUNED, Side.RIGHT: PROMPTED}, {choice: tally.get(choice.value, 0) for choice in Choice})


@pytest.mark.parametrize(
    ("value_s", "words"),
    [(0.0, "0 ms"), (0.045, "45 ms"), (0.0996, "0.1 s"), (1.24, "1.2 s"), (9.96, "10 s"), (119.4, "119 s"), (125.0, "2 min 5 s")],
)
def test_seconds_are_short(value_s: float, words: str) -> None:
    assert seconds(value_s) == words


@pytest.mark.parametrize(
    ("value_usd", "words"),
    [
        (None, "unknown"),
        (0.0, "$0"),
        (0.00003, "$0.00003"),
        (0.0000314, "$0.000031"),
        (0.0999, "$0.1"),
        (0.1, "$0.10"),
        (1234.5, "$1,234.50"),
        (1e-12, "under $0.000000001"),
    ],
)
def test_dollars_show_two_figures_and_make_none_up(value_usd: float | None, words: str) -> None:
    assert dollars(value_usd) == words


def test_the_estimate_says_what_it_is_drawn_from() -> None:
    assert estimate_words(Estimate(12, 1.2, 0.00003)) == "About 1.2 s and $0.00003 per duel, from 12 duels."
    assert estimate_words(Estimate(1, 1.2, None)) == "About 1.2 s; its cost is unknown per duel, from 1 duel."
    assert "No history yet" in estimate_words(None)


def test_the_welcome_names_the_two_that_meet() -> None:
    assert "one from a prompt-engineered model, one from the plain base model" in welcome_words((Arm.PROMPTED, Arm.PLAIN))
    assert "fine-tuned" not in welcome_words(None)


def test_the_comparison_marks_who_took_less() -> None:
    rows = {row.name: row for row in comparison({Side.LEFT: TUNED, Side.RIGHT: PROMPTED})}
    assert rows["Tokens in"].cells == {Side.LEFT: "31", Side.RIGHT: "412 (390 cached)"}
    assert rows["Total time"].less == rows["Cost"].less == {Side.LEFT}
    assert rows["Time to first words"].less == frozenset()  # equal
    assert rows["Cost of 1,000 such requests"].cells[Side.RIGHT] == "$0.025"
    assert "Waited in the queue before" not in rows


def test_an_unknown_cost_compares_with_nothing() -> None:
    free = replace(PROMPTED, cost=Cost(None, "unknown", "", ""))
    rows = {row.name: row for row in comparison({Side.LEFT: TUNED, Side.RIGHT: free})}
    assert (rows["Cost"].cells[Side.RIGHT], rows["Cost"].less) == ("unknown", frozenset())
    assert "DUEL_DEVICE_USD_PER_HOUR" in price_words([free])


def test_a_shared_price_is_named_once() -> None:
    assert price_words([TUNED, PROMPTED]).count("a price, 2026-11-22") == 1


def test_the_closing_vote_is_told() -> None:
    assert vote_words(view(reveal=reveal(left=1), ballots=1, own_choice=Choice.LEFT)) == "You chose A, the fine-tune."
    assert vote_words(view(reveal=reveal(tie=1), ballots=1)) == "Decided by one vote: Tie."
    assert (
        vote_words(view(reveal=reveal(left=2, tie=1), ballots=3, own_choice=Choice.TIE)) == "You voted: tie. 3 votes: A is better (2), Tie."
    )
    assert vote_words(view(reveal=replace(reveal(), auto_tie=True))) == ""  # its note says it
    assert vote_words(view()) == ""


def test_a_screen_reader_hears_the_keys_and_the_reveal() -> None:
    assert "1 A is better, 2 B is better, 3 Tie, 4 Both bad" in live_words(view())
    closed = view(state="closed", reveal=reveal(left=1), ballots=1, own_choice=Choice.LEFT, note="The conversation goes on with answer A.")
    assert live_words(closed).startswith("A was Fine-tune, B was Prompt. You chose A, the fine-tune.")


def test_times_are_told_from_now() -> None:
    assert when(ASKED, ASKED) == "14:05"
    assert when(ASKED, datetime(2026, 5, 4, 9, tzinfo=UTC)) == "yesterday 14:05"
    assert when(ASKED, datetime(2026, 6, 4, 9, tzinfo=UTC)) == "3 May 14:05"
    assert when(ASKED, datetime(2027, 6, 4, 9, tzinfo=UTC)) == "3 May 2026 14:05"


def test_a_line_of_the_history_names_state_and_turn() -> None:
    assert summary_words(DuelSummary("d", "c", 2, "why?", ASKED, "void", 0), ASKED) == "14:05 · void · turn 2"


def test_a_title_is_one_short_line() -> None:
    assert title_of("a\n b\t c") == "a b c"
    assert len(title_of("x" * 1000)) == 60
