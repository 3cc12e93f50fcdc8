"""Posts: where duels of channels are shown, what their messages show, who still has to be told."""

import sqlite3
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from bot.store.records import stamp
from bot.store.transaction import Queries
from bot.views import Post

# the tag of a post's duel, in SQL
TAG = "coalesce((SELECT tag FROM tags WHERE tags.duel = posts.duel), '')"
_POSTS = f"SELECT posts.*, {TAG} AS tag, (SELECT quorum FROM duels WHERE id = duel) AS quorum"


def post_of(row: sqlite3.Row) -> Post:
    """Make a post of a row of `posts` with its duel's tag and quorum."""
    kept = {name: row[name] for name in Post.__slots__}
    kept |= {name: bool(row[name]) for name in ("private", "lasting", "told")}
    return Post(**kept | {"closes_at": row["closes_at"] and datetime.fromisoformat(row["closes_at"])})


class PostRows(Queries):
    """Queries on posts."""

    async def add(self, post: Post) -> None:
        """Write where a new duel will be shown. Its tag and quorum stand with the duel."""
        row = {name: getattr(post, name) for name in Post.__slots__ if name not in ("quorum", "tag")}
        await self._in.insert("posts", row | {"closes_at": post.closes_at and stamp(post.closes_at)})

    async def of(self, duel: str) -> Post | None:
        """Read where a duel is shown; None: it was not asked in a channel."""
        return next(iter(await self._posts("duel = ?", (duel,))), None)

    async def by_event(self, event: str) -> Post | None:
        """Read where the duel is shown that this event asked; None: it asked none."""
        return next(iter(await self._posts("event = ?", (event,))), None)

    async def by_message(self, message: str) -> Post | None:
        """Read where the duel is shown that this message shows or asked."""
        return next(iter(await self._posts("message = ? OR event = ?", (message, f"message:{message}"))), None)

    async def _posts(self, where: str, values: Sequence[Any] = ()) -> list[Post]:
        return [post_of(row) for row in await self._in.rows(f"{_POSTS} FROM posts WHERE {where}", values)]

    async def sent(self, duel: str, message: str) -> None:
        """Keep which message shows the duel."""
        await self._in.run("UPDATE posts SET message = ? WHERE duel = ?", (message, duel))

    async def shows(self, duel: str, face: str) -> None:
        """Keep what the message shows: `face_of` its view, or "gone"."""
        await self._in.run("UPDATE posts SET shown = ? WHERE duel = ?", (face, duel))

    async def edits(self, duel: str, request: str) -> None:
        """Keep what the asker has made of the request since; "": what was asked."""
        await self._in.run("UPDATE posts SET edited = ? WHERE duel = ?", (request, duel))

    async def told(self, duel: str) -> None:
        """Keep that nobody has to be told of the close any more."""
        await self._in.run("UPDATE posts SET told = 1 WHERE duel = ?", (duel,))

    async def untold(self, limit: int) -> list[Post]:
        """Read posts that show the close while their askers may not have been told of it."""
        return await self._posts("shown = 'closed' AND NOT told LIMIT ?", (limit,))

    async def place(self, duel: str, channel: str, closes_at: datetime) -> None:
        """Have a duel that no channel shows be shown in this one, without telling anybody of its close: a program asked it."""
        sql = "UPDATE posts SET channel = ?, lasting = 1, closes_at = ?, told = 1 WHERE duel = ?"
        await self._in.run(sql, (channel, stamp(closes_at), duel))

    async def channel_of(self, team: str) -> str | None:
        """Find the channel in which the team asked last, for all to see; None: it has asked in none."""
        sql = "SELECT channel FROM posts WHERE team = ? AND channel != '' AND NOT private ORDER BY rowid DESC LIMIT 1"
        rows = await self._in.rows(sql, (team,))
        return rows[0]["channel"] if rows else None

    async def due(self, now: datetime) -> list[str]:
        """Find open duels whose deadline has come."""
        sql = "SELECT duel FROM posts JOIN duels ON duels.id = duel WHERE state = 'open' AND closes_at <= ?"
        return [row["duel"] for row in await self._in.rows(sql, (stamp(now),))]

    async def stale(self, limit: int) -> list[Post]:
        """Read lasting posts whose message shows less than the store knows, the oldest first. Running duels are not among them."""
        sql = (
            f"{_POSTS} FROM posts CROSS JOIN duels ON duels.id = duel WHERE shown NOT IN ('closed', 'void', 'gone') "
            "AND lasting AND state != 'answering' "
            "AND shown != CASE state WHEN 'open' THEN state || (SELECT count(*) FROM ballots WHERE duel = duels.id) ELSE state END "
            "ORDER BY asked_at LIMIT ?"
        )
        return [post_of(row) for row in await self._in.rows(sql, (limit,))]
