"""Duels in flight: each waits for the model, is answered, and ends in the store in a state that says how."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import datetime
from weakref import WeakValueDictionary

from bot.app.ending import STOPPED, answer_record, cut, ended
from bot.app.model import Model
from bot.app.progress import Progress, Signal
from bot.errors import StoreError
from bot.store import DuelRecord, Store
from bot.store.evidence import EvidenceRows
from engine.contestants import Contestant
from engine.duel import Answer, Failure, Side, run_duel
from engine.lineup import Lineup
from engine.request import Request, Turn

RETRY_S = 2.0
"""How long to wait before answers that the disk refused are written again."""
GRACE_S = 5.0
"""How long a stop waits for a duel to end."""
LAST_GRACE_S = 0.5
"""And the end of the process, for those that had that time before: a front stops its duels first."""
LEFT = "Duelbot was stopped while this was being answered. Ask it again."
log = logging.getLogger(__name__)


class Runner:
    """Owns every duel from its start until its end is stored."""

    def __init__(self, store: Store, model: Model, limit_s: float, now: Callable[[], datetime]) -> None:
        self._store = store
        self._model = model
        self._limit_s = limit_s
        self._now = now
        self._running: dict[str, Progress] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._chosen: dict[str, tuple[Contestant, Contestant]] = {}
        self._signals: WeakValueDictionary[str, Signal] = WeakValueDictionary()
        self.leaving = asyncio.Event()
        self.arrived = Signal()  # woken by every duel that starts

    def signal(self, duel_id: str) -> Signal:
        """What wakes those who watch this duel; kept as long as somebody holds it."""
        signal = self._signals.get(duel_id) or Signal()
        self._signals[duel_id] = signal
        return signal

    def progress(self, duel_id: str) -> Progress | None:
        """None once the duel's end is stored."""
        return self._running.get(duel_id)

    def choose(self, duel_id: str, entrants: tuple[Contestant, Contestant] | None) -> None:
        """Who meets in this duel instead of the line-up's two, said before it starts; None: said in vain."""
        self._chosen.pop(duel_id, None)
        if entrants:
            self._chosen[duel_id] = entrants

    def start(self, duel: DuelRecord, history: tuple[Turn, ...]) -> Progress:
        progress = Progress(duel, self.signal(duel.id), self._chosen.pop(duel.id, None))
        if self._model.state.state == "loading":
            progress.note = f"{self._model.state.words} This is answered as soon as it is ready."
        self._running[duel.id] = progress
        self.arrived.wake()
        self._tasks[duel.id] = asyncio.create_task(self._run(progress, Request(duel.request, history)))
        return progress

    @property
    def running(self) -> int:
        return len(self._running)

    def ahead(self, duel_id: str) -> int:
        """How many duels that came before this one have no word yet."""
        earlier = list(self._running)[: list(self._running).index(duel_id)] if duel_id in self._running else []
        return sum(not any(self._running[each].texts.values()) for each in earlier)

    async def stop(self, duel_id: str, because: str = STOPPED) -> bool:
        """Stop a running duel and wait until its end is stored. False: it is not running."""
        progress = self._running.get(duel_id)
        if progress is None:
            return False
        progress.halt(because)
        await asyncio.wait({self._tasks[duel_id]}, timeout=GRACE_S)
        return True

    async def leave(self) -> None:
        """Stop all duels, keep what they have, let all watchers go."""
        self.leaving.set()
        for progress in self._running.values():
            progress.halt(LEFT)
        if tasks := set(self._tasks.values()):
            halted_at = max(progress.halted_at for progress in self._running.values())
            grace_s = max(LAST_GRACE_S, halted_at + GRACE_S - time.monotonic())
            _, late = await asyncio.wait(tasks, timeout=grace_s)
            for task in late:  # left "answering" in the store, so the next start says what became of them
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)
        for signal in list(self._signals.values()):
            signal.wake()

    async def _run(self, progress: Progress, request: Request) -> None:
        try:
            lineup = await self._wait_for_model(progress)
            if lineup is None:
                await self._void(progress, progress.stopped_because or self._model.state.words)
            else:
                await self._keep(progress, lineup, await self._answer(progress, lineup, request))
        except Exception:  # a bug: the log gets it, people get a sentence, other duels go on
            log.exception("Duel %s failed", progress.duel.id)
            await self._void(progress, "An error in Duelbot broke this duel off; the log has the details. Ask it again.")
        finally:
            del self._running[progress.duel.id], self._tasks[progress.duel.id]
            progress.signal.wake()

    async def _wait_for_model(self, progress: Progress) -> Lineup | None:
        """None when the duel was stopped meanwhile, or when there is no model to come."""
        waits = [asyncio.ensure_future(self._model.settled()), asyncio.ensure_future(progress.stopped.wait())]
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()
        return None if progress.stopped.is_set() else self._model.lineup

    async def _answer(self, progress: Progress, lineup: Lineup, request: Request) -> dict[Side, Answer | Failure]:
        progress.started = True
        progress.say("")
        entrants = progress.entrants or lineup.entrants
        return await run_duel(
            progress.duel.id,
            request,
            {side: entrants[entrant] for side, entrant in progress.duel.seats.items()},
            lineup.backend,
            lineup.price,
            limit_s=self._limit_s,
            stop=progress.stop,
            hear=progress.hear,
            ended=progress.ended,
        )

    async def _keep(self, progress: Progress, lineup: Lineup, outcomes: dict[Side, Answer | Failure]) -> None:
        duel, texts = progress.duel, cut(outcomes, progress.texts)
        entrants = progress.entrants or lineup.entrants
        answers = {entrant: answer_record(entrants[entrant], outcomes[side], texts[side]) for side, entrant in duel.seats.items()}

        known = any(each.adapter and each.adapter.saw(duel.request) for each in entrants)

        async def write() -> None:
            async with self._store.writing() as change:
                if known:
                    await EvidenceRows(change).mark_trained_on(duel.id)
                await change.meet(entrants, self._now())
                await change.add_answers(duel.id, answers)
                because = progress.stopped_because or STOPPED
                await change.save(ended(duel, answers, self._now(), because, await change.next_closing()))

        await self._insist(progress, write)

    async def _void(self, progress: Progress, note: str) -> None:
        async def write() -> None:
            async with self._store.writing() as change:
                await change.save(replace(progress.duel, state="void", note=note))

        await self._insist(progress, write)

    async def _insist(self, progress: Progress, write: Callable[[], Awaitable[None]]) -> None:
        """Write until the disk takes it: answers cost money, and nobody sees a duel as answered before it is kept."""
        while True:
            try:
                return await write()
            except StoreError as error:
                log.warning("Duel %s is not stored yet: %s", progress.duel.id, error)
                if self.leaving.is_set():
                    return None
                progress.say(f"{error} Until then the answers are kept in memory and written again every {RETRY_S:g} s.")
            try:
                await asyncio.wait_for(self.leaving.wait(), RETRY_S)
            except TimeoutError:
                continue
