"""Ballots and guesses: at most one of each for a voter and a duel."""

from dataclasses import asdict
from datetime import datetime

from bot.ballots import Ballot, Entrant
from bot.store.records import stamp
from bot.store.transaction import Queries


class BallotRows(Queries):
    """Queries on ballots and guesses."""

    async def put(self, ballot: Ballot) -> None:
        """Write a ballot, in place of the one that the same voter cast before."""
        row = asdict(ballot) | {"cast_at": stamp(ballot.cast_at)}
        row = {"duel": row.pop("duel_id"), **row}
        await self._in.insert(
            "ballots",
            row,
            "ON CONFLICT (duel, voter) DO UPDATE SET verdict = excluded.verdict, entrant = excluded.entrant, cast_at = excluded.cast_at",
        )

    async def drop(self, duel: str, voter: str) -> None:
        """Delete a voter's ballot and guess."""
        for table in ("ballots", "guesses"):
            await self._in.run(f"DELETE FROM {table} WHERE duel = ? AND voter = ?", (duel, voter))

    async def put_guess(self, duel: str, voter: str, entrant: Entrant | None, now: datetime) -> None:
        """Write which entrant a voter takes for entrant 1, in place of an earlier guess; None: they cannot tell."""
        row = {"duel": duel, "voter": voter, "entrant": entrant, "guessed_at": stamp(now)}
        await self._in.insert(
            "guesses", row, "ON CONFLICT (duel, voter) DO UPDATE SET entrant = excluded.entrant, guessed_at = excluded.guessed_at"
        )
