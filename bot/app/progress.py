"""A duel while it is being answered, and how those who watch one are woken."""

import asyncio
import time
from dataclasses import dataclass, field
from weakref import WeakValueDictionary

from bot.store import DuelRecord
from engine.backends.base import Stop
from engine.contestants import Contestant
from engine.duel import Side, paced

PACE_S = 0.05  # least seconds between two wakes of watchers: 20 times a second reads as flowing


class Signal:
    """Wakes all who wait. Take `event` before looking, then wait for it: no change is missed."""

    def __init__(self) -> None:
        self.event = asyncio.Event()

    def wake(self) -> None:
        """Wake all who wait now. Who comes later gets a new event: one that was set and cleared would be missed by a slow waiter."""
        self.event.set()
        self.event = asyncio.Event()


class Signals:
    """A signal for every duel that somebody watches."""

    def __init__(self) -> None:
        self._held: WeakValueDictionary[str, Signal] = WeakValueDictionary()

    def of(self, duel: str) -> Signal:
        """Find or make the signal that wakes those who watch this duel; it is kept as long as somebody holds it."""
        signal = self._held.get(duel) or Signal()
        self._held[duel] = signal
        return signal

    def wake_all(self) -> None:
        """Wake everybody who watches a duel."""
        for signal in list(self._held.values()):
            signal.wake()


@dataclass(slots=True, eq=False)
class Progress:
    """The duel so far, as it is heard from the model. Lives in the event loop's thread."""

    duel: DuelRecord
    signal: Signal
    entrants: tuple[Contestant, Contestant] | None = None  # None: the line-up's
    started: bool = False  # the model is there and both sides are being written
    note: str = ""
    stop: Stop = field(default_factory=Stop)
    stopped: asyncio.Event = field(default_factory=asyncio.Event)
    stopped_because: str = ""
    halted_at: float = 0.0  # monotonic clock, in s; 0: was not stopped
    texts: dict[Side, str] = field(init=False)  # of those who are asked
    done: dict[Side, bool] = field(init=False)
    _timer: asyncio.TimerHandle | None = None

    def __post_init__(self) -> None:
        self.texts, self.done = dict.fromkeys(self.duel.asked, ""), dict.fromkeys(self.duel.asked, False)

    def hear(self, side: Side, text: str) -> None:
        """Take what a side has written more."""
        self.texts[side] += text
        self._tell_soon()

    def ended(self, side: Side) -> None:
        """Note that a side has written its last."""
        self.done[side] = True
        self._tell_soon()

    def shown(self) -> dict[Side, str]:
        """Give both texts as they are shown, paced by the slower side."""
        return paced(self.texts, self.done)

    def halt(self, because: str) -> None:
        """Stop both sides; the first reason stands."""
        self.stopped_because = self.stopped_because or because
        self.halted_at = self.halted_at or time.monotonic()
        self.stop.raise_()
        self.stopped.set()

    def say(self, note: str) -> None:
        """Change the note, and wake watchers at once."""
        self.note = note
        self.signal.wake()

    def _tell_soon(self) -> None:
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(PACE_S, self._tell)

    def _tell(self) -> None:
        self._timer = None
        self.signal.wake()
