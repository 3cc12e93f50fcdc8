"""Rematches: a new version answers past requests of its team again, and only where its answer is another one is anybody asked to vote.

A rematch is a duel of two versions: entrant 0 is the one that answered then, with the answer that it gave, entrant 1 the new one. Equal
answers are auto-ties, closed at once and counted apart, as in every duel; changed ones are open, blind and seated by a coin, and wait for
a vote. They are evidence about these two versions alone. Requests that a side was made with, or on which the recipe was tried out while
it was edited, are left out: they prove nothing. In a server the past requests are those of the channel where it was wished, and the
changed ones are shown and voted on there, by the server's rules. Others get to read a person's words again, so of other people's requests
only those are taken whose askers have agreed to it (/consent); whoever runs Duelbot for themselves takes all. The clocks of a rematch are
compared nowhere, as its answers are of different days.
"""

import asyncio
import logging
import random
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta

from bot.app.core import Core
from bot.app.ending import answer_record, ended
from bot.app.limits import Limits
from bot.app.orders import Order
from bot.app.past import past_request, said_before
from bot.app.running import is_spoken_for
from bot.app.teams import Teams
from bot.app.versions import Versions, recipe_of
from bot.ballots import Entrant
from bot.store import AnswerRecord, DuelRecord, Transaction
from bot.store.contestants import ContestantRows
from bot.store.conversations import ConversationRows
from bot.store.duels import DuelRows
from bot.store.posts import PostRows
from bot.store.rematches import RematchRows
from bot.store.tags import TagRows
from bot.views import Post, Rematched
from bot.words import counted
from engine.backends.base import Prompt, Stop
from engine.contestants import Arm, Contestant, check_fair
from engine.duel import Answer, Failure, answer_each, prompt_of, seed_of
from engine.errors import BadRequest, DuelbotError, UnfairDuel
from engine.lineup import Lineup
from engine.request import Request, Turn

MOST = 100  # past requests of one run
log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class PastAnswer:
    """A past duel's request, with the answer of the version that a new one is compared with."""

    duel: DuelRecord
    request: Request
    answer: AnswerRecord
    entrant: Entrant  # that gave it, whose seed the new answer is drawn with
    tag: tuple[str, bool] | None = None  # and whether a rule has guessed it


@dataclass(slots=True, eq=False)
class RematchRun:
    """How far a run is; counts of past requests."""

    version: str  # id of the new version
    against: str  # id of the old one
    total: int = 0
    done: int = 0
    equal: int = 0  # auto-ties
    changed: int = 0  # that wait for a vote, or did
    failed: int = 0
    left_out: int = 0  # made with, or tried out on
    withheld: int = 0  # of people who have not agreed
    ended: bool = False
    why: str = ""  # it ended before its time
    stop: Stop = field(default_factory=Stop)


