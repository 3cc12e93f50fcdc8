"""What the voters of one duel said together."""

from collections import Counter
from collections.abc import Sequence

from bot.ballots import Ballot, Entrant, Said


def outcome(ballots: Sequence[Ballot]) -> Entrant | Said | None:
    """The entrant that more voters preferred, else both bad if most said so, else a tie; None without ballots."""
    counted = Counter(cast.entrant if cast.entrant is not None else cast.verdict for cast in ballots)
    if not counted:
        return None
    if counted[0] != counted[1]:
        return 0 if counted[0] > counted[1] else 1
    return Said.BOTH_BAD if counted[Said.BOTH_BAD] * 2 > len(ballots) else Said.TIE
