"""The duel share, as /settings sees and changes it."""

from dataclasses import dataclass
from datetime import UTC, datetime

from bot.app import App
from bot.app.route_words import change_words, standing_words
from bot.app.routing import RouteStanding
from bot.fronts.discord import fit
from bot.routes import PROPOSED_SHARE


@dataclass(frozen=True, slots=True)
class ShareWish:
    """What somebody wishes of the duel share."""

    percent: float | None  # of requests that become duels; None: it stays
    winner: str  # arm or contestant id; "": as before
    back: bool  # to what it was before
    tag: str  # for these requests alone; "": for all

    @property
    def share(self) -> float | None:
        """The share, 0 to 1; None: it stays."""
        if self.percent is None:
            return PROPOSED_SHARE if self.winner else None
        return self.percent / 100


async def shared(app: App, team: str, person: str, wish: ShareWish) -> RouteStanding:
    """Do what is wished. Returns how requests are answered then. Raises BadRequest, StoreError."""
    if wish.back:
        return await app.routing.back(person, team=team, tag=wish.tag)
    if wish.share is not None:
        return await app.routing.change(person, share=wish.share, winner=wish.winner, team=team, tag=wish.tag)
    return await app.routing.standing(team)


def route_lines(standing: RouteStanding) -> str:
    """Say what share of requests become duels, who has changed it last, and what the verdict proposes. Pure but for the clock."""
    lines = [f"- {fit.inline(words, 300)}" for words in standing_words(standing)]
    if standing.latest:
        lines.append(f"-# {fit.inline(change_words(standing, standing.latest, datetime.now(UTC)), 300)}")
    for each in standing.proposals:
        tag = f" share_tag:{fit.inline(each.tag, 60)}" if each.tag else ""
        how = f"`/settings duel_share:{100 * each.share:g} winner:{each.winner.arm}{tag}`"
        lines.append(f"-# Proposed: {fit.inline(each.words, 300)} {how}")
    return "\n".join(lines)
