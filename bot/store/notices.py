"""Who wants to be pinged when a vote closes, and whom the news of a close has still to name."""

from collections.abc import Iterable
from datetime import datetime

from bot.store.records import stamp
from bot.store.transaction import Queries


class NoticeRows(Queries):
    """Queries on notices."""

    async def wants(self, person: str) -> bool:
        """Whether a person wants to be pinged."""
        return bool(await self._in.rows("SELECT 1 FROM notices WHERE person = ?", (person,)))

    async def want(self, person: str, now: datetime) -> None:
        """Note that a person wants to be pinged from now on."""
        await self._in.insert("notices", {"person": person, "since_at": stamp(now)}, "ON CONFLICT DO NOTHING")

    async def leave(self, person: str) -> None:
        """Note that a person wants to be pinged no more."""
        await self._in.run("DELETE FROM notices WHERE person = ?", (person,))
        await self._in.run("UPDATE due_notices SET ping = 0 WHERE person = ?", (person,))

    async def note(self, duel: str, named: Iterable[str], others: Iterable[str]) -> bool:
        """Keep whom the news of a close has to name: all of `named`, and those of `others` who want it; return whether there are any."""
        for person in named:
            sql = "INSERT INTO due_notices SELECT ?1, ?2, EXISTS (SELECT 1 FROM notices WHERE person = ?2)"
            await self._in.run(sql, (duel, person))
        for person in others:
            await self._in.run("INSERT INTO due_notices SELECT ?1, person, 1 FROM notices WHERE person = ?2", (duel, person))
        return bool(await self._in.rows("SELECT 1 FROM due_notices WHERE duel = ?", (duel,)))

    async def due(self, duel: str) -> dict[str, bool]:
        """Read whom the news of a close has to name, with whether they are pinged."""
        rows = await self._in.rows("SELECT person, ping FROM due_notices WHERE duel = ? ORDER BY ping DESC, person", (duel,))
        return {row["person"]: bool(row["ping"]) for row in rows}

    async def done(self, duel: str) -> None:
        """Keep that all have been told."""
        await self._in.run("DELETE FROM due_notices WHERE duel = ?", (duel,))
