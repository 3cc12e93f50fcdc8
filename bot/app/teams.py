"""Teams: what each has settled for its duels."""

from collections.abc import Mapping, Sequence

from bot.app.choices import Choices
from bot.settings import VoteSettings
from bot.store import Store, Transaction
from bot.store.role_limits import RoleLimitRows
from bot.store.teams import TeamRows
from bot.views import EVERYONE, OUTSIDE, RoleLimit, TeamSettings, place_of

OF_CHANNELS = ("recipe", "adapter")  # what a channel may settle for itself


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

    async def settled_at(self, look: Transaction, team: str | None, channels: Sequence[str]) -> TeamSettings:
        """Read what holds in a channel of a team. channels: a thread and the channel around it, the nearest first."""
        found = await TeamRows(look).settings(team or OUTSIDE)
        for channel in reversed(channels) if team else ():
            own = await TeamRows(look).settings(place_of(team or OUTSIDE, channel))
            found |= {name: value for name, value in own.items() if name in OF_CHANNELS}
        return settled(found, self._default)

    async def settings_at(self, team: str | None, channels: Sequence[str]) -> TeamSettings:
        """Read the same in a transaction of its own."""
        async with self._store.reading() as look:
            return await self.settled_at(look, team, channels)

    async def in_channels(self, team: str) -> Mapping[str, Mapping[str, str]]:
        """Read the recipes and adapters that channels of a team have chosen for themselves, by channel."""
        async with self._store.reading() as look:
            found = await TeamRows(look).in_channels(team)
        chosen = {channel: {name: value for name, value in own.items() if name in OF_CHANNELS} for channel, own in found.items()}
        return {channel: own for channel, own in chosen.items() if own}

    async def limits(self, team: str) -> Mapping[str, RoleLimit]:
        """Read how much members may ask, by their roles."""
        async with self._store.reading() as look:
            return await RoleLimitRows(look).of(team)

    async def limit(self, team: str, role: str, limit: RoleLimit | None) -> Mapping[str, RoleLimit]:
        """Set how much members with a role may ask; None: as everybody. role: "" holds for all who have no other role with limits."""
        async with self._store.writing() as change:
            await RoleLimitRows(change).put(team, role, limit)
            return await RoleLimitRows(change).of(team)

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
        tuple(given.get("channels", "").split()),
        given.get("replies") == "on",
        given.get("threads") == "on",
        given.get("direct") != "off",
    )
