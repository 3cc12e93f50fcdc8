"""Events and refusals of late: Discord repeats events after a RESUME, people repeat what is refused. Pure but for the clock."""

from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass

KEPT_S = 3600.0  # seconds that an event's id is remembered
MOST = 10_000  # ids that are remembered
MINUTE_S = 60.0  # seconds for which one answer refuses all that a person sends


class Repeats:
    """Ids of the events of the last hour."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._ids: OrderedDict[Hashable, float] = OrderedDict()

    def first_time(self, event: Hashable) -> bool:
        """Remember the event. Returns whether it is new."""
        now = self._now()
        while self._ids and (len(self._ids) > MOST or next(iter(self._ids.values())) < now - KEPT_S):
            self._ids.popitem(last=False)
        if event in self._ids:
            return False
        self._ids[event] = now
        return True


@dataclass(slots=True)
class Refusal:
    """A sentence that a person was told, and how much of theirs was not taken since."""

    ends_at: float  # on the clock of `Refusals`, in s
    said: str
    channel: str  # where it is said
    message: str | None = None  # that says it, once it is sent
    more: int = 0
    latest: str = ""  # why the latest of these was not taken

    def words(self) -> str:
        """Say why, and how many more were not taken, so that nobody wonders about messages that got no answer of their own."""
        if not self.more:
            return f"{self.said}\n-# For a minute, more of yours that I cannot take is only counted here."
        many = "1 more message of yours was" if self.more == 1 else f"{self.more} more messages of yours were"
        return f"{self.said}\n-# Since then {many} not taken; the latest: {self.latest}"


class Refusals:
    """One refusal for each person and minute: whoever sends 25 messages at once gets one answer, not 25."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._told: dict[str, Refusal] = {}

    def refused(self, person: str, channel: str, said: str) -> tuple[Refusal, bool]:
        """Count what a person is refused. Returns their refusal of this minute, wherever it is said, and whether it is new."""
        now = self._now()
        self._told = {each: told for each, told in self._told.items() if told.ends_at > now}
        if earlier := self._told.get(person):
            earlier.more, earlier.latest = earlier.more + 1, said
            return earlier, False
        self._told[person] = made = Refusal(now + MINUTE_S, said, channel)
        return made, True
