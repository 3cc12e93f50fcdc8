"""Collecting: votes of several people outside of channels, the names that they chose, and what waits for somebody's vote."""

from dataclasses import replace
from datetime import timedelta

from bot.app.blind import show
from bot.app.closing import Deadlines, close_vote, is_complete
from bot.app.core import Core
from bot.errors import BallotRefused
from bot.store.ballots import BallotRows
from bot.store.duels import DuelRows
from bot.store.lists import ListRows
from bot.store.posts import PostRows
from bot.views import DuelView
from engine.errors import BadRequest
from engine.printable import one_line

LEAST, MOST = 2, 50  # people
LEAST_HOURS, MOST_HOURS = 1 / 60, 24 * 90.0
NAME_CHARACTERS = 40
MOST_WAITING = 200  # duels that are listed at a time


class Collecting:
    """Opens duels of page and terminal to the votes of several people."""

    def __init__(self, core: Core, deadlines: Deadlines) -> None:
        self._core, self._deadlines = core, deadlines

    async def collect(self, duel: str, person: str, *, quorum: int, hours: float) -> DuelView:
        """Have so many people vote on an open duel, until that many have or the hours are over.

        Nothing of the result is known by then, so that nobody chooses by it how many votes count.
        Raises BadRequest, BallotRefused, UnknownDuel.
        """
        check_quorum(quorum)
        if not LEAST_HOURS <= hours <= MOST_HOURS:
            raise BadRequest(f"A vote is open for up to {MOST_HOURS / 24:g} days; choose a nearer end.")
        return await self._core.changes.whole(self._collect(duel, person, quorum, hours))

    async def _collect(self, duel: str, person: str, quorum: int, hours: float) -> DuelView:
        async with self._core.store.writing() as change:
            record = await DuelRows(change).duel(duel)
            if record.asker != person or await PostRows(change).of(duel):
                raise BallotRefused("Only the one who asked, where they asked, can collect votes on this.")
            if record.state != "open":
                raise BallotRefused("Votes can be collected once both answers are complete, until the vote has closed.")
            if record.collects:
                raise BallotRefused("Votes on this are being collected already; how many and until when stays as it is.")
            record = replace(record, quorum=quorum, ends_at=self._core.now() + timedelta(hours=hours))
            await DuelRows(change).save(record)
            if is_complete(record):
                record, _ = await close_vote(change, record, None, self._core.now(), by="quorum", closer=person)
        self._deadlines.changed()
        self._core.running.signals.of(duel).wake()
        return show(record, person)

    async def name(self, voter: str) -> str:
        """Read the name that somebody votes under; "": they have chosen none yet."""
        async with self._core.store.reading() as look:
            return await BallotRows(look).name(voter)

    async def call(self, voter: str, name: str) -> str:
        """Keep the name that somebody votes under, and return it as it is shown once votes have closed. Raises BadRequest."""
        name = one_line(name)
        if not name:
            raise BadRequest("Write the name that the others know you by.")
        if len(name) > NAME_CHARACTERS:
            raise BadRequest(f"A name has at most {NAME_CHARACTERS} characters.")
        async with self._core.store.writing() as change:
            await BallotRows(change).put_name(voter, name)
        return name

    async def waiting(self, voter: str) -> list[str]:
        """List the open duels that somebody may vote on and has not, the oldest first.

        They are their own, those that collect votes, and those that programs asked.
        Those of channels wait there, and those of two versions of a recipe beside the recipes.
        """
        async with self._core.store.reading() as look:
            return await ListRows(look).waiting(voter, MOST_WAITING)


def check_quorum(quorum: int) -> None:
    """Refuse a number of people that cannot be meant. Raises BadRequest. Pure."""
    if not LEAST <= quorum <= MOST:
        raise BadRequest(f"Votes are collected from {LEAST} to {MOST} people; {quorum} is not among these.")
