"""Routing: what share of a team's requests become duels, who answers the others, every change of that, and what drift does to it."""

import asyncio
import logging
import random
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial

from bot.app.ending import who
from bot.app.evidence import Evidence
from bot.ballots import Entrant
from bot.errors import StoreError
from bot.evidence.card import better_on
from bot.evidence.decision import State
from bot.evidence.duels import ScoredDuel, scored
from bot.evidence.versions import level
from bot.evidence.watch import WinnerWatch
from bot.routes import ALL_DUELS, ITSELF, PROPOSED_SHARE, Drawn, Route, alone, before_it, holding, route_for
from bot.settings import Settings
from bot.store import Store, Transaction
from bot.store.contestants import ContestantRows
from bot.store.evidence import EvidenceRows
from bot.store.routes import RouteRows
from bot.tags import checked_tag
from bot.verdict import Scope, Verdict, Who, ordered
from bot.verdict.words import names
from bot.words import percent
from engine.contestants import Contestant
from engine.errors import BadRequest

LOOK_S = 5.0  # seconds between two looks at what has closed since the last one
Meeting = Callable[[str], Sequence[Contestant] | None]  # by team; None while the model is not loaded
log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class RouteProposal:
    """A change that a verdict suggests. Nothing happens before a person says so."""

    tag: str
    share: float
    winner: Who
    words: str


@dataclass(frozen=True, slots=True)
class RouteStanding:
    """How the requests of a team are answered now."""

    team: str
    routes: dict[str, Route]  # by tag, those that hold
    changes: tuple[Route, ...]  # all there were, in their order
    pair: tuple[Who, Who] | None  # who meet now; None while that is not known
    proposals: tuple[RouteProposal, ...] = ()

    def route(self, tag: str = "") -> Route | None:
        """Find the route of requests with this tag; None: all are duels."""
        return route_for(self.routes, tag)

    def answers_alone(self, tag: str = "") -> Who | None:
        """Find who answers requests with this tag alone; None: nobody, so all are duels."""
        entrant = alone(self.route(tag), [each.id for each in self.pair]) if self.pair else None
        return None if entrant is None or self.pair is None else self.pair[entrant]

    @property
    def latest(self) -> Route | None:
        """The latest change; None: there was none."""
        return self.changes[-1] if self.changes else None


