"""What the store keeps of teams: where duels are shown, conversations in channels, settings, guesses. SQL of its own."""

import json
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from bot.ballots import Entrant
from bot.store.records import DuelRecord, stamp, who_of
from bot.store.transaction import Transaction
from bot.verdict import Who
from bot.views import DuelSummary
from engine.request import Turn

_TAG = "coalesce((SELECT tag FROM tags WHERE tags.duel = posts.duel), '')"
_POSTS = f"SELECT posts.*, {_TAG} AS tag, (SELECT quorum FROM duels WHERE id = duel) AS quorum"

FORGOTTEN = "forgotten"
"""Stands where a person was."""


@dataclass(frozen=True, slots=True)
class Post:
    """Where a duel is shown. Ids are the platform's, as text."""

    duel: str
    event: str | None  # what asked
    team: str | None  # None in a direct message
    channel: str
    message: str | None  # None until it is sent
    private: bool  # shown to its asker alone
    lasting: bool  # can be edited for ever; False: only while its token lives
    closes_at: datetime | None  # UTC
    shown: str = ""  # what the message shows, as `face_of` names it
    told: bool = False
    left_out: str = ""  # a sentence about what came with the request and is no part of it
    quorum: int | None = None  # of the duel; read only
    tag: str = ""  # of the duel; read only

    @property
    def alone(self) -> bool:
        """Whether its asker alone votes, without a deadline: a direct message, or shown to nobody else."""
        return self.closes_at is None

    @property
    def event_message(self) -> str | None:
        """The message that asked, if it was one."""
        return self.event.removeprefix("message:") if self.event and self.event.startswith("message:") else None


@dataclass(frozen=True, slots=True)
class Asked:
    """What one person, or one team, has asked lately."""

    in_flight: int
    last_minute: int
    last_day: int
    usd_last_day: float


@dataclass(frozen=True, slots=True)
class Results:
    """How duels went."""

    duels: dict[tuple[str, Who | None], int]
    """By kind, and who was better: ("better", who), ("tie", None), both_bad, unvoted, identical, open, void, answering."""
    ballots: int  # on closed votes
    voters: int  # on closed votes


_OWN = (
    "SELECT duels.* FROM duels JOIN posts ON posts.duel = duels.id WHERE posts.team IS ?1 "
    "AND (posts.team IS NOT NULL AND NOT private OR ?1 IS NULL AND asker = ?2) "
    f"AND (?3 = '' OR {_TAG} = ?3) AND (?4 IS NULL OR asked_at >= ?4)"
)
_RESULTS = f"""
WITH counted AS (
    SELECT d.id, d.state, d.identical,
        (SELECT count(*) FROM ballots WHERE duel = d.id) AS votes,
        (SELECT count(*) FROM ballots WHERE duel = d.id AND entrant = 0) AS first,
        (SELECT count(*) FROM ballots WHERE duel = d.id AND entrant = 1) AS second,
        (SELECT count(*) FROM ballots WHERE duel = d.id AND verdict = 'both_bad') AS bad
    FROM ({_OWN}) AS d
), kinds AS (
    SELECT id, CASE WHEN state != 'closed' THEN state WHEN identical THEN 'identical' WHEN votes = 0 THEN 'unvoted'
        WHEN first != second THEN 'better' WHEN bad * 2 > votes THEN 'both_bad' ELSE 'tie' END AS kind, first < second AS winner
    FROM counted
)
SELECT kind, CASE WHEN kind = 'better' THEN contestants.id END AS winner, contestants.*, count(*) AS duels FROM kinds
    LEFT JOIN answers ON answers.duel = kinds.id AND answers.entrant = kinds.winner
    LEFT JOIN contestants ON contestants.id = answers.contestant
GROUP BY 1, 2
"""


def _post(row: sqlite3.Row) -> Post:
    closes_at = row["closes_at"] and datetime.fromisoformat(row["closes_at"])
    flags = (bool(row["private"]), bool(row["lasting"]))
    place = (row["duel"], row["event"], row["team"], row["channel"], row["message"])
    return Post(*place, *flags, closes_at, row["shown"], bool(row["told"]), row["left_out"], row["quorum"], row["tag"])


