"""Editing: a person changes the message that asked. The duel stays as it was asked; what it says now can be asked anew."""

from bot.app.core import Core
from bot.store.duels import DuelRows
from bot.store.posts import PostRows
from bot.views import Post
from engine.errors import BadRequest
from engine.request import Request


class Editing:
    """Keeps what people have made of their requests since these were asked."""

    def __init__(self, core: Core) -> None:
        self._core = core

    async def asked_by(self, event: str) -> Post | None:
        """Find where the duel is shown that this event asked; None: it asked none, or its asker was forgotten."""
        async with self._core.store.reading() as look:
            return await PostRows(look).by_event(event)

    async def edited(self, event: str, text: str) -> Post | None:
        """Keep what the message of this event says now. Returns the post if that changes what its message offers, else None."""
        async with self._core.store.writing() as change:
            posts = PostRows(change)
            post = await posts.by_event(event)
            if post is None:
                return None
            request = (await DuelRows(change).duel(post.duel)).request
            now = _request_in(text) if request else ""
            edited = "" if now == request else now
            if edited == post.edited:
                return None
            await posts.edits(post.duel, edited)
            return await posts.of(post.duel)

    async def asked(self, duel: str) -> None:
        """Keep that the edited request was asked anew."""
        async with self._core.store.writing() as change:
            await PostRows(change).edits(duel, "")


def _request_in(text: str) -> str:
    """Read a request as `ask` would; "" for a text that is none. Pure."""
    try:
        return Request.of(text).text
    except BadRequest:
        return ""
