"""Ballots, guesses and reasons: at most one of each for a voter and a duel; and the names that voters chose."""

import json
from dataclasses import asdict
from datetime import datetime

from bot.ballots import Ballot, Entrant, Reason
from bot.store.records import stamp
from bot.store.transaction import Queries


class BallotRows(Queries):
    """Queries on ballots and what voters have added to them."""

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
        """Delete a voter's ballot with its guess and its reason."""
        for table in ("ballots", "guesses", "reasons"):
            await self._in.run(f"DELETE FROM {table} WHERE duel = ? AND voter = ?", (duel, voter))

    async def put_guess(self, duel: str, voter: str, entrant: Entrant | None, now: datetime) -> None:
        """Write which entrant a voter takes for entrant 1, in place of an earlier guess; None: they cannot tell."""
        row = {"duel": duel, "voter": voter, "entrant": entrant, "guessed_at": stamp(now)}
        await self._in.insert(
            "guesses", row, "ON CONFLICT (duel, voter) DO UPDATE SET entrant = excluded.entrant, guessed_at = excluded.guessed_at"
        )

    async def put_reason(self, duel: str, voter: str, reason: Reason, now: datetime) -> None:
        """Write why a voter voted as they did, in place of what they said before."""
        row = {"duel": duel, "voter": voter, "kinds": json.dumps([*reason.kinds]), "words": reason.words, "blind": int(reason.blind)}
        changed = ", ".join(f"{name} = excluded.{name}" for name in ("kinds", "words", "blind", "given_at"))
        await self._in.insert("reasons", row | {"given_at": stamp(now)}, f"ON CONFLICT (duel, voter) DO UPDATE SET {changed}")

    async def drop_reason(self, duel: str, voter: str) -> None:
        """Delete why a voter voted as they did; the ballot stays."""
        await self._in.run("DELETE FROM reasons WHERE duel = ? AND voter = ?", (duel, voter))

    async def name(self, voter: str) -> str:
        """Read the name that somebody votes under outside of channels; "": they have chosen none."""
        rows = await self._in.rows("SELECT name FROM voter_names WHERE voter = ?", (voter,))
        return rows[0]["name"] if rows else ""

    async def put_name(self, voter: str, name: str) -> None:
        """Write the name that somebody votes under."""
        await self._in.insert("voter_names", {"voter": voter, "name": name}, "ON CONFLICT (voter) DO UPDATE SET name = excluded.name")
