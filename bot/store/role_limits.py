"""How much members of a team may ask, by their roles."""

from dataclasses import asdict

from bot.store.transaction import Queries
from bot.views import RoleLimit


class RoleLimitRows(Queries):
    """Queries on limits of roles."""

    async def of(self, team: str) -> dict[str, RoleLimit]:
        """Read a team's limits by role; "" is the role of everybody."""
        rows = await self._in.rows("SELECT * FROM role_limits WHERE team = ? ORDER BY role", (team,))
        return {row["role"]: RoleLimit(row["in_flight"], row["per_minute"], row["per_day"], row["usd_per_day"]) for row in rows}

    async def put(self, team: str, role: str, limit: RoleLimit | None) -> None:
        """Set a role's limits; None: it has none."""
        await self._in.run("DELETE FROM role_limits WHERE team = ? AND role = ?", (team, role))
        if limit is not None:
            await self._in.insert("role_limits", {"team": team, "role": role, **asdict(limit)})
