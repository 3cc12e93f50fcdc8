"""/route in the terminal: the duel share and who answers the other requests, seen and changed."""

from datetime import datetime

from rich.console import Group, RenderableType
from rich.text import Text

from bot.app import App
from bot.app.route_words import change_words, standing_words
from bot.app.routing import RouteStanding
from engine.errors import BadRequest
from engine.printable import printable

USAGE = "/route SHARE [WINNER] changes it (/route 0.1 tuned), /route back changes it back, /route SHARE WINNER TAG holds for a tag alone."
LATEST = 5  # changes that are shown
CHOSEN = "Chosen in the terminal."


async def route_command(app: App, argument: str, person: str) -> RenderableType:
    """Do what is said after /route. Raises BadRequest, StoreError."""
    match argument.split(None, 2):
        case []:
            return route_shown(await app.routing.standing(), person)
        case ["back"]:
            return route_shown(await app.routing.back(person), person)
        case ["back", *tag]:
            return route_shown(await app.routing.back(person, tag=" ".join(tag)), person)
        case [share, *rest]:
            winner, tag_ = (*rest, "", "")[:2]
            changed = await app.routing.change(person, share=_number(share), winner=winner, tag=tag_, reason=CHOSEN)
            return route_shown(changed, person)
        case _:
            raise BadRequest(USAGE)


def _number(text: str) -> float:
    try:
        return float(text.removesuffix("%")) / (100 if text.endswith("%") else 1)
    except ValueError as error:
        raise BadRequest(USAGE) from error


def route_shown(standing: RouteStanding, person: str) -> RenderableType:
    """Show how requests are answered, what a verdict proposes, and the latest changes. Pure but for the clock."""
    now = datetime.now().astimezone()
    lines = [Text(printable(words)) for words in standing_words(standing)]
    for proposal in standing.proposals:
        tag = f" {proposal.tag}" if proposal.tag else ""
        lines.append(Text(printable(f"Proposed: {proposal.words} /route {proposal.share:g} {proposal.winner.arm}{tag}"), "bold"))
    lines += [Text(printable(change_words(standing, each, now, person)), "dim") for each in standing.changes[: -LATEST - 1 : -1]]
    return Group(*lines, Text(USAGE, "dim"))
