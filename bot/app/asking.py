"""Asking: an order becomes a duel that is being answered, by all rules, in one transaction."""

import asyncio
import logging
import random
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

from bot.app.bases import Bases, Stand
from bot.app.before import Before, before, settled
from bot.app.blind import show
from bot.app.choices import Choices, Entrants
from bot.app.closing import Deadlines, with_holds_ended
from bot.app.collecting import check_quorum
from bot.app.core import Core
from bot.app.ending import STOPPED
from bot.app.limits import Limits
from bot.app.orders import AlreadyAsked, NotHere, Order
from bot.app.pairing import Pairing
from bot.app.routing import Routing
from bot.app.shelf import AdapterNotLoaded
from bot.app.teams import Teams
from bot.ballots import Entrant
from bot.errors import UnknownDuel
from bot.evidence.units import request_key
from bot.logs import hide
from bot.routes import ENTRANTS, Drawn
from bot.store import DuelRecord, Transaction
from bot.store.conversations import ConversationRows
from bot.store.duels import DuelRows
from bot.store.posts import PostRows
from bot.store.records import Kind
from bot.store.tags import TagRows
from bot.tags import TagRules, checked_tag
from bot.views import OUTSIDE, DuelView, Post, Shown, TeamSettings
from engine.contestants import Contestant
from engine.errors import BadRequest, DuelbotError
from engine.placeholders import given_on
from engine.request import Request

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class TurnPlan:
    """What a request becomes, before it is asked."""

    kind: Kind
    left: Entrant
    served: Entrant | None  # who answers alone, or first
    drawn: Drawn | None  # None: nothing was drawn


