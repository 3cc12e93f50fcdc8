"""New candidates: other wordings, other examples, more or fewer, in another order; and children of candidates that did well. Pure."""

import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

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
    def counts(self) -> tuple[int, ...]:
        """Numbers of examples to try: about one for each class, two, and half."""
        usual = usual_count(len(self.classes))
        return tuple(dict.fromkeys((usual, 2 * usual, max(4, usual // 2))))

    def class_of(self, example: Example) -> str:
        """The class of an example, "" where classes say nothing."""
        return key_of(self.metric, example.assistant) if len(self.classes) > 1 else ""

    def cut(self, rows: Sequence[Row]) -> list[Row]:
        """Leave out what is too much for a prompt."""
        return within(rows, self.example_tokens, self.count)


def first_brood(stock: Stock, chance: random.Random) -> Iterator[Candidate]:
    """Make candidates without end: wordings with typical examples first, then with others."""
    counts, words = stock.counts, stock.wordings
    parent = stock.start.digest
    for number in range(max(len(words), len(counts))):
        wording, count = words[number % len(words)], counts[number % len(counts)]
        yield Candidate(
            recipe_of(stock.start, wording, stock.cut(spread(stock.classes, count))), f"{wording.made}; typical examples", parent
        )
        yield Candidate(
            recipe_of(stock.start, wording, stock.cut(drawn(stock.classes, count, chance))), f"{wording.made}; drawn examples", parent
        )
    while True:
        wording, count = chance.choice(words), chance.choice(counts)
        yield Candidate(
            recipe_of(stock.start, wording, stock.cut(drawn(stock.classes, count, chance))), f"{wording.made}; drawn examples", parent
        )


def children(stock: Stock, parents: Sequence[Candidate], chance: random.Random) -> Iterator[Candidate]:
    """Make changed copies of these candidates without end, of the first most often."""
    ways = (_other_examples, _other_order, _mixed, _other_wording)
    while True:
        parent = parents[min(len(parents) - 1, int(chance.expovariate(1.5)))]
        way = chance.choices(ways, weights=(4, 2, 3, 1))[0]
        recipe, made = way(stock, parent, parents, chance)
        yield Candidate(recipe, made, parent.recipe.digest)


def _other_examples(stock: Stock, parent: Candidate, parents: Sequence[Candidate], chance: random.Random) -> tuple[Recipe, str]:
    """Exchange a third of the examples for others of the same class."""
    examples = list(parent.recipe.examples)
    if not examples:
        fresh = recipe_of(parent.recipe, _wording(parent.recipe), stock.cut(drawn(stock.classes, stock.counts[0], chance)))
        return fresh, "examples added"
    for place in chance.sample(range(len(examples)), max(1, len(examples) // 3)):
        rows = stock.classes.get(stock.class_of(examples[place])) or chance.choice(list(stock.classes.values()))
        row = chance.choice(rows)
        if row.text not in {each.user for each in examples}:
            examples[place] = Example(row.text, row.references[0])
    return replace(parent.recipe, examples=_within(stock, examples)), "a third of the examples exchanged"


def _within(stock: Stock, examples: Sequence[Example]) -> tuple[Example, ...]:
    rows = stock.cut([Row(number, each.user, references=(each.assistant,)) for number, each in enumerate(examples)])
    return tuple(Example(row.text, row.references[0]) for row in rows)


def _other_order(stock: Stock, parent: Candidate, parents: Sequence[Candidate], chance: random.Random) -> tuple[Recipe, str]:
    examples = list(parent.recipe.examples)
    chance.shuffle(examples)
    return replace(parent.recipe, examples=tuple(examples)), "examples in another order"


def _mixed(stock: Stock, parent: Candidate, parents: Sequence[Candidate], chance: random.Random) -> tuple[Recipe, str]:
    """Take each class's examples from one of two parents."""
    other = chance.choice(list(parents))
    sources = {name: chance.choice((parent, other)) for name in [*stock.classes, ""]}
    both = dict.fromkeys((*parent.recipe.examples, *other.recipe.examples))
    picked = [each for each in both if each in sources.get(stock.class_of(each), parent).recipe.examples]
    chance.shuffle(picked)
    return replace(parent.recipe, examples=_within(stock, picked)), "examples of two candidates mixed"


def _other_wording(stock: Stock, parent: Candidate, parents: Sequence[Candidate], chance: random.Random) -> tuple[Recipe, str]:
    wording = chance.choice(stock.wordings)
    return dressed(parent.recipe, wording, parent.recipe.examples), wording.made


def _wording(recipe: Recipe) -> Wording:
    return Wording("the parent's wording", recipe.system, recipe.template)
