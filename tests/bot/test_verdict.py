"""The first standing: closed duels of one pair, counted."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.ballots import Ballot, Choice, Entrant, Verdict, ballot, seats_of
from bot.verdict import Closed, outcome, standing, unknown
from engine.contestants import Arm, Base, Contestant
from tests.bot.scripted import ADAPTER, HOUSE, PLAIN

BASE = Base("scripted", "0" * 16, 2048, 0)
PAIR = (Contestant(Arm.PROMPTED, HOUSE, None, BASE), Contestant(Arm.TUNED, PLAIN, ADAPTER, BASE))
IDS = (PAIR[0].id, PAIR[1].id)


def votes(*choices: Choice, left: Entrant = 0) -> tuple[Ballot, ...]:
    return tuple(
        ballot("d", str(voter), choice, seats_of(left), datetime(2026, 11, 22, tzinfo=UTC)) for voter, choice in enumerate(choices)
    )


A, B, TIE, BAD = Choice.LEFT, Choice.RIGHT, Choice.TIE, Choice.BOTH_BAD


@pytest.mark.parametrize(
    ("choices", "result"),
    [
        ((), None),
        ((A,), 0),
        ((B,), 1),
        ((A, B, B), 1),
        ((A, TIE, TIE, BAD), 0),
        ((A, B), Verdict.TIE),
        ((BAD, BAD, TIE), Verdict.BOTH_BAD),
        ((BAD, TIE), Verdict.TIE),
        ((A, B, BAD), Verdict.TIE),
    ],
)
def test_a_duel_is_one_result_however_many_voted(choices: tuple[Choice, ...], result: object) -> None:
    assert outcome(votes(*choices)) == result


def test_duels_of_the_pair_are_counted_and_all_others_are_not() -> None:
    closed = [
        Closed(IDS, votes(A), False),
        Closed((IDS[1], IDS[0]), votes(A), False),  # the arms were named in the other order: entrant 0 is the tuned one
        Closed(IDS, votes(B, B, A), False),
        Closed(IDS, votes(TIE), False),
        Closed(IDS, votes(BAD), False),
        Closed(IDS, (), False),
        Closed(IDS, (), True),
        Closed((IDS[0], "f" * 12), votes(A), False),
    ]
    found = standing(closed, PAIR)
    assert found.better == {Arm.PROMPTED: 1, Arm.TUNED: 2}
    assert (found.duels, found.ties, found.both_bad, found.identical) == (5, 1, 1, 1)
    assert found.words == (
        "Keep collecting: 5 duels decided (prompted 1, tuned 2, ties 1, both bad 1). Answers were identical 1 time; those are not counted."
    )


def test_words_without_any_duel_and_without_a_pair() -> None:
    assert standing([], PAIR).words == "Keep collecting: no duel decided yet."
    assert unknown("Not yet.").duels == 0


@given(st.lists(st.tuples(st.lists(st.sampled_from(Choice), max_size=4), st.booleans())))
def test_every_closed_duel_is_counted_once_or_said_nothing(duels: list[tuple[list[Choice], bool]]) -> None:
    found = standing([Closed(IDS, () if same else votes(*choices), same) for choices, same in duels], PAIR)
    silent = sum(1 for choices, same in duels if not same and not choices)
    assert found.duels + found.identical + silent == len(duels)
