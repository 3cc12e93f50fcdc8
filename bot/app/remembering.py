"""Remembering: what fronts keep across starts, what people asked lately, and forgetting a person."""

import secrets

from bot.store import Store
from bot.store.counts import CountRows
from bot.store.forgetting import FORGOTTEN, forget
from bot.store.lists import ListRows
from bot.store.tags import TagRows
from bot.store.teams import TeamRows
from engine.errors import BadRequest

REMEMBERED = 500  # tags of teams, and direct requests, that autocomplete offers


class Remembering:
    """Keeps and forgets; every method is one transaction."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def mark(self, name: str) -> str | None:
        """Read a small fact that a front kept; None: it kept none of this name."""
        async with self._store.reading() as look:
            return await TeamRows(look).mark(name)

    async def put_mark(self, name: str, value: str) -> None:
        """Keep a small fact across starts."""
        async with self._store.writing() as change:
            await TeamRows(change).put_mark(name, value)

    async def tags(self) -> list[tuple[str | None, str]]:
        """List teams with their tags, the latest used first."""
        async with self._store.reading() as look:
            return await TagRows(look).by_team(REMEMBERED)

    async def lately(self) -> list[tuple[str, str, str]]:
        """List asker, duel and request of the latest direct requests, newest first."""
        async with self._store.reading() as look:
            return await ListRows(look).lately(REMEMBERED)

    async def forget(self, person: str) -> None:
        """Delete what is kept of a person; closed ballots stay under a name that leads to nobody. Their messages become stale.

        Raises BadRequest while one of their requests is being answered.
        """
        if person == FORGOTTEN:
            raise BadRequest("Nobody has this name.")
        async with self._store.writing() as change:
            if await CountRows(change).is_answered_for(person):
                raise BadRequest("One of your requests is still being answered. Stop it or wait for it, then do this again.")
            await forget(change, person, f"{FORGOTTEN}:{secrets.token_hex(8)}")
        await self._store.leave_no_trace()
