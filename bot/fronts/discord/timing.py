"""When the edits of a lane may go. Pure.

A lane keeps within what Discord takes (see `allowance`), so that nothing waits in a queue where it would grow old. What somebody waits
for (a first message, both answers, a reveal) goes at once, before counts and before answers that are still being written; and those
leave room for the ends of the answers that are being written beside them.
"""

from dataclasses import dataclass, field
from enum import IntEnum

from bot.fronts.discord.allowance import SOON, Allowance, Bucket, allowance_of

GAP_S = 1.25  # seconds between edits that nobody waits for
MOST_GAP_S = 15.0  # seconds; the gap grows where Discord is slow
SHORT_S = 2.6  # seconds that the ends of answers may wait for what was shown of answers that are still being written
RETRY_S = 5.0  # seconds of rest after an edit that failed for now
MOST_EASE = 2.5  # gaps after an edit


class Rank(IntEnum):
    """The order of those who wait: the lowest goes first."""

    AWAITED = 0  # somebody waits for it
    COUNT = 1  # how many have voted, how far a file is
    STREAM = 2  # an answer that is still being written


@dataclass(slots=True)
class Timing:
    """A lane's requests of late, and what is being written in it. All moments are seconds on one clock."""

    gap_s: float = GAP_S
    hurried: bool = False  # the process is leaving: no gaps, and Discord's own answers set the pace
    live: set[str] = field(default_factory=set)  # messages that are being written: their ends may come at any time
    calm_at: float = 0.0  # no earlier than this for what nobody waits for
    free_at: float = 0.0  # and for anything: Discord was in trouble
    _allowances: dict[Bucket, Allowance] = field(default_factory=dict)

    def wait_s(self, rank: Rank, bucket: Bucket, now: float) -> float:
        """Return how many seconds until such an edit may go."""
        if self.hurried:
            return self.free_at - now
        wait_s = max(self.free_at - now, self._room_s(rank, bucket, now))
        return wait_s if rank is Rank.AWAITED else max(wait_s, self.calm_at - now)

    def _room_s(self, rank: Rank, bucket: Bucket, now: float) -> float:
        """Keep room for the ends of all answers that are being written, unless it is one of these ends."""
        allowance = self._allowance(bucket)
        if rank is not Rank.STREAM:
            return allowance.wait_s(now)
        return allowance.wait_s(now, min(len(self.live), allowance.count), SHORT_S)

    def _allowance(self, bucket: Bucket) -> Allowance:
        return self._allowances.setdefault(bucket, allowance_of(bucket))

    def take(self, bucket: Bucket, now: float) -> bool:
        """Count a request outside of the queue. Returns False, and counts none, where it does not fit in now."""
        if not self.hurried and max(self._allowance(bucket).wait_s(now), self.free_at - now) > SOON:
            return False
        self._allowance(bucket).take(now)
        self.calm_at = max(self.calm_at, now + self.gap_s)
        return True

    def begin(self, bucket: Bucket, ease: float, now: float) -> None:
        """Count an edit that goes now. ease: how many times the gap is kept after it, 1 to MOST_EASE."""
        self._allowance(bucket).take(now)
        self.calm_at = now + self.gap_s * min(MOST_EASE, max(1.0, ease))

    def landed(self, began: float, now: float) -> None:
        """Keep a longer gap after an edit that took long."""
        self.calm_at = max(self.calm_at, began + min(MOST_GAP_S, 2 * (now - began)))

    def unsent(self, bucket: Bucket, began: float) -> None:
        """Count one less: the edit that began then asked Discord for nothing."""
        self._allowance(bucket).give_back(began)
        self.calm_at = min(self.calm_at, began)

    def failed(self, now: float) -> None:
        """Rest after an edit that failed for now."""
        self.free_at = now + RETRY_S

    def hurry(self) -> None:
        """Keep no gaps and no rests any more."""
        self.hurried, self.free_at = True, 0.0

    def is_quiet(self, now: float) -> bool:
        """Whether its past holds nothing back any more."""
        quiet = all(allowance.wait_s(now, allowance.count - 1) <= SOON for allowance in self._allowances.values())
        return quiet and not self.live and max(self.calm_at, self.free_at) <= now
