"""Consent: people agree that their closed duels may train adapters and be asked again, where their team offers it; off by default."""

from dataclasses import dataclass

from bot.app.core import Core
from bot.app.teams import Teams
from bot.store.consents import ConsentRows
from engine.errors import BadRequest


@dataclass(frozen=True, slots=True)
class Consent:
    """How it stands with one person in one team."""

    offered: bool
    agreed: bool


class Consents:
    """Reads and changes consents. team: None outside of teams, where nobody has to offer it first."""

    def __init__(self, core: Core, teams: Teams) -> None:
        self._core, self._teams = core, teams

    async def of(self, person: str, team: str | None) -> Consent:
        """Read how it stands."""
        offered = team is None or (await self._teams.settings(team)).consent
        async with self._core.store.reading() as look:
            return Consent(offered, await ConsentRows(look).agreed(person, team or ""))

    async def agree(self, person: str, team: str | None) -> Consent:
        """Agree. Raises BadRequest where the team does not offer it."""
        if not (await self.of(person, team)).offered:
            raise BadRequest("Here nobody is asked for this: an admin can offer it with /settings consent:True.")
        async with self._core.store.writing() as change:
            await ConsentRows(change).agree(person, team or "", self._core.now())
        return await self.of(person, team)

    async def withdraw(self, person: str, team: str | None) -> Consent:
        """Withdraw, whatever the team offers; what is exported from now on holds nothing of this person."""
        async with self._core.store.writing() as change:
            await ConsentRows(change).withdraw(person, team or "")
        return await self.of(person, team)
