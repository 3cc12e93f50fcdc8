"""Talks: the conversations there are, found again, given a title, deleted."""

from datetime import datetime

from bot.app.core import Core
from bot.store.duels import DuelRows
from bot.store.posts import PostRows
from bot.store.tags import TagRows
from bot.store.talks import TalkRows
from bot.views import TalkSummary
from engine.errors import BadRequest
from engine.printable import one_line

TITLE_CHARACTERS = 100


class Talks:
    """Lists conversations and changes what their own people may change."""

    def __init__(self, core: Core) -> None:
        self._core = core

    async def listed(
        self,
        *,
        limit: int = 30,
        before: datetime | None = None,
        search: str = "",
        tag: str = "",
        outcome: str = "",
        asker: str = "",
    ) -> list[TalkSummary]:
        """List everybody's conversations, the latest asked in first; the deleted are not among them.

        before: asked in before. search: found in titles and requests, whatever its case. outcome: of the latest duel, one of `OUTCOMES` or
        an arm. asker: of one person; "" in any of these: all.
        """
        async with self._core.store.reading() as look:
            return await TalkRows(look).listed(
                limit=limit, before=before, search=search.strip(), tag=tag.strip(), outcome=outcome, asker=asker
            )

    async def tags(self) -> list[str]:
        """List tags in use, the most frequent first."""
        async with self._core.store.reading() as look:
            return await TagRows(look).used(100)

    async def title(self, conversation: str) -> str:
        """Read what a conversation was called; "": nothing, and its first request stands for it."""
        async with self._core.store.reading() as look:
            return await TalkRows(look).title(conversation)

    async def rename(self, conversation: str, person: str, title: str) -> str:
        """Call a conversation something; "": its first request stands for it again. Returns the title as it is shown.

        Raises BadRequest for whoever did not begin it, UnknownDuel.
        """
        title = one_line(title)
        if len(title) > TITLE_CHARACTERS:
            raise BadRequest(f"A title has at most {TITLE_CHARACTERS} characters.")
        async with self._core.store.writing() as change:
            duels = await DuelRows(change).conversation(conversation)
            if duels[0].asker != person:
                raise BadRequest("Only the one who began a conversation gives it a title.")
            await TalkRows(change).call(conversation, title)
        return title

    async def delete(self, conversation: str, person: str) -> None:
        """Delete a conversation: its requests and answers. Ballots on it stay without them, so the verdict stays what it is.

        Raises BadRequest for whoever did not ask all of it and while an answer is being written, UnknownDuel.
        """
        async with self._core.store.writing() as change:
            duels = await DuelRows(change).conversation(conversation)
            if any(duel.asker != person for duel in duels):
                raise BadRequest("Only the one who asked can delete a conversation, and others have asked in it, or you did not begin it.")
            if any(duel.state == "answering" for duel in duels):
                raise BadRequest("An answer is still being written here. Stop it, or wait for its end; then delete this.")
            if any([await PostRows(change).of(duel.id) for duel in duels]):
                raise BadRequest("This was asked in a channel; it is deleted there.")
            await TalkRows(change).delete(conversation)
        await self._core.store.leave_no_trace()
        for duel in duels:
            self._core.running.signals.of(duel.id).wake()
