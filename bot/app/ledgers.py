"""Ledgers in memory: each scope's is brought up to date with the duels closed since the last look, and kept now and then."""

import asyncio
import logging
from collections import OrderedDict
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from typing import Any

from bot.errors import StoreError
from bot.evidence.bets import BadEvidence
from bot.store import Store
from bot.store.evidence import SLICE, EvidenceRows
from bot.store.ledgers import Kept, LedgerRows
from bot.verdict import Facts, Ledger, Scope, Verdict, fold
from bot.verdict.samples import WINDOW

HELD = 32  # ledgers in memory
SAVE_AFTER = 200  # closing numbers after which a ledger is kept again: what a fresh start has to read at most, in ordinary use
AT_ONCE = 20_000  # closing numbers whose duels are read in one transaction while catching up
MANY = 32  # duels from which folding leaves the event loop
log = logging.getLogger(__name__)


@dataclass(slots=True)
class Held:
    """A scope's ledger in memory."""

    epoch: int
    ledger: Ledger
    saved: int  # closing number up to which it is in the store
    facts: Facts | None = None
    verdict: Verdict | None = None  # of this ledger and these facts


class Ledgers:
    """Owns the ledgers. A look costs what has closed since the last one; an unknown scope is read once from its first duel."""

    def __init__(self, store: Store, now: Callable[[], datetime]) -> None:
        self._store = store
        self._now = now
        self.held: OrderedDict[str, Held] = OrderedDict()  # by the key of the scope, the latest used last
        self._locks: dict[str, asyncio.Lock] = {}

    @asynccontextmanager
    async def current(self, scope: Scope) -> AsyncGenerator[Held, None]:
        """Give the scope's ledger up to the latest closed duel; nobody else changes it meanwhile. Raises StoreError."""
        async with self._lock(scope):
            yield await self._current(scope)

    def _lock(self, scope: Scope) -> asyncio.Lock:
        if len(self._locks) > 4 * HELD:
            self._locks = {key: lock for key, lock in self._locks.items() if lock.locked()}
        return self._locks.setdefault(scope.key, asyncio.Lock())

    async def _current(self, scope: Scope) -> Held:
        """Bring the scope's ledger up to the latest closed duel; its lock is held."""
        async with self._store.reading() as look:
            epoch, top = await EvidenceRows(look).top()
        held = self.held.get(scope.key)
        if held is None or held.epoch != epoch or held.ledger.closing > top:
            held = await self._open(scope, epoch)
        while held.ledger.closing < top:
            await self._advance(held, scope, top)
        self.held[scope.key] = held
        self.held.move_to_end(scope.key)
        while len(self.held) > HELD:
            self.held.popitem(last=False)
        if held.ledger.closing - held.saved >= SAVE_AFTER:
            await self.save(held)
        return held

    async def _open(self, scope: Scope, epoch: int) -> Held:
        """Read a ledger from the store, or begin it."""
        async with self._store.reading() as look:
            kept = await LedgerRows(look).of(scope)
        if kept:
            try:
                return Held(epoch, await asyncio.to_thread(Ledger.from_text, scope, kept.state), kept.closing)
            except BadEvidence as error:
                log.warning("A ledger is rebuilt: %s", error)
        return await self._begun(scope, epoch)

    async def _begun(self, scope: Scope, epoch: int) -> Held:
        """Begin a ledger without duels; that of a period right before its first one."""
        if scope.since is None:
            return Held(epoch, Ledger.start(scope), 0)
        async with self._store.reading() as look:
            closing = await EvidenceRows(look).before(scope.since)
        return Held(epoch, replace(Ledger.start(scope), closing=closing), closing)

    async def past(self, scope: Scope) -> Ledger:
        """Fold a scope once, for a question about a time that is over; it is not kept."""
        async with self._store.reading() as look:
            epoch, top = await EvidenceRows(look).top()
        held = await self._begun(scope, epoch)
        await self._catch_up(held, scope, top)
        return held.ledger

    async def _advance(self, held: Held, scope: Scope, top: int) -> None:
        if top - held.ledger.closing > SLICE:
            return await self._catch_up(held, scope, top)
        upto = min(top, held.ledger.closing + SLICE)
        async with self._store.reading() as look:
            filed = await EvidenceRows(look).filed(scope, held.ledger.closing, upto)
        if len(filed) > MANY:
            held.ledger = await asyncio.to_thread(held.ledger.after, filed, upto)
        else:
            held.ledger = held.ledger.after(filed, upto)
        if filed:
            held.verdict = None
        return None

    async def _catch_up(self, held: Held, scope: Scope, top: int) -> None:
        """Take in many duels: what they said is read in slices, so that others get in between, and folded in one go."""
        began, told = held.ledger.closing, []
        for after in range(began, top, AT_ONCE):
            async with self._store.reading() as look:
                told += await EvidenceRows(look).told(scope, after, min(top, after + AT_ONCE))
        async with self._store.reading() as look:
            book = EvidenceRows(look)
            beside: dict[str, Any] = {
                "guesses": await book.guessed(scope, began, top),
                "repeated": await book.repeated(scope, began, top),
                "names": await book.voters(),
                "samples": await book.samples(scope, top, WINDOW),
            }
        held.ledger = await asyncio.to_thread(partial(fold, held.ledger, told, top, **beside))
        held.verdict = None

    async def save(self, held: Held) -> None:
        """Keep a ledger. A disk that refuses is no reason to refuse a verdict: the ledger can always be rebuilt."""
        ledger = held.ledger
        state = await asyncio.to_thread(ledger.to_text)
        try:
            async with self._store.writing() as change:
                await LedgerRows(change).keep(ledger.scope, held.epoch, Kept(ledger.closing, state), self._now())
            held.saved = ledger.closing
        except StoreError as error:
            log.warning("A ledger is not kept: %s", error)
