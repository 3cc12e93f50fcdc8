"""An optimisation from its order to its result: search on dev rows, then winner and start once on test rows. It activates nothing."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from math import sqrt
from pathlib import Path
from statistics import fmean
from typing import Any

from engine.backends.base import Stop
from engine.optimise.asking import Asker, Engine
from engine.optimise.budget import Budget, Outlay
from engine.optimise.journal import Journal, row_digest
from engine.optimise.proposing import Stock
from engine.optimise.race import Candidate, paired
from engine.optimise.reflecting import Reflection
from engine.optimise.roles import RowsByRole, in_turn
from engine.optimise.search import Search
from engine.optimise.search import Tell as SearchTell
from engine.optimise.writing import EXAMPLE_TOKENS, write_recipe
from engine.recipes import Recipe
from engine.rows import Row
from engine.scoring import Metric, key_of

MOST_TEST = 250  # rows that winner and start are measured on


@dataclass(frozen=True, slots=True)
class Optimisation:
    """What is to be optimised, and with what."""

    start: Recipe | None  # None: one is written from the training rows
    rows: RowsByRole
    metric: Metric
    budget: Budget
    seed: int = 0
    example_tokens: int = EXAMPLE_TOKENS  # that a candidate's examples may have together, roughly
    most_test: int = MOST_TEST


@dataclass(frozen=True, slots=True)
class MeanScore:
    """A mean score over rows, with its standard error."""

    mean: float
    error: float
    rows: int

    @classmethod
    def of(cls, scores: Sequence[float]) -> "MeanScore | None":
        """Take the mean of scores; None without any."""
        if not scores:
            return None
        mean, count = fmean(scores), len(scores)
        deviation = sqrt(sum((score - mean) ** 2 for score in scores) / (count - 1)) if count > 1 else 0.0
        return cls(mean, deviation / sqrt(count), count)


@dataclass(frozen=True, slots=True)
class TrailEntry:
    """A candidate of the trail."""

    digest: str
    parent: str  # digest
    made: str  # how, for people
    examples: int
    dev: MeanScore | None  # of its answers
    likely: MeanScore | None  # chance of the wanted answer, where candidates were compared by that


@dataclass(frozen=True, slots=True)
class Optimised:
    """The result: a new version of the recipe, or the start itself where nothing better was found; never activated."""

    recipe: Recipe
    parent: str  # digest of the start
    start: Recipe
    metric: str
    dev: MeanScore | None  # of the recipe, on rows that it was chosen by
    start_dev: MeanScore | None
    test: MeanScore | None  # of the recipe, on rows that nobody has looked at; None where there are none, or the budget ended before
    start_test: MeanScore | None
    gain: MeanScore | None  # test scores of recipe minus start, row by row
    outlay: Outlay
    seconds: float
    why: str  # it ended, in words
    complete: bool  # False: stopped from outside; the state folder goes on
    trail: tuple[TrailEntry, ...]

    @property
    def changed(self) -> bool:
        """Whether the recipe is another one than the start."""
        return self.recipe.digest != self.parent

    @property
    def overstated(self) -> float | None:
        """How much the dev figure says more than the test figure."""
        return self.dev.mean - self.test.mean if self.dev and self.test else None


@dataclass(frozen=True, slots=True)
class SearchProgress:
    """What is told while it runs."""

    calls: int
    outlay: Outlay
    seconds: float
    stage: str  # "search", "test"
    words: str
    best: Candidate | None


async def optimise(
    order: Optimisation,
    engine: Engine,
    folder: Path | None = None,
    *,
    stop: Stop | None = None,
    tell: Callable[[SearchProgress], None] = lambda progress: None,
    reflection: Reflection | None = None,
) -> Optimised:
    """Search for a better recipe, and measure it.

    folder: keeps the answers, so that the same order goes on where it was stopped. stop: raise it to end early; answers that are being
    written are given up, and the state goes on. reflection: another model that rewrites instructions. Raises
    BadRequest, SettingsError, BackendError.
    """
    flag = stop or Stop()
    start = order.start or write_recipe(order.rows.train, order.metric, name="written", version="1", example_tokens=order.example_tokens)
    journal = Journal(folder, {"base": engine.backend.base.parts, "metric": order.metric.name})
    latest = SearchProgress(0, Outlay(), 0.0, "search", "", None)

    def told(**changes: Any) -> None:
        nonlocal latest
        latest = replace(latest, calls=asker.outlay.counted, outlay=asker.outlay, seconds=asker.seconds, **changes)
        tell(latest)

    asker = Asker(engine, journal, order.metric, flag, told)
    asker.check_price(order.budget)
    try:
        search = _search(order, start, asker, reflection, lambda best, words: told(words=words, best=best))
        first = Candidate(start, "the start", "")
        why = await search.run(first)
        best = search.best
        told(stage="test", best=best, words="")
        new, old = await _measured(best.recipe, start, order, asker)
        return Optimised(
            named(best.recipe, start, order),
            start.digest,
            start,
            order.metric.name,
            MeanScore.of(list(best.scores.values())),
            MeanScore.of(list(first.scores.values())),
            MeanScore.of(list(new.values())),
            MeanScore.of(list(old.values())),
            MeanScore.of(paired(new, old)),
            asker.outlay,
            asker.seconds,
            "it was stopped" if flag.raised else why,
            not flag.raised,
            tuple(map(_entry, search.candidates)),
        )
    finally:
        journal.close()


def _search(order: Optimisation, start: Recipe, asker: Asker, reflection: Reflection | None, tell: SearchTell) -> Search:
    """Make the search of an order, with what it may spend before the measurement, where there is one."""
    return Search(
        Stock.of(start, order.rows.train, order.metric, order.example_tokens, own=order.start is not None),
        choice_rows(order.rows, order.metric),
        asker,
        order.budget.searching if order.most_test and order.rows.test else order.budget,
        seed=order.seed,
        tell=tell,
        reflection=reflection,
    )


def _entry(candidate: Candidate) -> TrailEntry:
    recipe = candidate.recipe
    dev, likely = (MeanScore.of(list(scores.values())) for scores in (candidate.scores, candidate.looks))
    return TrailEntry(recipe.digest, candidate.parent, candidate.made, len(recipe.examples), dev, likely)


async def _measured(best: Recipe, start: Recipe, order: Optimisation, asker: Asker) -> tuple[dict[str, float], dict[str, float]]:
    """Score winner and start on test rows, as many as the budget allows; both on the same ones."""
    shown = {example.user for recipe in (best, start) for example in recipe.examples}
    rows = [row for row in in_turn(order.rows.test, _classes(order.rows.test, order.metric)) if row.text not in shown][: order.most_test]
    budget = replace(order.budget, calls=order.budget.calls + 2 * len(rows))
    scores: tuple[dict[str, float], dict[str, float]] = ({}, {})
    step = 25
    for at in range(0, len(rows), step):
        piece = rows[at : at + step]
        for place, recipe in enumerate((best, start)):
            found = await asker.ask([(recipe, row) for row in piece], budget, "whole")
            scores[place].update(zip(map(row_digest, piece), found, strict=False))
            if len(found) < len(piece):
                return scores
    return scores


def choice_rows(rows: RowsByRole, metric: Metric) -> list[Row]:
    """The rows that candidates are compared on, in their order: dev, and where that is thin the training rows behind it."""
    return [row for part in ((rows.dev, rows.train) if rows.thin else (rows.dev,)) for row in in_turn(part, _classes(part, metric))]


def _classes(rows: Sequence[Row], metric: Metric) -> list[str]:
    return [key_of(metric, row.references[0]) for row in rows] if metric.counts else [""] * len(rows)


def named(recipe: Recipe, start: Recipe, order: Optimisation) -> Recipe:
    """Give the winner a version of its own: its parent's, and the first digits of its digest."""
    if recipe.digest == start.digest:
        return start
    return replace(recipe, version=f"{start.version}-{recipe.digest[:6]}")
