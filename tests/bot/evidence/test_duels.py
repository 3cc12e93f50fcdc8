"""From ballots to scores."""

from dataclasses import replace
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.ballots import Choice, Entrant
from bot.evidence.duels import Absence, Opinion, ScoredDuel, last_of_each, scored
from bot.verdict import Filed, Ledger, Scope
from tests.bot.evidence.make import PAIR, TOOK, cast, closed, score_all

MIRROR = {Choice.LEFT: Choice.RIGHT, Choice.RIGHT: Choice.LEFT, Choice.TIE: Choice.TIE, Choice.BOTH_BAD: Choice.BOTH_BAD}
BALLOTS = st.dictionaries(st.sampled_from("abcdef"), st.sampled_from(Choice), min_size=1)
SEATS: st.SearchStrategy[Entrant] = st.sampled_from([0, 1])


def one(outcome: ScoredDuel | Absence | None) -> ScoredDuel:
    assert isinstance(outcome, ScoredDuel)
    return outcome


def test_the_score_is_the_mean_over_voters_with_halves_for_no_preference() -> None:
    choices = {"a": Choice.RIGHT, "b": Choice.RIGHT, "c": Choice.LEFT, "d": Choice.BOTH_BAD, "e": Choice.TIE}
    duel = one(scored(closed(1, choices), PAIR))
    assert duel.score == pytest.approx((1 + 1 + 0 + 0.5 + 0.5) / 5)
    assert duel.share(Opinion.BOTH_BAD) == pytest.approx(0.2)
    assert duel.left_score == pytest.approx(1 - duel.score)
    assert duel.longer_score == pytest.approx(duel.score)


@given(BALLOTS, SEATS)
def test_the_score_does_not_depend_on_the_seats(choices: dict[str, Choice], left: Entrant) -> None:
    here = one(scored(closed(1, choices, left), PAIR))
    there = one(scored(closed(1, {voter: MIRROR[choice] for voter, choice in choices.items()}, 1 if left == 0 else 0), PAIR))
    assert (here.score, here.votes) == (there.score, there.votes)
    assert here.left_score == pytest.approx(1 - there.left_score)


@given(BALLOTS, SEATS)
def test_naming_the_pair_the_other_way_round_mirrors_everything(choices: dict[str, Choice], left: Entrant) -> None:
    duel = closed(1, choices, left)
    here, there = one(scored(duel, PAIR)), one(scored(duel, PAIR[::-1]))
    assert there.score == pytest.approx(1 - here.score)
    assert there.left_score == pytest.approx(here.left_score)
    assert there.longer_score == pytest.approx(here.longer_score)
    assert there.took == here.took[::-1]
    assert there.share(Opinion.FIRST) == here.share(Opinion.SECOND)


@given(
    BALLOTS, st.lists(st.tuples(st.sampled_from("abcdef"), st.sampled_from(Choice)), max_size=12), SEATS, st.randoms(use_true_random=False)
)
def test_only_the_last_ballot_before_the_close_counts(
    final: dict[str, Choice], earlier: list[tuple[str, Choice]], left: Entrant, order: Random
) -> None:
    changed = [cast(1, voter, choice, left, minute) for minute, (voter, choice) in enumerate(earlier) if voter in final]
    changed += [cast(1, voter, choice, left, 60) for voter, choice in final.items()]
    order.shuffle(changed)
    plain = closed(1, final, left)
    assert scored(replace(plain, ballots=tuple(changed)), PAIR) == scored(plain, PAIR)
    assert len(last_of_each(changed)) == len(final)


def test_what_does_not_enter_is_counted_by_reason() -> None:
    good = closed(4, {"a": Choice.LEFT})
    duels = [
        good,
        closed(1, {}),
        replace(closed(2, {}), identical=True),
        replace(good, number=3, took=None),
        replace(good, number=5, trained_on=True),
        replace(good, number=10, says_who=True),
        replace(good, number=6, entrants=("prompted-1", "tuned-2")),
        closed(0, {"b": Choice.RIGHT}),
    ]
    duels += [replace(good, number=7, by_hand=True), replace(good, number=8, repeated=True), replace(closed(9, {}), by_hand=True)]
    result = score_all(duels, PAIR)
    assert [duel.number for duel in result.duels] == [0, 4]
    assert result.absent == dict.fromkeys(Absence, 1) | {Absence.BY_HAND: 2}
    kept = Ledger.start(Scope(PAIR)).after([Filed(duel, None) for duel in duels], 9)
    assert (kept.absent, kept.ballots, len(kept.voters)) == (result.absent, 2, 2)
    assert kept.voted_share == pytest.approx(3 / 4)  # two that count and a repeat, of those and the one without a ballot


def test_an_a_a_pair_scores_its_entrant_1() -> None:
    duel = closed(1, {"a": Choice.LEFT}, left=1, entrants=("same", "same"))
    assert one(scored(duel, ("same", "same"))).score == 1


def test_answers_of_equal_length_say_nothing_of_length() -> None:
    duel = replace(closed(1, {"a": Choice.LEFT}), took=(TOOK[0], TOOK[0]))
    assert one(scored(duel, PAIR)).longer_score is None


def test_guesses_are_averaged_over_those_asked() -> None:
    duel = replace(closed(1, {"a": Choice.LEFT}), guesses=(("a", True), ("b", None), ("c", False), ("d", True)))
    assert one(scored(duel, PAIR)).guess == pytest.approx(2.5 / 4)
