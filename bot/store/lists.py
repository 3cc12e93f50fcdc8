"""Lists and sums of duels as people look at them: the history, a team's duels, how they went."""

import sqlite3
from datetime import datetime

from bot.store.duels import DuelRows
from bot.store.posts import TAG, post_of
from bot.store.records import DuelRecord, stamp, who_of
from bot.store.transaction import Queries
from bot.views import DuelState, DuelSummary, Post, Results

_OWN = (
    "SELECT duels.* FROM duels JOIN posts ON posts.duel = duels.id WHERE posts.team IS ?1 "
    "AND (posts.team IS NOT NULL AND NOT private OR ?1 IS NULL AND asker = ?2) "
    f"AND (?3 = '' OR {TAG} = ?3) AND (?4 IS NULL OR asked_at >= ?4)"
)
_RESULTS = f"""
WITH counted AS (
    SELECT d.id, d.kind, d.state, d.identical,
        (SELECT count(*) FROM ballots WHERE duel = d.id) AS votes,
        (SELECT count(*) FROM ballots WHERE duel = d.id AND entrant = 0) AS first,
        (SELECT count(*) FROM ballots WHERE duel = d.id AND entrant = 1) AS second,
        (SELECT count(*) FROM ballots WHERE duel = d.id AND verdict = 'both_bad') AS bad
    FROM ({_OWN}) AS d
), kinds AS (
    SELECT id, CASE WHEN kind != 'duel' THEN kind
        WHEN state != 'closed' THEN state WHEN identical THEN 'identical' WHEN votes = 0 THEN 'unvoted'
        WHEN first != second THEN 'better' WHEN bad * 2 > votes THEN 'both_bad' ELSE 'tie' END AS kind, first < second AS winner
    FROM counted
)
SELECT kind, CASE WHEN kind = 'better' THEN contestants.id END AS winner, contestants.*, count(*) AS duels FROM kinds
    LEFT JOIN answers ON answers.duel = kinds.id AND answers.entrant = kinds.winner
    LEFT JOIN contestants ON contestants.id = answers.contestant
GROUP BY 1, 2
"""


