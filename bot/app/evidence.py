"""Verdicts on demand: the scope's ledger is brought up to date with the duels closed since the last look, and judged."""

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from itertools import pairwise
from typing import Any

import numpy as np

from bot.app.gathering import Gatherer
from bot.errors import StoreError
from bot.evidence.bets import BadEvidence, Floats
from bot.evidence.decision import Decision, State, comparisons, decide
from bot.evidence.duels import Pair
from bot.evidence.ranking import Standing, leader, leader_board
from bot.settings import Settings
from bot.store import Store
from bot.store.evidence import SLICE, EvidenceRows, Kept, Meeting
from bot.verdict import Facts, Ledger, Scope, Verdict, Who, fold, judge, ordered
from bot.verdict.judge import histogram
from bot.verdict.samples import WINDOW
from bot.verdict.tried import Met, Tried, compared, craft

HELD = 32
"""Ledgers and verdicts held in memory."""
SAVE_AFTER = 200
"""Closing numbers after which a ledger is kept again: what a fresh start has to read at most, in ordinary use."""
AT_ONCE = 20_000
"""Closing numbers whose duels are read in one transaction while catching up."""
MANY = 32
"""Duels from which folding leaves the event loop."""
log = logging.getLogger(__name__)


@dataclass(slots=True)
class Held:
    """A scope's ledger in memory."""

    epoch: int
    ledger: Ledger
    saved: int  # closing number up to which it is in the store
    facts: Facts | None = None
    verdict: Verdict | None = None  # of this ledger and these facts


@dataclass(frozen=True, slots=True)
class LeaderBoard:
    """All contestants that met, compared together."""

    standings: tuple[Standing, ...]  # strongest first
    who: dict[str, Who]
    leader: str | None  # decided better than every other, with all pairs together erring in at most alpha
    comparisons: int


