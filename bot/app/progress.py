"""A duel while it is being answered, and how those who watch one are woken."""

import asyncio
import time
from dataclasses import dataclass, field

from bot.store import DuelRecord
from engine.backends.base import Stop
from engine.contestants import Contestant
from engine.duel import Side, paced

PACE_S = 0.05
"""Watchers are woken at most this often: 20 times a second reads as flowing."""


class Signal:
    """Wakes all who wait. Take `event` before looking, then wait for it: no change is missed."""

    def __init__(self) -> None:
        self.event = asyncio.Event()

    def wake(self) -> None:
        self.event.set()
        self.event = asyncio.Event()


@dataclass(slots=True, eq=False)
class Progress:
    """What has been heard of a duel so far. Lives in the event loop's thread."""

    duel: DuelRecord
    signal: Signal
    entrants: tuple[Contestant, Contestant] | None = None  # None: the line-up's
    started: bool = False  # the model is there and both sides are being written
    note: str = ""
    stop: Stop = field(default_factory=Stop)
    stopped: asyncio.Event = field(default_factory=asyncio.Event)
    stopped_because: str = ""
    halted_at: float = 0.0  # monotonic; 0: was not stopped
    texts: dict[Side, str] = field(default_factory=lambda: dict.fromkeys(Side, ""))
    done: dict[Side, bool] = field(default_factory=lambda: dict.fromkeys(Side, False))
    _timer: asyncio.TimerHandle | None = None

    def hear(self, side: Side, text: str) -> None:
        self.texts[side] += text
        self._tell_soon()

    def ended(self, side: Side) -> None:
        self.done[side] = True
        self._tell_soon()

    def shown(self) -> dict[Side, str]:
        return paced(self.texts, self.done)

    def halt(self, because: str) -> None:
        """Stop both sides; the first reason stands."""
        self.stopped_because = self.stopped_because or because
        self.halted_at = self.halted_at or time.monotonic()
        self.stop.raise_()
        self.stopped.set()

    def say(self, note: str) -> None:
        self.note = note
        self.signal.wake()

    def _tell_soon(self) -> None:
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(PACE_S, self._tell)

    def _tell(self) -> None:
        self._timer = None
        self.signal.wake()
