"""Examples for a recipe, chosen among training rows: every kind of answer once before one comes twice, and typical requests first. Pure."""

import random
import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from statistics import median

import numpy as np
import numpy.typing as npt

from engine.rows import Row
from engine.scoring import Metric, key_of

MOST_COMPARED = 1500  # rows whose likeness is computed; of more, every n-th
_WORD = re.compile(r"\w+")
Matrix = npt.NDArray[np.float64]


def by_class(rows: Sequence[Row], metric: Metric) -> dict[str, list[Row]]:
    """Group rows by what of their answer the metric looks at; the largest class first. All in one where nearly every answer is its own."""
    found: dict[str, list[Row]] = {}
    for row in rows:
        found.setdefault(key_of(metric, row.references[0]), []).append(row)
    if len(found) > len(rows) / 2:
        return {"": list(rows)}
    return dict(sorted(found.items(), key=lambda item: (-len(item[1]), item[0])))


def typical_first(rows: Sequence[Row], among: Sequence[Row]) -> list[Row]:
    """Sort rows, the request that is most like those `among` first (mean cosine of tf-idf vectors of words).

    The longer half comes behind the shorter one: a prompt holds more short examples, and is read sooner.
    """
    if len(rows) < 2:
        return list(rows)
    usual = median(map(_length, rows))
    step = max(1, len(among) // MOST_COMPARED)
    texts = [row.text for row in rows]
    vectors = _vectors([*texts, *(row.text for row in among[::step])])
    own, others = vectors[: len(rows)], vectors[len(rows) :]
    likeness = own @ others.mean(axis=0)
    return [
        rows[number] for number in sorted(range(len(rows)), key=lambda number: (_length(rows[number]) > usual, -likeness[number], number))
    ]


def _length(row: Row) -> int:
    return len(row.text) + len(row.references[0])


def _vectors(texts: Sequence[str]) -> Matrix:
    """tf-idf vectors of length 1 over words (texts, words)."""
    words = [_WORD.findall(text.casefold()) for text in texts]
    known = {word: number for number, word in enumerate(dict.fromkeys(word for each in words for word in each))}
    counts = np.zeros((len(texts), max(1, len(known))))
    for number, each in enumerate(words):
        for word, count in Counter(each).items():
            counts[number, known[word]] = count
    weight = np.log((1 + len(texts)) / (1 + (counts > 0).sum(axis=0))) + 1
    vectors = counts * weight
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    scaled: Matrix = vectors / np.where(lengths > 0, lengths, 1)
    return scaled


def spread(classes: Mapping[str, Sequence[Row]], count: int) -> list[Row]:
    """Take rows class by class in turn, the first of each class first, until there are `count`."""
    deepest = max(map(len, classes.values()), default=0)
    return [rows[depth] for depth in range(deepest) for rows in classes.values() if depth < len(rows)][:count]


def drawn(classes: Mapping[str, Sequence[Row]], count: int, chance: random.Random) -> list[Row]:
    """Take rows class by class in turn, at random from the first three quarters of each class, in random order of the classes."""
    shuffled = {name: _drawn_from(rows[: max(4, len(rows) * 3 // 4)], count, chance) for name, rows in classes.items()}
    names = list(shuffled)
    chance.shuffle(names)
    return spread({name: shuffled[name] for name in names}, count)


def _drawn_from(rows: Sequence[Row], count: int, chance: random.Random) -> list[Row]:
    return chance.sample(list(rows), min(len(rows), count))


def within(rows: Sequence[Row], tokens: int, count: Callable[[str], int]) -> list[Row]:
    """Leave out the rows with which their texts would be more than so many tokens; count: tokens of a text."""
    kept, left = list[Row](), tokens
    for row in rows:
        size = count(row.text) + count(row.references[0])
        if size <= left:
            kept.append(row)
            left -= size
    return kept


def roughly(text: str) -> int:
    """Estimate a text's tokens without its tokenizer: three bytes are one, which is more than English has."""
    return -(-len(text.encode()) // 3)