class Routing:
    """Sees and changes routes, draws for requests, and looks for drift."""

    def __init__(
        self, store: Store, evidence: Evidence, now: Callable[[], datetime], meeting: Meeting, *, coin: random.Random, rises: bool
    ) -> None:
        """coin: gives the draws. rises: the share goes up to 1 by itself when later votes contradict the verdict."""
        self._store, self._evidence, self._now, self._meeting = store, evidence, now, meeting
        self._coin, self._rises = coin, rises
        self._looked_at = (-1, -1)  # epoch and closing number
        self._watches: dict[int, tuple[int, WinnerWatch]] = {}  # by route: the closing number up to which it has seen duels

    # --- seeing

    async def standing(self, team: str = "", *, proposing: bool = True) -> RouteStanding:
        """Read how a team's requests are answered, with what its verdicts propose. Raises StoreError."""
        async with self._store.reading() as look:
            changes = tuple(await RouteRows(look).changes(team))
        found = RouteStanding(team, holding(changes), changes, await self._pair(team))
        return replace(found, proposals=await self._proposals(found)) if proposing and found.pair else found

    async def _pair(self, team: str) -> tuple[Who, Who] | None:
        """Name who meet for a team: now, or while no model is loaded, who met last."""
        if met := self._meeting(team):
            return ordered([who(each) for each in met])
        pairs = await self._evidence.pairs()
        return (pairs[0][0], pairs[0][1]) if pairs else None

    async def _proposals(self, standing: RouteStanding) -> tuple[RouteProposal, ...]:
        """Propose the winner for all requests, and another one for tags on which another one was found better."""
        assert standing.pair
        found = await self._verdict(standing, "", standing.pair)
        if found.take is None:
            return ()
        offered = [self._proposed(standing, "", found.who, found.take, found.headline)]
        for tag in found.tags:
            side = better_on(tag)
            if side is not None and side != found.take:
                why = f"On “{tag.tag}” {names(found.who)[side]} is better"
                offered.append(self._proposed(standing, tag.tag, found.who, side, why))
        return tuple(each for each in offered if each)

    def _proposed(self, standing: RouteStanding, tag: str, pair: tuple[Who, Who], side: Entrant, why: str) -> RouteProposal | None:
        """Propose a winner; None where the route has it already, or somebody has taken this very proposal back."""
        route, winner = standing.routes.get(tag), pair[side]
        taken_back = before_it(standing.changes, tag) if route and route.share == ALL_DUELS and route.person != ITSELF else None
        if any(each and each.winner == winner.id and each.singles for each in (route, taken_back)):
            return None
        share = f"{percent(PROPOSED_SHARE)} of requests stay duels, so that a change is seen"
        words = f"{why}. Let {names(pair)[side]} answer the others alone, at once: {share}."
        return RouteProposal(tag, PROPOSED_SHARE, winner, words)

    async def _verdict(self, standing: RouteStanding, tag: str, pair: tuple[Who, Who]) -> Verdict:
        """Judge the pair over this team's duels with this tag; after a drift, over those that closed since."""
        risen = [each.changed_at for each in standing.changes if each.tag in ("", tag) and each.person == ITSELF and not each.singles]
        return await self._evidence.verdict(self._scope(standing, tag, pair, risen[-1] if risen else None, len(risen)), pair)

    def _scope(self, standing: RouteStanding, tag: str, pair: tuple[Who, Who], since: datetime | None, before: int = 0) -> Scope:
        """Narrow the evidence to a route. before: periods that drift has ended, each of which has used some of the error rate."""
        scope = self._evidence.scope(pair, team=standing.team or None, tag=tag or None, since=since)
        return replace(scope, alpha=level(scope.alpha, before + 1, 0)) if before else scope

    # --- changing

    async def change(
        self, person: str, *, share: float, winner: str = "", team: str = "", tag: str = "", reason: str = ""
    ) -> RouteStanding:
        """Have this share of requests become duels, and the winner answer the others alone. Kept with who and when.

        winner: contestant id or arm of one that meets now; "": the one that the route has. tag: for these requests alone.
        Raises BadRequest, StoreError.
        """
        if not 0 <= share <= 1:
            raise BadRequest(f"The duel share is a number from 0 to 1, such as {PROPOSED_SHARE:g}; {share:g} is none.")
        tag, before = checked_tag(tag), await self.standing(team, proposing=False)
        chosen = self._winner(before, winner, tag) if winner or share < 1 else None
        kept = before.route(tag)
        id_ = chosen.id if chosen else kept.winner if kept else None
        return await self._keep(Route(team, tag, share, id_, person, self._now(), reason.strip()[:500]))

    def _winner(self, standing: RouteStanding, named: str, tag: str) -> Who:
        """Find who shall answer alone. Raises BadRequest."""
        if standing.pair is None:
            raise BadRequest("Who meets is known once the model is loaded. Name the winner then.")
        route = standing.route(tag)
        wanted = named or (route.winner or "" if route else "")
        found = [each for each in standing.pair if wanted in (each.id, each.arm)]
        if not wanted:
            raise BadRequest(f"Say who answers the other requests alone: {' or '.join(each.arm for each in standing.pair)}.")
        if len({each.id for each in found}) != 1:
            meet = " and ".join(f"{each.arm} ({each.id})" for each in standing.pair)
            raise BadRequest(f"{wanted[:40]!r} does not meet now, so it cannot answer alone. There are {meet}.")
        return found[0]

    async def drop(self, person: str, tag: str, *, team: str = "", reason: str = "") -> RouteStanding:
        """Have a tag go by the route of all requests again. Raises BadRequest, StoreError."""
        tag = checked_tag(tag)
        if not tag or tag not in (await self.standing(team, proposing=False)).routes:
            raise BadRequest("This tag has no route of its own.")
        return await self._keep(Route(team, tag, None, None, person, self._now(), reason.strip()[:500]))

    async def back(self, person: str, *, team: str = "", tag: str = "") -> RouteStanding:
        """Change back to what held before the latest change, which is a change, too. Raises BadRequest, StoreError."""
        standing = await self.standing(team, proposing=False)
        own = [each for each in standing.changes if each.tag == tag]
        if not own:
            raise BadRequest("Nothing was changed here yet, so there is nothing to change back.")
        before = before_it(standing.changes, tag)
        first = Route(team, tag, None if tag else ALL_DUELS, None, person, self._now(), "")
        words = f"changed back what {own[-1].person} had changed"
        return await self._keep(replace(before or first, person=person, changed_at=self._now(), reason=words, id=0))

    async def _keep(self, route: Route, *, told: bool = True) -> RouteStanding:
        async with self._store.writing() as change:
            met = self._meeting(route.team)
            await ContestantRows(change).meet(met or (), self._now())
            rows = RouteRows(change)
            await rows.add(route, told=told)
            if await rows.coin(route.team) is None:
                await rows.keep_coin(route.team, self._coin.random())
        return await self.standing(route.team)

    # --- drawing

    async def draw(self, change: Transaction, team: str, tag: str, pair: Sequence[Contestant]) -> Drawn | None:
        """Take the draw that was kept for the team's next request; None: nothing is drawn, as every request is a duel."""
        rows = RouteRows(change)
        route = route_for(holding(await rows.changes(team)), tag)
        entrant = alone(route, [each.id for each in pair])
        if route is None or route.share is None or entrant is None:
            return None
        kept = await rows.coin(team)
        await rows.keep_coin(team, self._coin.random())
        return Drawn(self._coin.random() if kept is None else kept, route.share, entrant)

    # --- drift

    async def run(self) -> None:
        """Look for drift whenever votes have closed. Ends only when it is cancelled."""
        while True:
            try:
                await self.look()
            except StoreError as error:
                log.warning("Drift was not looked for: %s", error)
            except Exception:
                log.exception("Drift could not be looked for")
            await asyncio.sleep(LOOK_S)

    async def look(self) -> list[Route]:
        """Look at the verdict behind every route once. Returns the changes that drift has made. Raises StoreError."""
        async with self._store.reading() as look:
            rows = RouteRows(look)
            teams, closed = await rows.teams(), await EvidenceRows(look).top()
        if closed == self._looked_at or not teams:
            return []
        made = [route for team in teams for route in await self._look_at(team)]
        self._looked_at = closed
        return made

    async def _look_at(self, team: str) -> list[Route]:
        standing = await self.standing(team, proposing=False)
        made = []
        for tag, route in standing.routes.items():
            if not route.singles or route.person == ITSELF or standing.pair is None or standing.answers_alone(tag) is None:
                continue
            found = await self._verdict(standing, tag, standing.pair)
            if why := drift_words(found, route, alarmed=await self._alarmed(standing, tag, route, standing.pair)):
                share = ALL_DUELS if self._rises else route.share
                what = "All requests are duels again." if self._rises else "The duel share stays as it was."
                risen = replace(route, share=share, person=ITSELF, changed_at=self._now(), reason=f"{why} {what}", id=0)
                log.warning("%s", risen.reason)
                await self._keep(risen, told=False)
                made.append(risen)
        return made

    async def _alarmed(self, standing: RouteStanding, tag: str, route: Route, pair: tuple[Who, Who]) -> bool:
        """Show the watch of a route the duels that have closed since its last look."""
        scope = self._scope(standing, tag, pair, route.changed_at)
        async with self._store.reading() as look:
            rows = EvidenceRows(look)
            seen, watch = self._watches.get(route.id) or (await rows.before(route.changed_at), WinnerWatch())
            _, top = await rows.top()
            filed = await rows.filed(scope, seen, top)
        for each in filed:
            if isinstance(score := scored(each.duel, scope.pair), ScoredDuel) and not watch.alarmed:
                watch = watch.after(score.score if route.winner == scope.pair[0] else 1 - score.score)
        self._watches[route.id] = (top, watch)
        return watch.alarmed

    async def untold(self) -> list[Route]:
        """Read the changes by drift that their teams have not been told of."""
        async with self._store.reading() as look:
            return await RouteRows(look).untold()

    async def told(self, route: Route) -> None:
        """Keep that a team has been told of a change."""
        with suppress(StoreError):  # then it is told once more
            async with self._store.writing() as change:
                await RouteRows(change).tell(route.id)


def routing_over(store: Store, settings: Settings) -> Routing:
    """Make the routing of a store where no model is loaded: who meets are those who met last."""
    now = partial(datetime.now, UTC)
    evidence = Evidence(store, settings, now)
    return Routing(store, evidence, now, lambda team: None, coin=random.SystemRandom(), rises=settings.routes.rises)


def drift_words(found: Verdict, route: Route, *, alarmed: bool) -> str:
    """Say what speaks against the winner of a route; "": nothing. alarmed: the watch over the duels since then. Pure."""
    on = f" on “{route.tag}”" if route.tag else ""
    if found.decision.drifted:
        return f"Later votes contradict earlier ones{on}, so the winner is in doubt."
    if found.decision.state in (State.FIRST, State.SECOND) and found.take is not None and found.who[found.take].id != route.winner:
        return f"The votes now say that {names(found.who)[found.take]} is better{on}."
    if alarmed:
        return f"The votes since the winner answers alone speak against it{on}."
    return ""
