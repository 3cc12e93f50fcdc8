"""What teams have settled for their duels, and small facts that a front remembers across starts."""

from bot.store.transaction import Queries


class TeamRows(Queries):
    """Queries on the settings of teams, and on marks."""

    async def settings(self, team: str) -> dict[str, str]:
        """Read what a team has settled, by name; what is by default is not in it."""
        rows = await self._in.rows("SELECT name, value FROM team_settings WHERE team = ?", (team,))
        return {row["name"]: row["value"] for row in rows}

    async def in_channels(self, team: str) -> dict[str, dict[str, str]]:
        """Read what channels of a team have settled for themselves, by channel."""
        rows = await self._in.rows("SELECT * FROM team_settings WHERE team > ?1 || '/' AND team < ?1 || '0' ORDER BY team, name", (team,))
        found: dict[str, dict[str, str]] = {}
        for row in rows:
            found.setdefault(row["team"].rpartition("/")[2], {})[row["name"]] = row["value"]
        return found

    async def set(self, team: str, name: str, value: str | None) -> None:
        """Settle one thing for a team; None: put it back to the default."""
        await self._in.run("DELETE FROM team_settings WHERE team = ? AND name = ?", (team, name))
        if value is not None:
            await self._in.insert("team_settings", {"team": team, "name": name, "value": value})

    async def mark(self, name: str) -> str | None:
        """Read a mark; None: it was never set."""
        rows = await self._in.rows("SELECT value FROM marks WHERE name = ?", (name,))
        return rows[0]["value"] if rows else None

    async def put_mark(self, name: str, value: str) -> None:
        """Set a mark."""
        await self._in.insert("marks", {"name": name, "value": value}, "ON CONFLICT (name) DO UPDATE SET value = excluded.value")
