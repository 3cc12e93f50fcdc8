"""The check of a file's rows: all findings, the classes of its answers, lengths, and how the rows would be split."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import quantiles

from adapters.data.answers import poor_answers, private_words, too_long
from adapters.data.findings import Fault, Finding
from adapters.data.repeats import repeats
from adapters.data.rows import Classes, answered, asked, classes_of
from adapters.data.split import Split, split
from adapters.data.uses import two_roles, used_elsewhere
from engine.ledger import Use
from engine.rows import Rows


@dataclass(frozen=True, slots=True)
class Lengths:
    """Tokens of rows on a base; what was measured is the texts, and MARKS of each message for what the chat template writes around it."""

    base: str
    context_tokens: int
    answer_tokens: int  # the recipe's limit
    rows: tuple[tuple[int, int], ...]  # prompt, answer

    @property
    def usual(self) -> tuple[int, int, int]:
        """Median, 95th percentile and most tokens of a row, prompt and answer together."""
        totals = [prompt + answer for prompt, answer in self.rows]
        cuts = quantiles(totals, n=20, method="inclusive") if len(totals) > 1 else totals * 19
        return round(cuts[9]), round(cuts[18]), max(totals)


@dataclass(frozen=True, slots=True)
class RowsCheck:
    """All that is said of a file. split: None where the file gives a request two roles."""

    rows: Rows
    findings: tuple[Finding, ...]
    classes: Classes
    lengths: Lengths | None
    split: Split | None
    notes: tuple[str, ...] = ()

    def of(self, kind: Fault) -> tuple[Finding, ...]:
        """All findings of one kind, in the order of the file."""
        return tuple(sorted((finding for finding in self.findings if finding.kind is kind), key=lambda finding: finding.rows))

    def lines(self, finding: Finding) -> tuple[int, ...]:
        """Lines of the file in which a finding lies."""
        return tuple(self.rows.rows[row].line for row in finding.rows)

    @property
    def wrong(self) -> bool:
        """Whether a decision on these rows would be wrong."""
        return any(finding.wrong for finding in self.findings)


def check_rows(
    rows: Rows, others: Sequence[tuple[str, Use]] = (), lengths: Lengths | None = None, notes: tuple[str, ...] = ()
) -> RowsCheck:
    """RowsCheck rows. others: requests that are used already, the examples of the recipe and the rows that are measured on among them."""
    listed = rows.rows
    classes = classes_of([answered(row) for row in listed])
    from adapters.data.join import near_groups  # scipy takes a quarter of a second to import, and a page is to be there soon

    groups = near_groups([asked(row) for row in listed])
    findings = [
        *repeats(listed, groups, closed=classes.closed),
        *two_roles(listed, groups),
        *used_elsewhere(listed, others),
        *private_words(listed),
        *poor_answers(listed, closed=classes.closed),
        *(too_long(lengths.rows, lengths.context_tokens, lengths.answer_tokens) if lengths else ()),
    ]
    torn = any(finding.kind is Fault.ROLES and len(finding.rows) > 1 for finding in findings)
    return RowsCheck(rows, tuple(findings), classes, lengths, None if torn else split(listed, groups, classes.of), notes)
