"""What must have been read when an answer begins: classes that the training asks for beside the words.

An answer's words show few of the facts that decide it, and late. Small heads on a middle layer ask for all of them at the position where
the answer begins, and for those told so far wherever the words of a fact end, which teaches reading without a token more (deeply
supervised auxiliary tasks: Lee et al. 2014, arXiv 1409.5185).
They are thrown away when the training ends.
"""

from bisect import bisect_right
from dataclasses import replace

from adapters.examples.demo.text.chat import EXPLAINED, HELLO
from adapters.examples.demo.text.numbers import read
from adapters.examples.demo.text.rules import HouseFacts
from adapters.examples.demo.text.situations import Situation

EXAMPLE_BOUNDS = (1, 10, 100, 200, 1_000, 2_000, 10_000, 100_000)
CHANGE_BOUNDS = (1, 2, 7, 7.5, 20, 45, 85, 120, 400, 999)  # days between two changes
DEADLINE_BOUNDS = (1, 2, 3, 4, 7.5, 20, 45)  # days
VOLUME_BOUNDS = (1_000, 10_000, 50_000, 100_000, 1_000_000)  # requests a month
KINDS = ("situation", "aspect", "greeting", "outside")
FACETS = {  # what is asked for -> number of classes; class 0 of a fact is "not stated"
    "kind": len(KINDS),
    "aspect": 1 + len(EXPLAINED),
    "access": 3,
    "examples": 2 + len(EXAMPLE_BOUNDS),
    "first digit of the examples": 10,
    "change": 2 + len(CHANGE_BOUNDS),
    "deadline": 2 + len(DEADLINE_BOUNDS),
    "volume": 2 + len(VOLUME_BOUNDS),
    "first digit of the volume": 10,
    "precision": 3,
}
Reading = tuple[int, ...]  # a class for each facet


def reading(made: Situation) -> Reading:
    """Classify a situation's facts, those of the turns before included."""
    facts, named = made.facts, made.named
    return (
        KINDS.index("situation"),
        0,
        told(facts.access),
        band(facts.examples, EXAMPLE_BOUNDS),
        digit(named.get("examples")),
        band(facts.change_days, CHANGE_BOUNDS),
        band(facts.deadline_days, DEADLINE_BOUNDS),
        band(facts.volume_month, VOLUME_BOUNDS),
        digit(named.get("volume_month")),
        told(facts.precise),
    )


def readings_within(made: Situation) -> tuple[tuple[int, Reading], ...]:
    """Find where the words of a fact end, in characters, and what must have been read there: the facts up to there."""
    facts, named, found = HouseFacts(), dict[str, str](), dict[int, Reading]()
    for end, aspect in made.stated:
        facts = replace(facts, **{aspect: getattr(made.facts, aspect)})
        named = {**named, aspect: made.named[aspect]}
        found[end] = reading(replace(made, facts=facts, named=named))
    return tuple(found.items())


def reading_of_talk(reply: str) -> Reading:
    """Classify a message that is no situation by its reply: which kind it is, and which aspect it asks about."""
    aspect = next((at for at, words in enumerate(EXPLAINED.values(), 1) if words == reply), 0)
    kind = "aspect" if aspect else "greeting" if reply == HELLO else "outside"
    return (KINDS.index(kind), aspect, *reading(Situation("", HouseFacts(), {}))[2:])


def told(fact: bool | None) -> int:
    """Classify a yes or no: 0 not stated, 1 yes, 2 no."""
    return 0 if fact is None else 2 - fact


def band(value: float | None, bounds: tuple[float, ...]) -> int:
    """Classify a number by bounds in rising order: 0 not stated, 1 below the first bound, and so on."""
    return 0 if value is None else 1 + bisect_right(bounds, value)


def digit(name: str | None) -> int:
    """Return the first digit of the number in a fact's name; 0 where the name has none."""
    words = (name or "").removeprefix("only ").split(" labelled")[0].split(" requests")[0]
    try:
        return int(str(read(words))[0])
    except ValueError:
        return 0
