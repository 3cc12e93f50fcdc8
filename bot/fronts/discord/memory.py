"""Tags and requests for autocomplete, kept in memory: while somebody types, it may ask the store for nothing."""

from bot.app import App
from bot.views import DuelView, Post

REMEMBERED = 500  # tags, and requests


class Memory:
    """Tags and requests, the latest first."""

    def __init__(self, app: App) -> None:
        self._app = app
        self._tagged: list[tuple[str | None, str]] = []  # team and tag
        self._asked: list[tuple[str, str, str]] = []  # asker, duel, request of direct messages
        self.is_read = False

    async def read(self) -> None:
        """Read the store anew. Raises StoreError."""
        self._tagged, self._asked = list(await self._app.remembering.tags()), list(await self._app.remembering.lately())
        self.is_read = True

    def add(self, post: Post, view: DuelView) -> None:
        """Put a new request at the front."""
        if post.tag:
            used = (post.team, post.tag)
            self._tagged = [used, *(each for each in self._tagged if each != used)][:REMEMBERED]
        if post.team is None:
            self._asked = [(view.asker, post.duel, view.request), *self._asked][:REMEMBERED]

    def tags(self, team: str | None) -> list[str]:
        """Return the tags of a team, the latest used first."""
        return [tag for of, tag in self._tagged if of == team]

    def lately(self, asker: str) -> list[tuple[str, str]]:
        """Return duel and request of what this person asked in direct messages, newest first."""
        return [(duel, request) for who, duel, request in self._asked if who == asker]
