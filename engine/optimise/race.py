"""Candidates compared on the same rows: who falls behind is dropped. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import sqrt
from statistics import fmean

from engine.optimise.journal import How
from engine.recipes import Recipe

Z = 1.645  # standard errors below the leader (one-sided 95 %) at which a candidate is dropped, however many there are

ROUNDS = 20  # in which leads are found; then they move no more


@dataclass(slots=True, eq=False)
class Candidate:
    """A recipe in the race, with its scores."""

    recipe: Recipe
    made: str  # how, for people
    parent: str = ""  # digest
    scores: dict[str, float] = field(default_factory=dict)  # of answers, by the row's digest
    looks: dict[str, float] = field(default_factory=dict)  # chances of the wanted answers, by the row's digest


@dataclass(frozen=True, slots=True)
class Yardstick:
    """What candidates are compared by, and how much of it is chance."""

    how: How  # rows are asked
    first_rows: int  # that a new candidate is asked; each round of a race doubles them
    least_sd: float  # of a difference of two scores; few rows may show less by chance
    trust: int  # rows at which a mean counts half: about the variance of one score over that between recipes of one task
    rows_differ: bool  # whether how hard a row is tells more of a score than the candidate does
    perfect: float  # mean score from which on a candidate is asked every row, as it may be right on all
    both: bool = False  # whether it is looks and answers together

    def scores(self, candidate: Candidate) -> dict[str, float]:
        """Find a candidate's scores by the row's digest, for new ones to go in there; those of both kinds are a copy."""
        if self.both:
            return candidate.looks | {f"{row} answered": score for row, score in candidate.scores.items()}
        return candidate.looks if self.how == "look" else candidate.scores

    def mean(self, candidate: Candidate) -> float:
        """Compute a candidate's mean score; 0 without any."""
        return fmean(scores) if (scores := self.scores(candidate).values()) else 0.0


ANSWERS = Yardstick("part", first_rows=12, least_sd=0.35, trust=24, rows_differ=False, perfect=1.0)
LOOKS = Yardstick("look", first_rows=24, least_sd=0.2, trust=24, rows_differ=True, perfect=0.97)
BOTH = replace(LOOKS, both=True)


def worth(scores: Mapping[str, float], usual: float, trust: int) -> float:
    """Estimate what a candidate will score elsewhere: its mean drawn towards the usual one, the more the fewer rows it has."""
    return (sum(scores.values()) + trust * usual) / (len(scores) + trust)


def usual_of(candidates: Sequence[Candidate], by: Yardstick = ANSWERS) -> float:
    """The mean of all scores there are."""
    scores = [score for each in candidates for score in by.scores(each).values()]
    return fmean(scores) if scores else 0.0


def leads(scores: Sequence[Mapping[str, float]], trust: int) -> list[float]:
    """Estimate how much better than usual each candidate is, where rows are of their own kind each: scores by row, candidate by candidate.

    A score is taken for the sum of what the row is worth to everybody and of the candidate's lead; both are found in turn, until they fit.
    So it does not matter which rows a candidate was asked, though some are easy and some hard. Leads are drawn towards 0 as in `worth`.
    """
    own = [0.0] * len(scores)
    for _ in range(ROUNDS):
        rows: dict[str, list[float]] = {}
        for lead, each in zip(own, scores, strict=True):
            for row, score in each.items():
                rows.setdefault(row, []).append(score - lead)
        usual = {row: fmean(found) for row, found in rows.items()}
        own = [sum(score - usual[row] for row, score in each.items()) / (len(each) + trust) for each in scores]
    return own


def ranked(candidates: Sequence[Candidate], by: Yardstick = ANSWERS) -> list[Candidate]:
    """Sort candidates by their worth, the best first; of equals the earlier."""
    scores = [by.scores(each) for each in candidates]
    usual = usual_of(candidates, by)
    found = leads(scores, by.trust) if by.rows_differ else [worth(each, usual, by.trust) for each in scores]
    return [each for _, each in sorted(zip(found, candidates, strict=True), key=lambda pair: -pair[0])]


def falls_behind(candidate: Candidate, leader: Candidate, by: Yardstick = ANSWERS) -> bool:
    """Whether the interval of its difference to the leader, on rows that both have been asked, lies below 0."""
    gaps = paired(by.scores(leader), by.scores(candidate))
    if len(gaps) < 2:
        return False
    mean = fmean(gaps)
    deviation = sqrt(sum((gap - mean) ** 2 for gap in gaps) / (len(gaps) - 1))
    return mean - Z * max(deviation, by.least_sd) / sqrt(len(gaps)) > 0


def paired(one: Mapping[str, float], other: Mapping[str, float]) -> list[float]:
    """Differences of two score lists on the rows that both have."""
    return [score - other[row] for row, score in one.items() if row in other]


def survivors(candidates: Sequence[Candidate], most: int, by: Yardstick = ANSWERS) -> list[Candidate]:
    """Keep the best `most`, without those that fall behind the leader."""
    best = ranked(candidates, by)
    return [best[0], *(each for each in best[1:] if not falls_behind(each, best[0], by))][: max(1, most)]
