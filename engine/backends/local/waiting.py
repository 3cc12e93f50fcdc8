"""The queue before the batch: who is let in next, fairly between people. No model, no thread, no clock."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import Generic, Protocol, TypeVar


class Waits(Protocol):
    """What the queue knows of a row: whose it is, and with which rows it belongs together."""

    @property
    def owner(self) -> str:
        """The key of whoever asked."""
        ...

    @property
    def group(self) -> str:
        """The key that rows share which are let in together; empty for a row by itself."""
        ...


W = TypeVar("W", bound=Waits)


class WaitingRows(Generic[W]):
    """Groups of rows in the order of their coming, let in so that people take turns.

    Next is a group of the owner with the fewest rows in the batch, and among these of the one who was let in longest ago; whoever did not
    wait before counts as let in just before the last one was. Of one owner's groups the first comes first. So whoever asks much waits
    behind whoever asks little, and nobody is passed for ever: those before a group grow fewer, and whoever is let in goes behind it.
    """

    def __init__(self) -> None:
        self._groups: list[list[W]] = []
        self._turns: dict[str, int] = {}  # of each owner who waits, when the last group was let in: two for each group
        self._taken, self._last = 0, ""

    def __iter__(self) -> Iterator[W]:
        for group in self._groups:
            yield from group

    def __len__(self) -> int:
        """How many rows wait."""
        return sum(map(len, self._groups))

    def add(self, row: W) -> None:
        """Put a row behind the others, or beside those of its group that wait."""
        self._turns.setdefault(row.owner, self._taken - (row.owner != self._last))
        for group in self._groups:
            if row.group and (group[0].owner, group[0].group) == (row.owner, row.group):
                group.append(row)
                return
        self._groups.append([row])

    def next(self, running: Iterable[W]) -> tuple[W, ...]:
        """Find the group that is let in next; running: the rows of the batch. Empty when nobody waits."""
        if not self._groups:
            return ()
        rows = Counter(row.owner for row in running)
        first = min(self._groups, key=lambda group: (rows[group[0].owner], self._turns[group[0].owner]))
        return tuple(first)

    def take(self, rows: Sequence[W]) -> None:
        """Let rows of one owner in: they wait no longer, and it is others' turn."""
        self._taken, self._last = self._taken + 2, rows[0].owner
        self._turns[self._last] = self._taken
        for row in rows:
            self.remove(row)

    def remove(self, row: W) -> None:
        """Let a row go. Raises ValueError for one that does not wait here."""
        group = next((group for group in self._groups if any(each is row for each in group)), None)
        if group is None:
            raise ValueError("the row does not wait here")
        group[:] = [each for each in group if each is not row]
        self._groups = [group for group in self._groups if group]
        if not any(group[0].owner == row.owner for group in self._groups):
            del self._turns[row.owner]
