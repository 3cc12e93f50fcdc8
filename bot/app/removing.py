"""Removing: a duel's texts are deleted at its asker's or a moderator's wish.

Ballots of a closed vote stay; an open vote ends without a result.
"""

from bot.app.core import Core
from bot.store.duels import DuelRows
from bot.store.forgetting import remove
from bot.store.posts import PostRows
from bot.views import Post
from engine.errors import BadRequest

REMOVED = "This was removed, so it takes no votes."


class Removing:
    """Removes duels."""

    def __init__(self, core: Core) -> None:
        self._core = core

    async def remove(self, duel: str, person: str, *, moderates: bool = False) -> Post | None:
        """Delete what a duel says, stopping it first where it is being answered. Returns where it was shown; None: in no channel.

        moderates: whether this person looks after the place where it is shown. Raises BadRequest for others but the asker, UnknownDuel.
        """
        async with self._core.store.reading() as look:
            record = await DuelRows(look).duel(duel)
        if record.asker != person and not moderates:
            raise BadRequest("Only the one who asked, or a moderator, can remove this.")
        await self._core.running.stop(duel, REMOVED)
        if self._core.running.progress(duel):
            raise BadRequest("This is still being stopped. Remove it in a moment.")
        async with self._core.store.writing() as change:
            post = await PostRows(change).of(duel)
            await remove(change, duel, REMOVED)
        await self._core.store.leave_no_trace()
        self._core.running.signals.of(duel).wake()
        return post