class TeamRows:
    """A transaction as teams see it."""

    def __init__(self, transaction: Transaction) -> None:
        self._in = transaction

    async def _do(self, sql: str, values: Sequence[Any] = ()) -> None:
        await self._in._rows(sql, values)

    # --- posts

    async def add(self, post: Post) -> None:
        row = {name: getattr(post, name) for name in Post.__slots__ if name not in ("quorum", "tag")}
        await self._in._insert("posts", row | {"closes_at": post.closes_at and stamp(post.closes_at)})

    async def post(self, duel: str) -> Post | None:
        return next(iter(await self._posts("duel = ?", (duel,))), None)

    async def by_event(self, event: str) -> Post | None:
        return next(iter(await self._posts("event = ?", (event,))), None)

    async def by_message(self, message: str) -> Post | None:
        """The duel that this message shows, or asked."""
        return next(iter(await self._posts("message = ? OR event = ?", (message, f"message:{message}"))), None)

    async def _posts(self, where: str, values: Sequence[Any] = ()) -> list[Post]:
        return [_post(row) for row in await self._in._rows(f"{_POSTS} FROM posts WHERE {where}", values)]

    async def sent(self, duel: str, message: str) -> None:
        await self._do("UPDATE posts SET message = ? WHERE duel = ?", (message, duel))

    async def shows(self, duel: str, face: str) -> None:
        await self._do("UPDATE posts SET shown = ? WHERE duel = ?", (face, duel))

    async def told(self, duel: str) -> None:
        """The asker knows of the close, or need not be told."""
        await self._do("UPDATE posts SET told = 1 WHERE duel = ?", (duel,))

    async def untold(self, limit: int) -> list[Post]:
        """Posts that show the close while their askers may not have been told of it."""
        return await self._posts("shown = 'closed' AND NOT told LIMIT ?", (limit,))

    async def due(self, now: datetime) -> list[str]:
        """Open duels whose deadline has come."""
        sql = "SELECT duel FROM posts JOIN duels ON duels.id = duel WHERE state = 'open' AND closes_at <= ?"
        return [row["duel"] for row in await self._in._rows(sql, (stamp(now),))]

    async def stale(self, limit: int) -> list[Post]:
        """Lasting posts whose message shows less than the store knows, the oldest first. Running duels are not among them."""
        sql = (
            f"{_POSTS} FROM posts CROSS JOIN duels ON duels.id = duel WHERE shown NOT IN ('closed', 'void', 'gone') "
            "AND lasting AND state != 'answering' "
            "AND shown != CASE state WHEN 'open' THEN state || (SELECT count(*) FROM ballots WHERE duel = duels.id) ELSE state END "
            "ORDER BY asked_at LIMIT ?"
        )
        return [_post(row) for row in await self._in._rows(sql, (limit,))]

    # --- conversations

    async def prologue(self, conversation: str) -> tuple[Turn, ...]:
        rows = await self._in._rows("SELECT turns FROM prologues WHERE conversation = ?", (conversation,))
        return tuple(Turn(role, text) for role, text in json.loads(rows[0]["turns"])) if rows else ()

    async def begin_with(self, conversation: str, turns: Sequence[Turn]) -> None:
        said = json.dumps([[turn.role, turn.text] for turn in turns], ensure_ascii=False)
        await self._in._insert("prologues", {"conversation": conversation, "turns": said})

    async def rolling(self, channel: str) -> str | None:
        rows = await self._in._rows("SELECT conversation FROM rolling WHERE channel = ?", (channel,))
        return rows[0]["conversation"] if rows else None

    async def roll(self, channel: str, conversation: str | None) -> None:
        """Go on with this conversation; None: the next request begins a new one."""
        await self._do("DELETE FROM rolling WHERE channel = ?", (channel,))
        if conversation:
            await self._in._insert("rolling", {"channel": channel, "conversation": conversation})

    # --- settings, marks, guesses, ballots

    async def settings(self, team: str) -> dict[str, str]:
        rows = await self._in._rows("SELECT name, value FROM team_settings WHERE team = ?", (team,))
        return {row["name"]: row["value"] for row in rows}

    async def set(self, team: str, name: str, value: str | None) -> None:
        """None: as it is by default."""
        await self._do("DELETE FROM team_settings WHERE team = ? AND name = ?", (team, name))
        if value is not None:
            await self._in._insert("team_settings", {"team": team, "name": name, "value": value})

    async def mark(self, name: str) -> str | None:
        rows = await self._in._rows("SELECT value FROM marks WHERE name = ?", (name,))
        return rows[0]["value"] if rows else None

    async def put_mark(self, name: str, value: str) -> None:
        await self._in._insert("marks", {"name": name, "value": value}, "ON CONFLICT (name) DO UPDATE SET value = excluded.value")

    async def put_guess(self, duel: str, voter: str, entrant: Entrant | None, now: datetime) -> None:
        row = {"duel": duel, "voter": voter, "entrant": entrant, "guessed_at": stamp(now)}
        await self._in._insert(
            "guesses", row, "ON CONFLICT (duel, voter) DO UPDATE SET entrant = excluded.entrant, guessed_at = excluded.guessed_at"
        )

    async def drop_ballot(self, duel: str, voter: str) -> None:
        for table in ("ballots", "guesses"):
            await self._do(f"DELETE FROM {table} WHERE duel = ? AND voter = ?", (duel, voter))

    # --- over many duels

    async def asked(self, column: str, who: str, now: datetime, minute_ago: datetime, day_ago: datetime) -> Asked:
        """column: "asker" or "team"."""
        of = "FROM duels JOIN posts ON posts.duel = duels.id"
        where = f"{'duels.asker' if column == 'asker' else '+posts.team'} = ? AND asked_at > ?"  # plus: by time, not by team
        [row] = await self._in._rows(
            f"SELECT count(*) AS day, coalesce(sum(asked_at > ?), 0) AS minute, coalesce(sum(state = 'answering'), 0) AS running "
            f"{of} WHERE {where}",
            (stamp(minute_ago), who, stamp(day_ago)),
        )
        [bill] = await self._in._rows(
            f"SELECT coalesce(sum(usd), 0) AS usd {of} JOIN answers ON answers.duel = duels.id WHERE {where}", (who, stamp(day_ago))
        )
        return Asked(row["running"], row["minute"], row["day"], bill["usd"])

    async def found(
        self, *, team: str | None, asker: str, search: str, tag: str, since: datetime | None, limit: int
    ) -> list[tuple[DuelSummary, Post]]:
        """Duels of a team that its members may see, or one person's own outside of teams; newest first."""
        rows = await self._in._rows(
            f"SELECT posts.*, duels.*, {_TAG} AS tag, (SELECT count(*) FROM ballots WHERE ballots.duel = duels.id) AS cast FROM duels "
            "JOIN posts ON posts.duel = duels.id WHERE +team IS ?1 AND (asker = ?2 OR (team IS NOT NULL AND NOT private)) "
            "AND (?3 = '' OR instr(fold(request), fold(?3))) "
            f"AND (?4 = '' OR {_TAG} = ?4) AND (?5 IS NULL OR asked_at >= ?5) "
            "ORDER BY asked_at DESC, duels.rowid DESC LIMIT ?6",
            (team, asker, search, tag, since and stamp(since), limit),
        )
        return [(_summary(row), _post(row)) for row in rows]

    async def results(self, team: str | None, asker: str, *, since: datetime | None, tag: str) -> Results:
        """Counts of a team's duels that are not private, or of one person's own outside of teams."""
        values = (team, asker, tag, since and stamp(since))
        rows = await self._in._rows(_RESULTS, values)
        counts = {(row["kind"], who_of(row, row["winner"]) if row["winner"] else None): row["duels"] for row in rows}
        [row] = await self._in._rows(
            f"SELECT count(*) AS ballots, count(DISTINCT voter) AS voters FROM ballots JOIN ({_OWN}) AS d ON d.id = ballots.duel "
            "WHERE state = 'closed'",
            values,
        )
        return Results(counts, row["ballots"], row["voters"])

    async def page(self, team: str, since: datetime | None, *, after: DuelRecord | None, limit: int) -> list[DuelRecord]:
        """The next duels of a team that are not private, oldest first."""
        start = (stamp(after.asked_at), after.id) if after else ("", "")
        where = (
            "duels.id IN (SELECT d.id FROM posts JOIN duels AS d ON d.id = posts.duel WHERE team = ? AND NOT private "
            "AND (? IS NULL OR asked_at >= ?) AND (asked_at, d.id) > (?, ?) ORDER BY asked_at, d.id LIMIT ?)"
        )
        when = since and stamp(since)
        return sorted(await self._in._duels(where, (team, when, when, *start, limit)), key=lambda duel: (stamp(duel.asked_at), duel.id))

    async def tags(self, limit: int) -> list[tuple[str | None, str]]:
        """Team and tag, the latest used first."""
        sql = "SELECT team, tag FROM posts JOIN tags ON tags.duel = posts.duel GROUP BY team, tag ORDER BY max(posts.rowid) DESC LIMIT ?"
        return [(row["team"], row["tag"]) for row in await self._in._rows(sql, (limit,))]

    async def lately(self, limit: int) -> list[tuple[str, str, str]]:
        """Asker, duel and request of the latest requests in direct messages, newest first."""
        rows = await self._in._rows(
            "SELECT asker, duel, request FROM posts JOIN duels ON duels.id = duel WHERE team IS NULL AND request != '' "
            "ORDER BY posts.rowid DESC LIMIT ?",
            (limit,),
        )
        return [(row["asker"], row["duel"], row["request"]) for row in rows]

    async def forget(self, person: str, alias: str) -> None:
        """Delete a person: requests with answers, conversations, guesses, ballots of open duels. Other ballots stay, as `alias`'s.

        Votes on their requests end without a result, and the messages become stale.
        """
        await self._forget_in_branches(person)
        own = "(SELECT id FROM duels WHERE asker = ?1)"
        talks = "(SELECT conversation FROM duels WHERE asker = ?1)"
        for sql in (
            "DELETE FROM ballots WHERE voter = ?1 AND duel IN (SELECT id FROM duels WHERE state = 'open')",
            "DELETE FROM guesses WHERE voter = ?1",
            f"UPDATE answers SET text = '' WHERE duel IN {own}",
            f"DELETE FROM rolling WHERE conversation IN {talks}",
            f"DELETE FROM prologues WHERE conversation IN {talks}",
            "DELETE FROM runs WHERE asker = ?1",
            f"DELETE FROM tags WHERE by_rule = 0 AND duel IN {own}",
            f"UPDATE posts SET event = NULL, left_out = '', shown = iif(shown = 'gone', shown, '') WHERE duel IN {own}",
            "UPDATE duels SET state = 'void', note = 'The asker has deleted this.' WHERE asker = ?1 AND state = 'open'",
        ):
            await self._do(sql, (person,))
        await self._do("UPDATE ballots SET voter = ?2 WHERE voter = ?1", (person, alias))
        await self._do("DELETE FROM voters WHERE name = ?", (person,))
        await self._do(f"UPDATE duels SET asker = '{FORGOTTEN}', request = '', request_key = NULL WHERE asker = ?1", (person,))

    async def _forget_in_branches(self, person: str) -> None:
        """Other people's conversations that branched off from a forgotten person's ones begin without their requests and those answers."""
        asked = {row["request"] for row in await self._in._rows("SELECT request FROM duels WHERE asker = ? AND request != ''", (person,))}
        for row in await self._in._rows("SELECT conversation, turns FROM prologues") if asked else ():
            turns = json.loads(row["turns"])
            starts = {at for at, (role, text) in enumerate(turns) if role == "user" and text in asked}
            kept = [turn for at, turn in enumerate(turns) if at not in starts and not (at - 1 in starts and turn[0] == "assistant")]
            if len(kept) < len(turns):
                said = json.dumps(kept, ensure_ascii=False)
                await self._do("UPDATE prologues SET turns = ? WHERE conversation = ?", (said, row["conversation"]))


def _summary(row: sqlite3.Row) -> DuelSummary:
    asked_at = datetime.fromisoformat(row["asked_at"])
    return DuelSummary(row["id"], row["conversation"], row["turn"], row["request"], asked_at, row["state"], row["cast"])
