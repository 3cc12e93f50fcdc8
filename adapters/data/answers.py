"""What the answers and lengths of rows say: empty and one-word answers, private words, rows that are too long."""

from collections.abc import Iterator, Sequence

from adapters.data.contact import hits
from adapters.data.findings import Fault, Finding
from adapters.data.rows import answered, asked
from engine.rows import Row


def poor_answers(rows: Sequence[Row], *, closed: bool) -> Iterator[Finding]:
    """Find rows without an answer and, where answers are no closed set, those whose answer is one word."""
    for number, row in enumerate(rows):
        words = len(answered(row).split())
        if words == 0:
            yield Finding(Fault.EMPTY, (number,), (number,))
        elif words == 1 and not closed:
            yield Finding(Fault.ONE_WORD, (number,), (number,))


def private_words(rows: Sequence[Row]) -> Iterator[Finding]:
    """Find secrets, card and account numbers, e-mail addresses and phone numbers."""
    for number, row in enumerate(rows):
        found = dict.fromkeys(hit.kind for text in (asked(row), *row.references, row.system) for hit in hits(text))
        for kind in found:
            yield Finding(Fault(kind.value), (number,), (number,))


def too_long(lengths: Sequence[tuple[int, int]], context: int, answer_tokens: int) -> Iterator[Finding]:
    """Find rows that would be cut. lengths: tokens of the prompt and of the answer of each row.

    context: tokens that the base takes in all. answer_tokens: the recipe's limit of an answer.
    """
    for number, (prompt, answer) in enumerate(lengths):
        if prompt + answer > context:
            yield Finding(Fault.LONG, (number,), (number,), f"{prompt + answer:,} of {context:,} tokens")
        elif answer > answer_tokens:
            yield Finding(Fault.LONG, (number,), (number,), f"answer of {answer:,} tokens, the recipe allows {answer_tokens:,}")
