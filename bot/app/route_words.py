"""How requests are answered, in sentences that every front says. Pure."""

from datetime import datetime

from bot.app.routing import RouteStanding
from bot.routes import ITSELF, Route
from bot.verdict import Who
from bot.words import ARMS, author_words, percent, when

EVERY = "Every request becomes a duel."


def standing_words(standing: RouteStanding) -> tuple[str, ...]:
    """Say how requests are answered now: of all, then of each tag that has a route of its own."""
    own = [f"On “{tag}”: {_now(standing, tag)}" for tag in sorted(standing.routes) if tag]
    return (_now(standing, ""), *own)


def _now(standing: RouteStanding, tag: str) -> str:
    route, who = standing.route(tag), standing.answers_alone(tag)
    if route is None or route.share is None or not route.singles:
        return EVERY
    if who is None:
        return f"{EVERY} The contestant that was to answer alone ({named(standing, route.winner)}) does not meet now."
    duels = f"{percent(route.share)} of requests become duels" if route.share else "No request becomes a duel, so no change would be seen"
    return f"{duels}; {ARMS[who.arm].named} ({who.id}) answers the others alone, at once."


def change_words(standing: RouteStanding, route: Route, now: datetime, viewer: str = "") -> str:
    """Say what a change was, who made it, when and why."""
    who = "Duelbot" if route.person == ITSELF else author_words(route.person, viewer)
    tag = f"“{route.tag}”: " if route.tag else ""
    if route.share is None:
        what = "as all others"
    else:
        what = f"duel share {percent(route.share)}" + (f", {named(standing, route.winner)} answers the others" if route.singles else "")
    reason = f": {route.reason}" if route.reason else ""
    return f"{when(route.changed_at, now)}, {who}: {tag}{what}{reason}"


def named(standing: RouteStanding, contestant: str | None) -> str:
    """Name a contestant of those that meet, another one by its id."""
    found: Who | None = next((each for each in standing.pair or () if each.id == contestant), None)
    return ARMS[found.arm].named if found else f"contestant {contestant}"
