"""Teams: duels asked and shown in channels, votes with deadlines and roles, limits, forgetting. Knows no platform; ids are text."""

import asyncio
import hashlib
import math
import secrets
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from bot.app.app import App
from bot.app.blind import show
from bot.app.choices import Choices
from bot.app.ending import turns_of
from bot.app.limits import limits_of_person, limits_of_team
from bot.app.orders import EVERYONE, AlreadyAsked, Order, QueueFull, TeamSettings
from bot.ballots import Choice
from bot.errors import BallotRefused, UnknownDuel
from bot.settings import Settings
from bot.store import DuelRecord, Transaction
from bot.store.teams import FORGOTTEN, Post, Results, TeamRows
from bot.views import DuelSummary, DuelView
from engine.cost import Estimate
from engine.duel import Side
from engine.errors import BadRequest
from engine.recipes import Recipe
from engine.request import Turn

MAX_TURNS = 40
"""Turns of an earlier conversation that a branch begins with; the latest are kept."""
PAGE = 200


class Teams:
    """One per app; every method is one transaction or a call of the app."""

    def __init__(self, app: App, settings: Settings) -> None:
        self.app = app
        self._settings = settings
        self._store = app._store
        self._runner = app._runner
        self._now = app._now
        self.kits = Choices(app._model)

    @asynccontextmanager
    async def _look(self) -> AsyncGenerator[TeamRows, None]:
        async with self._store.reading() as look:
            yield TeamRows(look)

    @asynccontextmanager
    async def _change(self) -> AsyncGenerator[tuple[Transaction, TeamRows], None]:
        async with self._store.writing() as change:
            yield change, TeamRows(change)

    # --- asking

    async def ask(self, order: Order) -> tuple[Post, DuelView]:
        """Start the duel of this order. Raises AlreadyAsked for an event that came before, BadRequest for a limit met, and as App.ask."""
        settled = await self.settings(order.team)
        if settled.ask_role and settled.ask_role not in order.roles:
            raise BadRequest("In this server only members with a certain role may ask. A server admin sets it with /settings.")
        entrants = await asyncio.to_thread(self.kits.entrants, order.recipe or settled.recipe)
        conversation, before = await self._place(order)
        alone = order.private or order.solo
        post = Post(
            duel="",
            event=order.event,
            team=order.team,
            channel=order.channel,
            message=None,
            private=order.private,
            lasting=order.lasting,
            left_out=order.left_out,
            closes_at=None if alone else self._now() + (order.closes_in or timedelta(hours=settled.deadline_hours)),
        )
        posts: list[Post] = []

        async def within(change: Transaction, duel: DuelRecord) -> None:
            board = TeamRows(change)
            self._runner.choose(duel.id, entrants)
            if await board.by_event(order.event):
                raise AlreadyAsked("This was asked before.")
            await self._limit(board, order)
            await board.add(replace(post, duel=duel.id))
            posts.extend(filter(None, [await board.post(duel.id)]))
            if before and duel.turn == 1:
                await board.begin_with(duel.conversation, before)
            if order.rolling:
                await board.roll(order.channel, duel.conversation)

        quorum = 1 if alone else settled.quorum
        try:
            view = await self.app.ask(
                order.text,
                asker=order.asker,
                conversation=conversation,
                quorum=quorum,
                before=before,
                within=within,
                tag=order.tag,
            )
        except BaseException:
            for each in posts:
                self._runner.choose(each.duel, None)
            raise
        return posts[0], view

    async def use_recipe(self, team: str, name: str) -> Recipe:
        """The team's duels use it from now on. Raises BadRequest, BadRecipe, UnfairDuel."""
        recipe = await self.kits.recipe(name)
        chosen = await asyncio.to_thread(self.kits.entrants, name)
        await self.settle(team, recipe=name if chosen else None)
        return recipe

    async def _limit(self, board: TeamRows, order: Order) -> None:
        if (running := self._runner.running) >= self._settings.limits.in_flight:
            raise QueueFull(
                f"The queue is full: {running} {'request is' if running == 1 else 'requests are'} being answered. Ask again in a moment."
            )
        now = self._now()
        times = (now, now - timedelta(minutes=1), now - timedelta(days=1))
        person, team = limits_of_person(self._settings.limits), limits_of_team(self._settings.limits)
        refusal = person.refusal(await board.asked("asker", order.asker, *times), paced=order.batch)
        if not refusal and order.team:
            refusal = team.refusal(await board.asked("team", order.team, *times), paced=order.batch)
        if refusal:
            raise BadRequest(refusal)

    async def _place(self, order: Order) -> tuple[str | None, tuple[Turn, ...]]:
        """The conversation that the order goes on with (None: a new one), and what was said before its first request."""
        async with self._store.reading() as look:
            board = TeamRows(look)
            if order.rolling:
                going = await board.rolling(order.channel)
                return going, await board.prologue(going) if going else order.before
            if order.again:
                duel = await look.duel(order.again)
                talk = await look.conversation(duel.conversation)
                return None, (await board.prologue(duel.conversation) + turns_of(talk[: duel.turn - 1]))[-MAX_TURNS:]
            posts = [await board.by_message(message) for message in order.reply_to]
            post = next(filter(None, posts), None)
            if post is None or post.channel != order.channel:  # a duel of another channel may be none of this one's business
                return None, order.before
            duel = await look.duel(post.duel)
            talk = await look.conversation(duel.conversation)
            prologue = await board.prologue(duel.conversation)
            if talk[-1].id == duel.id:
                return duel.conversation, prologue
            return None, (prologue + turns_of(talk[: duel.turn]))[-MAX_TURNS:]

    def ahead(self, duel: str) -> int:
        """How many duels are answered before this one."""
        return self._runner.ahead(duel)

    def wait_s(self, ahead: int, estimate: Estimate | None) -> float | None:
        """About how long those ahead will take, in seconds."""
        side_by_side = max(1, self._settings.engine.max_rows // 2)
        return None if estimate is None else estimate.total_s * math.ceil(ahead / side_by_side)

    # --- showing

    async def look(self, duel: str, person: str) -> DuelView:
        """A duel as this person sees it, if they may: a private one is its asker's alone. Raises UnknownDuel."""
        post, view = await self.post(duel), await self.app.view(duel, person)
        if post.private and view.asker != person:
            raise UnknownDuel("This duel is shown to its asker alone.")
        return view

    async def post(self, duel: str) -> Post:
        """Raises UnknownDuel for a duel that was asked elsewhere."""
        async with self._look() as board:
            post = await board.post(duel)
        if post is None:
            raise UnknownDuel("This duel was not asked in a channel.")
        return post

    async def post_of_message(self, message: str) -> Post | None:
        async with self._look() as board:
            return await board.by_message(message)

    async def sent(self, duel: str, message: str) -> None:
        async with self._change() as (_, board):
            await board.sent(duel, message)

    async def shows(self, duel: str, face: str) -> None:
        async with self._change() as (_, board):
            await board.shows(duel, face)

    async def told(self, duel: str) -> None:
        """The asker knows of the close, or need not be told."""
        async with self._change() as (_, board):
            await board.told(duel)

    async def untold(self, limit: int = 50) -> list[Post]:
        """Posts that show the close while their askers may not have been told of it: the process ended in between."""
        async with self._look() as board:
            return await board.untold(limit)

    async def stale(self, limit: int = 50) -> list[Post]:
        """Posts whose message shows less than is stored: edits that were lost, changes from elsewhere."""
        async with self._look() as board:
            return await board.stale(limit)

    async def close_due(self) -> list[str]:
        """Close the votes whose deadline has come; their duels."""
        async with self._look() as board:
            due = await board.due(self._now())
        for duel in due:
            await self.app.close(duel, "deadline")
        return due

    # --- conversations

    async def new_talk(self, channel: str) -> None:
        """The next request in this channel begins a new conversation."""
        async with self._change() as (_, board):
            await board.roll(channel, None)

    async def reopen(self, channel: str, duel: str, person: str) -> DuelView:
        """Go on with the conversation of one's own duel in this channel. Raises UnknownDuel."""
        async with self._change() as (change, board):
            record, post = await change.duel(duel), await board.post(duel)
            if record.asker != person or post is None or post.team is not None:
                raise UnknownDuel("This is none of the requests that you asked in direct messages.")
            await board.roll(channel, record.conversation)
        return show(record, person)

    # --- voting

    async def cast(self, duel: str, voter: str, roles: frozenset[str], choice: Choice) -> DuelView:
        """As App.cast, for those who may vote here. Raises BallotRefused for the others."""
        await self._may_vote(await self.post(duel), voter, roles)
        return await self.app.cast(duel, voter, choice)

    async def _may_vote(self, post: Post, voter: str, roles: frozenset[str]) -> None:
        view = await self.app.view(post.duel, voter)
        if post.private and view.asker != voter:
            raise BallotRefused("Only its asker votes on this one.")
        role = (await self.settings(post.team)).vote_role
        if role and role not in roles:
            raise BallotRefused("In this server only members with a certain role may vote. A server admin sets it with /settings.")

    async def undo(self, duel: str, voter: str) -> DuelView:
        """Take one's ballot back, while the vote is open. Raises BallotRefused, UnknownDuel, StoreError."""
        async with self._change() as (change, board):
            record = await change.duel(duel)
            if record.state != "open":
                raise BallotRefused("The vote on this duel has closed; your ballot stays.")
            await board.drop_ballot(duel, voter)
            record = await change.duel(duel)
        self._runner.signal(duel).wake()
        return show(record, voter)

    async def close(self, duel: str, person: str) -> DuelView:
        """Close the vote at its asker's wish. Raises BallotRefused."""
        view = await self.app.view(duel, person)
        if view.asker != person:
            raise BallotRefused("Only the one who asked can close this vote. It closes by itself, too.")
        return await self.app.close(duel)

    async def stop(self, duel: str, person: str) -> None:
        """Stop answering at its asker's wish. Raises BadRequest."""
        view = await self.app.view(duel, person)
        if view.asker != person:
            raise BadRequest("Only the one who asked can stop this.")
        await self.app.stop(duel)

    def asks_which(self, duel: str, voter: str) -> bool:
        """Whether this voter is asked which side is which: a fixed share of ballots, the same after a restart."""
        draw = int.from_bytes(hashlib.sha256(f"{duel}/{voter}".encode()).digest()[:4], "big") / 2**32
        return draw < self._settings.votes.blinding_share

    async def guess(self, duel: str, voter: str, side: Side | None) -> None:
        """Which side the voter takes for entrant 1; None: cannot tell. Raises BallotRefused once it is known."""
        async with self._change() as (change, board):
            record = await change.duel(duel)
            if record.state != "open":
                raise BallotRefused("The vote has closed and everybody can see which was which; your guess is not counted.")
            await board.put_guess(duel, voter, None if side is None else record.seats[side], self._now())

    # --- settings and memory

    async def settings(self, team: str | None) -> TeamSettings:
        given: Mapping[str, str] = {}
        if team:
            async with self._look() as board:
                given = await board.settings(team)
        default = self._settings.votes
        return TeamSettings(
            int(given.get("quorum", default.quorum)),
            float(given.get("deadline_hours", default.deadline_hours)),
            given.get("vote_role", EVERYONE),
            given.get("ask_role", EVERYONE),
            given.get("recipe", ""),
        )

    async def settle(self, team: str, **changes: str | None) -> TeamSettings:
        """Change what is named; None puts it back to the default."""
        async with self._change() as (_, board):
            for name, value in changes.items():
                await board.set(team, name, value)
        return await self.settings(team)

    async def mark(self, name: str) -> str | None:
        async with self._look() as board:
            return await board.mark(name)

    async def put_mark(self, name: str, value: str) -> None:
        async with self._change() as (_, board):
            await board.put_mark(name, value)

    # --- over many duels

    async def history(
        self, *, team: str | None, asker: str, search: str = "", tag: str = "", since: datetime | None = None, limit: int = 10
    ) -> list[tuple[DuelSummary, Post]]:
        """What this person may see here: the team's duels, or one's own in direct messages. Newest first."""
        async with self._look() as board:
            return await board.found(team=team, asker=asker, search=search.strip(), tag=tag.strip(), since=since, limit=limit)

    async def results(self, *, team: str | None, asker: str, since: datetime | None = None, tag: str = "") -> Results:
        """How the duels of a team went, or one's own in direct messages."""
        async with self._look() as board:
            return await board.results(team, asker, since=since, tag=tag.strip())

    async def records(self, team: str, since: datetime | None = None) -> list[DuelRecord]:
        """A team's duels but the private ones, whole, oldest first; read in pages, so that others get their turns."""
        found: list[DuelRecord] = []
        while True:
            async with self._look() as board:
                page = await board.page(team, since, after=found[-1] if found else None, limit=PAGE)
            found += page
            if len(page) < PAGE:
                return found

    async def tags(self) -> list[tuple[str | None, str]]:
        """Teams and their tags, the latest used first."""
        async with self._look() as board:
            return await board.tags(500)

    async def lately(self) -> list[tuple[str, str, str]]:
        """Asker, duel and request of the latest direct requests, newest first."""
        async with self._look() as board:
            return await board.lately(500)

    async def forget(self, person: str) -> None:
        """Delete what is kept of a person; closed ballots stay under a name that leads to nobody. Their messages become stale.

        Raises BadRequest while one of their requests is being answered.
        """
        if person == FORGOTTEN:
            raise BadRequest("Nobody has this name.")
        async with self._change() as (_, board):
            asked = await board.asked("asker", person, now := self._now(), now, datetime.min.replace(tzinfo=UTC))
            if asked.in_flight:
                raise BadRequest("One of your requests is still being answered. Stop it or wait for it, then do this again.")
            await board.forget(person, f"{FORGOTTEN}:{secrets.token_hex(8)}")
        await self._store.leave_no_trace()


def face_of(view: DuelView) -> str:
    """What a message that shows this view shows, as `Post.shown` remembers it."""
    return f"open{view.ballots}" if view.state == "open" else view.state
