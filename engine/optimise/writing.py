"""A first recipe, written from training rows alone. Pure."""

from collections.abc import Callable, Sequence
from dataclasses import replace

from engine.errors import BadRequest
from engine.optimise.choosing import by_class, roughly, spread, typical_first, within
from engine.optimise.wording import Wording, wordings
from engine.recipes import Example, Recipe, Sampling
from engine.rows import Row
from engine.scoring import Metric, guess_metric

FEWEST_EXAMPLES, MOST_EXAMPLES = 8, 24  # of a first recipe; between them one for each class
EXAMPLE_TOKENS = 1600  # of all examples together
LONGEST_ANSWER = 1024  # tokens


def write_recipe(
    rows: Sequence[Row],
    metric: Metric | None = None,
    *,
    name: str = "written",
    version: str = "1",
    example_tokens: int = EXAMPLE_TOKENS,
    count: Callable[[str], int] = roughly,
) -> Recipe:
    """Write a recipe from rows with answers: an instruction with the answers' form and values, and examples of each class.

    example_tokens: that all examples may have together; count: tokens of a text. Raises BadRequest where no row has an answer.
    """
    answered = with_answers(rows)
    chosen = metric or guess_metric([row.references[0] for row in answered])
    classes = {name: typical_first(each, answered) for name, each in by_class(answered, chosen).items()}
    examples = within(spread(classes, usual_count(len(classes))), example_tokens, count)
    first = wordings([row.references[0] for row in answered], chosen)[0]
    return recipe_of(Recipe(name, version, sampling=sampling_for(answered, count)), first, examples)


def with_answers(rows: Sequence[Row]) -> tuple[Row, ...]:
    """Keep the rows that have an answer. Raises BadRequest where there is none."""
    answered = tuple(row for row in rows if row.references and not row.history)
    if not answered:
        nothing = "so there is nothing to write a recipe from"
        if any(row.references for row in rows):
            raise BadRequest(f"All training rows go on with a conversation, and a recipe's examples have none before them, {nothing}.")
        raise BadRequest(f"No training row has an answer (reference, answer or completion), {nothing}.")
    return answered


def usual_count(classes: int) -> int:
    """How many examples a first recipe shows for so many classes."""
    return max(FEWEST_EXAMPLES, min(MOST_EXAMPLES, classes))


def sampling_for(rows: Sequence[Row], count: Callable[[str], int]) -> Sampling:
    """Greedy, with room for the longest answer of the rows and a half."""
    longest = max(count(row.references[0]) for row in rows)
    return Sampling(max_new_tokens=min(LONGEST_ANSWER, 8 * (1 + longest * 3 // 16)))


def recipe_of(parent: Recipe, wording: Wording, rows: Sequence[Row]) -> Recipe:
    """Give a recipe another wording and other examples; all else stays."""
    return dressed(parent, wording, tuple(Example(row.text, row.references[0]) for row in rows))


def dressed(parent: Recipe, wording: Wording, examples: tuple[Example, ...]) -> Recipe:
    """Give a recipe another wording and these examples; all else stays."""
    return replace(parent, system=wording.system, template=wording.template, examples=examples)