class Asking:
    """Begins duels and stops them, and says which conversation a channel goes on with."""

    def __init__(
        self,
        core: Core,
        teams: Teams,
        choices: Choices,
        bases: Bases,
        limits: Limits,
        *,
        pairing: Pairing,
        deadlines: Deadlines,
        routing: Routing,
        rules: TagRules,
        coin: random.Random,
    ) -> None:
        """rules: which guess the tag of a request that has none. coin: seats the two sides."""
        self._core = core
        self._teams = teams
        self._choices = choices
        self._bases = bases
        self._limits = limits
        self._pairing = pairing
        self._deadlines = deadlines
        self._routing = routing
        self._rules = rules
        self._coin = coin

    def take_rules(self, rules: TagRules) -> None:
        """Guess the tags of requests by these rules from now on."""
        self._rules = rules

    async def ask(self, order: Order) -> Shown:
        """Store the duel of this order, start it, return at once.

        Raises AlreadyAsked for an event that came before; QueueFull and BadRequest for a limit that is met, a role that is missing and
        a request, tag or recipe that is none; UnknownDuel; StoreError; DuelbotError when the model could not be loaded.
        """
        hide(order.text)
        try:
            return await self._ask(order)
        except DuelbotError as error:
            self._core.meters.refused(error)
            log.info("A request was refused (%s)", type(error).__name__)
            raise

    async def _ask(self, order: Order) -> Shown:
        request, said = Request.of(order.text).text, checked_tag(order.tag)
        if order.quorum is not None and order.quorum < 1:
            raise BadRequest(f"A vote closes by one ballot or more; {order.quorum} is no such number.")
        if order.collects:
            check_quorum(order.quorum or 0)
        stand = self._bases.of(order.pick.base, anew=True)
        if stand.model.state.state == "failed":
            raise DuelbotError(stand.model.state.words)
        await stand.shelf.refresh()
        guessed = await asyncio.to_thread(self._rules.guess, request) if not said and self._rules.rules else ""
        tag = said or guessed
        if order.pick.surprise:
            order = replace(order, pick=replace(order.pick, pair=await self._pairing.least_known(order.pick.base)))
        try:
            return await self._core.changes.whole(self._begin(order, stand, request, tag, by_rule=not said))
        except AdapterNotLoaded as missing:  # loading takes longer than a transaction may
            await stand.shelf.load(*missing.names)
            return await self._core.changes.whole(self._begin(order, stand, request, tag, by_rule=not said))

    async def _begin(self, order: Order, stand: Stand, request: str, tag: str, *, by_rule: bool) -> Shown:
        core = self._core
        async with core.store.writing() as change:
            if order.event and await PostRows(change).by_event(order.event):
                raise AlreadyAsked("This was asked before.")
            team = await self._allowed(change, order, begun=order.batch)
            entrants = self._entrants(order, stand, team)
            found = await before(change, order)
            found = replace(found, earlier=await with_holds_ended(change, found.earlier, core.now()))
            past, changed, note = settled(found)
            turn = await self._turn(change, order, stand, tag, entrants)
            duel = await self._duel(change, order, past, request, turn, quorum=quorum_of(order, team), note=note)
            await _write(change, duel, past, changed)
            if tag:
                await TagRows(change).add(duel.id, tag, by_rule)
            post = await self._post(change, order, duel, team, tag) if order.placed else None
        if order.collects:
            self._deadlines.changed()
        for earlier in past.earlier:
            core.running.signals.of(earlier.id).wake()
        asked = Request(duel.request, past.turns, given_on(duel.asked_at, team.called))
        return Shown(show(duel, order.asker, core.running.start(duel, asked, entrants, stand.model)), post)

    def _entrants(self, order: Order, stand: Stand, team: TeamSettings) -> Entrants | None:
        """Pick the two that meet; None: those of the line-up. Raises AdapterNotLoaded, BadRequest, BadRecipe, UnfairDuel."""
        if order.pick.pair:
            return self._pairing.entrants(order.pick.pair, order.pick.base)
        if stand is not self._bases.usual:  # what the team has chosen was chosen on that of the settings
            return None
        return stand.shelf.meeting(self._choices.entrants(order.recipe or team.recipe), order.adapter or team.adapter, order.against)

    async def check(self, order: Order) -> None:
        """Raise what `ask` would raise for who asks, where, and how much they have asked."""
        async with self._core.store.reading() as look:
            await self._allowed(look, order, begun=False)

    async def _allowed(self, look: Transaction, order: Order, *, begun: bool) -> TeamSettings:
        """Refuse what the team's rules and the limits refuse; return what the team, or its channel, has settled.

        begun: its channel was allowed with the file that it is of. Raises NotHere, QueueFull, BadRequest.
        """
        team = await self._teams.settled_at(look, order.team, order.places)
        if order.direct and not team.direct:
            raise BadRequest("Direct messages to me are switched off. Ask in a channel of a server where I am.")
        if team.channels and not begun and not order.program and not set(order.places) & set(team.channels):
            raise NotHere(team.channels)
        if team.ask_role and team.ask_role not in order.roles and not order.program:
            raise BadRequest("In this server only members with a certain role may ask. A server admin sets it with /settings.")
        await self._limits.refuse(look, order, self._core.running.count, self._core.now())
        return team

    async def _turn(
        self, change: Transaction, order: Order, stand: Stand, tag: str, entrants: tuple[Contestant, Contestant] | None
    ) -> "TurnPlan":
        """Choose what the request becomes: a duel, half a one, or a single; and who sits on the left."""
        lineup = stand.model.lineup
        pair = entrants or (lineup.entrants if lineup else None)
        if order.only:
            return _pinned(pair, order.only)
        drawn = await self._routing.draw(change, order.team or OUTSIDE, tag, pair) if pair and order.drawn else None
        if drawn and not drawn.is_duel:
            return TurnPlan("single", drawn.entrant, drawn.entrant, drawn)
        left: Entrant = 1 if self._coin.random() < 0.5 else 0
        if not order.program:
            return TurnPlan("duel", left, None, drawn)
        return TurnPlan("half", left, 1 if self._coin.random() < 0.5 else 0, drawn)

    async def _duel(
        self, look: Transaction, order: Order, past: Before, request: str, turn: "TurnPlan", *, quorum: int, note: str
    ) -> DuelRecord:
        key, now = request_key(request, past.turns), self._core.now()
        return DuelRecord(
            id=secrets.token_hex(16),
            conversation=past.earlier[0].conversation if past.earlier else secrets.token_hex(16),
            turn=len(past.earlier) + 1,
            asker=order.asker,
            request=request,
            asked_at=now,
            left=turn.left,
            quorum=quorum,
            note=note,
            request_key=key,
            repeats=await DuelRows(look).first_asked(key, by_program=order.program),
            kind=turn.kind,
            served=turn.served,
            coin=turn.drawn.coin if turn.drawn else None,
            share=turn.drawn.share if turn.drawn else None,
            ends_at=now + order.closes_in if order.closes_in and order.collects else None,
        )

    async def _post(self, change: Transaction, order: Order, duel: DuelRecord, team: TeamSettings, tag: str) -> Post:
        """Write where a duel will be shown, and that the channel goes on with it."""
        closes_in = timedelta(hours=team.deadline_hours) if order.closes_in is None else order.closes_in
        post = Post(
            duel=duel.id,
            event=order.event,
            team=order.team,
            channel=order.channel,
            message=None,
            private=order.private,
            lasting=order.lasting and not order.program,
            closes_at=None if order.alone or order.program else duel.asked_at + closes_in,
            left_out=order.left_out,
            quorum=duel.quorum,
            tag=tag,
        )
        await PostRows(change).add(post)
        if order.rolling:
            await ConversationRows(change).roll(order.channel, duel.conversation)
        return post

    async def stop(self, duel: str, *, person: str | None = None, because: str = STOPPED) -> None:
        """Stop both sides at the same length; the duel becomes void and keeps its texts. One that has ended stays as it is.

        person: whose wish it is, which must be its asker's; None: the program's own. Raises BadRequest, UnknownDuel.
        """
        progress = self._core.running.progress(duel)
        if progress is None:
            async with self._core.store.reading() as look:
                asked = await DuelRows(look).duel(duel)
        else:
            asked = progress.duel
        if person is not None and asked.asker != person:
            raise BadRequest("Only the one who asked can stop this.")
        await self._core.running.stop(duel, because)

    async def new_talk(self, channel: str) -> None:
        """Have the next request in this channel begin a new conversation."""
        async with self._core.store.writing() as change:
            await ConversationRows(change).roll(channel, None)

    async def reopen(self, channel: str, duel: str, person: str) -> DuelView:
        """Have the channel go on with the conversation of one's own duel in direct messages. Raises UnknownDuel."""
        async with self._core.store.writing() as change:
            record, post = await DuelRows(change).duel(duel), await PostRows(change).of(duel)
            if record.asker != person or post is None or post.team is not None:
                raise UnknownDuel("This is none of the requests that you asked in direct messages.")
            await ConversationRows(change).roll(channel, record.conversation)
        return show(record, person)


def _pinned(pair: Sequence[Contestant] | None, only: str) -> TurnPlan:
    """Have one of the two that meet answer alone, as the asker wishes. Raises BadRequest."""
    entrant = next((each for each in ENTRANTS if pair and pair[each].id == only), None)
    if entrant is None:
        raise BadRequest("This contestant does not meet now, so it cannot be asked.")
    return TurnPlan("single", entrant, entrant, None)


def quorum_of(order: Order, team: TeamSettings) -> int:
    """Count the ballots that close the vote. Pure."""
    if order.alone:
        return 1
    return order.quorum or (team.quorum if order.placed else 1)


async def _write(change: Transaction, duel: DuelRecord, past: Before, changed: tuple[DuelRecord, ...]) -> None:
    """Write a new duel, with its conversation if it begins one, and whose answers that goes on with."""
    duels, conversations = DuelRows(change), ConversationRows(change)
    for earlier in changed:
        await duels.save(earlier)
    if not past.earlier:
        await conversations.start(duel.conversation, duel.asked_at)
        if past.said:
            await conversations.begin_with(duel.conversation, past.said)
    await duels.add(duel)
