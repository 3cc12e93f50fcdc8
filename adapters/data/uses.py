"""Rows whose request has another use already: no request is two things, so the row here is one too many."""

from collections.abc import Iterator, Sequence

from adapters.data.findings import Fault, Finding
from adapters.data.rows import asked
from engine.ledger import Use
from engine.rows import Row

KINDS = {"train": Fault.ROLES, "dev": Fault.ROLES, "test": Fault.TEST, "example": Fault.EXAMPLE, "evidence": Fault.EVIDENCE}


def used_elsewhere(rows: Sequence[Row], others: Sequence[tuple[str, Use]]) -> Iterator[Finding]:
    """Find rows that are near-duplicates of other requests, given with their uses. A row without a role is one to train on."""
    from adapters.data.join import near_pairs  # scipy takes a quarter of a second to import, and a page is to be there soon

    for number, other in enumerate(near_pairs([asked(row) for row in rows], [text for text, _ in others])):
        if other is not None and (use := others[other][1]).role != (rows[number].role or "train"):
            yield Finding(KINDS[use.role], (number,), (number,), use.where, wrong=True)


def two_roles(rows: Sequence[Row], groups: Sequence[int]) -> Iterator[Finding]:
    """Find near-duplicates to which the file gives different roles."""
    given: dict[int, list[int]] = {}
    for number, row in enumerate(rows):
        if row.role:
            given.setdefault(groups[number], []).append(number)
    for numbers in given.values():
        if late := tuple(number for number in numbers if rows[number].role != rows[numbers[0]].role):
            roles = ", ".join(dict.fromkeys(rows[number].role for number in numbers))
            yield Finding(Fault.ROLES, tuple(numbers), late, roles, wrong=True)
