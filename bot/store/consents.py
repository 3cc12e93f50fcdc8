"""Who agreed that their closed duels may train adapters, and which duels that makes free to learn from."""

from datetime import datetime

from bot.store.records import stamp
from bot.store.transaction import Queries

OFFER = "consent"  # the name of a team's setting; "on": people may agree
_FREE = """
SELECT duels.id, coalesce(posts.team, '') AS team, duels.conversation
FROM duels
    LEFT JOIN posts ON posts.duel = duels.id
    JOIN consents ON consents.person = duels.asker AND consents.team = coalesce(posts.team, '')
WHERE duels.state = 'closed' AND NOT duels.identical AND duels.request != ''
    AND (coalesce(posts.team, '') = '' OR EXISTS (
        SELECT 1 FROM team_settings AS settled WHERE settled.team = posts.team AND settled.name = ? AND settled.value = 'on'))
    AND NOT EXISTS (SELECT 1 FROM prologues WHERE prologues.conversation = duels.conversation)
ORDER BY duels.closing
"""


class ConsentRows(Queries):
    """Queries on consents."""

    async def agreed(self, person: str, team: str) -> bool:
        """Whether a person has agreed in a team."""
        return bool(await self._in.rows("SELECT 1 FROM consents WHERE person = ? AND team = ?", (person, team)))

    async def agree(self, person: str, team: str, now: datetime) -> None:
        """Note that a person agrees in a team, once."""
        await self._in.insert("consents", {"person": person, "team": team, "agreed_at": stamp(now)}, "ON CONFLICT DO NOTHING")

    async def withdraw(self, person: str, team: str) -> None:
        """Note that a person agrees no longer."""
        await self._in.run("DELETE FROM consents WHERE person = ? AND team = ?", (person, team))

    async def voters(self, team: str) -> frozenset[str]:
        """List all who have agreed in a team."""
        return frozenset(row["person"] for row in await self._in.rows("SELECT person FROM consents WHERE team = ?", (team,)))

    async def free(self) -> list[tuple[str, str, str]]:
        """List duel, team and conversation of the closed duels whose asker agreed where they were asked, in closing order.

        Left out are those where the team no longer offers it, and those that began with what other people had said.
        """
        return [(row["id"], row["team"], row["conversation"]) for row in await self._in.rows(_FREE, (OFFER,))]
