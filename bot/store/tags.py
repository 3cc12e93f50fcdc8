"""Tags: what requests are about, in a word."""

from bot.store.transaction import Queries


class TagRows(Queries):
    """Queries on tags."""

    async def add(self, duel: str, tag: str, by_rule: bool) -> None:
        """Keep what a request is about. by_rule: guessed by the team's rules, not said by the asker."""
        await self._in.insert("tags", {"duel": duel, "tag": tag, "by_rule": int(by_rule)})

    async def of(self, duel: str) -> tuple[str, bool] | None:
        """Read a duel's tag, and whether a rule has guessed it; None: it has none."""
        rows = await self._in.rows("SELECT tag, by_rule FROM tags WHERE duel = ?", (duel,))
        return (rows[0]["tag"], bool(rows[0]["by_rule"])) if rows else None

    async def used(self, limit: int = 500) -> list[str]:
        """List tags in use, the most frequent first."""
        sql = "SELECT tag FROM tags GROUP BY tag ORDER BY count(*) DESC, tag LIMIT ?"
        return [row["tag"] for row in await self._in.rows(sql, (limit,))]

    async def by_team(self, limit: int) -> list[tuple[str | None, str]]:
        """List teams with their tags, the latest used first."""
        sql = "SELECT team, tag FROM posts JOIN tags ON tags.duel = posts.duel GROUP BY team, tag ORDER BY max(posts.rowid) DESC LIMIT ?"
        return [(row["team"], row["tag"]) for row in await self._in.rows(sql, (limit,))]
