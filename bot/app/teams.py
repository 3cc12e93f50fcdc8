"""Teams: what each has settled for its duels."""

from collections.abc import Mapping

from bot.app.choices import Choices
from bot.settings import VoteSettings
from bot.store import Store, Transaction
from bot.store.teams import TeamRows
from bot.views import EVERYONE, OUTSIDE, TeamSettings


class Teams:
    """Settings of teams, by the platform's id of each; page, terminal and direct messages are one team together, None."""

    def __init__(self, store: Store, choices: Choices, settings: VoteSettings, called: str = "") -> None:
        """called: the name of a team that has settled none."""
        self._store = store
        self._choices = choices
        self._default = TeamSettings(settings.quorum, settings.deadline_hours, called=called)

    async def settings(self, team: str | None) -> TeamSettings:
        """Read what a team has settled."""
        async with self._store.reading() as look:
            return await self.settled(look, team)

    async def settled(self, look: Transaction, team: str | None) -> TeamSettings:
        """Read the same within a transaction."""
        return settled(await TeamRows(look).settings(team or OUTSIDE), self._default)

    async def settle(self, team: str, **changes: str | None) -> TeamSettings:
        """Change what is named; None puts it back to the default."""
        async with self._store.writing() as change:
            found = await self.settle_in(change, team, **changes)
        if "recipe" in changes:
            self._choices.settle(team, changes["recipe"])
        return found

    async def settle_in(self, change: Transaction, team: str, **changes: str | None) -> TeamSettings:
        """Change the same within a transaction; a recipe holds for `Choices` once that is told."""
        for name, value in changes.items():
            await TeamRows(change).set(team, name, value)
        return await self.settled(change, team)


def settled(given: Mapping[str, str], default: TeamSettings) -> TeamSettings:
    """Read what a team has settled, with the defaults for the rest. Pure."""
    return TeamSettings(
        int(given.get("quorum", default.quorum)),
        float(given.get("deadline_hours", default.deadline_hours)),
        given.get("vote_role", EVERYONE),
        given.get("ask_role", EVERYONE),
        given.get("recipe", ""),
        given.get("called", default.called),
        given.get("adapter", ""),
        given.get("consent") == "on",
    )
