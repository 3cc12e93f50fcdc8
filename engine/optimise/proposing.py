"""New candidates: other wordings, other examples, more or fewer, in another order; and children of candidates that did well. Pure."""

import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import cycle

from engine.optimise.choosing import by_class, drawn, roughly, spread, typical_first, within
from engine.optimise.race import Candidate
from engine.optimise.wording import Wording, wordings
from engine.optimise.writing import dressed, recipe_of, usual_count
from engine.recipes import Example, Recipe
from engine.rows import Row
from engine.scoring import Metric, key_of


@dataclass(frozen=True, slots=True)
class Stock:
    """All that candidates are made of."""

    start: Recipe
    wordings: tuple[Wording, ...]  # the start's own first, if it has one
    classes: dict[str, list[Row]]  # training rows by class, typical ones first
    metric: Metric
    example_tokens: int  # that a candidate's examples may have together
    count: Callable[[str], int] = roughly

    @classmethod
    def of(cls, start: Recipe, rows: Sequence[Row], metric: Metric, example_tokens: int, *, own: bool) -> "Stock":
        """Sort training rows into a stock; own: whether the start's wording is a person's, and so one to keep."""
        classes = {name: typical_first(each, rows) for name, each in by_class(rows, metric).items()}
        kept = (Wording("the start's wording", start.system, start.template),) if own else ()
        return cls(start, kept + wordings([row.references[0] for row in rows], metric), classes, metric, example_tokens)

    @property
    def counts(self) -> tuple[int, int]:
        """Numbers of examples to begin with: about one for each class, and two."""
        usual = usual_count(len(self.classes))
        return usual, 2 * usual

    def class_of(self, example: Example) -> str:
        """The class of an example, "" where classes say nothing."""
        return key_of(self.metric, example.assistant) if len(self.classes) > 1 else ""

    def cut(self, rows: Sequence[Row]) -> list[Row]:
        """Leave out what is too much for a prompt."""
        return within(rows, self.example_tokens, self.count)


def first_brood(stock: Stock, chance: random.Random) -> Iterator[Candidate]:
    """Make candidates without end: every wording in turn, with typical examples for the first ones and drawn ones for the others.

    Of one set, the smaller number of examples is the beginning of the larger one, so that the engine reads it once.
    """
    few, many = stock.counts
    typical = stock.cut(spread(stock.classes, many))
    for wording in cycle(stock.wordings):
        rows, how = (typical, "typical") if typical else (stock.cut(drawn(stock.classes, many, chance)), "drawn")
        typical = []
        for count in (few, many):
            made = f"{wording.made}; {len(rows[:count])} {how} examples"
            yield Candidate(recipe_of(stock.start, wording, rows[:count]), made, stock.start.digest)


def children(stock: Stock, parents: Sequence[Candidate], chance: random.Random) -> Iterator[Candidate]:
    """Make changed copies of these candidates without end, of the first most often.

    Most changes are at the end of the examples: the end weighs most in an answer, and what is before it need not be read again.
    """
    ways = (_other_end, _other_order, _grown, _mixed, _other_wording)
    while True:
        parent = parents[min(len(parents) - 1, int(chance.expovariate(1.5)))]
        way = chance.choices(ways, weights=(4, 2, 2, 1, 1))[0]
        recipe, made = way(stock, parent, parents, chance)
        yield Candidate(recipe, made, parent.recipe.digest)


def _other_end(stock: Stock, parent: Candidate, parents: Sequence[Candidate], chance: random.Random) -> tuple[Recipe, str]:
    """Exchange the last third of the examples for others of the same classes."""
    kept = parent.recipe.examples[: len(parent.recipe.examples) * 2 // 3]
    fresh = []
    for example in parent.recipe.examples[len(kept) :]:
        rows = stock.classes.get(stock.class_of(example)) or chance.choice(list(stock.classes.values()))
        fresh.append(_example(chance.choice(rows)))
    chance.shuffle(fresh)
    return _with(stock, parent.recipe, [*kept, *fresh]), "the last third of the examples exchanged"


def _grown(stock: Stock, parent: Candidate, parents: Sequence[Candidate], chance: random.Random) -> tuple[Recipe, str]:
    """Add one more example of each class, at the end."""
    fresh = [_example(row) for row in drawn(stock.classes, max(4, stock.counts[0]), chance)]
    return _with(stock, parent.recipe, [*parent.recipe.examples, *fresh]), "more examples"


def _example(row: Row) -> Example:
    return Example(row.text, row.references[0])


def _with(stock: Stock, recipe: Recipe, examples: Sequence[Example]) -> Recipe:
    """Give a recipe these examples, each request once, as many as a prompt may hold."""
    once = {each.user: each for each in examples}
    rows = stock.cut([Row(number, each.user, references=(each.assistant,)) for number, each in enumerate(once.values())])
    return replace(recipe, examples=tuple(map(_example, rows)))


def _other_order(stock: Stock, parent: Candidate, parents: Sequence[Candidate], chance: random.Random) -> tuple[Recipe, str]:
    """Shuffle the second half of the examples."""
    half = len(parent.recipe.examples) // 2
    end = list(parent.recipe.examples[half:])
    chance.shuffle(end)
    return replace(parent.recipe, examples=(*parent.recipe.examples[:half], *end)), "the last half of the examples in another order"


def _mixed(stock: Stock, parent: Candidate, parents: Sequence[Candidate], chance: random.Random) -> tuple[Recipe, str]:
    """Take each class's examples from one of two parents."""
    other = chance.choice(list(parents))
    sources = {name: chance.choice((parent, other)) for name in [*stock.classes, ""]}
    both = dict.fromkeys((*parent.recipe.examples, *other.recipe.examples))
    picked = [each for each in both if each in sources.get(stock.class_of(each), parent).recipe.examples]
    chance.shuffle(picked)
    return _with(stock, parent.recipe, picked), "examples of two candidates mixed"


def _other_wording(stock: Stock, parent: Candidate, parents: Sequence[Candidate], chance: random.Random) -> tuple[Recipe, str]:
    wording = chance.choice(stock.wordings)
    return dressed(parent.recipe, wording, parent.recipe.examples), wording.made
