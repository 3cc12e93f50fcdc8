"""Ballots: what a person may choose, and what follows from it. Pure: no clock, no store, no model.

A duel has two entrants, 0 and 1, in the order of its arms; a coin seats them left and right. A ballot is cast
for a place and kept for an entrant, so that it says which contestant was better and never where it stood.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Literal

from engine.duel import Side

Entrant = Literal[0, 1]


class Choice(StrEnum):
    """What a voter sees: two places and two ways to prefer neither."""

    LEFT = "left"
    RIGHT = "right"
    TIE = "tie"
    BOTH_BAD = "both_bad"


class Said(StrEnum):
    """What a ballot says of a duel's entrants, whatever their places."""

    BETTER = "better"  # one entrant is better; Ballot.entrant says which
    TIE = "tie"
    BOTH_BAD = "both_bad"


@dataclass(frozen=True, slots=True)
class Ballot:
    """One person's vote on one duel; casting again before the close replaces it."""

    duel_id: str
    voter: str
    verdict: Said
    entrant: Entrant | None  # the better one; None unless verdict is BETTER
    cast_at: datetime  # UTC


class Why(StrEnum):
    """What a voter may tick after a vote: in what the better answer is better."""

    CORRECT = "correct"
    CLEARER = "clearer"
    FORMAT = "format"
    SHORTER = "shorter"


@dataclass(frozen=True, slots=True)
class Reason:
    """What a voter has added to their ballot."""

    kinds: tuple[Why, ...] = ()
    words: str = ""
    blind: bool = True  # given before the close


@dataclass(frozen=True, slots=True)
class Guess:
    """A voter's answer to the blinding question: the side that they take for the other technique."""

    side: Side | None  # None: they cannot tell


Seats = Mapping[Side, Entrant]  # of one duel


def seats_of(left: Entrant) -> dict[Side, Entrant]:
    """Both seats from the stored coin, which names the entrant on the left."""
    return {Side.LEFT: left, Side.RIGHT: 1 if left == 0 else 0}


def ballot(duel_id: str, voter: str, choice: Choice, seats: Seats, now: datetime) -> Ballot:
    """A choice of places turned into a ballot for an entrant."""
    if choice in (Choice.TIE, Choice.BOTH_BAD):
        return Ballot(duel_id, voter, Said(choice.value), None, now)
    return Ballot(duel_id, voter, Said.BETTER, seats[Side(choice.value)], now)


def choice_of(cast: Ballot, seats: Seats) -> Choice:
    """The choice that the voter saw, for showing them their own ballot."""
    if cast.entrant is None:
        return Choice(cast.verdict.value)
    return Choice(next(side.value for side, entrant in seats.items() if entrant == cast.entrant))


def tally(ballots: Iterable[Ballot], seats: Seats) -> dict[Choice, int]:
    """Ballots per choice, all four choices named."""
    counted = Counter(choice_of(cast, seats) for cast in ballots)
    return {choice: counted[choice] for choice in Choice}


def most_said(first: int, second: int, both_bad: int, votes: int) -> Entrant | Said | None:
    """Sum up what a duel's voters said: the entrant that more preferred, else both bad if more than half said so, else a tie.

    The rule of the product; what sums up many duels at once (bot.verdict.outcomes, and SQL in bot.store.teams) is tested against it.
    first, second: votes for entrants 0 and 1. None without votes.
    """
    if not votes:
        return None
    if first != second:
        return 0 if first > second else 1
    return Said.BOTH_BAD if both_bad * 2 > votes else Said.TIE


def outcome(ballots: Iterable[Ballot]) -> Entrant | Said | None:
    """Sum up a duel's ballots by `most_said`."""
    counted = Counter(cast.verdict if cast.entrant is None else cast.entrant for cast in ballots)
    return most_said(counted[0], counted[1], counted[Said.BOTH_BAD], counted.total())


def carried(ballots: Iterable[Ballot], seats: Seats) -> Side:
    """Choose whose answer the conversation goes on with: the side more voters preferred, else the left one.

    So a tie, both bad, and a duel that nobody voted on go on with the left answer.
    """
    better = outcome(ballots)
    return next((side for side, entrant in seats.items() if entrant == better), Side.LEFT)


def is_full(ballots: int, quorum: int | None) -> bool:
    """Whether the vote closes now. A one-person duel has a quorum of 1; None closes by hand or by deadline."""
    return quorum is not None and ballots >= quorum
