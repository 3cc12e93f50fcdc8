"""The winner of a decision put to work: what it made meets from now on, and the side to take answers most requests alone."""

from bot.app.decisions import Decisions
from bot.app.routing import Routing
from bot.app.shelf import Shelf
from bot.app.versions import Versions
from bot.routes import PROPOSED_SHARE
from bot.views import Job
from bot.words import ARMS, percent, started
from engine.errors import BadRequest

REASON = "Decided on {file}."


class Serving:
    """Takes a decision's adapter and recipe into use, and the side that it advises."""

    def __init__(self, decisions: Decisions, shelf: Shelf, versions: Versions, routing: Routing) -> None:
        self._decisions, self._shelf, self._versions, self._routing = decisions, shelf, versions, routing

    async def serve(self, job: Job, person: str) -> str:
        """Let both sides of a decision meet, and the one to take answer all but a share of the requests alone. Returns a sentence.

        Each part is a change that can be taken back by itself. Raises BadRequest where the decision takes neither side, and what
        using its adapter or its recipe raises; then what was not reached yet stays as it is.
        """
        found = self._decisions.look(job)
        if found.take is None:
            raise BadRequest("This decision takes neither the prompt nor the fine-tune, so every request stays a duel.")
        adapter, recipe = self._decisions.made(job)
        reason = REASON.format(file=found.file)
        await self._shelf.use(adapter)
        version = self._versions.named(recipe)
        live = self._versions.live(None)
        if live is None or live.id != version.id:
            await self._versions.use(version.id, None, person, reason)
        await self._routing.change(person, share=PROPOSED_SHARE, winner=found.take, reason=reason)
        return f"{started(ARMS[found.take].named)} answers alone from now on; {percent(PROPOSED_SHARE)} of the requests stay duels."
