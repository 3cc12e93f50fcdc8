"""Recipes as chains of versions that never change, and which of them answers whom."""

import sqlite3
from datetime import datetime

from bot.store.records import stamp
from bot.store.transaction import Queries
from bot.views import RecipeUse, RecipeVersion
from engine.named import Named


class VersionRows(Queries):
    """Queries on versions of recipes."""

    async def all(self) -> list[RecipeVersion]:
        """Read every version, in the order in which they were kept."""
        return [_version(row) for row in await self._in.rows("SELECT * FROM recipe_versions ORDER BY rowid")]

    async def add(self, version: RecipeVersion) -> None:
        """Keep a new version, for good."""
        row = {
            "id": version.id,
            "name": version.named.name,
            "version": version.named.version,
            "digest": version.digest,
            "parent": version.parent,
            "author": version.author,
            "saved_at": stamp(version.saved_at),
            "reason": version.reason,
            "content": version.content,
            "edit_s": version.edit_s,
        }
        await self._in.insert("recipe_versions", row)

    async def use(self, use: RecipeUse) -> None:
        """Keep that a version answers a team from now on."""
        row = {"team": use.team, "recipe": use.recipe, "person": use.person, "used_at": stamp(use.used_at), "reason": use.reason}
        await self._in.insert("recipe_uses", row)

    async def uses(self, team: str) -> list[RecipeUse]:
        """Read which versions answered a team, the latest first."""
        rows = await self._in.rows("SELECT * FROM recipe_uses WHERE team = ? ORDER BY id DESC", (team,))
        return [RecipeUse(row["team"], row["recipe"], row["person"], datetime.fromisoformat(row["used_at"]), row["reason"]) for row in rows]

    async def chosen(self) -> dict[str, str]:
        """Read the recipe that each team has settled, by the team's id."""
        return {row["team"]: row["value"] for row in await self._in.rows("SELECT team, value FROM team_settings WHERE name = 'recipe'")}


def _version(row: sqlite3.Row) -> RecipeVersion:
    return RecipeVersion(
        named=Named(row["name"], row["version"]),
        digest=row["digest"],
        parent=row["parent"],
        author=row["author"],
        saved_at=datetime.fromisoformat(row["saved_at"]),
        reason=row["reason"],
        content=row["content"],
        edit_s=row["edit_s"],
    )
