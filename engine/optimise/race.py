"""Candidates compared on the same rows: who falls behind is dropped. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import sqrt
from statistics import fmean

from engine.recipes import Recipe

Z = 1.645  # standard errors below the leader (one-sided 95 %) at which a candidate is dropped, however many there are
LEAST_SD = 0.35  # of a difference of two scores; few rows may show less by chance
TRUST = 24  # rows at which a mean counts half: about the variance of one score over that between recipes of one task


@dataclass(slots=True, eq=False)
class Candidate:
    """A recipe in the race, with its scores."""

    recipe: Recipe
    made: str  # how, for people
    parent: str = ""  # digest
    scores: dict[str, float] = field(default_factory=dict)  # by the row's digest

    @property
    def mean(self) -> float:
        """Its mean score; 0 without any."""
        return fmean(self.scores.values()) if self.scores else 0.0


def worth(candidate: Candidate, usual: float) -> float:
    """Estimate what a candidate will score elsewhere: its mean drawn towards the usual one, the more the fewer rows it has."""
    total = sum(candidate.scores.values())
    return (total + TRUST * usual) / (len(candidate.scores) + TRUST)


def usual_of(candidates: Sequence[Candidate]) -> float:
    """The mean of all scores there are."""
    scores = [score for each in candidates for score in each.scores.values()]
    return fmean(scores) if scores else 0.0


def ranked(candidates: Sequence[Candidate]) -> list[Candidate]:
    """Sort candidates by their worth, the best first; of equals the earlier."""
    usual = usual_of(candidates)
    return sorted(candidates, key=lambda each: -worth(each, usual))


def falls_behind(candidate: Candidate, leader: Candidate) -> bool:
    """Whether the interval of its difference to the leader, on rows that both have answered, lies below 0."""
    gaps = paired(leader.scores, candidate.scores)
    if len(gaps) < 2:
        return False
    mean = fmean(gaps)
    deviation = sqrt(sum((gap - mean) ** 2 for gap in gaps) / (len(gaps) - 1))
    return mean - Z * max(deviation, LEAST_SD) / sqrt(len(gaps)) > 0


def paired(one: Mapping[str, float], other: Mapping[str, float]) -> list[float]:
    """Differences of two score lists on the rows that both have."""
    return [score - other[row] for row, score in one.items() if row in other]


def survivors(candidates: Sequence[Candidate], most: int) -> list[Candidate]:
    """Keep the best `most`, without those that fall behind the leader."""
    best = ranked(candidates)
    return [best[0], *(each for each in best[1:] if not falls_behind(each, best[0]))][: max(1, most)]
