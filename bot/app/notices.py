"""Notices: a person wants to be pinged when a vote closes that they asked for or voted in. Off until they say so."""

from bot.app.core import Core
from bot.store.notices import NoticeRows


class Notices:
    """Reads and changes what people want."""

    def __init__(self, core: Core) -> None:
        self._core = core

    async def wanted(self, person: str) -> bool:
        """Whether this person wants to be pinged."""
        async with self._core.store.reading() as look:
            return await NoticeRows(look).wants(person)

    async def want(self, person: str, wanted: bool) -> None:
        """Note what this person wants from now on."""
        async with self._core.store.writing() as change:
            rows = NoticeRows(change)
            await (rows.want(person, self._core.now()) if wanted else rows.leave(person))
