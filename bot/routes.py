"""Routes: which requests become duels, and who answers the others. Pure: a draw, a share and a winner in, a turn's kind out.

Once a verdict stands, a team wants answers and not duels. A share of its requests still become duels, so that the evidence keeps coming;
the others are answered by the winner alone. The draw that decides it is kept before its request is known: whatever is asked, and
however often something is refused and asked again, the same draw decides, so duels stay a fair sample of the requests.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from bot.ballots import Entrant

ENTRANTS: tuple[Entrant, Entrant] = (0, 1)
ALL_DUELS = 1.0  # the share of requests that become duels before anybody has changed it
PROPOSED_SHARE = 0.1  # of requests, after a verdict: enough to see a change, and nine of ten are answered at once
ITSELF = "duelbot"  # the person of a change that Duelbot has made by itself


@dataclass(frozen=True, slots=True)
class Route:
    """How the requests of a team, or of one of its tags, are answered since somebody changed it."""

    team: str
    tag: str  # "": all that have no route of their own
    share: float | None  # of requests that become duels, 0 to 1; None: the tag goes by the route of all again
    winner: str | None  # contestant id, who answers the others; None: there are none
    person: str
    changed_at: datetime  # UTC
    reason: str
    id: int = 0  # 0: not kept yet

    @property
    def singles(self) -> bool:
        """Whether some requests are answered by the winner alone."""
        return self.share is not None and self.share < 1 and self.winner is not None


@dataclass(frozen=True, slots=True)
class Drawn:
    """The draw of a request: it becomes a duel where the coin lies below the share."""

    coin: float  # in [0, 1)
    share: float
    entrant: Entrant  # who answers alone otherwise

    @property
    def is_duel(self) -> bool:
        """Whether it becomes a duel."""
        return self.coin < self.share


def holding(routes: Iterable[Route]) -> dict[str, Route]:
    """Pick the routes that hold now, by tag, from all changes in their order; a tag that goes by "" again has none."""
    latest = {route.tag: route for route in routes}
    return {tag: route for tag, route in latest.items() if route.share is not None}


def route_for(routes: Mapping[str, Route], tag: str) -> Route | None:
    """Find the route of a request with this tag: the tag's own, else that of all; None: every request is a duel."""
    return routes.get(tag) or routes.get("")


def alone(route: Route | None, pair: Sequence[str]) -> Entrant | None:
    """Find who of the two that meet answers alone under this route; None: nobody, so every request is a duel.

    A winner who does not meet any more says nothing about those who do: an edited recipe is a new contestant.
    """
    if route is None or not route.singles or pair[0] == pair[1]:
        return None
    return next((entrant for entrant in ENTRANTS if pair[entrant] == route.winner), None)


def before_it(routes: Sequence[Route], tag: str) -> Route | None:
    """Find what held before the latest change of this tag, from all changes in their order; None: that was the first one."""
    own = [route for route in routes if route.tag == tag]
    return own[-2] if len(own) > 1 else None
