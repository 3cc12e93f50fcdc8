"""Duels in flight: each waits for the model, is answered, and ends in the store in a state that says how."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from bot.app.ending import STOPPED, answer_record, cut, ended
from bot.app.model import Model
from bot.app.progress import Progress, Signal, Signals
from bot.errors import StoreError
from bot.logs import about, hide
from bot.meters import Meters
from bot.store import DuelRecord, Store, Transaction
from bot.store.contestants import ContestantRows
from bot.store.duels import DuelRows
from bot.store.evidence import EvidenceRows
from bot.store.posts import PostRows
from bot.store.previews import PreviewRows
from bot.store.routes import RouteRows
from engine.contestants import Contestant
from engine.duel import Answer, Failure, Side, run_duel
from engine.ledger import RoleLedger
from engine.lineup import Lineup
from engine.request import Request

RETRY_S = 2.0  # seconds before answers that the disk refused are written again
GRACE_S = 5.0  # seconds that a stop waits for a duel to end
LAST_GRACE_S = 0.5  # least wait at the end of the process, in s; duels that a front has stopped have already used GRACE_S
LEFT = "Duelbot was stopped while this was being answered. Ask it again."
log = logging.getLogger(__name__)


class Running:
    """Owns every duel from its start until its end is stored."""

    def __init__(self, store: Store, limit_s: float, now: Callable[[], datetime], meters: Meters) -> None:
        """limit_s: seconds that one answer may take."""
        self._store = store
        self._limit_s = limit_s
        self._now = now
        self._meters = meters
        self._running: dict[str, Progress] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self.signals = Signals()
        self.leaving = asyncio.Event()  # set when the process is about to end
        self.arrived = Signal()  # woken by every duel that starts

    def progress(self, duel: str) -> Progress | None:
        """Find a running duel; None once its end is stored."""
        return self._running.get(duel)

    def start(self, duel: DuelRecord, asked: Request, entrants: tuple[Contestant, Contestant] | None, model: Model) -> Progress:
        """Begin to answer a stored duel. asked: its request with all that comes before. entrants: who meet instead of the line-up's two.

        model: that of the base on which they stand.
        """
        progress = Progress(duel, self.signals.of(duel.id), entrants)
        if model.state.state == "loading":
            progress.note = f"{model.state.words} This is answered as soon as it is ready."
        self._running[duel.id] = progress
        self.arrived.wake()
        self._tasks[duel.id] = asyncio.create_task(self._run(progress, asked, model))
        return progress

    @property
    def count(self) -> int:
        """How many duels are being answered, or wait for it."""
        return len(self._running)

    @property
    def waiting(self) -> int:
        """How many of them have no word yet."""
        return sum(not any(each.texts.values()) for each in self._running.values())

    def ahead(self, duel: str) -> int:
        """Count the duels that came before this one and have no word yet."""
        earlier = list(self._running)[: list(self._running).index(duel)] if duel in self._running else []
        return sum(not any(self._running[each].texts.values()) for each in earlier)

    async def stop(self, duel: str, because: str) -> None:
        """Stop a duel, and wait until its end is stored. One that is not running stays as it is."""
        if progress := self._running.get(duel):
            progress.halt(because)
            await asyncio.wait({self._tasks[duel]}, timeout=GRACE_S)

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
        self.signals.wake_all()

    async def _run(self, progress: Progress, request: Request, model: Model) -> None:
        about(duel=progress.duel.id)
        hide(request.text, *(turn.text for turn in request.history))
        try:
            lineup = await _loaded(model, progress)
            if lineup is None:
                await self._void(progress, progress.stopped_because or model.state.words)
            else:
                await self._keep(progress, lineup, await self._answer(progress, lineup, request))
        except Exception:  # a bug: the log gets it, people get a sentence, other duels go on
            log.exception("Duel %s failed", progress.duel.id)
            await self._void(progress, "An error in Duelbot broke this duel off; the log has the details. Ask it again.")
        finally:
            del self._running[progress.duel.id], self._tasks[progress.duel.id]
            progress.signal.wake()

    async def _answer(self, progress: Progress, lineup: Lineup, request: Request) -> dict[Side, Answer | Failure]:
        progress.started = True
        progress.say("")
        entrants = progress.entrants or lineup.entrants
        return await run_duel(
            progress.duel.id,
            request,
            {side: entrants[entrant] for side, entrant in progress.duel.asked.items()},
            lineup.backend,
            lineup.price,
            limit_s=self._limit_s,
            stop=progress.stop,
            hear=progress.hear,
            ended=progress.ended,
            owner=progress.duel.asker,
        )

    async def _keep(self, progress: Progress, lineup: Lineup, outcomes: dict[Side, Answer | Failure]) -> None:
        """Store both answers and the state that they bring the duel into."""
        duel, texts, end = progress.duel, cut(outcomes, progress.texts), progress.duel
        self._meters.answered(outcomes.values(), "duel")
        entrants = progress.entrants or lineup.entrants
        answers = {entrant: answer_record(entrants[entrant], outcomes[side], texts[side]) for side, entrant in duel.asked.items()}
        seen = duel.kind != "single" and await is_spoken_for(self._store, entrants, duel.request)

        async def write(change: Transaction) -> None:
            nonlocal end
            if seen:
                await EvidenceRows(change).mark_trained_on(duel.id)
            await ContestantRows(change).meet(entrants, self._now())
            duels, because = DuelRows(change), progress.stopped_because or STOPPED
            await duels.add_answers(duel.id, answers)
            end = ended(duel, answers, self._now(), because, await duels.next_closing())
            await duels.save(end)
            if end.kind == "half" and duel.served is not None and end.served_well:
                await RouteRows(change).wait_for_other(duel.id, entrants[1 - duel.served].id)
            if end.identical:  # nobody voted, so there is no close to tell of
                await PostRows(change).told(duel.id)

        await _insist(self._store, self.leaving, progress, write)
        self._tell_end(end, outcomes)

    def _tell_end(self, duel: DuelRecord, outcomes: Mapping[Side, Answer | Failure]) -> None:
        """Count and log the end of a duel, without a word of it."""
        self._meters.ended("identical" if duel.identical else duel.state)
        for outcome in outcomes.values():
            if isinstance(outcome, Failure):
                log.info("A side failed: %s (%s)", outcome.words, outcome.kind)
        took_s = (self._now() - duel.asked_at).total_seconds()
        log.info("The duel ended as %s after %.1f s; %d are running", duel.state, took_s, len(self._running) - 1)

    async def _void(self, progress: Progress, note: str) -> None:
        async def write(change: Transaction) -> None:
            await DuelRows(change).save(replace(progress.duel, state="void", note=note))

        await _insist(self._store, self.leaving, progress, write)
        self._meters.ended("void")
        log.info("The duel ended as void: %s", note)


async def _loaded(model: Model, progress: Progress) -> Lineup | None:
    """Wait for the model; None when the duel was stopped meanwhile, or when there is no model to come."""
    waits = [asyncio.ensure_future(model.settled()), asyncio.ensure_future(progress.stopped.wait())]
    try:
        await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for wait in waits:
            wait.cancel()
    return None if progress.stopped.is_set() else model.lineup


async def is_spoken_for(store: Store, entrants: Sequence[Contestant], request: str) -> bool:
    """Whether a side was made with this request or a near-duplicate: trained on it, shows it, or was tried out on it while edited."""
    async with store.reading() as look:
        tried = await PreviewRows(look).tried([entrant.recipe.name for entrant in entrants if entrant.arm.engineered])

    def clashes() -> bool:
        ledger = RoleLedger.of(entrants)
        for text, recipe in tried:
            ledger.take(text, "dev", f"a preview of the recipe {recipe}")
        return ledger.clash(request, "evidence") is not None

    return await asyncio.to_thread(clashes)


async def _insist(store: Store, leaving: asyncio.Event, progress: Progress, write: Callable[[Transaction], Awaitable[None]]) -> None:
    """Write until the disk takes it: answers cost money, and nobody sees a duel as answered before it is kept."""
    while True:
        try:
            async with store.writing() as change:
                await write(change)
            return
        except StoreError as error:
            log.warning("Duel %s is not stored yet: %s", progress.duel.id, error)
            if leaving.is_set():
                return
            progress.say(f"{error} Until then the answers are kept in memory and written again every {RETRY_S:g} s.")
        try:
            await asyncio.wait_for(leaving.wait(), RETRY_S)
        except TimeoutError:
            continue
