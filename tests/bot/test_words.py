"""One voice: the same value reads the same on the page, in the terminal, on Discord, in pictures and in `python -m engine`."""

import io
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import get_args

import pytest
from rich.console import Console, RenderableType

from bot import words
from bot.ballots import Choice
from bot.charts import Chart, alt
from bot.fronts.discord import words as discord
from bot.fronts.terminal import render, results
from bot.fronts.web import words as page
from bot.verdict import judge
from bot.verdict.figures import latency_words, value_words
from bot.verdict.words import full_names, headline, names
from bot.views import DuelState, DuelView, Reveal, RevealedSide, SideView
from engine import __main__ as engine
from engine.ask import Answered
from engine.backends.base import Usage
from engine.contestants import Arm
from engine.cost import Cost, Estimate
from engine.duel import Answer, Side
from engine.named import Named
from engine.rows import Row
from tests.bot.evidence.make import closed
from tests.bot.verdict.make import WHO, facts, ledger_of

AT = datetime(2026, 5, 3, 14, 5, tzinfo=UTC)
USAGE = Usage(1412, 1390, 58, 0.0, 0.045, 1.24, 0.9, "cpu", "together")
SLOW = replace(USAGE, prompt_tokens=31, cached_prompt_tokens=0, first_token_s=12.34, total_s=130.0)
BILLS = {
    Side.LEFT: (SLOW, Cost(0.0042, "device_hour", "a list", "2026-11-22")),
    Side.RIGHT: (USAGE, Cost(None, "unknown", "", "")),
}
FIGURES = ("45 ms", "12.3 s", "1.24 s", "2 min 10 s", "1,412 (1,390 cached)", "31", "$0.0042", "$4.20", "unknown")
SIDES = {
    Side.LEFT: RevealedSide(Arm.TUNED, "c2", Named("plain", "2026-11 draft"), Named("demo", "1"), *BILLS[Side.LEFT]),
    Side.RIGHT: RevealedSide(Arm.PROMPTED, "c1", Named("house", "1"), None, *BILLS[Side.RIGHT]),
}


def view(choice: Choice | None = None, **tally: int) -> DuelView:
    reveal = Reveal(SIDES, {each: tally.get(each.value, 0) for each in Choice})
    sides = {side: SideView("text", "done") for side in Side}
    return DuelView("d", "c", 1, "discord:1", "why?", AT, "closed", "", sides, sum(tally.values()), choice, None, reveal)


def drawn(shown: RenderableType) -> str:
    console = Console(file=io.StringIO(), width=200, highlight=False, markup=False, emoji=False)
    console.print(shown)
    assert isinstance(console.file, io.StringIO)
    return " ".join(console.file.getvalue().split())


def on_the_page() -> str:
    rows = [" ".join((row.label, *row.cells)) for row in words.figures(SIDES.values())]
    return " ".join((*rows, words.priced(SIDES.values())))


def in_the_terminal() -> str:
    return drawn(render.reveal_table(view(left=1).reveal or pytest.fail()))


def on_discord() -> str:
    return " ".join(discord.reveal_words(view(left=1)).split())


def in_the_engine() -> str:
    outcomes = {arm: Answer("text", "end", *BILLS[side]) for arm, side in ((Arm.TUNED, Side.LEFT), (Arm.PROMPTED, Side.RIGHT))}
    sides = [(usage, cost) for usage, cost in BILLS.values()]
    rows = [(row.label, row.cells) for row in engine.figures(sides)]
    told = drawn(engine.comparison(list(outcomes), rows))
    return f"{told} {drawn(engine.row_answered(Answered(Row('1', 'why?'), outcomes)))} {engine.price_note(sides)}"


FRONTS: list[Callable[[], str]] = [on_the_page, in_the_terminal, on_discord, in_the_engine]


@pytest.mark.parametrize("front", FRONTS)
def test_a_duels_figures_read_the_same_everywhere(front: Callable[[], str]) -> None:
    told = front()
    for figure in FIGURES:
        assert figure in told, (figure, told)
    for label in ("first words", "full answer", "tokens in", "tokens out", "cost", "per 1,000 answers"):
        assert label in told, (label, told)
    assert words.priced(SIDES.values()) in told


