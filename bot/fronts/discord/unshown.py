"""Duels whose messages cannot be shown as they should be: deleted, forbidden, or in an archived thread."""

import logging

from bot.app import App
from bot.fronts.discord import words
from bot.fronts.discord.news import News
from bot.fronts.discord.sending import Archived, NotAllowed, Wire
from bot.views import GONE, DuelView, Post

log = logging.getLogger(__name__)


class Unshown:
    """Care for those who wait: answers that nobody can see are stopped, and askers hear of a close some other way."""

    def __init__(self, app: App, wire: Wire, news: News) -> None:
        self._app, self._wire, self._news = app, wire, news
        self._shut: set[str] = set()  # archived threads that cannot be opened; their messages wait

    async def lost(self, post: Post) -> None:
        """Stop a duel whose message is there no more, and draw it never again."""
        await self._app.posting.drawn(post.duel, face=GONE)
        await self._app.asking.stop(post.duel, because=words.GONE)

    async def barred(self, post: Post) -> None:
        """Give up a message that cannot be sent or changed any more, and tell its asker directly. Raises TryLater."""
        await self._app.posting.drawn(post.duel, face=GONE)
        view = await self._app.looking.view(post.duel, "")
        if post.message is None:
            await self._app.asking.stop(post.duel, because=words.NO_SENDING)
            await self._news.directly(post, view, words.NO_SENDING)
        await self._news.closed_elsewhere(post, view)

    async def unarchive(self, post: Post) -> None:
        """Open the message's thread. Raises NotAllowed, Archived, TryLater."""
        await self._wire.unarchive(post.channel)

    async def shut(self, post: Post, view: DuelView, why: Archived | NotAllowed) -> None:
        """Let the message wait until somebody else opens its thread; its asker need not wait. Raises TryLater."""
        log.info("The thread %s is archived and stays so: %s", post.channel, why)
        self._shut.add(post.channel)
        await self._news.closed_elsewhere(post, view)

    def is_shut(self, channel: str) -> bool:
        """Whether this is an archived thread that cannot be opened."""
        return channel in self._shut

    async def tell_elsewhere(self, post: Post) -> bool:
        """Tell the asker of a close that the shut thread cannot show. Returns True: Discord was asked for something."""
        await self._news.closed_elsewhere(post, await self._app.looking.view(post.duel, ""))
        return True

    def opened(self, thread: str) -> bool:
        """Note that somebody opened this thread. Returns whether messages wait for that."""
        if thread not in self._shut:
            return False
        self._shut.discard(thread)
        return True