class Rematching:
    """Runs rematches in the background, one run at a time, and lists those that wait for a vote."""

    def __init__(
        self, core: Core, teams: Teams, versions: Versions, limits: Limits, *, coin: random.Random, side_by_side: int, limit_s: float
    ) -> None:
        """coin: seats the two versions. side_by_side: requests that are answered at a time. limit_s: seconds that one answer may take."""
        self._core, self._teams, self._versions, self._limits, self._coin = core, teams, versions, limits, coin
        self._side_by_side, self._limit_s = max(1, side_by_side), limit_s
        self.latest: RematchRun | None = None
        self._task: asyncio.Task[None] | None = None

    async def begin(self, version: str, against: str, order: Order, most: int = MOST) -> RematchRun:
        """Have a version answer the latest past requests that another version has answered, at most so many. Returns at once with the run.

        order: who wishes it, and where. Raises BadRequest while a run goes on, where nothing can be compared or a limit is met; UnfairDuel.
        """
        if self._task and not self._task.done():
            raise BadRequest("Past requests are just being answered again. Wait for the end, or stop it.")
        old, new = self._pair(version, against)
        pasts, withheld = await self._pasts(old, new, order, most)
        run = RematchRun(version, against, total=len(pasts), withheld=withheld)
        if not pasts:
            raise BadRequest(
                "There is no past request to answer again: none whose vote has closed was answered by that version, "
                f"or this version has answered them all.{_withheld_words(withheld)}"
            )
        async with self._core.store.reading() as look:
            await self._limits.refuse(look, order, self._core.running.count, self._core.now())
        self.latest = run
        self._task = asyncio.create_task(self._run(run, old, new, pasts, order))
        return run

    def _pair(self, version: str, against: str) -> tuple[Contestant, Contestant]:
        """Make the contestants of both versions, the old one first. Raises BadRequest, UnfairDuel."""
        lineup = self._core.model.lineup
        arm = next((arm for arm in lineup.arms if arm.engineered), None) if lineup else None
        if lineup is None or arm is None:
            raise BadRequest("Past requests can be answered again once a model is ready and a side of the duel uses an engineered recipe.")
        old, new = [self._contestant(lineup, arm, id_) for id_ in (against, version)]
        if old.id == new.id:
            raise BadRequest("Both versions say the same, so their answers would be the same. Choose two that differ.")
        try:
            check_fair((old, new))
        except UnfairDuel as error:
            raise UnfairDuel(
                "Both recipes of a duel need the same [sampling], and these two versions differ in it: an answer that differs could be "
                "chance. Ask new requests instead."
            ) from error
        return old, new

    def _contestant(self, lineup: Lineup, arm: Arm, version: str) -> Contestant:
        return Contestant(
            arm, recipe_of(self._versions.version(version)), lineup.kit.adapter if arm.adapted else None, lineup.kit.base_of(arm)
        )

    async def _pasts(self, old: Contestant, new: Contestant, order: Order, most: int) -> tuple[list[PastAnswer], int]:
        """Read past requests that may be answered again, and count those of people who have not agreed."""
        found: list[PastAnswer] = []
        person = None if order.owner else order.asker
        async with self._core.store.reading() as look:
            rematches, duels = RematchRows(look), DuelRows(look)
            done = await rematches.done(new.id)
            withheld = await rematches.withheld(order.team, old.id, order.channel, person)
            for id_ in await rematches.answered_by(order.team, old.id, most + len(done), order.channel, person):
                if id_ in done or len(found) == most:
                    continue
                duel = await duels.duel(id_)
                entrant = next(entrant for entrant, answer in duel.answers.items() if answer.who.id == old.id)
                found.append(
                    PastAnswer(
                        duel, await past_request(look, self._teams, duel), duel.answers[entrant], entrant, await TagRows(look).of(id_)
                    )
                )
        return found, withheld

    async def _run(self, run: RematchRun, old: Contestant, new: Contestant, pasts: Sequence[PastAnswer], order: Order) -> None:
        try:
            for at in range(0, len(pasts), self._side_by_side):
                if run.stop.raised or self._core.running.leaving.is_set():
                    run.why = "Stopped; what was answered stays, and the rest can be answered later."
                    return
                async with self._core.store.reading() as look:
                    await self._limits.refuse(look, replace(order, batch=True), self._core.running.count, self._core.now())
                await self._answer(run, (old, new), pasts[at : at + self._side_by_side], order)
        except DuelbotError as error:
            run.why = error.words
        except Exception:
            log.exception("Past requests could not be answered again")
            run.why = "An error in Duelbot broke this off; the log has the details."
        finally:
            run.ended = True

    async def _answer(self, run: RematchRun, pair: tuple[Contestant, Contestant], pasts: Sequence[PastAnswer], order: Order) -> None:
        """Answer some requests side by side, and keep each as a duel. Raises StoreError; then the last ones are answered again later."""
        lineup = self._core.model.lineup
        assert lineup is not None  # a run begins with one, and a model is never unloaded
        fit = [past for past in pasts if not await is_spoken_for(self._core.store, pair, past.request.text)]
        run.left_out += len(pasts) - len(fit)
        prompts: dict[str, Prompt] = {}
        for past in fit:
            seat = next(side for side, entrant in past.duel.seats.items() if entrant == past.entrant)
            prompts[past.duel.id] = prompt_of(pair[1], past.request, seed_of(past.duel.id, seat))
        outcomes = await answer_each(prompts, lineup.backend, lineup.price, limit_s=self._limit_s, stop=run.stop, owner=order.asker)
        self._core.meters.answered(outcomes.values(), "rematch")
        for past in fit:
            outcome = outcomes[past.duel.id]
            if isinstance(outcome, Answer) and outcome.finish != "stopped":
                duel = await self._core.changes.whole(self._keep(pair, past, outcome, order))
                run.equal += duel.identical
                run.changed += not duel.identical
            else:
                run.failed += isinstance(outcome, Failure)
        run.done += len(pasts)

    async def _keep(self, pair: tuple[Contestant, Contestant], past: PastAnswer, outcome: Answer, order: Order) -> DuelRecord:
        """Write a rematch with both its answers: open, or closed as an auto-tie."""
        now, asked = self._core.now(), past.duel
        answers: dict[Entrant, AnswerRecord] = {0: past.answer, 1: answer_record(pair[1], outcome, outcome.text)}
        duel = DuelRecord(
            id=secrets.token_hex(16),
            conversation=secrets.token_hex(16),
            turn=1,
            asker=order.asker,
            request=asked.request,
            asked_at=now,
            left=1 if self._coin.random() < 0.5 else 0,
            quorum=1,
            request_key=asked.request_key,
            repeats=asked.repeats or asked.id,
        )
        async with self._core.store.writing() as change:
            settled = await self._teams.settled(change, order.team)
            duel = replace(duel, quorum=settled.quorum if order.placed else 1)
            before: tuple[Turn, ...] = await said_before(change, asked)
            await ConversationRows(change).start(duel.conversation, now)
            if before:
                await ConversationRows(change).begin_with(duel.conversation, before)
            await ContestantRows(change).meet(pair, now)
            await DuelRows(change).add(duel)
            await DuelRows(change).add_answers(duel.id, answers)
            if past.tag:
                await TagRows(change).add(duel.id, *past.tag)
            duel = ended(duel, answers, now, "", await DuelRows(change).next_closing())
            await DuelRows(change).save(duel)
            await RematchRows(change).add(duel.id, asked.id, pair[1].id)
            if order.placed and duel.state == "open":
                await _post(change, order, duel, settled.deadline_hours)
        return duel

    def stop(self) -> None:
        """Answer no more of the run that goes on."""
        if self.latest:
            self.latest.stop.raise_()

    async def leave(self) -> None:
        """End the run that goes on, and wait for it."""
        self.stop()
        if self._task:
            await asyncio.gather(self._task, return_exceptions=True)

    async def waiting(self) -> list[str]:
        """List the rematches that wait for a vote, the oldest first."""
        async with self._core.store.reading() as look:
            return await RematchRows(look).waiting()

    async def standing(self, version: str) -> Rematched:
        """Count how the rematches of a version stand, on this base. Raises UnknownRecipe."""
        lineup = self._core.model.lineup
        arm = next((arm for arm in lineup.arms if arm.engineered), None) if lineup else None
        if lineup is None or arm is None:
            return Rematched()
        async with self._core.store.reading() as look:
            return await RematchRows(look).standing(self._contestant(lineup, arm, version).id)


