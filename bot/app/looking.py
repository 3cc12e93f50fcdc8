"""Looking: duels as one person may see them now, while they change, and in lists."""

import asyncio
import math
from collections.abc import AsyncGenerator, Sequence
from datetime import datetime

from bot.app.agreed import Offers, keys_of, next_step
from bot.app.blind import show
from bot.app.core import Core
from bot.app.exporting import Export, export_of
from bot.errors import StoreError, UnknownDuel
from bot.store import DuelRecord, Transaction
from bot.store.duels import DuelRows
from bot.store.lists import ListRows
from bot.store.posts import PostRows
from bot.views import DuelSummary, DuelView, Post, Results, Shown
from engine.cost import Estimate

PAGE = 200  # duels that are read at a time, so that others get their turns


class Looking:
    """Reads duels, and changes nothing."""

    def __init__(self, core: Core, offered: Offers, side_by_side: int) -> None:
        """offered: requests on which the pairs that ship differ; none where another one meets.
        side_by_side: duels that the model answers at a time.
        """
        self._core = core
        self._offered = offered
        self._side_by_side = max(1, side_by_side)

    async def view(self, duel: str, viewer: str) -> DuelView:
        """Read a duel as it is now. Raises UnknownDuel."""
        if progress := self._core.running.progress(duel):
            return show(progress.duel, viewer, progress)
        async with self._core.store.reading() as look:
            return await self._seen(look, await DuelRows(look).duel(duel), viewer)

    async def shown(self, duel: str, person: str = "") -> Shown:
        """Read a duel with the place where it is shown. person: who looks; "": whoever sees the message.

        Raises UnknownDuel, also for a private one of somebody else.
        """
        async with self._core.store.reading() as look:
            post, progress = await PostRows(look).of(duel), self._core.running.progress(duel)
            record = progress.duel if progress else await DuelRows(look).duel(duel)
            if post and post.private and person not in ("", record.asker):
                raise UnknownDuel("This duel is shown to its asker alone.")
            view = show(record, person, progress) if progress else await self._seen(look, record, person)
        return Shown(view, post)

    async def _seen(self, look: Transaction, duel: DuelRecord, viewer: str, talk: Sequence[DuelRecord] = ()) -> DuelView:
        """Show a stored duel; under equal answers with what to ask next."""
        if not duel.identical:
            return show(duel, viewer)
        duels = DuelRows(look)
        asked, differed = (
            await duels.asked_before(duel.id, [key for each in self._offered.values() for key in keys_of(each)]),
            await duels.differed_before(duel.id),
        )
        talk = talk or await duels.conversation(duel.conversation)
        return show(duel, viewer, step=next_step(duel, talk, self._offered, asked=asked, differed=differed))

    async def watch(self, duel: str, viewer: str) -> AsyncGenerator[DuelView, None]:
        """Give the present view, then every change (the latest wins), until the duel is closed or void or the app is left."""
        running = self._core.running
        signal, last = running.signals.of(duel), None
        while True:
            changed = signal.event
            try:
                view = await self.view(duel, viewer)
            except StoreError:
                if running.leaving.is_set():
                    return
                raise
            if view != last:
                yield view
                last = view
            if view.state in ("closed", "void", "answered") or (running.leaving.is_set() and running.progress(duel) is None):
                return  # one that is still being stopped is told once more, as it ended
            await changed.wait()

    async def conversation(self, conversation: str, viewer: str) -> list[DuelView]:
        """Read all duels of a conversation, in order. Raises UnknownDuel."""
        async with self._core.store.reading() as look:
            duels = await DuelRows(look).conversation(conversation)
            seen = [await self._seen(look, duel, viewer, duels) for duel in duels]
        running = {duel.id: progress for duel in duels if duel.state == "answering" and (progress := self._core.running.progress(duel.id))}
        return [show(running[view.id].duel, viewer, running[view.id]) if view.id in running else view for view in seen]

    async def history(self, *, limit: int = 50, before: datetime | None = None, search: str = "") -> list[DuelSummary]:
        """List everybody's duels, newest first; `search` is found in requests, whatever its case."""
        async with self._core.store.reading() as look:
            return await ListRows(look).history(limit, before, search.strip())

    async def found(
        self, *, team: str | None, asker: str, search: str = "", tag: str = "", since: datetime | None = None, limit: int = 10
    ) -> list[tuple[DuelSummary, Post]]:
        """List what this person may see here, newest first: the team's duels, or their own in direct messages."""
        async with self._core.store.reading() as look:
            return await ListRows(look).found(team=team, asker=asker, search=search.strip(), tag=tag.strip(), since=since, limit=limit)

    async def results(self, *, team: str | None, asker: str, since: datetime | None = None, tag: str = "") -> Results:
        """Count how the duels of a team went, or one's own in direct messages."""
        async with self._core.store.reading() as look:
            return await ListRows(look).results(team, asker, since=since, tag=tag.strip())

    async def export(self, team: str | None, since: datetime | None = None) -> Export:
        """Read a team's duels but the private ones, with their ballots, for files; a page at a time. None: what no channel shows."""
        found: list[DuelRecord] = []
        while True:
            async with self._core.store.reading() as look:
                page = await ListRows(look).page(team, since, after=found[-1] if found else None, limit=PAGE)
            found += page
            if len(page) < PAGE:
                return await asyncio.to_thread(export_of, found)

    def ahead(self, duel: str) -> int:
        """Count the duels that are answered before this one."""
        return self._core.running.ahead(duel)

    def wait_s(self, ahead: int, estimate: Estimate | None) -> float | None:
        """Estimate how long those ahead will take, in seconds; None: not known."""
        return None if estimate is None else estimate.total_s * math.ceil(ahead / self._side_by_side)
