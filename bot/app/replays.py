"""Replays: past requests are answered again by each side alone while nobody waits, so that latency can be compared fairly.

As served, both sides run in one batch and slow each other down; how fast each would be by itself only a run alone shows. Replays
cost no person anything: they begin after a quiet time, and end within one step of the model when somebody asks. Their answers
are dropped, only the times are kept. The first run of a quiet time warms up and does not count; the order of sides alternates.
"""

import asyncio
import logging
from collections.abc import Coroutine, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bot.app.choices import Choices, Entrants
from bot.app.core import Core
from bot.app.past import past_request
from bot.app.teams import Teams
from bot.ballots import seats_of
from bot.errors import StoreError
from bot.meters import Meters
from bot.settings import Settings
from bot.store.contestants import ContestantRows
from bot.store.duels import DuelRows
from bot.store.replays import Replay, ReplayRows
from bot.views import OUTSIDE
from engine.backends.base import Backend, Stop
from engine.contestants import Contestant
from engine.cost import Price
from engine.duel import Answer, answer_each, prompt_of, seed_of
from engine.lineup import Lineup
from engine.request import Request

RETRY_S = 60.0  # seconds to wait when there is nothing to replay, or the disk refuses
log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Past:
    """A past duel to replay."""

    duel: str
    request: Request
    seeds: tuple[int, int]  # that entrant 0 and 1 had


class Replays:
    """Answers past requests again while nobody waits. Lives beside the app; `run` ends only when it is cancelled."""

    def __init__(self, core: Core, teams: Teams, choices: Choices, settings: Settings) -> None:
        self._core = core
        self._teams, self._choices = teams, choices
        self._store = core.store
        self._settings = settings

    async def run(self) -> None:
        """Note who is live, then replay whenever it is quiet."""
        await self._core.model.settled()
        if (lineup := self._core.model.lineup) is None:
            return
        await self._kept(self._note_lives(lineup))
        while self._settings.replays.on:
            await self._quiet()
            now = self._core.model.lineup
            if now and now is not lineup:  # other adapters, other recipes
                lineup = now
                await self._kept(self._note_lives(lineup))
            if lineup.arms[0] is lineup.arms[1] or not await self._kept(self._replay_some(lineup.backend, lineup.price)):
                await asyncio.sleep(RETRY_S)

    async def _kept(self, work: Coroutine[Any, Any, bool]) -> bool:
        try:
            return await work
        except StoreError as error:
            log.warning("Nothing was noted while idle: %s", error)
            return False

    async def _quiet(self) -> None:
        """Wait until nobody has waited for an answer for a while."""
        while True:
            arrived = self._core.running.arrived.event
            if not self._core.running.count:
                try:
                    async with asyncio.timeout(self._settings.replays.idle_s):  # wait_for may swallow a cancellation
                        await arrived.wait()
                except TimeoutError:
                    return
            else:
                await asyncio.sleep(self._settings.replays.idle_s)

    async def _note_lives(self, lineup: Lineup) -> bool:
        """Keep when each contestant's parts were ready, and that it can answer from now on."""
        now = self._core.now()
        recipes = {True: self._settings.engine.recipe, False: self._settings.engine.plain_recipe}
        ready = {each.id: await asyncio.to_thread(_ready_at, each, recipes[each.arm.engineered], now) for each in lineup.entrants}
        async with self._store.writing() as change:
            await ContestantRows(change).meet(lineup.entrants, now)
            for contestant, moment in ready.items():
                await ContestantRows(change).live(contestant, moment, now)
        return True

    async def _replay_some(self, backend: Backend, price: Price) -> bool:
        """Replay past duels of the present pair until somebody asks. Returns whether there was one to replay."""
        if (entrants := self._choices.meeting(OUTSIDE)) is None:
            return False
        alone = _Alone(backend, price, entrants, self._settings.engine.answer_limit_s, self._core.meters)
        pair = [each.id for each in entrants]
        async with self._store.reading() as look:
            done, waiting = await ReplayRows(look).waiting(pair, self._settings.replays.most)
        if not waiting:
            return False
        stop = Stop()
        watching = asyncio.create_task(self._raise_when_asked(stop, self._core.running.arrived.event))
        try:
            for number, duel in enumerate(waiting):
                past = await self._past(duel)
                if number == 0:
                    await alone.answer(past, entrants, stop)  # warms up
                order = entrants if (done + number) % 2 == 0 else entrants[::-1]
                found = await alone.answer(past, order, stop)
                if stop.raised:
                    return True
                if len(found) == len(order):
                    async with self._store.writing() as change:
                        await ReplayRows(change).put(past.duel, found, self._core.now())
        finally:
            watching.cancel()
        return True

    async def _raise_when_asked(self, stop: Stop, arrived: asyncio.Event) -> None:
        if not self._core.running.count:
            await arrived.wait()
        stop.raise_()

    async def _past(self, duel_id: str) -> Past:
        async with self._store.reading() as look:
            duel = await DuelRows(look).duel(duel_id)
            request = await past_request(look, self._teams, duel)
        seeds = {entrant: seed_of(duel_id, side) for side, entrant in seats_of(duel.left).items()}
        return Past(duel_id, request, (seeds[0], seeds[1]))


@dataclass(frozen=True, slots=True)
class _Alone:
    """Answers one side after the other."""

    backend: Backend
    price: Price
    entrants: Entrants
    limit_s: float  # seconds that one answer may take
    meters: Meters

    async def answer(self, past: Past, order: Sequence[Contestant], stop: Stop) -> list[Replay]:
        """Answer by one side after the other, each alone. A side that failed or had company gives no replay."""
        found = []
        for place, contestant in enumerate(order):
            seed = past.seeds[self.entrants.index(contestant)]
            prompts = {contestant.id: prompt_of(contestant, past.request, seed)}
            outcomes = await answer_each(prompts, self.backend, self.price, limit_s=self.limit_s, stop=stop)
            self.meters.answered(outcomes.values(), "replay")
            outcome = outcomes[contestant.id]
            if stop.raised:
                return []
            if isinstance(outcome, Answer) and outcome.usage.ran == "alone":
                found.append(Replay(contestant.id, outcome.usage.first_token_s, outcome.usage.total_s, place == 0))
        return found


def _ready_at(contestant: Contestant, recipe: str, now: datetime) -> datetime:
    """Read when the recipe's file, or the adapter's weights, were last edited. Now, where no file tells."""
    if contestant.adapter:
        file = Path(contestant.adapter.folder) / "adapter_model.safetensors"
    elif recipe.endswith(".toml"):
        file = Path(recipe)
    else:
        return now  # a shipped recipe came with the program, and nobody here edited it
    try:
        return datetime.fromtimestamp(file.stat().st_mtime, UTC)
    except OSError:
        return now