class Evidence:
    """Owns the ledgers. A look costs what has closed since the last one; an unknown scope is read once from its first duel."""

    def __init__(self, store: Store, settings: Settings, now: Callable[[], datetime]) -> None:
        self._store = store
        self._now = now
        self._settings = settings
        self._facts = Gatherer(store, settings, now)
        self._held: OrderedDict[str, Held] = OrderedDict()
        self._locks: dict[str, asyncio.Lock] = {}
        self._meeting = asyncio.Lock()
        self._met: dict[tuple[Pair, str | None], Met] = {}  # by contestants and team
        self._won: dict[tuple[str, Tried], bool] = {}  # of versions whose time is over
        self._met_at = (0, 0)  # epoch, closing number
        self._who: dict[str, Who] = {}
        self._board: tuple[tuple[int, int], LeaderBoard] | None = None

    def scope(
        self,
        pair: tuple[Who, Who],
        *,
        team: str | None = None,
        tag: str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
    ) -> Scope:
        margins = {"delta": self._settings.verdict.delta, "alpha": self._settings.verdict.alpha}
        return Scope((pair[0].id, pair[1].id), team, tag, since, until, **margins)

    async def verdict(self, scope: Scope, who: tuple[Who, Who]) -> Verdict:
        """The verdict as of now. Raises StoreError."""
        async with self._lock(scope):
            held = await self._current(scope)
            async with self._store.reading() as look:
                waiting = await EvidenceRows(look).open(scope)
            facts = replace(await self._facts.of(who, scope), open=waiting, tried=await self.tried(scope, who))
            if held.verdict is None or held.facts != facts:
                held.facts, held.verdict = facts, await asyncio.to_thread(judge, held.ledger, facts)
            return held.verdict

    async def pairs(self) -> list[tuple[Who, Who, int]]:
        """Pairs that closed duels, in the order of evidence, with how many; the latest first. Costs what has closed since the last call."""
        found: dict[Pair, Met] = {}
        for met in await self._meetings():
            found[met.pair] = found[met.pair].plus(met) if met.pair in found else met
        return [(*met.who, met.duels) for met in sorted(found.values(), key=lambda met: -met.last)]

    async def _meetings(self) -> list[Met]:
        """Who met in which team, up to the latest close."""
        async with self._meeting:
            async with self._store.reading() as look:
                epoch, top = await EvidenceRows(look).top()
            if self._met_at[0] != epoch or self._met_at[1] > top:
                self._met, self._met_at, self._won = {}, (epoch, 0), {}
            while self._met_at[1] < top:
                upto = min(top, self._met_at[1] + AT_ONCE)
                async with self._store.reading() as look:
                    await self._met_more(await EvidenceRows(look).met(self._met_at[1], upto), EvidenceRows(look))
                self._met_at = (epoch, upto)
            return list(self._met.values())

    async def _met_more(self, meetings: list[Meeting], book: EvidenceRows) -> None:
        if {one for meeting in meetings for one in meeting.pair} - self._who.keys():
            self._who |= {one: known.who for one, known in (await book.contestants()).items()}
        for meeting in meetings:
            who = ordered([self._who[one] for one in meeting.pair])
            met = Met(who, meeting.team, meeting.duels, meeting.began, meeting.last, meeting.began_at, meeting.last_at)
            before = self._met.get((meeting.pair, meeting.team))
            self._met[meeting.pair, meeting.team] = before.plus(met) if before else met

    async def tried(self, scope: Scope, who: tuple[Who, Who]) -> Tried:
        """Say among how many comparisons the scope's verdict stands."""
        pairs, versions = compared(scope, who, await self._meetings())
        ids = [each.pair for each in versions]
        if scope.pair not in ids:
            return Tried(pairs, len(ids) + 1, len(ids) + 1, craft=craft(who, versions))
        won, place = 0, ids.index(scope.pair)
        for number, (version, following) in enumerate(pairwise(versions[: place + 1]), 1):
            earlier = replace(scope, pair=version.pair, until=following.began_at)
            won += await self._has_won(earlier, Tried(pairs, place=number, won=won))
        return Tried(pairs, len(ids), place + 1, won, craft(who, versions))

    async def _has_won(self, scope: Scope, tried: Tried) -> bool:
        """Whether one side was found better in a period that is over."""
        if (scope.key, tried) not in self._won:
            async with self._store.reading() as look:
                epoch, top = await EvidenceRows(look).top()
            held = await self._begun(scope, epoch)
            await self._catch_up(held, scope, top)
            decision = decide(held.ledger.capital, delta=scope.delta, alpha=scope.alpha, pairs=tried.comparisons)
            self._won[scope.key, tried] = decision.state in (State.FIRST, State.SECOND)
        return self._won[scope.key, tried]

    async def board(self) -> LeaderBoard:
        """Every contestant against every other, over all duels. A/A pairs are left out."""
        pairs = [(first, second) for first, second, _ in await self.pairs() if first.id != second.id]
        if self._board is None or self._board[0] != self._met_at:
            self._board = (self._met_at, await self._compared(pairs))
        return self._board[1]

    async def _compared(self, pairs: list[tuple[Who, Who]]) -> LeaderBoard:
        who = {each.id: each for pair in pairs for each in pair}
        scores: dict[Pair, Floats] = {}
        decisions: dict[Pair, Decision] = {}
        many = comparisons(len(who))
        for pair in pairs:
            scope = self.scope(pair)
            async with self._lock(scope):
                ledger = (await self._current(scope)).ledger
            scores[scope.pair] = histogram(ledger)
            decisions[scope.pair] = decide(ledger.capital, delta=scope.delta, alpha=scope.alpha, pairs=max(1, many))
        standings = await asyncio.to_thread(leader_board, scores, np.random.default_rng(0))
        ahead = leader(decisions, list(who)) if len(who) > 1 else None
        return LeaderBoard(standings, who, ahead, many)

    def _lock(self, scope: Scope) -> asyncio.Lock:
        if len(self._locks) > 4 * HELD:
            self._locks = {key: lock for key, lock in self._locks.items() if lock.locked()}
        return self._locks.setdefault(scope.key, asyncio.Lock())

    async def _current(self, scope: Scope) -> Held:
        """The scope's ledger up to the latest closed duel; its lock is held."""
        async with self._store.reading() as look:
            epoch, top = await EvidenceRows(look).top()
        held = self._held.get(scope.key)
        if held is None or held.epoch != epoch or held.ledger.closing > top:
            held = await self._open(scope, epoch)
        while held.ledger.closing < top:
            await self._advance(held, scope, top)
        self._held[scope.key] = held
        self._held.move_to_end(scope.key)
        while len(self._held) > HELD:
            self._held.popitem(last=False)
        if held.ledger.closing - held.saved >= SAVE_AFTER:
            await self._save(held)
        return held

    async def _open(self, scope: Scope, epoch: int) -> Held:
        """From the store, or from the beginning."""
        async with self._store.reading() as look:
            kept = await EvidenceRows(look).ledger(scope)
        if kept:
            try:
                return Held(epoch, await asyncio.to_thread(Ledger.from_text, scope, kept.state), kept.closing)
            except BadEvidence as error:
                log.warning("A ledger is rebuilt: %s", error)
        return await self._begun(scope, epoch)

    async def _begun(self, scope: Scope, epoch: int) -> Held:
        """A ledger without duels; of a period, right before its first one."""
        if scope.since is None:
            return Held(epoch, Ledger.start(scope), 0)
        async with self._store.reading() as look:
            closing = await EvidenceRows(look).before(scope.since)
        return Held(epoch, replace(Ledger.start(scope), closing=closing), closing)

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
        """Many duels at once: what they said is read in slices, so that others get in between, and folded in one go."""
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

    async def _save(self, held: Held) -> None:
        """A disk that refuses is no reason to refuse a verdict: the ledger can always be rebuilt."""
        ledger = held.ledger
        state = await asyncio.to_thread(ledger.to_text)
        try:
            async with self._store.writing() as change:
                await EvidenceRows(change).keep(ledger.scope, held.epoch, Kept(ledger.closing, state), self._now())
            held.saved = ledger.closing
        except StoreError as error:
            log.warning("A ledger is not kept: %s", error)
