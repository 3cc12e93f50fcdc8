"""Rows that say the same again, and rows that contradict one another."""

from collections.abc import Iterator, Sequence
from itertools import combinations

from adapters.data.findings import Fault, Finding
from adapters.data.rows import answered, asked, canonical
from engine.near import near
from engine.request import folded
from engine.rows import Row


def repeats(rows: Sequence[Row], groups: Sequence[int], *, closed: bool) -> Iterator[Finding]:
    """Find duplicates, near-duplicates and contradictions.

    groups: the number of each row's group of near-duplicates. closed: answers are from a closed set, so that any difference is one;
    of other answers near-duplicates agree, and nearly the same request may well have another answer.
    """
    members: dict[int, list[int]] = {}
    for number, group in enumerate(groups):
        members.setdefault(group, []).append(number)
    for numbers in members.values():
        if len(numbers) > 1:
            yield from _in_group(rows, numbers, closed=closed)


def _in_group(rows: Sequence[Row], numbers: list[int], *, closed: bool) -> Iterator[Finding]:
    same: dict[str, list[int]] = {}
    for number in numbers:
        same.setdefault(folded(asked(rows[number])), []).append(number)
    clear: list[int] = []  # one row of each request, where its rows agree
    for alike in same.values():
        if _agree([answered(rows[number]) for number in alike], closed=closed):
            clear.append(alike[0])
            if len(alike) > 1:
                yield Finding(Fault.DUPLICATE, tuple(alike), tuple(alike[1:]))
        else:
            yield Finding(Fault.CONTRADICTION, tuple(alike), tuple(alike), wrong=True)
    if len(clear) > 1:
        if _agree([answered(rows[number]) for number in clear], closed=closed):
            yield Finding(Fault.NEAR_DUPLICATE, tuple(clear), tuple(clear[1:]))
        else:
            every = tuple(number for number in numbers if folded(asked(rows[number])) in {folded(asked(rows[one])) for one in clear})
            yield Finding(Fault.NEAR_CONTRADICTION, tuple(clear), every, wrong=closed)


def _agree(answers: list[str], *, closed: bool) -> bool:
    """Whether answers say the same; one that is missing contradicts nothing."""
    kinds = sorted({canonical(answer) for answer in answers if answer.strip()})
    if len(kinds) < 2 or closed:
        return len(kinds) < 2
    return len(kinds) < MOST_COMPARED and all(near(one, other) for one, other in combinations(kinds, 2))


MOST_COMPARED = 40  # different answers to one request; as many never agree
