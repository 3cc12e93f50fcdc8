"""Contestants: spelled out when they first meet, when they went live, and who met whom."""

import json
import sqlite3
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import NamedTuple

from bot.evidence.duels import Pair
from bot.store.records import ContestantRecord, contestant_of, stamp
from bot.store.transaction import Queries
from engine.contestants import Arm, Contestant


class Meeting(NamedTuple):
    """Two contestants and the duels of one team that they closed."""

    pair: Pair  # in the order of their ids
    team: str | None
    duels: int
    began: int  # closing number of the first
    last: int
    began_at: datetime  # UTC
    last_at: datetime


@dataclass(frozen=True, slots=True)
class Life:
    """The beginning of a contestant: its parts were ready, then it could answer."""

    contestant: str
    arm: Arm
    ready_at: datetime  # UTC
    live_at: datetime

    @property
    def took_s(self) -> float:
        """Seconds between the two."""
        return max(0.0, (self.live_at - self.ready_at).total_seconds())


class ContestantRows(Queries):
    """Queries on contestants."""

    async def meet(self, contestants: Iterable[Contestant], now: datetime) -> None:
        """Spell contestants out, so that any of their duels can be replayed. A new name for the same content replaces the old."""
        for contestant in contestants:
            recipe, adapter, base = contestant.recipe, contestant.adapter, contestant.base
            row = {
                "id": contestant.id,
                "arm": contestant.arm,
                "recipe_name": recipe.name,
                "recipe_version": recipe.version,
                "recipe_digest": recipe.digest,
                "recipe": json.dumps(asdict(recipe), ensure_ascii=False),
                "adapter_name": adapter and adapter.name,
                "adapter_version": adapter and adapter.version,
                "adapter_digest": adapter and adapter.digest,
                "adapter_folder": adapter and adapter.folder,
                "base_name": base.name,
                "base_revision": base.revision,
                "base_context_tokens": base.context_tokens,
                "base_parameters": base.parameters,
                "base_dtype": base.dtype,
                "base_quantisation": base.quantisation,
                "base_more_ends": json.dumps(base.more_ends),
                "first_met_at": stamp(now),
            }
            names = (
                *("recipe_name", "recipe_version", "recipe", "adapter_name", "adapter_version", "adapter_folder", "base_name"),
                *("base_dtype", "base_quantisation", "base_more_ends"),  # NULL in rows of earlier versions
            )
            await self._in.insert(
                "contestants", row, f"ON CONFLICT (id) DO UPDATE SET {', '.join(f'{name} = excluded.{name}' for name in names)}"
            )

    async def all(self) -> dict[str, ContestantRecord]:
        """Read all that ever met, by their ids, the earliest first."""
        rows = await self._in.rows("SELECT * FROM contestants ORDER BY first_met_at, id")
        return {row["id"]: contestant_of(row) for row in rows}

    async def meetings(self, after: int, upto: int) -> list[Meeting]:
        """Sum up who met in which team, over the duels with closing numbers above `after` and up to `upto`."""
        rows = await self._in.rows(
            "SELECT min(first, second) AS one, max(first, second) AS other, team, count(*) AS duels, min(closing) AS began, "
            "max(closing) AS last, min(closed_at) AS began_at, max(closed_at) AS last_at "
            "FROM outcomes WHERE closing > ? AND closing <= ? GROUP BY one, other, team",
            (after, upto),
        )
        return [_meeting(row) for row in rows]

    async def live(self, contestant: str, ready_at: datetime, now: datetime) -> None:
        """Note when a contestant first could answer; later notes change nothing."""
        row = {"contestant": contestant, "ready_at": stamp(min(ready_at, now)), "live_at": stamp(now)}
        await self._in.insert("lives", row, "ON CONFLICT (contestant) DO NOTHING")

    async def lives(self) -> list[Life]:
        """Read when contestants went live, the earliest first."""
        rows = await self._in.rows("SELECT lives.*, arm FROM lives JOIN contestants ON id = contestant ORDER BY live_at")
        return [
            Life(row["contestant"], Arm(row["arm"]), datetime.fromisoformat(row["ready_at"]), datetime.fromisoformat(row["live_at"]))
            for row in rows
        ]


def _meeting(row: sqlite3.Row) -> Meeting:
    moments = (datetime.fromisoformat(row[name]) for name in ("began_at", "last_at"))
    return Meeting((row["one"], row["other"]), row["team"], row["duels"], row["began"], row["last"], *moments)
