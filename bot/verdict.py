"""What the closed duels of one pair say. For now counts, and the advice to keep collecting. Pure."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from bot.ballots import Ballot, Entrant, Verdict
from engine.contestants import Arm, Contestant


@dataclass(frozen=True, slots=True)
class Closed:
    """A closed duel as evidence: who met, in entrant order, and what the voters said."""

    contestants: tuple[str, str]  # contestant ids
    ballots: tuple[Ballot, ...]
    identical: bool  # the answers were equal and nobody was asked


@dataclass(frozen=True, slots=True)
class Standing:
    """Where the pair that meets now stands. The unit is the closed duel, however many voted on it."""

    better: dict[Arm, int]  # duels in which more voters preferred this arm; empty while the pair is unknown
    ties: int
    both_bad: int
    identical: int  # auto ties, asked of nobody and no evidence
    words: str  # one sentence

    @property
    def duels(self) -> int:
        """Duels decided by ballots."""
        return sum(self.better.values()) + self.ties + self.both_bad


def outcome(ballots: Sequence[Ballot]) -> Entrant | Verdict | None:
    """The entrant that more voters preferred, else both bad if most said so, else a tie; None without ballots."""
    counted = Counter(cast.entrant if cast.entrant is not None else cast.verdict for cast in ballots)
    if not counted:
        return None
    if counted[0] != counted[1]:
        return 0 if counted[0] > counted[1] else 1
    return Verdict.BOTH_BAD if counted[Verdict.BOTH_BAD] * 2 > len(ballots) else Verdict.TIE


def unknown(words: str) -> Standing:
    """No standing, and why."""
    return Standing({}, 0, 0, 0, words)


def standing(closed: Iterable[Closed], pair: Sequence[Contestant]) -> Standing:
    """Count the duels in which this pair met, in either order. A duel without ballots says nothing."""
    arms = {contestant.id: contestant.arm for contestant in pair}
    counted: Counter[Arm | Verdict | None] = Counter()
    identical = 0
    for duel in closed:
        if set(duel.contestants) != set(arms):
            continue
        if duel.identical:
            identical += 1
            continue
        result = outcome(duel.ballots)
        counted[result if result is None or isinstance(result, Verdict) else arms[duel.contestants[result]]] += 1
    better = {contestant.arm: counted[contestant.arm] for contestant in pair}
    ties, both_bad = counted[Verdict.TIE], counted[Verdict.BOTH_BAD]
    return Standing(better, ties, both_bad, identical, _words(better, ties, both_bad, identical))


def _words(better: dict[Arm, int], ties: int, both_bad: int, identical: int) -> str:
    duels = sum(better.values()) + ties + both_bad
    same = f" Answers were identical {identical} {'time' if identical == 1 else 'times'}; those are not counted." if identical else ""
    if not duels:
        return f"Keep collecting: no duel decided yet.{same}"
    wins = ", ".join(f"{arm} {count}" for arm, count in better.items())
    return f"Keep collecting: {duels} {'duel' if duels == 1 else 'duels'} decided ({wins}, ties {ties}, both bad {both_bad}).{same}"
