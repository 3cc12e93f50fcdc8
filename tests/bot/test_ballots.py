"""Ballots: kept for a contestant, shown for a place; nothing depends on where somebody sat."""

from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from bot.ballots import Choice, Entrant, ballot, carried, choice_of, is_full, seats_of, tally
from engine.duel import Side

NOW = datetime(2026, 11, 22, tzinfo=UTC)
choices = st.sampled_from(Choice)
coins: st.SearchStrategy[Entrant] = st.sampled_from([0, 1])
MIRROR = {Choice.LEFT: Choice.RIGHT, Choice.RIGHT: Choice.LEFT, Choice.TIE: Choice.TIE, Choice.BOTH_BAD: Choice.BOTH_BAD}


@given(choices, coins)
def test_a_voter_is_shown_the_choice_they_made(choice: Choice, left: Entrant) -> None:
    seats = seats_of(left)
    assert choice_of(ballot("d", "ann", choice, seats, NOW), seats) is choice


@given(coins)
def test_a_ballot_names_the_entrant_that_sat_there(left: Entrant) -> None:
    seats = seats_of(left)
    assert ballot("d", "ann", Choice.LEFT, seats, NOW).entrant == left
    assert ballot("d", "ann", Choice.RIGHT, seats, NOW).entrant == 1 - left
    assert ballot("d", "ann", Choice.TIE, seats, NOW).entrant is None


@given(st.lists(choices), coins)
def test_mirrored_seats_and_mirrored_choices_give_the_same_ballots_and_the_mirrored_tally(cast: list[Choice], left: Entrant) -> None:
    seats, mirrored = seats_of(left), seats_of(1 if left == 0 else 0)
    ballots = [ballot("d", str(voter), choice, seats, NOW) for voter, choice in enumerate(cast)]
    assert ballots == [ballot("d", str(voter), MIRROR[choice], mirrored, NOW) for voter, choice in enumerate(cast)]
    counted, turned = tally(ballots, seats), tally(ballots, mirrored)
    assert counted == {choice: turned[MIRROR[choice]] for choice in Choice}
    assert sum(counted.values()) == len(cast)


@given(st.lists(choices), coins)
def test_the_conversation_goes_on_with_the_left_answer_unless_more_prefer_the_right(cast: list[Choice], left: Entrant) -> None:
    seats = seats_of(left)
    ballots = [ballot("d", str(voter), choice, seats, NOW) for voter, choice in enumerate(cast)]
    assert carried(ballots, seats) is (Side.RIGHT if cast.count(Choice.RIGHT) > cast.count(Choice.LEFT) else Side.LEFT)


@given(st.integers(0, 9), st.integers(1, 9))
def test_a_vote_closes_when_its_quorum_is_reached_and_without_one_never_by_itself(ballots: int, quorum: int) -> None:
    assert is_full(ballots, quorum) is (ballots >= quorum)
    assert not is_full(ballots, None)
