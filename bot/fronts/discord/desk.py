"""Duels on Discord from the request to the reveal."""

import asyncio
import logging
from dataclasses import dataclass

import discord

from bot.app import App
from bot.app.orders import Order
from bot.fronts.discord import words
from bot.fronts.discord.delivery import Delivery
from bot.fronts.discord.drawing import Drawing
from bot.fronts.discord.following import Following
from bot.fronts.discord.leaving import Leaving
from bot.fronts.discord.memory import Memory
from bot.fronts.discord.pacing import Pacer
from bot.fronts.discord.scenes import Scenes
from bot.fronts.discord.sending import Archived, Gone, NotAllowed
from bot.fronts.discord.tokens import Tokens
from bot.fronts.discord.upkeep import Upkeep
from bot.views import GONE, Shown
from engine.errors import DuelbotError

LEAVE_S = 8.0  # seconds for the last edits; what is not edited by then is at the next start
log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Desk:
    """The front's own view of duels: opens them, looks after all of them now and then, and leaves."""

    app: App
    pacer: Pacer
    tokens: Tokens
    memory: Memory
    leaving: Leaving
    delivery: Delivery
    drawing: Drawing
    following: Following
    scenes: Scenes
    upkeep: Upkeep

    async def open(self, order: Order, interaction: discord.Interaction | None = None) -> str:
        """Start a duel, show it, follow it. interaction: deferred already; the duel becomes its answer. Returns the duel.

        Raises DuelbotError with words for the asker, AlreadyAsked for an event that came before.
        """
        shown = await self._ask(order)
        post, view = shown.post, shown.view
        if interaction is not None:
            self.tokens.put(post.duel, interaction)
        self.drawing.begin(post)
        try:
            await self.drawing.first(post, view)
        except (NotAllowed, Gone, Archived) as error:
            self.drawing.end(post.duel)
            await self.app.asking.stop(post.duel, because=words.NO_SENDING)
            await self.app.posting.drawn(post.duel, face=GONE)
            raise DuelbotError(words.NO_SENDING) from error
        self.following.follow(post, view)
        return post.duel

    async def open_quietly(self, order: Order) -> None:
        """Have a request answered and show it when both answers are there. Raises DuelbotError."""
        shown = await self._ask(order)
        await asyncio.wait({self.following.follow(shown.post, shown.view, quietly=True)})

    async def _ask(self, order: Order) -> Shown:
        self.leaving.refuse()
        shown = await self.app.asking.ask(order)
        self.delivery.begin(shown.view.id)
        self.memory.add(shown.post, shown.view)
        return shown

    async def tick(self) -> None:
        """Close what is due, redraw what is stale. Raises DuelbotError where the store fails."""
        for shown in await self.app.voting.close_due():
            self.drawing.redraw(shown)
        await self.upkeep.break_off()
        await self.upkeep.heal()
        await self.scenes.refresh()
        if not self.memory.is_read:
            await self.memory.read()

    async def leave(self) -> None:
        """Refuse new requests, in words; stop the running ones, let their last edits land; within LEAVE_S."""
        self.leaving.begun = True
        self.pacer.hurry()
        try:
            async with asyncio.timeout(LEAVE_S):
                await self.leaving.until_idle(self._settle)
        except TimeoutError:
            log.warning("Some messages did not get their last edit; they get it at the next start")
        self.following.cancel()
        await self.pacer.aclose()

    async def _settle(self) -> None:
        await self.following.interrupt()
        await self.pacer.settle()
