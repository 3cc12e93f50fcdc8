"""Halves: of a duel that a program asked, the other answer is written when nobody waits for one, and the pair goes to the voters, blind."""

import asyncio
import logging
from collections import Counter
from dataclasses import replace
from datetime import timedelta

from bot.app.choices import Choices
from bot.app.core import Core
from bot.app.ending import answer_record, ended
from bot.app.past import past_request
from bot.app.teams import Teams
from bot.ballots import Entrant
from bot.errors import StoreError
from bot.settings import Settings
from bot.store import DuelRecord, Transaction
from bot.store.contestants import ContestantRows
from bot.store.duels import DuelRows
from bot.store.posts import PostRows
from bot.store.routes import RouteRows
from bot.views import OUTSIDE
from engine.backends.base import Stop
from engine.contestants import Contestant
from engine.duel import Answer, Failure, answer_each, prompt_of, seed_of
from engine.request import Request

TRIES = 3  # of an answer that fails, before the duel is void
RETRY_S = 30.0  # seconds to wait when the disk refuses
ASKED = "A program asked this and has got one of the two answers; which one is kept to itself until the vote has closed."
GONE = "The contestant of the other answer is not here any more, so there is nothing to vote on."
log = logging.getLogger(__name__)


class Halves:
    """Completes duels that programs asked. Lives beside the app; `run` ends only when it is cancelled."""

    def __init__(self, core: Core, teams: Teams, choices: Choices, settings: Settings) -> None:
        self._core, self._teams, self._choices = core, teams, choices
        self._idle_s, self._limit_s = settings.api.idle_s, settings.engine.answer_limit_s
        self._failed = Counter[str]()  # tries by duel

    async def run(self) -> None:
        """Complete halves whenever it is quiet."""
        await self._core.model.settled()
        while True:
            await self._quiet()
            try:
                if await self.complete_one():
                    continue
                wait_s = None
            except StoreError as error:
                log.warning("The other answer of a duel is not stored yet: %s", error)
                wait_s = RETRY_S
            except Exception:
                log.exception("The other answer of a duel could not be written")
                wait_s = RETRY_S
            await self._asked(wait_s)

    async def _quiet(self) -> None:
        """Wait until nobody has waited for an answer for a while."""
        while self._core.running.count or await self._asked(self._idle_s):
            if self._core.running.count:
                await asyncio.sleep(self._idle_s)

    async def _asked(self, limit_s: float | None) -> bool:
        """Wait until somebody asks, at most so long. Returns whether somebody did."""
        try:
            async with asyncio.timeout(limit_s):
                await self._core.running.arrived.event.wait()
        except TimeoutError:
            return False
        return True

    async def complete_one(self) -> bool:
        """Write the other answer of the half that waits longest. Returns whether there was one. Raises StoreError."""
        async with self._core.store.reading() as look:
            waiting = await RouteRows(look).waiting(1)
            if not waiting:
                return False
            [(duel_id, other)] = waiting
            duel = await DuelRows(look).duel(duel_id)
            post = await PostRows(look).of(duel_id)
            request = await past_request(look, self._teams, duel)
        pair = self._choices.meeting(post.team or OUTSIDE if post else OUTSIDE) or ()
        contestant = next((each for each in pair if each.id == other), None)
        if contestant is None or not duel.request:  # deleted meanwhile
            await self._give_up(duel)
        else:
            await self._complete(duel, request, contestant)
        return True

    async def _give_up(self, duel: DuelRecord) -> None:
        """Leave a half as the one answer that it is."""
        async with self._core.store.writing() as change:
            if duel.request:
                await DuelRows(change).save(replace(duel, kind="single", note=GONE, carried=duel.served, carried_by="only"))
            await RouteRows(change).waits_no_more(duel.id)

    async def _complete(self, duel: DuelRecord, request: Request, contestant: Contestant) -> None:
        """Ask the other contestant; when somebody asks meanwhile, it is asked again later."""
        lineup = self._core.model.lineup
        assert lineup is not None and duel.served is not None  # the pair is known, so the model is there
        other: Entrant = 1 if duel.served == 0 else 0
        side = next(side for side, entrant in duel.seats.items() if entrant == other)
        prompts = {other: prompt_of(contestant, request, seed_of(duel.id, side))}
        stop = Stop()
        watching = asyncio.create_task(self._raise_when_asked(stop))
        try:
            outcome = (await answer_each(prompts, lineup.backend, lineup.price, limit_s=self._limit_s, stop=stop))[other]
        finally:
            watching.cancel()
        self._core.meters.answered([outcome], "half")
        if isinstance(outcome, Answer) and outcome.finish == "stopped":
            return
        if isinstance(outcome, Failure):
            self._failed[duel.id] += 1
            if self._failed[duel.id] < TRIES:
                return
        await self._core.changes.whole(self._keep(duel, other, contestant, outcome))
        self._core.running.signals.of(duel.id).wake()

    async def _raise_when_asked(self, stop: Stop) -> None:
        arrived = self._core.running.arrived.event
        if not self._core.running.count:
            await arrived.wait()
        stop.raise_()

    async def _keep(self, duel: DuelRecord, other: Entrant, contestant: Contestant, outcome: Answer | Failure) -> None:
        """Write the other answer: the half becomes a duel, open for votes, or closed where both answers are the same."""
        text = outcome.text if isinstance(outcome, Answer) else ""
        answers = {**duel.answers, other: answer_record(contestant, outcome, text)}
        async with self._core.store.writing() as change:
            await ContestantRows(change).meet([contestant], self._core.now())
            duels = DuelRows(change)
            await duels.add_answers(duel.id, {other: answers[other]})
            whole = replace(duel, kind="duel", state="answering", note=ASKED)
            end = ended(whole, answers, self._core.now(), "", await duels.next_closing())
            await duels.save(end)
            await RouteRows(change).waits_no_more(duel.id)
            await self._place(change, end)

    async def _place(self, change: Transaction, duel: DuelRecord) -> None:
        """Have a team vote where it asked last; without such a channel, and outside of teams, the duel waits in the queue alone."""
        posts = PostRows(change)
        post = await posts.of(duel.id)
        channel = await posts.channel_of(post.team) if post and post.team and duel.state == "open" else None
        if post and channel:
            hours = (await self._teams.settled(change, post.team)).deadline_hours
            await posts.place(duel.id, channel, self._core.now() + timedelta(hours=hours))
