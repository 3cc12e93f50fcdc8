"""The search: generations of candidates, each raced over growing numbers of rows, the best of one the parents of the next.

Where it can be told how likely a wanted answer is, generations are compared by that, and the best ones alone are asked for answers.
"""

import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from itertools import islice

from engine.optimise.asking import Asker
from engine.optimise.budget import Budget
from engine.optimise.journal import row_digest
from engine.optimise.proposing import Stock, children, first_brood
from engine.optimise.race import ANSWERS, BOTH, LOOKS, Candidate, Yardstick, ranked, survivors
from engine.optimise.reflecting import MOST_ROWS, Reflection, WrongRow
from engine.rows import Row

BROOD = 6  # candidates of a generation, those that went on from the one before included
PARENTS = 2  # that go on
PERFECT_WORDS = "a recipe is right on every row"
SEARCHED = 0.7  # of the calls, that go into generations; with the rest the best ones are told apart
MOST_GENERATIONS = 1000
Tell = Callable[[Candidate, str], None]  # the best so far, and how far it is in words


class Exhausted(Exception):
    """The budget has no room for the next answer, or somebody has stopped the search."""


class Search:
    """The state of a search: all candidates so far. A function of its seed and of the answers, so it can be run once more."""

    def __init__(
        self,
        stock: Stock,
        rows: Sequence[Row],
        asker: Asker,
        budget: Budget,
        *,
        seed: int,
        tell: Tell,
        reflection: Reflection | None = None,
    ) -> None:
        """reflection: another model that rewrites the best candidate's instruction once a generation; None: wordings are all there is."""
        self._reflection = reflection
        self.candidates: list[Candidate] = []
        self._stock, self._rows, self._asker, self._budget, self._tell = stock, rows, asker, budget, tell
        self._looked = asker.lookable(rows)  # those of `rows` that are looked at
        self._by = LOOKS if self._looked else ANSWERS
        self._finalists: list[Candidate] = []
        self._chance = random.Random(seed)

    @property
    def best(self) -> Candidate:
        """The candidate that did best so far; in the end, of those that were asked for answers as well."""
        if asked := [each for each in self._finalists if each.scores]:
            return ranked(asked, BOTH)[0]
        return ranked([each for each in self.candidates if self._by.scores(each)] or self.candidates[:1], self._by)[0]

    async def run(self, start: Candidate) -> str:
        """Search until the budget is spent, or a candidate is perfect on all rows. Returns why it ended, in words."""
        self.candidates = [start]
        budget = self._budget.part(SEARCHED) if self._looked else self._budget  # answers to the best ones are the only figure then
        try:
            if await self._generations(replace(budget, calls=max(1, round(self._budget.calls * SEARCHED)))):
                return PERFECT_WORDS
        except Exhausted:
            pass
        try:
            return PERFECT_WORDS if await self._final(self._budget) else "the best ones have been asked every row"
        except Exhausted:
            return "the budget is spent"

    async def _generations(self, budget: Budget) -> bool:
        """Race generation after generation. Returns True when a candidate is right on every row; raises Exhausted."""
        pool, source = list(self.candidates), first_brood(self._stock, self._chance)
        for _ in range(MOST_GENERATIONS):
            rewritten = await self._rewritten(pool, budget)
            fresh = [*rewritten, *self._fresh(source, BROOD - len(pool) - len(rewritten))]
            if not fresh:
                break
            pool = await self._race([*pool, *fresh], budget)
            if self._by.mean(pool[0]) >= self._by.perfect:
                await self._ask(pool[:1], len(self._rows), budget, ANSWERS)
            if self._perfect(pool[0]):
                self._finalists = pool[:1]
                return True
            pool = ranked(self.candidates, self._by)[:PARENTS]
            source = children(self._stock, pool, self._chance)
        return False

    async def _final(self, budget: Budget) -> bool:
        """Ask the best candidates as many rows as the budget allows, without those that fall behind. Returns whether one is perfect."""
        pool, step = ranked(self.candidates, self._by)[: PARENTS + 1], ANSWERS.first_rows
        if self._by is LOOKS:
            best = ranked([each for each in self.candidates if each.looks], LOOKS)[: PARENTS + 1]
            pool = self._finalists = list(dict.fromkeys([*best, self.candidates[0]]))  # the start may answer better than what looks likely
        for rows in range(step, len(self._rows) + step, step):
            await self._ask(pool, rows, budget, ANSWERS)
            # Who is left after a look has shown more already than few answers can say against it.
            pool = survivors(pool, len(pool), BOTH) if self._by is LOOKS else survivors(pool, PARENTS)
            self._tell(self.best, f"the best {len(pool)} after {min(rows, len(self._rows))} rows")
        return self._perfect(pool[0])

    def _perfect(self, candidate: Candidate) -> bool:
        return len(candidate.scores) >= len(self._rows_of(candidate, ANSWERS)) and ANSWERS.mean(candidate) >= ANSWERS.perfect

    async def _rewritten(self, pool: Sequence[Candidate], budget: Budget) -> list[Candidate]:
        """Have the other model rewrite the instruction of the best candidate by the rows that it got wrong, if there is such a model."""
        if self._reflection is None:
            return []
        best = pool[0]
        await self._ask([best], ANSWERS.first_rows, budget, ANSWERS)
        wrong = [row for row in self._rows if best.scores.get(row_digest(row), 1.0) < 1]
        if not wrong:
            return []
        shown = [WrongRow(row, self._asker.said(best.recipe, row)) for row in wrong[:MOST_ROWS]]
        system = await self._reflection.rewritten(best.recipe, shown)
        made = Candidate(replace(best.recipe, system=system), "the instruction rewritten by another model", best.recipe.digest)
        if not system or made.recipe.digest in {each.recipe.digest for each in self.candidates}:
            return []
        self.candidates.append(made)
        return [made]

    def _fresh(self, source: Iterator[Candidate], count: int) -> list[Candidate]:
        """Take new candidates that nobody has tried."""
        known = {each.recipe.digest for each in self.candidates}
        found = list[Candidate]()
        for candidate in islice(source, 40 * count):
            if candidate.recipe.digest not in known and len(found) < count:
                known.add(candidate.recipe.digest)
                found.append(candidate)
        self.candidates += found
        return found

    async def _race(self, pool: list[Candidate], budget: Budget) -> list[Candidate]:
        """Ask the candidates more and more rows, with half of them at every round, until one is left that has been asked all."""
        rows, by = self._by.first_rows, self._by
        while True:
            await self._ask(pool, rows, budget, by)
            pool = survivors(pool, len(pool) // 2, by)
            self._tell(self.best, f"{len(pool)} of the candidates go on after {rows} rows")
            if len(pool) == 1 or rows >= len(self._rows):
                return pool
            rows = min(2 * rows, len(self._rows))

    async def _ask(self, pool: Sequence[Candidate], count: int, budget: Budget, by: Yardstick) -> None:
        """Bring every candidate to its first `count` rows; candidate by candidate, as the beginning of its prompts is read once.

        Raises Exhausted when the budget has no room for all.
        """
        pairs = [(each, row) for each in pool for row in self._rows_of(each, by)[:count] if row_digest(row) not in by.scores(each)]
        scores = await self._asker.ask([(each.recipe, row) for each, row in pairs], budget, by.how)
        for (each, row), score in zip(pairs, scores, strict=False):
            by.scores(each)[row_digest(row)] = score
        if len(scores) < len(pairs):
            raise Exhausted

    def _rows_of(self, candidate: Candidate, by: Yardstick) -> list[Row]:
        """The rows that a candidate may be asked: all but those that it shows."""
        shown = {example.user for example in candidate.recipe.examples}
        return [row for row in (self._looked if by is LOOKS else self._rows) if row.text not in shown]
