"""Findings of a check: what is wrong in which rows, and the fix that takes it away once it is accepted."""

from dataclasses import dataclass, replace
from enum import StrEnum

from adapters.data.contact import Private, masked
from engine.request import Turn
from engine.rows import Row


class Fault(StrEnum):
    """Kinds of findings, the gravest first; people name them with --accept."""

    CONTRADICTION = "contradiction"
    NEAR_CONTRADICTION = "near-contradiction"
    ROLES = "two-roles"
    TEST = "test-row"
    EXAMPLE = "example"
    EVIDENCE = "evidence"
    SECRET = "secret"
    CARD = "card-number"
    IBAN = "iban"
    EMAIL = "e-mail"
    PHONE = "phone"
    EMPTY = "empty-answer"
    LONG = "too-long"
    ONE_WORD = "one-word-answer"
    DUPLICATE = "duplicate"
    NEAR_DUPLICATE = "near-duplicate"

    @property
    def private(self) -> Private | None:
        """The private words that its fix masks; None where the fix removes rows."""
        return Private(self.value) if self.value in set(Private) else None


SAID: dict[Fault, tuple[str, str]] = {
    Fault.CONTRADICTION: ("the same request, different answers", "removes all of them; better: keep the right one by hand"),
    Fault.NEAR_CONTRADICTION: ("nearly the same request, different answers", "removes all of them; better: look which is right"),
    Fault.ROLES: ("nearly the same request in two roles", "removes those after the first"),
    Fault.TEST: ("the request of a row that is measured on", "removes the row here"),
    Fault.EXAMPLE: ("an example that the recipe shows", "removes the row here"),
    Fault.EVIDENCE: ("a request that was voted on", "removes the row here"),
    Fault.SECRET: ("a key, token or password", "puts [secret] in its place"),
    Fault.CARD: ("a card number (Luhn is right)", "puts [card-number] in its place"),
    Fault.IBAN: ("an account number (IBAN)", "puts [iban] in its place"),
    Fault.EMAIL: ("an e-mail address", "puts [e-mail] in its place"),
    Fault.PHONE: ("a phone number", "puts [phone] in its place"),
    Fault.EMPTY: ("no answer", "removes the row"),
    Fault.LONG: ("more tokens than there is room for", "removes the row"),
    Fault.ONE_WORD: ("an answer of one word", "removes the row"),
    Fault.DUPLICATE: ("the same request and answer again", "removes those after the first"),
    Fault.NEAR_DUPLICATE: ("nearly the same request, the same answer", "removes those after the first"),
}  # what it is, and what its fix does


@dataclass(frozen=True, slots=True)
class Finding:
    """Rows with one fault; `takes` are those that the fix removes or rewrites. Rows by their number, from 0."""

    kind: Fault
    rows: tuple[int, ...]
    takes: tuple[int, ...]
    where: str = ""  # the other place, where the fault lies in two
    wrong: bool = False  # whether a decision on these rows would be wrong


def fixed(rows: tuple[Row, ...], findings: tuple[Finding, ...], accepted: frozenset[Fault]) -> tuple[tuple[Row, ...], dict[Fault, int]]:
    """Apply the fixes that were accepted, the gravest kind first. Returns the rows left, and how many each fix removed or rewrote."""
    gone: set[int] = set()
    taken: dict[Fault, int] = {}
    for kind in (kind for kind in Fault if kind in accepted and kind.private is None):
        these = {row for finding in findings if finding.kind is kind for row in finding.takes} - gone
        taken[kind] = len(these)
        gone |= these
    masks = frozenset(kind.private for kind in accepted if kind.private)
    for kind in (kind for kind in Fault if kind in accepted and kind.private):
        taken[kind] = len({row for finding in findings if finding.kind is kind for row in finding.takes} - gone)
    kept = (row for number, row in enumerate(rows) if number not in gone)
    return tuple(_masked(row, masks) if masks else row for row in kept), taken


def _masked(row: Row, kinds: frozenset[Private]) -> Row:
    return replace(
        row,
        text=masked(row.text, kinds),
        history=tuple(Turn(turn.role, masked(turn.text, kinds)) for turn in row.history),
        references=tuple(masked(text, kinds) for text in row.references),
        system=masked(row.system, kinds),
    )