def test_the_same_seconds_and_dollars_stand_in_a_verdict_and_its_pictures() -> None:
    duels = [closed(number, {"ann": Choice.LEFT}) for number in range(1, 60)]
    found = judge(ledger_of(duels), facts())
    rows = [row for line in found.latency for row in latency_words(line)]
    median_s = next(row[1] for row in rows if row[0].startswith("full answer, median"))
    assert median_s.startswith(words.seconds(1.0))
    card = {figure.label: value_words(figure) for aspect in found.aspects for figure in aspect.side(0)}
    assert card["full answer, median"] == words.seconds(1.0)
    assert card["per 1,000 answers"] == words.dollars(1.0)
    assert words.seconds(1.0) in alt(Chart.LATENCY, found)
    assert {words.seconds(1.0), words.dollars(1.0)} <= set(card.values())
    shown = drawn(results.results(found))
    for said in (words.seconds(1.0), words.dollars(1.0), words.percent(found.decision.alpha), *names(found.who)):
        assert said in shown


@pytest.mark.parametrize("choice", list(Choice))
def test_a_choice_reads_the_same_everywhere(choice: Choice) -> None:
    voted = view(choice, **{choice.value: 2, "tie": 1} if choice is not Choice.TIE else {"tie": 2})
    own = words.own_choice(choice, voted.reveal)
    assert own in page.vote_words(voted) and own in page.live_words(voted) and own in drawn(render.decided(voted))
    assert voted.reveal
    tally = words.tallied(voted.reveal.tally)
    assert f"{words.said_in_a_sentence(choice)} (2)" in tally
    assert tally in page.vote_words(voted) and tally in discord.reveal_words(voted)
    open_view = replace(voted, state="open", reveal=None)
    assert words.CHOICES[choice] in page.live_words(open_view) and words.CHOICES[choice] in render.vote_bar().plain
    assert words.CHOICES[choice] in discord.receipt_words(open_view, choice)


def test_who_was_who_reads_the_same_everywhere() -> None:
    closed_view = view(left=1)
    assert closed_view.reveal
    said = words.who_was(closed_view.reveal)
    assert said == "A was the fine-tune, B was the prompt."
    assert said in page.live_words(closed_view)
    assert said in render.briefly(closed_view).plain
    assert said in discord.told_words(closed_view, "why?", ["discord:7"])
    made = words.made_of(SIDES[Side.LEFT].recipe, SIDES[Side.LEFT].adapter)
    assert made == "recipe plain 2026-11 draft, adapter demo 1"
    assert made in drawn(render.reveal_table(closed_view.reveal)) and made in discord.reveal_words(closed_view)


def test_every_arm_state_and_choice_has_its_words() -> None:
    assert set(words.ARMS) == set(Arm) and set(words.STATES) == set(get_args(DuelState)) and set(words.CHOICES) == set(Choice)
    for arm in Arm:
        who = (replace(WHO[0], arm=arm), WHO[1])
        assert names(who)[0].startswith(words.ARMS[arm].named)
        assert full_names(who)[who[0].id].startswith(words.ARMS[arm].label)
    assert headline(judge(ledger_of([]), facts()).decision, WHO, None) == "Keep collecting"


def test_an_estimate_reads_the_same_on_the_page_and_in_the_terminal() -> None:
    said = words.estimated(Estimate(12, 1.2, 0.00003))
    assert said == "About 1.20 s and $0.000030 per duel, from 12 duels."
    assert render.estimate_sentence(render.ModelState("ready", "", None), Estimate(12, 1.2, 0.00003)) == said
    assert words.estimated(Estimate(1, 1.2, None)) == "About 1.20 s per duel, at an unknown cost, from 1 duel."
    assert "No history yet" in words.estimated(None)


def test_times_are_told_from_now() -> None:
    assert words.when(AT, AT) == "14:05"
    assert words.when(AT, datetime(2026, 5, 4, 9, tzinfo=UTC)) == "yesterday 14:05"
    assert words.when(AT, datetime(2026, 6, 4, 9, tzinfo=UTC)) == "3 May 14:05"
    assert words.when(AT, datetime(2027, 6, 4, 9, tzinfo=UTC)) == "3 May 2026 14:05"