class ListRows(Queries):
    """Queries on many duels."""

    async def history(self, limit: int, before: datetime | None, search: str) -> list[DuelSummary]:
        """List everybody's duels but rematches and halves, newest first; `search` is found in requests whatever its case."""
        rows = await self._in.rows(
            "SELECT *, (SELECT count(*) FROM ballots WHERE duel = duels.id) AS cast FROM duels "
            "WHERE id NOT IN (SELECT duel FROM rematches) AND kind != 'half' "
            "AND (?1 IS NULL OR asked_at < ?1) AND (?2 = '' OR instr(fold(request), fold(?2))) "
            "ORDER BY asked_at DESC, rowid DESC LIMIT ?3",
            (before and stamp(before), search, limit),
        )
        return [_summary(row) for row in rows]

    async def waiting(self, voter: str, limit: int) -> list[str]:
        """List open duels outside of channels without this voter's ballot, the oldest first.

        They are their own, those that collect votes, and those that programs asked.
        """
        rows = await self._in.rows(
            "SELECT id FROM duels WHERE state = 'open' AND request != '' AND "
            "(asker = ?1 OR quorum > 1 AND ends_at IS NOT NULL OR served IS NOT NULL) "
            "AND NOT EXISTS (SELECT 1 FROM posts WHERE posts.duel = duels.id) AND id NOT IN (SELECT duel FROM rematches) "
            "AND NOT EXISTS (SELECT 1 FROM ballots WHERE ballots.duel = duels.id AND voter = ?1) ORDER BY asked_at, rowid LIMIT ?2",
            (voter, limit),
        )
        return [row["id"] for row in rows]

    async def found(
        self, *, team: str | None, asker: str, search: str, tag: str, since: datetime | None, limit: int
    ) -> list[tuple[DuelSummary, Post]]:
        """List a team's duels that this member may see, or one person's own outside of teams; newest first."""
        rows = await self._in.rows(
            f"SELECT posts.*, duels.*, {TAG} AS tag, (SELECT count(*) FROM ballots WHERE ballots.duel = duels.id) AS cast FROM duels "
            "JOIN posts ON posts.duel = duels.id WHERE +team IS ?1 AND (asker = ?2 OR (team IS NOT NULL AND NOT private)) "
            "AND kind != 'half' "
            "AND (?3 = '' OR instr(fold(request), fold(?3))) "
            f"AND (?4 = '' OR {TAG} = ?4) AND (?5 IS NULL OR asked_at >= ?5) "
            "ORDER BY asked_at DESC, duels.rowid DESC LIMIT ?6",
            (team, asker, search, tag, since and stamp(since), limit),
        )
        return [(_summary(row), post_of(row)) for row in rows]

    async def awaiting(self, team: str | None, voter: str, limit: int) -> list[tuple[DuelSummary, Post]]:
        """List open duels that this member may see and has not voted on, or one's own outside of teams; what closes first comes first."""
        rows = await self._in.rows(
            f"SELECT posts.*, duels.*, {TAG} AS tag, (SELECT count(*) FROM ballots WHERE ballots.duel = duels.id) AS cast FROM duels "
            "JOIN posts ON posts.duel = duels.id WHERE state = 'open' AND +team IS ?1 "
            "AND (asker = ?2 OR (team IS NOT NULL AND NOT private)) "
            "AND NOT EXISTS (SELECT 1 FROM ballots WHERE ballots.duel = duels.id AND voter = ?2) "
            "ORDER BY closes_at IS NULL, closes_at, duels.rowid LIMIT ?3",
            (team, voter, limit),
        )
        return [(_summary(row), post_of(row)) for row in rows]

    async def results(self, team: str | None, asker: str, *, since: datetime | None, tag: str) -> Results:
        """Count a team's duels that are not private, or one person's own outside of teams, by how they went.

        Kinds: better, tie, both_bad, unvoted, identical (of closed ones), the states open, void and answering, and single and half.
        """
        values = (team, asker, tag, since and stamp(since))
        rows = await self._in.rows(_RESULTS, values)
        counts = {(row["kind"], who_of(row, row["winner"]) if row["winner"] else None): row["duels"] for row in rows}
        [row] = await self._in.rows(
            f"SELECT count(*) AS ballots, count(DISTINCT voter) AS voters FROM ballots JOIN ({_OWN}) AS d ON d.id = ballots.duel "
            "WHERE state = 'closed'",
            values,
        )
        return Results(counts, row["ballots"], row["voters"])

    async def page(self, team: str | None, since: datetime | None, *, after: DuelRecord | None, limit: int) -> list[DuelRecord]:
        """Read the next duels of a team that are not private, oldest first; None: those that no channel shows.

        after: the last one of the page before.
        """
        start = (stamp(after.asked_at), after.id) if after else ("", "")
        elsewhere = "duels AS d WHERE ? IS NULL AND NOT EXISTS (SELECT 1 FROM posts WHERE posts.duel = d.id)"
        within = "posts JOIN duels AS d ON d.id = posts.duel WHERE team = ? AND NOT private" if team else elsewhere
        where = (
            f"duels.id IN (SELECT d.id FROM {within} AND kind = 'duel' AND (? IS NULL OR asked_at >= ?) AND (asked_at, d.id) > (?, ?) "
            "ORDER BY asked_at, d.id LIMIT ?)"
        )
        when = since and stamp(since)
        found = await DuelRows(self._in).matching(where, (team, when, when, *start, limit))
        return sorted(found, key=lambda duel: (stamp(duel.asked_at), duel.id))

    async def lately(self, limit: int) -> list[tuple[str, str, str]]:
        """List asker, duel and request of the latest requests in direct messages, newest first."""
        rows = await self._in.rows(
            "SELECT asker, duel, request FROM posts JOIN duels ON duels.id = duel WHERE team IS NULL AND request != '' "
            "ORDER BY posts.rowid DESC LIMIT ?",
            (limit,),
        )
        return [(row["asker"], row["duel"], row["request"]) for row in rows]


def _summary(row: sqlite3.Row) -> DuelSummary:
    asked_at = datetime.fromisoformat(row["asked_at"])
    state: DuelState = "answered" if row["kind"] == "single" and row["carried_by"] == "only" else row["state"]
    return DuelSummary(row["id"], row["conversation"], row["turn"], row["request"], asked_at, state, row["cast"])
