"""From closed duels to a verdict: one result per duel, the same however it is folded, mirrored when the sides are swapped."""

from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.ballots import Ballot, Choice, Entrant, Said, ballot, outcome, seats_of
from bot.evidence.bets import BadEvidence
from bot.evidence.decision import State
from bot.evidence.diagnostics import Kind
from bot.evidence.duels import Absence, ClosedDuel
from bot.verdict import Facts, Filed, Ledger, Scope, Who, judge, ordered
from bot.verdict.trail import MOST
from bot.verdict.words import robust_words
from engine.contestants import Arm
from engine.named import Named
from tests.bot.evidence.make import PAIR, cast, closed, team
from tests.bot.verdict.make import ADAPTER, RECIPE, SAMPLE, SCOPE, WHO, facts, filed, ledger_of

A, B, TIE, BAD = Choice.LEFT, Choice.RIGHT, Choice.TIE, Choice.BOTH_BAD


def votes(*choices: Choice, left: Entrant = 0) -> tuple[Ballot, ...]:
    return tuple(
        ballot("d", str(voter), choice, seats_of(left), datetime(2026, 11, 22, tzinfo=UTC)) for voter, choice in enumerate(choices)
    )


def named(*choices: Choice) -> dict[str, Choice]:
    return {f"v{number}": choice for number, choice in enumerate(choices)}


@pytest.mark.parametrize(
    ("choices", "result"),
    [
        ((), None),
        ((A,), 0),
        ((B,), 1),
        ((A, B, B), 1),
        ((A, TIE, TIE, BAD), 0),
        ((A, B), Said.TIE),
        ((BAD, BAD, TIE), Said.BOTH_BAD),
        ((BAD, TIE), Said.TIE),
        ((A, B, BAD), Said.TIE),
    ],
)
def test_a_duel_is_one_result_however_many_voted(choices: tuple[Choice, ...], result: object) -> None:
    assert outcome(votes(*choices)) == result
    if choices:
        found = judge(ledger_of([closed(1, named(*choices))]), facts())
        assert found.better == (int(result == 0), int(result == 1))
        assert (found.ties, found.both_bad) == (int(result is Said.TIE), int(result is Said.BOTH_BAD))


def test_duels_of_the_pair_are_counted_and_all_others_are_not() -> None:
    swapped = (PAIR[1], PAIR[0])
    duels = [
        closed(1, named(A)),
        closed(2, named(A), entrants=swapped),  # the arms were named in the other order: entrant 0 is the tuned one
        closed(3, named(B, B, A)),
        closed(4, named(TIE)),
        closed(5, named(BAD)),
        closed(6, {}),
        replace(closed(7, {}), identical=True),
        closed(8, named(A), entrants=(PAIR[0], "another")),
        replace(closed(9, named(A)), trained_on=True),
    ]
    found = judge(ledger_of(duels), facts())
    assert found.better == (1, 2)
    assert (found.duels, found.ties, found.both_bad, found.identical, found.ballots, found.voters) == (5, 1, 1, 1, 7, 3)
    assert found.absent[Absence.NO_BALLOTS] == found.absent[Absence.TRAINED_ON] == 1 and found.voted_share == pytest.approx(5 / 6)
    assert found.words == (
        "Keep collecting. 5 requests (5 duels) decided: 1 for the prompt, 2 for the fine-tune, 1 tie, 1 both bad. "
        "The fine-tune's share is 53%; an interval is shown from 10 requests on, so far 5. "
        "Answers were identical 1 time; those are not counted."
    )
    assert found.change == ("At least 5 further requests: a forecast is shown from 10 requests on, so far 5.",) and not found.forecast
    assert len(found.samples) == 8  # clocks and bills of every duel of the pair in which both sides answered


def test_words_without_any_duel() -> None:
    found = judge(Ledger.start(SCOPE), facts())
    assert found.words == "Keep collecting: no duel decided yet."
    assert found.change == ("The first closed duels.",) and found.trail == () and len(found.aspects) == 8


