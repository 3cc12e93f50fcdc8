"""Evidence: verdicts on demand, who met whom, among how many comparisons a verdict stands, and the leader board."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import pairwise

import numpy as np

from bot.app.gathering import Gathering
from bot.app.ledgers import AT_ONCE, Ledgers
from bot.evidence.bets import Floats
from bot.evidence.decision import Decision, State, comparisons, decide
from bot.evidence.duels import Pair
from bot.evidence.ranking import Standing, leader, leader_board
from bot.settings import Settings
from bot.store import Store
from bot.store.contestants import ContestantRows, Meeting
from bot.store.evidence import EvidenceRows
from bot.verdict import Scope, Verdict, Who, judge, ordered
from bot.verdict.judge import histogram
from bot.verdict.tried import Met, Tried, compared, craft


@dataclass(frozen=True, slots=True)
class LeaderBoard:
    """The comparison of all contestants that met."""

    standings: tuple[Standing, ...]  # strongest first
    who: dict[str, Who]
    leader: str | None  # decided better than every other, with all pairs together erring in at most alpha
    comparisons: int


class Evidence:
    """Judges scopes from their ledgers, and keeps what was judged until something changes."""

    def __init__(self, store: Store, settings: Settings, now: Callable[[], datetime]) -> None:
        self._store = store
        self._settings = settings
        self._facts = Gathering(store, settings, now)
        self.ledgers = Ledgers(store, now)
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
        """Make a scope with the margin and the error rate of the settings."""
        margins = {"delta": self._settings.verdict.delta, "alpha": self._settings.verdict.alpha}
        return Scope((pair[0].id, pair[1].id), team, tag, since, until, **margins)

    async def verdict(self, scope: Scope, who: tuple[Who, Who]) -> Verdict:
        """Judge a scope as of now. Raises StoreError."""
        async with self.ledgers.current(scope) as held:
            async with self._store.reading() as look:
                waiting, served = await EvidenceRows(look).open(scope), await EvidenceRows(look).served(scope)
            facts = replace(await self._facts.of(who, scope), open=waiting, served=served, tried=await self.tried(scope, who))
            if held.verdict is None or held.facts != facts:
                held.facts, held.verdict = facts, await asyncio.to_thread(judge, held.ledger, facts)
            return held.verdict

    async def pairs(self) -> list[tuple[Who, Who, int]]:
        """List pairs that closed duels, in the order of evidence, with how many; the latest first.

        Costs what has closed since the last call.
        """
        found: dict[Pair, Met] = {}
        for met in await self._meetings():
            found[met.pair] = found[met.pair].plus(met) if met.pair in found else met
        return [(*met.who, met.duels) for met in sorted(found.values(), key=lambda met: -met.last)]

    async def _meetings(self) -> list[Met]:
        """Sum up who met in which team, up to the latest close."""
        async with self._meeting:
            async with self._store.reading() as look:
                epoch, top = await EvidenceRows(look).top()
            if self._met_at[0] != epoch or self._met_at[1] > top:
                self._met, self._met_at, self._won = {}, (epoch, 0), {}
            while self._met_at[1] < top:
                upto = min(top, self._met_at[1] + AT_ONCE)
                async with self._store.reading() as look:
                    await self._met_more(await ContestantRows(look).meetings(self._met_at[1], upto), ContestantRows(look))
                self._met_at = (epoch, upto)
            return list(self._met.values())

    async def _met_more(self, meetings: list[Meeting], contestants: ContestantRows) -> None:
        if {one for meeting in meetings for one in meeting.pair} - self._who.keys():
            self._who |= {one: known.who for one, known in (await contestants.all()).items()}
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
        """Say whether one side was found better in a period that is over."""
        if (scope.key, tried) not in self._won:
            ledger = await self.ledgers.past(scope)
            decision = decide(ledger.capital, delta=scope.delta, alpha=scope.alpha, pairs=tried.comparisons)
            self._won[scope.key, tried] = decision.state in (State.FIRST, State.SECOND)
        return self._won[scope.key, tried]

    async def board(self) -> LeaderBoard:
        """Compare every contestant with every other, over all duels. A/A pairs are left out."""
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
            async with self.ledgers.current(scope) as held:
                ledger = held.ledger
            scores[scope.pair] = histogram(ledger)
            decisions[scope.pair] = decide(ledger.capital, delta=scope.delta, alpha=scope.alpha, pairs=max(1, many))
        standings = await asyncio.to_thread(leader_board, scores, np.random.default_rng(0))
        ahead = leader(decisions, list(who)) if len(who) > 1 else None
        return LeaderBoard(standings, who, ahead, many)
