"""A closed duel turned into one score for a pair of contestants (X, Y), and what does not enter, counted by reason.

The unit is the distinct request, never the vote: voters of one duel share its request and its answers, so their ballots go together,
and a request that is asked again says nothing new. It enters when its first duel closes, and is fixed then.
Everything with two sides is a tuple in the order of the pair: [0] is X, [1] is Y. A score is Y's share: 1 means Y better.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from bot.ballots import Ballot, Entrant, Said

Pair = tuple[str, str]  # contestant ids (X, Y); an A/A pair names the same contestant twice, and X is then the duel's entrant 0


class Opinion(StrEnum):
    """One voter's word on the pair."""

    FIRST = "first"  # X better
    SECOND = "second"  # Y better
    TIE = "tie"
    BOTH_BAD = "both_bad"


WORTH = {Opinion.FIRST: 0.0, Opinion.SECOND: 1.0, Opinion.TIE: 0.5, Opinion.BOTH_BAD: 0.5}


class Absence(StrEnum):
    """The reasons why a closed duel of the pair does not enter. The first that applies is counted."""

    FAILED = "failed"  # a side gave no answer
    TRAINED_ON = "trained_on"  # a side was made with this request: its adapter was trained on it, or its recipe shows it
    AUTO_TIE = "auto_tie"  # identical answers, asked of nobody
    SAYS_WHO = "says_who"  # an answer says which side it is, so its readers were not blind
    NO_BALLOTS = "no_ballots"
    REPEAT = "repeat"  # an earlier duel of the same request has entered, or was closed by hand
    BY_HAND = "by_hand"  # closed by a person, who could look at what was being decided


class Took(NamedTuple):
    """The time and money that one side's answer took."""

    characters: int
    first_token_s: float  # from leaving the queue
    total_s: float
    usd: float | None  # None: no price was set


class Vote(NamedTuple):
    """One voter's opinion of the pair."""

    voter: str
    opinion: Opinion


@dataclass(frozen=True, slots=True)
class ClosedDuel:
    """A closed duel as the store knows it; tuples in the order of its own entrants 0 and 1."""

    number: int  # closing order, rising; evidence enters in this order, once
    entrants: Pair
    left: Entrant
    ballots: tuple[Ballot, ...]
    took: tuple[Took, Took] | None  # None when a side failed
    tag: str = ""
    identical: bool = False
    trained_on: bool = False
    says_who: bool = False
    by_hand: bool = False
    repeated: bool = False  # an earlier duel of the same request was voted on or closed by hand
    guesses: tuple[tuple[str, bool | None], ...] = ()  # voter, whether they found the fine-tune; None: could not tell


@dataclass(frozen=True, slots=True)
class ScoredDuel:
    """One unit of evidence; shares in [0, 1]."""

    number: int
    score: float  # Y's share: mean over voters
    votes: tuple[Vote, ...]  # one per voter
    left: Entrant  # 0 when X sat on the left
    took: tuple[Took, Took]
    tag: str
    guess: float | None  # right guesses 1, cannot tell 1/2, wrong 0: mean over those asked; None when nobody was

    def share(self, opinion: Opinion) -> float:
        """Compute the share of this duel's voters who said so."""
        return sum(vote.opinion is opinion for vote in self.votes) / len(self.votes)

    @property
    def left_score(self) -> float:
        """The left seat's share, whoever sat there."""
        return self.score if self.left == 1 else 1 - self.score

    @property
    def longer_score(self) -> float | None:
        """The longer answer's share; None when both have the same number of characters."""
        first, second = (side.characters for side in self.took)
        if first == second:
            return None
        return self.score if second > first else 1 - self.score


def score_of(votes: Sequence[Vote]) -> float | None:
    """Compute the mean worth of the votes: Y better 1, tie and both bad 1/2, X better 0. None without votes."""
    return sum(WORTH[vote.opinion] for vote in votes) / len(votes) if votes else None


def last_of_each(ballots: Iterable[Ballot]) -> list[Ballot]:
    """Pick each voter's last ballot before the close, by time; later in the list wins at equal times. Sorted by voter."""
    kept: dict[str, Ballot] = {}
    for ballot in sorted(ballots, key=lambda cast: cast.cast_at):
        kept[ballot.voter] = ballot
    return [kept[voter] for voter in sorted(kept)]


def _opinion(ballot: Ballot, flipped: bool) -> Opinion:
    if ballot.verdict is not Said.BETTER:
        return Opinion(ballot.verdict.value)
    return Opinion.SECOND if (ballot.entrant == 1) != flipped else Opinion.FIRST


def _guess(guesses: Sequence[tuple[str, bool | None]]) -> float | None:
    worth = [0.5 if right is None else float(right) for _, right in guesses]
    return sum(worth) / len(worth) if worth else None


def scored(duel: ClosedDuel, pair: Pair) -> ScoredDuel | Absence | None:
    """Score the duel for the pair, or say why it has no score; None when it is a duel of other contestants."""
    if duel.entrants not in (pair, pair[::-1]):
        return None
    if duel.took is None:
        return Absence.FAILED
    if duel.trained_on:
        return Absence.TRAINED_ON
    if duel.identical:
        return Absence.AUTO_TIE
    if duel.says_who:
        return Absence.SAYS_WHO
    if not (duel.ballots or duel.by_hand):
        return Absence.NO_BALLOTS
    if duel.repeated:
        return Absence.REPEAT
    if duel.by_hand:
        return Absence.BY_HAND
    flipped = duel.entrants != pair
    votes = tuple(Vote(ballot.voter, _opinion(ballot, flipped)) for ballot in last_of_each(duel.ballots))
    score = score_of(votes)
    assert score is not None  # there are ballots
    left: Entrant = (1 if duel.left == 0 else 0) if flipped else duel.left
    took = (duel.took[1], duel.took[0]) if flipped else duel.took
    return ScoredDuel(duel.number, score, votes, left, took, duel.tag, _guess(duel.guesses))