def test_a_clear_preference_is_called_and_says_how_far_it_holds() -> None:
    duels = [closed(number, {f"v{number % 4}": B}) for number in range(1, 41)]
    found = judge(ledger_of(duels), facts())
    assert found.decision.state is State.SECOND and found.take == 1
    assert found.words.startswith("Fine-tune. 40 requests (40 duels) decided: 0 for the prompt, 40 for the fine-tune, 0 ties, ")
    assert found.robust and not found.robust.pivotal and "any one of the 4 voters" in robust_words(found.decision, found.robust, 4)
    assert [aspect.favours for aspect in found.aspects][1] == "tuned"
    alone = judge(ledger_of([closed(number, {"ann": B}) for number in range(1, 41)]), facts())
    assert alone.robust and "one person's" in robust_words(alone.decision, alone.robust, 1)


def test_equals_are_told_with_the_cheaper_one_named() -> None:
    rng = np.random.default_rng(1)
    equals = ledger_of(team(rng, 300, 6, theta=0.5))
    lasting = replace(ADAPTER, shelf_life_months=12.0)  # pays back after 4,000 answers, at 1,000 a month
    found = judge(equals, replace(facts(), adapter=lasting))
    assert found.decision.state is State.EQUAL and found.take == 1
    assert found.words.startswith("Practically equal, take the cheaper: the fine-tune. ") and "prices" in found.change[0]
    short = judge(equals, replace(facts(), adapter=replace(lasting, shelf_life_months=3.0)))
    assert short.take == 0 and short.headline == "Practically equal, take the cheaper: the prompt"
    for unknown in (facts(), replace(facts(), adapter=replace(lasting, training_usd=None))):
        open_ = judge(equals, unknown)
        assert open_.take is None and open_.headline == "Practically equal, take the cheaper (which that is, is not known yet)"
        assert next(aspect for aspect in open_.aspects if aspect.name == "cost").reason == open_.change[0]


def test_folding_in_any_slices_and_through_the_store_gives_the_same_verdict() -> None:
    duels = team(np.random.default_rng(2), 700, 4, theta=0.55)
    whole = ledger_of(duels)
    sliced = Ledger.start(SCOPE)
    for start in range(0, 700, 97):
        part = duels[start : start + 97]
        sliced = Ledger.from_text(SCOPE, sliced.after(filed(part), part[-1].number).to_text())
    first, second = judge(whole, facts()), judge(sliced, facts())
    assert second.decision.interval == pytest.approx(first.decision.interval, abs=1e-9)
    assert (second.words, second.readings.keys(), second.better, second.forecast) == (
        first.words,
        first.readings.keys(),
        first.better,
        first.forecast,
    )
    assert [point.n for point in second.trail] == [point.n for point in first.trail] and len(first.trail) <= MOST + 1
    assert second.robust == first.robust and second.tags == first.tags


def test_the_trail_ends_at_the_present_look_and_stays_small() -> None:
    found = judge(ledger_of(team(np.random.default_rng(3), 1500, 2)), facts())
    numbers = [point.n for point in found.trail]
    assert numbers == sorted(set(numbers)) and numbers[-1] == found.duels and len(numbers) <= MOST + 1
    assert found.trail[-1].low == found.decision.interval.low


def test_a_damaged_ledger_is_refused_in_words() -> None:
    for text in ("{}", "[]", "x", '{"format": 2}', ledger_of([closed(1, named(A))]).to_text().replace('"capital": "', '"capital": "AAAA')):
        with pytest.raises(BadEvidence, match=r"Rebuild it from the ballots"):
            Ledger.from_text(SCOPE, text)


CHOICES = st.dictionaries(st.sampled_from("abcde"), st.sampled_from(Choice), max_size=4)
DUELS = st.lists(st.tuples(CHOICES, st.sampled_from((0, 1))), max_size=25)


