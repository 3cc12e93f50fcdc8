"""Recipes as chains of versions that never change, and which of them answers whom."""

import sqlite3
from datetime import datetime

from bot.store.records import stamp
from bot.store.transaction import Queries
from bot.views import SHIPPED, RecipeUse, RecipeVersion
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

    async def edited_s(self, named: Named, digest: str) -> float | None:
        """Sum up the seconds of editing that went into a version and all that it was made of; what ships cost nobody here any.

        None: there is no such version, or one of the chain came from a file, and nobody knows how long it took.
        """
        [row] = await self._in.rows(
            "WITH RECURSIVE chain AS ("
            "  SELECT * FROM recipe_versions WHERE name = ?1 AND version = ?2 AND digest = ?3 "
            "  UNION ALL SELECT above.* FROM recipe_versions AS above JOIN chain ON above.id = chain.parent) "
            "SELECT sum(edit_s) AS spent, coalesce(sum(edit_s IS NULL AND author != ?4), 1) AS unknown FROM chain",
            (named.name, named.version, digest, SHIPPED),
        )
        return None if row["unknown"] else row["spent"]

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
