"""Replays: past requests answered again by each side alone, so that latency can be compared fairly."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from bot.store.records import stamp
from bot.store.transaction import Queries


@dataclass(frozen=True, slots=True)
class Replay:
    """One side's times alone on a past request."""

    contestant: str
    first_token_s: float
    total_s: float
    first: bool  # ran before the other side


class ReplayRows(Queries):
    """Queries on replays."""

    async def waiting(self, pair: Sequence[str], most: int) -> tuple[int, list[str]]:
        """Count the pair's duels that were replayed, and find the latest ones to replay next, up to `most` in all.

        A duel on a request that a side was made with is none of them: what a model knows by heart may be shorter.
        """
        met = (
            "FROM answers AS a JOIN answers AS b ON b.duel = a.duel AND b.entrant = 1 JOIN duels ON duels.id = a.duel "
            "WHERE a.entrant = 0 AND (a.contestant, b.contestant) IN (VALUES (?1, ?2), (?2, ?1)) "
        )
        [row] = await self._in.rows(f"SELECT count(*) AS done {met} AND a.duel IN (SELECT duel FROM replays)", tuple(pair))
        left = max(0, most - row["done"])
        rows = await self._in.rows(
            f"SELECT a.duel {met} AND state IN ('open', 'closed') AND request != '' AND a.duel NOT IN (SELECT duel FROM replays) "
            "AND a.duel NOT IN (SELECT duel FROM trained_on) "
            "ORDER BY asked_at DESC LIMIT ?3",
            (*pair, left),
        )
        return row["done"], [row["duel"] for row in rows]

    async def put(self, duel: str, replays: Sequence[Replay], now: datetime) -> None:
        """Keep how long a duel's sides took alone."""
        for each in replays:
            times = {"first_token_s": each.first_token_s, "total_s": each.total_s, "first": int(each.first)}
            await self._in.insert("replays", {"duel": duel, "contestant": each.contestant, **times, "replayed_at": stamp(now)})

    async def alone(self, pair: Sequence[str]) -> list[tuple[tuple[float, float], tuple[float, float]]]:
        """Read seconds to the first token and in full, both sides in the order of the pair, of every replay."""
        rows = await self._in.rows(
            "SELECT a.first_token_s AS one, b.first_token_s AS other, a.total_s AS one_total, b.total_s AS other_total "
            "FROM replays AS a JOIN replays AS b ON b.duel = a.duel WHERE a.contestant = ? AND b.contestant = ? ORDER BY a.replayed_at",
            tuple(pair),
        )
        return [((row["one"], row["other"]), (row["one_total"], row["other_total"])) for row in rows]
