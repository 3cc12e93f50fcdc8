"""Posting: what the messages of duels show, as far as a front has told; where they show less than is stored; whom to tell."""

from bot.errors import UnknownDuel
from bot.store import Store
from bot.store.notices import NoticeRows
from bot.store.posts import PostRows
from bot.views import Post


class Posting:
    """Keeps what fronts have shown; every method is one transaction."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def of(self, duel: str) -> Post:
        """Read where a duel is shown. Raises UnknownDuel for one that was not asked in a channel."""
        async with self._store.reading() as look:
            post = await PostRows(look).of(duel)
        if post is None:
            raise UnknownDuel("This duel was not asked in a channel.")
        return post

    async def of_message(self, message: str) -> Post | None:
        """Read where the duel is shown that this message shows or asked; None: it does neither."""
        async with self._store.reading() as look:
            return await PostRows(look).by_message(message)

    async def channel_of(self, team: str) -> str | None:
        """Find the channel in which the team asked last, for all to see; None: it has asked in none."""
        async with self._store.reading() as look:
            return await PostRows(look).channel_of(team)

    async def drawn(self, duel: str, *, message: str | None = None, face: str | None = None) -> None:
        """Keep which message shows a duel, and what it shows: `face_of` its view, or "gone". None: as it was."""
        async with self._store.writing() as change:
            if message is not None:
                await PostRows(change).sent(duel, message)
            if face is not None:
                await PostRows(change).shows(duel, face)

    async def told(self, duel: str) -> None:
        """Keep that all know of the close."""
        async with self._store.writing() as change:
            await PostRows(change).told(duel)
            await NoticeRows(change).done(duel)

    async def to_tell(self, duel: str) -> dict[str, bool]:
        """Read who has to be told of a close, with whether they want to be pinged; of a vote that an earlier Duelbot closed, nobody."""
        async with self._store.reading() as look:
            return await NoticeRows(look).due(duel)

    async def untold(self, limit: int = 50) -> list[Post]:
        """Read posts that show the close while their askers have not been told of it: the process ended in between."""
        async with self._store.reading() as look:
            return await PostRows(look).untold(limit)

    async def stale(self, limit: int = 50) -> list[Post]:
        """Read posts whose message shows less than is stored: edits that were lost, changes from elsewhere."""
        async with self._store.reading() as look:
            return await PostRows(look).stale(limit)
