"""Counts and sums over duels: what people and teams have asked and spent lately, and what a duel took."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from bot.store.records import stamp
from bot.store.transaction import Queries
from engine.cost import Spent

MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)

# the answers that were paid for in their duel: a rematch shows one of long ago
_ANEW = "(answers.entrant = 1 OR answers.duel NOT IN (SELECT duel FROM rematches))"
_MET = "(SELECT contestant FROM answers WHERE duel = duels.id AND entrant = 0) AS first, "
_MET += "(SELECT contestant FROM answers WHERE duel = duels.id AND entrant = 1) AS second"


@dataclass(frozen=True, slots=True)
class AskedLately:
    """The requests of one person, or of one team: duels, and previews of a recipe that was edited."""

    in_flight: int  # being answered; of the last day
    last_minute: int
    last_day: int
    usd_last_day: float  # what their answers cost, in US dollars


class CountRows(Queries):
    """Queries that count."""

    async def of_person(self, asker: str, now: datetime) -> AskedLately:
        """Count what a person has asked lately, wherever."""
        return await self._lately("FROM duels WHERE duels.asker = :who", "asker", asker, now)

    async def of_team(self, team: str, now: datetime) -> AskedLately:
        """Count what a team has asked lately."""
        of = "FROM duels JOIN posts ON posts.duel = duels.id WHERE +posts.team = :who"  # plus: by time, not by team
        return await self._lately(of, "team", team, now)

    async def _lately(self, of: str, column: str, who: str, now: datetime) -> AskedLately:
        """Sum up duels and previews. column: of `previews`, that names them."""
        values = {"who": who, "minute": stamp(now - MINUTE), "day": stamp(now - DAY)}
        [row] = await self._in.rows(
            "SELECT count(*) AS day, coalesce(sum(state = 'answering'), 0) AS running, "
            "coalesce(sum(asked_at > :minute AND duels.id NOT IN (SELECT duel FROM rematches)), 0) AS minute, "
            f"coalesce(sum((SELECT sum(usd) FROM answers WHERE answers.duel = duels.id AND {_ANEW})), 0) AS usd {of} "
            "AND asked_at > :day",
            values,
        )
        [tried] = await self._in.rows(
            "SELECT count(*) AS day, coalesce(sum(asked_at > :minute), 0) AS minute, coalesce(sum(running), 0) AS running, "
            f"coalesce(sum(usd), 0) AS usd FROM previews WHERE {column} = :who AND asked_at > :day",
            values,
        )
        row = {name: row[name] + tried[name] for name in ("running", "minute", "day", "usd")}
        return AskedLately(row["running"], row["minute"], row["day"], row["usd"])

    async def is_answered_for(self, asker: str) -> bool:
        """Say whether a request of this person is being answered now."""
        return bool(await self._in.rows("SELECT 1 FROM duels WHERE asker = ? AND state = 'answering' LIMIT 1", (asker,)))

    async def asked_since(self, since: datetime) -> int:
        """Count the duels asked since then, of everybody; past requests that were answered again are none of them."""
        [row] = await self._in.rows(
            "SELECT count(*) AS asked FROM duels WHERE asked_at >= ? AND id NOT IN (SELECT duel FROM rematches)", (stamp(since),)
        )
        return int(row["asked"])

    async def spent_since(self, since: datetime, team: str | None) -> float:
        """Sum up what answers cost since then, in US dollars: of one team, or (None) of all that was asked outside of teams."""
        [row] = await self._in.rows(
            "SELECT coalesce(sum(usd), 0) AS usd FROM duels JOIN answers ON answers.duel = duels.id "
            f"LEFT JOIN posts ON posts.duel = duels.id WHERE asked_at >= ? AND posts.team IS ? AND {_ANEW}",
            (stamp(since), team),
        )
        sql = "SELECT coalesce(sum(usd), 0) AS usd FROM previews WHERE asked_at >= ? AND team IS ?"
        [tried] = await self._in.rows(sql, (stamp(since), team))
        return float(row["usd"] + tried["usd"])

    async def spent(self, pair: Sequence[str], limit: int) -> list[Spent]:
        """Read what the latest duels that this pair of contestants answered in full took, newest first."""
        rows = await self._in.rows(
            "SELECT max(queued_s + total_s) AS total_s, CASE WHEN count(usd) = 2 THEN sum(usd) END AS usd "
            "FROM duels JOIN answers ON answers.duel = duels.id WHERE duels.id IN ("
            f"  SELECT id FROM (SELECT id, asked_at, {_MET} FROM duels WHERE state IN ('open', 'closed')) "
            "   WHERE (first, second) IN (VALUES (?1, ?2), (?2, ?1)) ORDER BY asked_at DESC LIMIT ?3) "
            "GROUP BY duels.id ORDER BY asked_at DESC",
            (*pair, limit),
        )
        return [Spent(row["total_s"], row["usd"]) for row in rows]
