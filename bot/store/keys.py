"""Keys of programs: made, found by their digest, ended. The keys themselves are kept nowhere."""

import sqlite3
from datetime import datetime

from bot.store.records import stamp
from bot.store.transaction import Queries
from bot.views import ProgramKey


class KeyRows(Queries):
    """Queries on keys of programs."""

    async def add(self, key: ProgramKey, digest: str) -> None:
        """Keep a new key."""
        row = {name: getattr(key, name) for name in ProgramKey.__slots__ if name != "ended_at"}
        await self._in.insert("api_keys", row | {"made_at": stamp(key.made_at), "digest": digest})

    async def by_digest(self, digest: str) -> ProgramKey | None:
        """Find the key with this digest that opens the door; None: there is none."""
        rows = await self._in.rows("SELECT * FROM api_keys WHERE digest = ? AND ended_at IS NULL", (digest,))
        return _key(rows[0]) if rows else None

    async def of_asker(self, asker: str) -> ProgramKey:
        """Read the key whose requests are kept under this name."""
        [row] = await self._in.rows("SELECT * FROM api_keys WHERE 'key:' || id = ?", (asker,))
        return _key(row)

    async def all(self) -> list[ProgramKey]:
        """Read all keys, the latest first, those that have ended too."""
        return [_key(row) for row in await self._in.rows("SELECT * FROM api_keys ORDER BY made_at DESC, id")]

    async def end(self, key: str, person: str, now: datetime) -> None:
        """Have a key open no door any more."""
        await self._in.run("UPDATE api_keys SET ended_at = ?, ended_by = ? WHERE id = ?", (stamp(now), person, key))


def _key(row: sqlite3.Row) -> ProgramKey:
    kept = {name: row[name] for name in ProgramKey.__slots__}
    ended = row["ended_at"] and datetime.fromisoformat(row["ended_at"])
    return ProgramKey(**kept | {"made_at": datetime.fromisoformat(row["made_at"]), "ended_at": ended})
