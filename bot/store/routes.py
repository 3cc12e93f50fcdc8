"""Routes: every change of how a team's requests are answered, the next draw of each team, and halves that wait for their other answer."""

import sqlite3
from datetime import datetime

from bot.routes import Route
from bot.store.records import stamp
from bot.store.transaction import Queries


class RouteRows(Queries):
    """Queries on routes and draws."""

    async def changes(self, team: str) -> list[Route]:
        """Read every change of a team's routes, in their order."""
        return [_route(row) for row in await self._in.rows("SELECT * FROM routes WHERE team = ? ORDER BY id", (team,))]

    async def teams(self) -> list[str]:
        """List the teams that have ever changed a route."""
        return [row["team"] for row in await self._in.rows("SELECT DISTINCT team FROM routes ORDER BY team")]

    async def add(self, route: Route, *, told: bool) -> None:
        """Keep a change. told: the team knows of it, as one of them has made it."""
        row = {name: getattr(route, name) for name in Route.__slots__ if name != "id"}
        await self._in.insert("routes", row | {"changed_at": stamp(route.changed_at), "told": int(told)})

    async def untold(self) -> list[Route]:
        """Read the changes that Duelbot has made by itself and has not told the team of yet."""
        return [_route(row) for row in await self._in.rows("SELECT * FROM routes WHERE NOT told ORDER BY id")]

    async def tell(self, route: int) -> None:
        """Keep that the team knows of a change."""
        await self._in.run("UPDATE routes SET told = 1 WHERE id = ?", (route,))

    async def coin(self, team: str) -> float | None:
        """Read the draw that was kept for the team's next request; None: none was."""
        rows = await self._in.rows("SELECT coin FROM coins WHERE team = ?", (team,))
        return float(rows[0]["coin"]) if rows else None

    async def keep_coin(self, team: str, coin: float) -> None:
        """Keep the draw for the team's next request."""
        await self._in.insert("coins", {"team": team, "coin": coin}, "ON CONFLICT (team) DO UPDATE SET coin = excluded.coin")

    async def wait_for_other(self, duel: str, other: str) -> None:
        """Keep that half a duel waits for the answer of this contestant."""
        await self._in.insert("halves", {"duel": duel, "other": other})

    async def waiting(self, limit: int) -> list[tuple[str, str]]:
        """Find halves that wait, with the contestant whose answer is missing; the oldest first."""
        rows = await self._in.rows("SELECT duel, other FROM halves JOIN duels ON duels.id = duel ORDER BY duels.rowid LIMIT ?", (limit,))
        return [(row["duel"], row["other"]) for row in rows]

    async def waits_no_more(self, duel: str) -> None:
        """Keep that this half has its other answer, or will never have it."""
        await self._in.run("DELETE FROM halves WHERE duel = ?", (duel,))


def _route(row: sqlite3.Row) -> Route:
    kept = {name: row[name] for name in Route.__slots__}
    return Route(**kept | {"changed_at": datetime.fromisoformat(row["changed_at"])})
