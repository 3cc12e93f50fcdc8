"""Sentences that only the page says."""

from dataclasses import replace
from datetime import UTC, datetime

from bot.ballots import Choice
from bot.fronts.web.words import live_words, summary_words, title_of, vote_words, welcome_words
from bot.views import DuelView, Reveal, RevealedSide, SideView, TalkSummary
from engine.backends.base import Usage
from engine.contestants import Arm
from engine.cost import Cost
from engine.duel import Side
from engine.named import Named

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
PROMPTED = RevealedSide(Arm.PROMPTED, "c1", Named("house", "1"), None, USAGE, Cost(0.000025, "device_hour", "a price", "2026-11-22"))
TUNED = RevealedSide(
    Arm.TUNED,
    "c2",
    Named("plain", "1"),
    Named("demo", "1"),
    replace(USAGE, prompt_tokens=31, cached_prompt_tokens=0, total_s=0.8),
    Cost(0.000014, "device_hour", "a price", "2026-11-22"),
)
ASKED = datetime(2026, 5, 3, 14, 5, tzinfo=UTC)


def view(**changes: object) -> DuelView:
    sides = {side: SideView("text", "done") for side in Side}
    return replace(DuelView("d", "c", 1, "web:1", "why?", ASKED, "open", "", sides, 0, None, None, None), **changes)  # type: ignore[arg-type]


def reveal(**tally: int) -> Reveal:
    return Reveal({Side.LEFT: TUNED, Side.RIGHT: PROMPTED}, {choice: tally.get(choice.value, 0) for choice in Choice})


def test_the_welcome_names_the_two_that_meet() -> None:
    assert "one from a prompt-engineered model, one from the plain base model" in welcome_words((Arm.PROMPTED, Arm.PLAIN))
    assert "fine-tuned" not in welcome_words(None)


def test_the_closing_vote_is_told() -> None:
    assert vote_words(view(reveal=reveal(left=1), ballots=1, own_choice=Choice.LEFT)) == "You chose A, the fine-tune."
    assert vote_words(view(reveal=reveal(tie=1), ballots=1)) == "1 vote: tie."
    three = view(reveal=reveal(left=2, tie=1), ballots=3, own_choice=Choice.TIE)
    assert vote_words(three) == "You voted: tie. 3 votes: A is better (2), tie (1)."
    assert vote_words(view(reveal=replace(reveal(), auto_tie=True))) == ""  # its note says it
    assert vote_words(view()) == ""


def test_a_screen_reader_hears_the_keys_and_the_reveal() -> None:
    assert "1 A is better, 2 B is better, 3 Tie, 4 Both bad" in live_words(view())
    closed = view(state="closed", reveal=reveal(left=1), ballots=1, own_choice=Choice.LEFT, note="The conversation goes on with answer A.")
    assert live_words(closed).startswith("A was the fine-tune, B was the prompt. You chose A, the fine-tune.")


def test_a_line_of_the_history_names_state_and_turn() -> None:
    assert summary_words(TalkSummary("c", "why?", ASKED, 2, "void", None, "desk", "web:1"), ASKED) == "14:05 · void · 2 turns · desk"


def test_a_title_is_one_short_line() -> None:
    assert title_of("a\n b\t c") == "a b c"
    assert len(title_of("x" * 1000)) == 60
