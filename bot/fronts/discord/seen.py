"""What has been seen lately: Discord repeats events when a connection is resumed. Pure but for the clock it is given."""

from collections import OrderedDict
from collections.abc import Callable, Hashable

KEPT_S = 3600.0
MOST = 10_000


class Seen:
    """Ids of the last hour."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._ids: OrderedDict[Hashable, float] = OrderedDict()

    def __contains__(self, event: Hashable) -> bool:
        return event in self._ids

    def before(self, event: Hashable) -> bool:
        """Whether it was seen before; it is from now on."""
        now = self._now()
        while self._ids and (len(self._ids) > MOST or next(iter(self._ids.values())) < now - KEPT_S):
            self._ids.popitem(last=False)
        if event in self._ids:
            return True
        self._ids[event] = now
        return False
