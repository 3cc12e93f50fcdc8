"""Past requests that a new version of a recipe answers again, and the duels of its answers with those of then."""

from bot.store.consents import OFFER
from bot.store.transaction import Queries
from bot.views import Rematched

# closed duels of a team but the private ones; the page's own team: those that no channel shows
_OF_TEAM = (
    "d.state = 'closed' AND d.request != '' AND NOT EXISTS (SELECT 1 FROM rematches WHERE rematches.duel = d.id) "
    "AND (?1 IS NULL AND NOT EXISTS (SELECT 1 FROM posts WHERE posts.duel = d.id) "
    "OR EXISTS (SELECT 1 FROM posts WHERE posts.duel = d.id AND posts.team = ?1 AND NOT private))"
)
_OF_CHANNEL = "(?4 = '' OR EXISTS (SELECT 1 FROM posts WHERE posts.duel = d.id AND posts.channel = ?4))"
# the request and all that was said before it are one's own, or of people who have agreed where that is offered
_CONSENTED = (
    "(?5 IS NULL OR NOT EXISTS (SELECT 1 FROM duels AS e WHERE e.conversation = d.conversation AND e.turn <= d.turn AND e.asker != ?5 "
    "AND NOT EXISTS (SELECT 1 FROM consents AS c WHERE c.person = e.asker AND c.team = coalesce(?1, '') AND (?1 IS NULL OR EXISTS "
    f"(SELECT 1 FROM team_settings AS s WHERE s.team = ?1 AND s.name = '{OFFER}' AND s.value = 'on')))))"
)


class RematchRows(Queries):
    """Queries on rematches."""

    async def past(self, team: str | None, limit: int, channel: str = "") -> list[str]:
        """Find the latest closed duels of a team, one for each request, newest first; None: what page and terminal asked.

        channel: only what was asked there; "": in any.
        """
        rows = await self._in.rows(
            f"SELECT id FROM duels AS d WHERE {_OF_TEAM} "
            "AND (?3 = '' OR EXISTS (SELECT 1 FROM posts WHERE posts.duel = d.id AND posts.channel = ?3)) "
            "GROUP BY coalesce(d.repeats, d.id) ORDER BY max(d.asked_at) DESC LIMIT ?2",
            (team, limit, channel),
        )
        return [row["id"] for row in rows]

    async def answered_by(self, team: str | None, contestant: str, limit: int, channel: str, person: str | None) -> list[str]:
        """Find the latest closed duels of a team that this contestant answered, one for each request, newest first.

        channel: only what was asked there; "": in any. person: only what they have asked, or people who have agreed; None: of everybody.
        """
        rows = await self._in.rows(
            f"SELECT d.id FROM answers JOIN duels AS d ON d.id = answers.duel WHERE answers.contestant = ?2 AND {_OF_TEAM} "
            f"AND {_OF_CHANNEL} AND {_CONSENTED} GROUP BY coalesce(d.repeats, d.id) ORDER BY max(d.asked_at) DESC LIMIT ?3",
            (team, contestant, limit, channel, person),
        )
        return [row["id"] for row in rows]

    async def withheld(self, team: str | None, contestant: str, channel: str, person: str | None) -> int:
        """Count the requests that `answered_by` leaves out because people have not agreed."""
        [row] = await self._in.rows(
            "SELECT count(DISTINCT coalesce(d.repeats, d.id)) AS requests FROM answers JOIN duels AS d ON d.id = answers.duel "
            f"WHERE answers.contestant = ?2 AND ?3 AND {_OF_TEAM} AND {_OF_CHANNEL} AND NOT {_CONSENTED}",
            (team, contestant, True, channel, person),
        )
        return int(row["requests"])

    async def done(self, challenger: str) -> set[str]:
        """Find the past duels whose requests this contestant has answered again."""
        return {row["past"] for row in await self._in.rows("SELECT past FROM rematches WHERE challenger = ?", (challenger,))}

    async def add(self, duel: str, past: str, challenger: str) -> None:
        """Keep that this duel is the rematch of a past one."""
        await self._in.insert("rematches", {"duel": duel, "past": past, "challenger": challenger})

    async def waiting(self, challenger: str = "") -> list[str]:
        """Find rematches that wait for a vote and that no channel shows, the oldest first. challenger: of this contestant; "": of all."""
        rows = await self._in.rows(
            "SELECT duel FROM rematches JOIN duels ON duels.id = duel WHERE state = 'open' AND ?1 IN ('', challenger) "
            "AND NOT EXISTS (SELECT 1 FROM posts WHERE posts.duel = rematches.duel) ORDER BY duels.rowid",
            (challenger,),
        )
        return [row["duel"] for row in rows]

    async def standing(self, challenger: str) -> Rematched:
        """Count how this contestant's rematches stand."""
        [row] = await self._in.rows(
            "SELECT coalesce(sum(identical), 0) AS equal, coalesce(sum(state = 'open'), 0) AS open, "
            "coalesce(sum(state = 'closed' AND NOT identical), 0) AS closed FROM rematches JOIN duels ON duels.id = duel "
            "WHERE challenger = ?",
            (challenger,),
        )
        return Rematched(row["equal"], row["open"], row["closed"])
