"""Teams: what each has settled for its duels, and what it may choose from."""

from collections.abc import Mapping

from bot.app.choices import Choices
from bot.settings import VoteSettings
from bot.store import Store, Transaction
from bot.store.teams import TeamRows
from bot.views import EVERYONE, TeamSettings
from engine.recipes import Recipe


class Teams:
    """Settings of teams, by the platform's id of each."""

    def __init__(self, store: Store, choices: Choices, settings: VoteSettings) -> None:
        self._store = store
        self._choices = choices
        self._default = TeamSettings(settings.quorum, settings.deadline_hours)

    async def settings(self, team: str | None) -> TeamSettings:
        """Read what a team has settled; None: the defaults."""
        if team is None:
            return self._default
        async with self._store.reading() as look:
            return await self.settled(look, team)

    async def settled(self, look: Transaction, team: str | None) -> TeamSettings:
        """Read the same within a transaction."""
        return settled(await TeamRows(look).settings(team), self._default) if team else self._default

    async def settle(self, team: str, **changes: str | None) -> TeamSettings:
        """Change what is named; None puts it back to the default."""
        async with self._store.writing() as change:
            for name, value in changes.items():
                await TeamRows(change).set(team, name, value)
            return await self.settled(change, team)

    async def use_recipe(self, team: str, name: str) -> Recipe:
        """Have the team's duels use a recipe from now on. Raises BadRequest, BadRecipe, UnfairDuel."""
        recipe = await self._choices.recipe(name)
        await self.settle(team, recipe=name if self._choices.entrants(name) else None)
        return recipe


def settled(given: Mapping[str, str], default: TeamSettings) -> TeamSettings:
    """Read what a team has settled, with the defaults for the rest. Pure."""
    return TeamSettings(
        int(given.get("quorum", default.quorum)),
        float(given.get("deadline_hours", default.deadline_hours)),
        given.get("vote_role", EVERYONE),
        given.get("ask_role", EVERYONE),
        given.get("recipe", ""),
        given.get("consent") == "on",
    )
