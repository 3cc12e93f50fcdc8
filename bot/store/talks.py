"""Conversations as people look through them: their titles, how their latest duels went, and one that is deleted."""

import sqlite3
from datetime import datetime

from bot.store.forgetting import FORGOTTEN, remove
from bot.store.records import stamp
from bot.store.transaction import Queries
from bot.views import OUTCOMES, TalkSummary
from engine.contestants import Arm

_VOTES = (
    "(SELECT count(*) FROM ballots WHERE duel = d.id) AS votes, "
    "(SELECT count(*) FROM ballots WHERE duel = d.id AND entrant = 0) AS first, "
    "(SELECT count(*) FROM ballots WHERE duel = d.id AND entrant = 1) AS second, "
    "(SELECT count(*) FROM ballots WHERE duel = d.id AND verdict = 'both_bad') AS bad"
)
# the latest duel of each conversation, with the outcome that bot.ballots.most_said gives it
_LATEST = f"""
SELECT counted.*, titles.title, (SELECT request FROM duels WHERE duels.conversation = counted.conversation AND turn = 1) AS begun_with,
    CASE WHEN kind = 'single' AND carried_by = 'only' THEN 'answered'
        WHEN state != 'closed' THEN state WHEN identical THEN 'identical' WHEN votes = 0 THEN 'unvoted'
        WHEN first != second THEN (SELECT arm FROM answers JOIN contestants ON contestants.id = answers.contestant
            WHERE answers.duel = counted.id AND answers.entrant = (first < second))
        WHEN bad * 2 > votes THEN 'both_bad' ELSE 'tie' END AS outcome,
    coalesce((SELECT tag FROM tags JOIN duels ON duels.id = tags.duel WHERE duels.conversation = counted.conversation
        ORDER BY turn DESC LIMIT 1), '') AS tag
FROM (SELECT d.*, {_VOTES} FROM duels AS d WHERE turn = (SELECT max(turn) FROM duels AS e WHERE e.conversation = d.conversation)
    AND d.id NOT IN (SELECT duel FROM rematches) AND (d.kind = 'duel' OR d.asker NOT LIKE 'key:%')) AS counted
LEFT JOIN titles ON titles.conversation = counted.conversation
"""


class TalkRows(Queries):
    """Queries on conversations as a whole."""

    async def listed(self, *, limit: int, before: datetime | None, search: str, tag: str, outcome: str, asker: str) -> list[TalkSummary]:
        """List conversations, the latest asked in first. search: in titles and requests, whatever its case; "" anywhere: all."""
        rows = await self._in.rows(
            f"SELECT * FROM ({_LATEST}) AS talk WHERE (?1 IS NULL OR asked_at < ?1) "
            "AND EXISTS (SELECT 1 FROM duels WHERE duels.conversation = talk.conversation AND request != '') "
            "AND (?2 = '' OR instr(fold(coalesce(title, '')), fold(?2)) OR EXISTS (SELECT 1 FROM duels WHERE "
            "duels.conversation = talk.conversation AND instr(fold(request), fold(?2)))) "
            "AND (?3 = '' OR EXISTS (SELECT 1 FROM tags JOIN duels ON duels.id = tags.duel WHERE "
            "duels.conversation = talk.conversation AND tag = ?3)) "
            "AND (?4 = '' OR outcome = ?4) AND (?5 = '' OR asker = ?5) ORDER BY asked_at DESC, rowid DESC LIMIT ?6",
            (before and stamp(before), search, tag, outcome, asker, limit),
        )
        return [_summary(row) for row in rows]

    async def title(self, conversation: str) -> str:
        """Read what a conversation is called; "": nobody has called it anything."""
        rows = await self._in.rows("SELECT title FROM titles WHERE conversation = ?", (conversation,))
        return rows[0]["title"] if rows else ""

    async def call(self, conversation: str, title: str) -> None:
        """Write what a conversation is called; "": nothing any more."""
        await self._in.run("DELETE FROM titles WHERE conversation = ?", (conversation,))
        if title:
            await self._in.insert("titles", {"conversation": conversation, "title": title})

    async def delete(self, conversation: str) -> None:
        """Delete what was said in a conversation: requests, answers, title, words of reasons. The ballots on it stay, and what they say.

        Votes on it that are open end without a result.
        """
        for row in await self._in.rows("SELECT id FROM duels WHERE conversation = ?", (conversation,)):
            await remove(self._in, row["id"], "The asker has deleted this.")
        for table in ("prologues", "rolling", "titles"):
            await self._in.run(f"DELETE FROM {table} WHERE conversation = ?", (conversation,))
        await self._in.run(f"UPDATE duels SET asker = '{FORGOTTEN}' WHERE conversation = ?", (conversation,))


def _summary(row: sqlite3.Row) -> TalkSummary:
    title = row["title"] or row["begun_with"] or row["request"]
    asked_at = datetime.fromisoformat(row["asked_at"])
    outcome = row["outcome"]
    winner = Arm(outcome) if outcome in [arm.value for arm in Arm] else None
    assert winner or outcome in OUTCOMES
    return TalkSummary(row["conversation"], title, asked_at, row["turn"], outcome, winner, row["tag"], row["asker"])
