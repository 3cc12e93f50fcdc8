"""A duel as a message: within Discord's limits in every state, blind until the close, and with the right buttons."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.app.agreed import AGREED, ELSEWHERE, TRY
from bot.ballots import Choice
from bot.fronts.discord import words
from bot.fronts.discord.fit import EMPTY, FENCE, size
from bot.fronts.discord.layout import (
    MOST_CHARACTERS,
    MOST_COMPONENTS,
    DuelScene,
    Sheet,
    duel_sheet,
    full_sheet,
    full_texts,
    receipt_sheet,
)
from bot.views import DuelState, DuelView, NextStep, Post, Reveal, RevealedSide, SideView
from engine.backends.base import Usage
from engine.contestants import Arm
from engine.cost import Cost
from engine.duel import Side
from engine.named import Named
from tests.bot.fronts.discord_stage import said_by

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
DUEL = "0123456789abcdef" * 2
USAGE = Usage(1234, 1000, 99, 0.2, 0.31, 4.2, 3.9, "cpu", "together")
LONG = "Une longue réponse.\n\n```py\n" + "print('hello')\n" * 300


def post(**options: Any) -> Post:
    plain = {"duel": DUEL, "event": "interaction:1", "team": "1", "channel": "2", "message": "3", "private": False, "lasting": True}
    return Post(**{**plain, "tag": "", "closes_at": NOW + timedelta(hours=1), "quorum": 3, **options})


def revealed(arm: Arm) -> RevealedSide:
    return RevealedSide(
        arm,
        "c" * 12,
        Named("house", "1"),
        Named("demo", "1") if arm.adapted else None,
        USAGE,
        Cost(0.0000123, "device_hour", "a test", "2026-11-22"),
    )


def view(state: DuelState, left: str = "left text", right: str = "right text", **options: Any) -> DuelView:
    sides_are = {"waiting": "waiting", "answering": "writing"}.get(state, "done")
    reveal = Reveal({Side.LEFT: revealed(Arm.TUNED), Side.RIGHT: revealed(Arm.PROMPTED)}, dict.fromkeys(Choice, 1))
    plain = {
        "id": DUEL,
        "conversation": "c",
        "turn": 1,
        "asker": "discord:42",
        "request": "What now?",
        "asked_at": NOW,
        "state": state,
        "note": "",
        "sides": {Side.LEFT: SideView(left, sides_are), Side.RIGHT: SideView(right, sides_are)},  # type: ignore[arg-type]
        "ballots": 2,
        "own_choice": None,
        "carried": None,
        "reveal": reveal if state == "closed" else None,
    }
    return DuelView(**{**plain, **options})


def status(shown: DuelView, where: Post) -> str:
    match shown.state:
        case "open":
            return words.vote_words(shown, where)
        case "closed":
            return words.reveal_words(shown)
        case "void":
            return shown.note
        case _:
            return words.running_words(shown, 3, 12.0)


def sheet(shown: DuelView, where: Post | None = None) -> Sheet:
    where = where or post()
    return duel_sheet(DuelScene(shown, where, where.event_message is None, status(shown, where)))


def said(made: Sheet) -> str:
    return said_by(made.to_components())


def assert_within_limits(made: Sheet) -> None:
    texts = [item.content for item in made.walk_children() if hasattr(item, "content")]
    assert sum(map(size, texts)) <= MOST_CHARACTERS
    assert all(text.strip() for text in texts), "a text display holds at least a character"
    assert all(text.count(FENCE) % 2 == 0 for text in texts)
    assert made.total_children_count <= MOST_COMPONENTS
    for item in made.walk_children():
        assert len(getattr(item, "custom_id", None) or "") <= 100
        assert len(getattr(item, "label", None) or "") <= 34


texts = st.one_of(
    st.text(max_size=200), st.just(LONG), st.just("😀" * 2500), st.just("\u200b"), st.just("``" + "`" * 5), st.just("@everyone <@1>")
)


@given(state=st.sampled_from(["waiting", "answering", "open", "closed", "void"]), left=texts, right=texts, request=texts, note=texts)
@settings(max_examples=200, deadline=None)
async def test_every_message_is_within_discords_limits(state: DuelState, left: str, right: str, request: str, note: str) -> None:
    assert_within_limits(sheet(view(state, left, right, request=request, note=note or "A note.")))


async def test_long_answers_are_cut_at_the_same_length_and_offered_in_full() -> None:
    made = sheet(view("open", "left " * 2000, "right " * 2000))
    left, right = (item.content for item in made.walk_children() if getattr(item, "content", "").startswith(("left", "right")))
    assert abs(size(left) - size(right)) < 10
    assert size(left) > 1000
    assert "[Full answers]" in said(made)
    assert "[Full answers]" not in said(sheet(view("open")))


async def test_answers_that_met_their_token_limit_are_cut_alike_and_offered_in_full_too() -> None:
    sides = {Side.LEFT: SideView("left " * 2000, "done", cut=True), Side.RIGHT: SideView("right " * 2000, "done")}
    made = sheet(view("open", sides=sides))
    assert_within_limits(made)
    assert "[Full answers]" in said(made)
    left, right = (item.content for item in made.walk_children() if getattr(item, "content", "").startswith(("left", "right")))
    assert left.endswith("-# It met the token limit.")
    assert abs(size(left.removesuffix("\n-# It met the token limit.")) - size(right)) < 10


async def test_an_answer_that_only_ends_like_a_cut_one_is_whole() -> None:
    assert "[Full answers]" not in said(sheet(view("open", "To be continued …")))


async def test_in_full_no_side_is_without_a_word() -> None:
    sides = {Side.LEFT: SideView("x" * 5000, "done"), Side.RIGHT: SideView(" ", "done")}
    assert full_texts(view("open", sides=sides)) == {Side.LEFT: "x" * 5000, Side.RIGHT: EMPTY}
    sides = {Side.LEFT: SideView("x", "done"), Side.RIGHT: SideView("half", "failed", failure="The server went away.")}
    assert full_texts(view("void", sides=sides))[Side.RIGHT] == "⚠ The server went away."


async def test_a_running_duel_can_be_stopped_and_says_how_long_it_waits() -> None:
    assert said(sheet(view("waiting", "", ""))) == "-# <@42> asked\n> What now?\n### A\n…\n### B\n…\n3 ahead of you, about 12.0 s.\n[Stop]"


async def test_a_process_that_leaves_offers_no_stop() -> None:
    assert "[Stop]" not in said(duel_sheet(DuelScene(view("answering"), post(), True, words.INTERRUPTED, stoppable=False)))


async def test_an_open_vote_shows_how_many_have_voted_and_never_how() -> None:
    shown = said(sheet(view("open")))
    assert "2 have voted. Closes at 3 votes or <t:1795352400:R>." in shown
    assert shown.endswith("[A is better]\n[B is better]\n[Tie]\n[Both bad]\n[Close the vote]\n[Ask again]")


@given(state=st.sampled_from(["waiting", "answering", "open", "void"]))
@settings(max_examples=4, deadline=None)
async def test_swapping_the_sides_changes_nothing_but_the_texts(state: DuelState) -> None:
    one, other = sheet(view(state, "x" * 30, "y" * 30)), sheet(view(state, "y" * 30, "x" * 30))
    swapped = str(other.to_components()).translate(str.maketrans("xy", "yx"))
    assert str(one.to_components()).count("accent_color': None") == 2, "no side has a colour of its own"
    assert sorted(said(one).translate(str.maketrans("xy", "yx"))) == sorted(said(other))
    assert len(swapped) == len(str(one.to_components()))


async def test_a_vote_of_one_needs_no_quorum_and_no_close_button() -> None:
    shown = said(sheet(view("open", ballots=0), post(quorum=1, closes_at=None)))
    assert "**Which answer is better?** Vote, and see who was who." in shown
    assert "[Close the vote]" not in shown


async def test_the_reveal_names_both_with_tally_time_tokens_and_cost() -> None:
    shown = said(sheet(view("closed", note="The conversation goes on with answer A, the left one, after a tie.")))
    assert "**A was the fine-tune** (recipe house 1, adapter demo 1)\n**B was the prompt** (recipe house 1)" in shown
    assert "4 votes: A is better (1), B is better (1), tie (1), both bad (1)." in shown
    for figure in ("first words", "full answer", "4.20 s", "tokens in", "1,234 (1,000 cached)", "$0.000012", "per 1,000", "$0.012"):
        assert figure in shown
    assert [line for line in shown.splitlines() if line.startswith("[")] == ["[Ask again]"], "nothing else is left to click"


async def test_a_message_that_answers_a_message_does_not_repeat_it() -> None:
    assert "What now?" not in said(sheet(view("open"), post(event="message:7")))


async def test_an_answer_at_its_token_limit_says_so_and_a_failed_side_says_why() -> None:
    sides = {Side.LEFT: SideView("half", "done", cut=True), Side.RIGHT: SideView("", "failed", failure="The server went away.")}
    shown = said(sheet(view("void", sides=sides, note="One side failed.")))
    assert "half\n-# It met the token limit." in shown
    assert "⚠ The server went away." in shown
    assert "[Ask again]" in shown


async def test_a_receipt_offers_a_way_back_and_for_some_the_question_which_is_which() -> None:
    assert said(receipt_sheet(DUEL, "Your vote: **Tie**.", undo=True)) == "Your vote: **Tie**.\n[Undo my vote]"
    asked = receipt_sheet(DUEL, "Your vote: **Tie**.", undo=True, which="Which one?")
    assert said(asked).endswith("Which one?\n[A]\n[B]\n[I can't tell]")
    assert_within_limits(asked)


@pytest.mark.parametrize(("length", "fits"), [(100, True), (1990, True), (5000, False)])
async def test_full_answers_are_a_message_while_they_fit(length: int, fits: bool) -> None:
    made = full_sheet(view("open", "x" * length, "y" * length))
    assert (made is not None) is fits
    if made:
        assert_within_limits(made)


@pytest.mark.parametrize("step", [NextStep(TRY, "2,000 examples, quarterly changes. " * 8), NextStep(ELSEWHERE)])
async def test_under_equal_answers_all_is_said_however_long_they_are(step: NextStep) -> None:
    agreed = view("closed", LONG, LONG, note=f"{AGREED} The conversation goes on with it.", next_step=step)
    assert agreed.reveal
    agreed = replace(agreed, reveal=replace(agreed.reveal, tally=dict.fromkeys(Choice, 0), auto_tie=True))
    made = sheet(agreed)
    assert_within_limits(made)
    shown = said(made)
    assert AGREED in shown and step.words in shown and f"\n> {step.request.strip()}\n"[: 300 * bool(step.request)] in shown
    assert "Nobody voted" not in shown and ("[Try it]" in shown) == bool(step.request)
