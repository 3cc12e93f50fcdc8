"""Closing votes: within the transaction that decides it, and those whose time has come."""

import asyncio
import contextlib
import logging
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Literal

from bot.app.core import Core
from bot.app.ending import closed
from bot.ballots import is_full
from bot.errors import StoreError
from bot.store import DuelRecord, Transaction
from bot.store.duels import DuelRows
from bot.store.notices import NoticeRows
from bot.store.posts import PostRows
from bot.views import Post
from engine.errors import DuelbotError

By = Literal["quorum", "hand", "deadline"]
AGAIN_S = 5.0  # seconds until the next try while the store takes nothing
log = logging.getLogger(__name__)


class Deadlines:
    """Closes the votes outside of channels that close by themselves: collected ones, and those whose only ballot was held."""

    def __init__(self, core: Core) -> None:
        self._core = core
        self._changed = asyncio.Event()

    def changed(self) -> None:
        """Look again: a vote has got its end."""
        self._changed.set()

    async def run(self) -> None:
        """Close each vote at its time, until this is cancelled."""
        while True:
            self._changed.clear()
            try:
                await self.close_due()
                wait_s = await self._next_s()
            except StoreError as error:
                log.warning("Votes whose time has come are not closed yet: %s", error)
                wait_s = AGAIN_S
            except DuelbotError:  # Duelbot is being stopped; the next start closes them
                return
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._changed.wait(), wait_s)

    async def close_due(self) -> list[str]:
        """Close the votes whose time has come; return their duels."""
        async with self._core.store.reading() as look:
            if not await DuelRows(look).ending(self._core.now()):
                return []
        return await self._core.changes.whole(self._close_due())

    async def _close_due(self) -> list[str]:
        async with self._core.store.writing() as change:
            duels, now = DuelRows(change), self._core.now()
            due = await duels.ending(now)
            for duel in due:
                record = await duels.duel(duel)
                await close_vote(change, record, None, now, by="quorum" if record.held else "deadline", closer=None)
        for duel in due:
            self._core.running.signals.of(duel).wake()
        return due

    async def _next_s(self) -> float | None:
        """Count the seconds until the next vote closes by itself; None: none does."""
        async with self._core.store.reading() as look:
            next_at = await DuelRows(look).next_ending()
        return None if next_at is None else max(0.0, (next_at - self._core.now()).total_seconds())


async def close_vote(
    change: Transaction, duel: DuelRecord, post: Post | None, now: datetime, *, by: By, closer: str | None
) -> tuple[DuelRecord, Post | None]:
    """Close a vote, and keep who still has to be told: its asker, and voters who want it. closer: who sees the result anyway."""
    duel = closed(duel, await DuelRows(change).next_closing(), now, by)
    await DuelRows(change).save(duel)
    asker, voters = {duel.asker} - {closer}, {ballot.voter for ballot in duel.ballots} - {closer, duel.asker}
    if post and not (tells(post, duel) and await NoticeRows(change).note(duel.id, asker, voters)):
        await PostRows(change).told(duel.id)
        post = replace(post, told=True)
    return duel, post


async def with_holds_ended(change: Transaction, duels: Sequence[DuelRecord], now: datetime) -> tuple[DuelRecord, ...]:
    """Close those of these duels whose only ballot is held: a conversation goes on with what its person chose."""
    return tuple([await _with_hold_ended(change, duel, now) for duel in duels])


async def _with_hold_ended(change: Transaction, duel: DuelRecord, now: datetime) -> DuelRecord:
    return (await close_vote(change, duel, None, now, by="quorum", closer=None))[0] if duel.held else duel


def is_held_by(duel: DuelRecord, voter: str) -> bool:
    """Whether this voter can still take back the only ballot of a duel. Pure."""
    return duel.held and duel.ballots[0].voter == voter


def is_complete(duel: DuelRecord) -> bool:
    """Whether as many have voted as close the vote. Pure."""
    return is_full(len(duel.ballots), duel.quorum)


def tells(post: Post, duel: DuelRecord) -> bool:
    """Whether the asker of a closed duel has to be told: others could vote, and its message can show who was who for ever. Pure."""
    return not post.alone and post.lasting and bool(duel.request) and not duel.identical