async def _post(change: Transaction, order: Order, duel: DuelRecord, deadline_hours: float) -> None:
    """Write that a changed answer is shown and voted on where it was wished; what shows it looks for posts without a message."""
    closes_at = duel.asked_at + timedelta(hours=deadline_hours)
    post = Post(duel.id, None, order.team, order.channel, None, private=False, lasting=True, closes_at=closes_at, quorum=duel.quorum)
    await PostRows(change).add(post)


def run_words(run: RematchRun) -> str:
    """Say how far a run is. Pure."""
    parts = [f"{run.equal:,} the same", f"{run.changed:,} changed"]
    parts += [f"{run.failed:,} without an answer"] if run.failed else []
    left_out = f" {counted(run.left_out, 'request')} left out: a version shows it, or was tried out on it." if run.left_out else ""
    why = f" {run.why}" if run.why else ""
    answered = f"{run.done:,} of {counted(run.total, 'past request')} answered again: {', '.join(parts)}."
    return f"{answered}{left_out}{_withheld_words(run.withheld)}{why}"


def _withheld_words(requests: int) -> str:
    """Say that requests are not asked again, as those who asked them were not asked for it."""
    if not requests:
        return ""
    return f" {counted(requests, 'request')} of people who have not agreed (/consent) {'stays' if requests == 1 else 'stay'} as they were."