@settings(max_examples=30, deadline=None)
@given(DUELS)
def test_the_verdict_does_not_depend_on_who_sat_left(duels: list[tuple[dict[str, Choice], Entrant]]) -> None:
    """The same ballots for the same contestants, the seats swapped: only the position reading may change."""
    made = [closed(number, choices, left) for number, (choices, left) in enumerate(duels, 1)]
    turned = [replace(duel, left=1 if duel.left == 0 else 0) for duel in made]
    first, second = judge(ledger_of(made), facts()), judge(ledger_of(turned), facts())
    readings = {kind: reading for kind, reading in second.readings.items() if kind is not Kind.POSITION}
    assert replace(second, readings={}) == replace(first, readings={})
    assert readings == {kind: reading for kind, reading in first.readings.items() if kind is not Kind.POSITION}


@settings(max_examples=30, deadline=None)
@given(DUELS)
def test_relabelling_with_sides_swapped_mirrors_the_verdict(duels: list[tuple[dict[str, Choice], Entrant]]) -> None:
    made = [closed(number, choices, left) for number, (choices, left) in enumerate(duels, 1)]
    there = judge(ledger_of(made), facts()).decision
    back = judge(ledger_of(made, Scope((PAIR[1], PAIR[0]))), Facts((WHO[1], WHO[0]))).decision
    mirror = {State.FIRST: State.SECOND, State.SECOND: State.FIRST}
    assert back.state is mirror.get(there.state, there.state) and back.n == there.n
    assert back.interval == pytest.approx((1 - there.interval.high, 1 - there.interval.low), abs=1e-9)
    assert back.theta is None or there.theta is None or back.theta == pytest.approx(1 - there.theta)


@settings(max_examples=30, deadline=None)
@given(DUELS, st.data())
def test_ballots_that_were_changed_before_the_close_leave_no_trace(
    duels: list[tuple[dict[str, Choice], Entrant]], data: st.DataObject
) -> None:
    made = [closed(number, choices, left) for number, (choices, left) in enumerate(duels, 1)]
    minded = [with_earlier(duel, data.draw(st.sampled_from(Choice))) for duel in made]
    assert judge(ledger_of(minded), facts()) == judge(ledger_of(made), facts())


def with_earlier(duel: ClosedDuel, choice: Choice) -> ClosedDuel:
    """Every voter first said something else, a minute before."""
    earlier = tuple(cast(duel.number, each.voter, choice, duel.left, minute=-1) for each in duel.ballots)
    return replace(duel, ballots=earlier + duel.ballots)


def test_the_pair_is_ordered_prompt_first_and_one_with_itself_is_no_difference() -> None:
    assert ordered((WHO[1], WHO[0])) == WHO
    plain = Who("a", Arm.PLAIN, Named("plain", "1"))
    assert ordered((plain, WHO[0])) == (WHO[0], plain)
    same = (WHO[0], WHO[0])
    rng = np.random.default_rng(5)
    duels = [replace(duel, entrants=(PAIR[0], PAIR[0])) for duel in team(rng, 300, 5, theta=0.5)]
    found = judge(ledger_of(duels, Scope((PAIR[0], PAIR[0]))), Facts(same))
    assert found.words.startswith("No difference. ") and found.aspects == ()


def test_break_even_needs_a_training_cost_and_never_is_an_answer() -> None:
    duels = [closed(number, named(A)) for number in range(1, 61)]
    known = judge(ledger_of(duels), facts())
    assert known.even and known.even.answers == 4000 and known.even.months == 4
    assert judge(ledger_of(duels), Facts(WHO, RECIPE, replace(ADAPTER, training_usd=None))).even is None
    dearer = [Filed(duel, SAMPLE._replace(usd=(0.0005, 0.001))) for duel in duels]
    never = judge(Ledger.start(SCOPE).after(dearer, 60), facts())
    assert never.even and never.even.answers is None and never.even.never == 1
    assert next(aspect for aspect in never.aspects if aspect.name == "cost").favours == "prompted"
