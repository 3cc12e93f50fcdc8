"""Ledgers: the folded evidence of a scope up to a closing number, kept so that a start need not read every duel."""

from dataclasses import dataclass
from datetime import datetime

from bot.store.evidence import EvidenceRows
from bot.store.records import stamp
from bot.store.transaction import Queries
from bot.verdict import Scope

KEPT = 64  # ledgers in the store; the longest unused go first


@dataclass(frozen=True, slots=True)
class Kept:
    """A ledger as text."""

    closing: int  # number up to which duels are folded
    state: str


class LedgerRows(Queries):
    """Queries on ledgers."""

    async def of(self, scope: Scope) -> Kept | None:
        """Read what was kept of this scope; None: nothing, or it is stale."""
        sql = "SELECT closing, state FROM ledgers WHERE scope = ? AND epoch = (SELECT number FROM epochs)"
        rows = await self._in.rows(sql, (scope.key,))
        return Kept(rows[0]["closing"], rows[0]["state"]) if rows else None

    async def keep(self, scope: Scope, epoch: int, kept: Kept, now: datetime) -> None:
        """Keep a ledger, unless closed duels have changed since: it may name somebody who has been forgotten meanwhile."""
        if (await EvidenceRows(self._in).top())[0] != epoch:
            return
        row = {"scope": scope.key, "epoch": epoch, "closing": kept.closing, "state": kept.state, "used_at": stamp(now)}
        update = ", ".join(f"{name} = excluded.{name}" for name in row if name != "scope")
        await self._in.insert("ledgers", row, f"ON CONFLICT (scope) DO UPDATE SET {update}")
        await self._in.run("DELETE FROM ledgers WHERE scope NOT IN (SELECT scope FROM ledgers ORDER BY used_at DESC LIMIT ?)", (KEPT,))
