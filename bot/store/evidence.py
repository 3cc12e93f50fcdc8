"""What the store knows that is evidence: closed duels in closing order, the ledgers folded from them, and who the contestants are."""

import json
import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from bot.ballots import Ballot
from bot.evidence.duels import ClosedDuel, Pair, Took
from bot.store.records import ballot_of, stamp, who_of
from bot.store.transaction import Transaction
from bot.verdict import Filed, Sample, Scope, Told, Who, repeats
from bot.verdict.outcomes import BY_HAND, IDENTICAL, LEFT, LONGER, SHIFT, STRAIGHT, TRAINED_ON
from engine.contestants import Arm

SLICE = 2000
"""Closing numbers read at a time, so that a long rebuild lets others in between."""
KEPT = 64
"""Ledgers kept in the store; the longest unused go first."""

_SCOPE = """
    (o.first = :one AND o.second = :other OR o.first = :other AND o.second = :one)
    AND (:team IS NULL OR o.team = :team) AND (:tag IS NULL OR o.tag = :tag)
    AND (:since IS NULL OR o.closed_at >= :since) AND (:until IS NULL OR o.closed_at < :until)
"""
_BETWEEN = "o.closing > :after AND o.closing <= :upto"
_SPEAKS = "(o.ballots > 0 OR o.by_hand) AND NOT o.identical AND NOT o.trained_on"
_PACKED = (
    f"(o.closing * {SHIFT} + {LONGER} * CASE sign(o.second_characters - o.first_characters) WHEN 0 THEN 0 WHEN -1 THEN 1 ELSE 2 END "
    f"+ {BY_HAND} * o.by_hand + {TRAINED_ON} * o.trained_on + {IDENTICAL} * o.identical + {LEFT} * o.left_entrant "
    f"+ {STRAIGHT} * (o.first = :one))"
)
_ANSWERS = """
SELECT o.*,
    a.prompt_tokens AS first_prompt_tokens, b.prompt_tokens AS second_prompt_tokens,
    a.first_token_s AS first_first_token_s, b.first_token_s AS second_first_token_s,
    a.total_s AS first_total_s, b.total_s AS second_total_s, a.usd AS first_usd, b.usd AS second_usd
FROM outcomes AS o
    CROSS JOIN answers AS a ON a.duel = o.duel AND a.entrant = 0
    CROSS JOIN answers AS b ON b.duel = o.duel AND b.entrant = 1
"""


@dataclass(frozen=True, slots=True)
class Kept:
    """A ledger as stored."""

    closing: int
    state: str


@dataclass(frozen=True, slots=True)
class Met:
    """A contestant as stored, with what its recipe says."""

    who: Who
    recipe: dict[str, Any]
    recipe_digest: str
    adapter_digest: str | None
    adapter_folder: str | None
    base_name: str
    base_revision: str
    first_met_at: datetime


class Meeting(NamedTuple):
    """Two contestants and the duels of one team that they closed; times in UTC."""

    pair: Pair
    team: str | None
    duels: int
    began: int  # the first closing number
    last: int
    began_at: datetime
    last_at: datetime


@dataclass(frozen=True, slots=True)
class Life:
    """A contestant that went live."""

    contestant: str
    arm: Arm
    ready_at: datetime
    live_at: datetime

    @property
    def took_s(self) -> float:
        return max(0.0, (self.live_at - self.ready_at).total_seconds())


@dataclass(frozen=True, slots=True)
class Replay:
    """One side's times alone on a past request."""

    contestant: str
    first_token_s: float
    total_s: float
    first: bool  # ran before the other side


class EvidenceRows:
    """A transaction as evidence sees it."""

    def __init__(self, transaction: Transaction) -> None:
        self._in = transaction

    async def _do(self, sql: str, values: Any = ()) -> None:
        await self._in._rows(sql, values)

    # --- closed duels

    async def top(self) -> tuple[int, int]:
        """The epoch and the latest closing number."""
        [row] = await self._in._rows("SELECT (SELECT number FROM epochs) AS epoch, (SELECT coalesce(max(closing), 0) FROM duels) AS top")
        return row["epoch"], row["top"]

    async def before(self, since: datetime) -> int:
        """The closing number before the first duel that closed since then. Closing numbers rise with time."""
        sql = "SELECT coalesce(min(closing) - 1, (SELECT coalesce(max(closing), 0) FROM duels)) AS closing FROM duels "
        [row] = await self._in._rows(f"{sql} WHERE state = 'closed' AND closed_at >= ?", (stamp(since),))
        return int(row["closing"])

    async def filed(self, scope: Scope, after: int, upto: int) -> list[Filed]:
        """The scope's closed duels with closing numbers above `after` and up to `upto`, in that order."""
        values = _values(scope) | {"after": after, "upto": upto}
        where = f"WHERE {_BETWEEN} AND {_SCOPE} ORDER BY o.closing"
        rows = await self._in._rows(f"{_ANSWERS} {where}", values)
        if not rows:
            return []
        ids = (json.dumps([row["duel"] for row in rows]),)
        ballots: dict[str, list[Ballot]] = {}
        sql = "SELECT x.* FROM json_each(?) AS met CROSS JOIN ballots AS x ON x.duel = met.value"
        for row in await self._in._rows(sql, ids):
            ballots.setdefault(row["duel"], []).append(ballot_of(row))
        guesses: dict[str, list[tuple[str, bool | None]]] = {}
        for row in await self._in._rows(sql.replace("ballots", "guesses"), ids):
            right = None if row["entrant"] is None else row["entrant"] == 1
            guesses.setdefault(row["duel"], []).append((row["voter"], right))
        spent = await self.spent(scope, after, [row["unit"] for row in rows])
        repeated = repeats([row["unit"] for row in rows], [_speaks(row) for row in rows], spent)
        return [
            _filed(row, tuple(ballots.get(row["duel"], ())), tuple(guesses.get(row["duel"], ())), again)
            for row, again in zip(rows, repeated, strict=True)
        ]

    async def told(self, scope: Scope, after: int, upto: int) -> list[Told]:
        """As filed, but summed up and packed, for many duels at a time; in no order."""
        rows = await self._in._rows(
            f"SELECT group_concat({_PACKED} || ' ' || ballots, ' ') AS duels, group_concat(json_quote(tag), ',') AS tags, "
            f"group_concat(nullif(votes, ''), ' ') AS votes FROM outcomes AS o NOT INDEXED WHERE {_BETWEEN} AND {_SCOPE}",
            _values(scope) | {"after": after, "upto": upto},
        )
        return [Told(row["duels"], row["tags"], row["votes"] or "") for row in rows if row["duels"]]

    async def guessed(self, scope: Scope, after: int, upto: int) -> dict[int, float]:
        """Means of the guesses at the fine-tune, by closing number, of those duels in which somebody was asked."""
        rows = await self._in._rows(
            f"SELECT closing, guess FROM outcomes AS o NOT INDEXED WHERE guess IS NOT NULL AND {_BETWEEN} AND {_SCOPE}",
            _values(scope) | {"after": after, "upto": upto},
        )
        return {row["closing"]: row["guess"] for row in rows}

    async def repeated(self, scope: Scope, after: int, upto: int) -> set[int]:
        """Closing numbers of those duels whose request was spent by an earlier one of the scope."""
        rows = await self._in._rows(
            f"SELECT o.* FROM outcomes AS o INDEXED BY outcomes_shared WHERE shared AND {_BETWEEN} AND {_SCOPE} ORDER BY o.closing",
            _values(scope) | {"after": after, "upto": upto},
        )
        spent = await self.spent(scope, after, [row["unit"] for row in rows])
        again = repeats([row["unit"] for row in rows], [_speaks(row) for row in rows], spent)
        return {row["closing"] for row, repeated in zip(rows, again, strict=True) if repeated}

    async def voters(self) -> dict[int, str]:
        """Names by the numbers that stand for them in what is told."""
        return {row["number"]: row["name"] for row in await self._in._rows("SELECT * FROM voters")}

    async def spent(self, scope: Scope, upto: int, units: Iterable[str]) -> set[str]:
        """Those of these units that the scope's duels up to this closing number have spoken on."""
        among = "unit IN (SELECT value FROM json_each(:units)) AND closing <= :upto"
        sql = f"SELECT DISTINCT unit FROM outcomes AS o WHERE {among} AND {_SPEAKS}"
        values = _values(scope) | {"upto": upto, "units": json.dumps(list(units))}
        return {row["unit"] for row in await self._in._rows(f"{sql} AND {_SCOPE}", values)} if upto else set()

    async def samples(self, scope: Scope, upto: int, most: int) -> list[Sample]:
        """What the scope's latest duels took, in closing order and in the order of the pair."""
        latest = f"SELECT closing FROM outcomes AS o NOT INDEXED WHERE closing <= :upto AND {_SCOPE} ORDER BY closing DESC LIMIT :most"
        rows = await self._in._rows(
            f"{_ANSWERS} WHERE o.closing IN ({latest}) ORDER BY o.closing DESC", _values(scope) | {"upto": upto, "most": most}
        )
        found = [(_sample(row), row["first"] == scope.pair[0]) for row in reversed(rows)]
        return [sample if straight else sample.flipped() for sample, straight in found if sample]

    async def open(self, scope: Scope) -> int:
        """How many votes of the scope are still open."""
        [row] = await self._in._rows(
            "SELECT count(*) AS duels FROM (SELECT a.contestant AS first, b.contestant AS second, posts.team, "
            "coalesce(tags.tag, '') AS tag, d.asked_at AS closed_at FROM duels AS d "
            "CROSS JOIN answers AS a ON a.duel = d.id AND a.entrant = 0 CROSS JOIN answers AS b ON b.duel = d.id AND b.entrant = 1 "
            "LEFT JOIN posts ON posts.duel = d.id LEFT JOIN tags ON tags.duel = d.id WHERE d.state = 'open') AS o "
            f"WHERE {_SCOPE}",
            _values(scope),
        )
        return int(row["duels"])

    # --- ledgers

    async def ledger(self, scope: Scope) -> Kept | None:
        """What was kept of this scope, if it is not stale."""
        sql = "SELECT closing, state FROM ledgers WHERE scope = ? AND epoch = (SELECT number FROM epochs)"
        rows = await self._in._rows(sql, (scope.key,))
        return Kept(rows[0]["closing"], rows[0]["state"]) if rows else None

    async def keep(self, scope: Scope, epoch: int, kept: Kept, now: datetime) -> None:
        """Keep it, unless closed duels have changed since: it may name somebody who has been forgotten meanwhile."""
        if (await self.top())[0] != epoch:
            return
        row = {"scope": scope.key, "epoch": epoch, "closing": kept.closing, "state": kept.state, "used_at": stamp(now)}
        update = ", ".join(f"{name} = excluded.{name}" for name in row if name != "scope")
        await self._in._insert("ledgers", row, f"ON CONFLICT (scope) DO UPDATE SET {update}")
        await self._do("DELETE FROM ledgers WHERE scope NOT IN (SELECT scope FROM ledgers ORDER BY used_at DESC LIMIT ?)", (KEPT,))

    # --- tags, training data

    async def tag(self, duel: str, tag: str, by_rule: bool) -> None:
        await self._in._insert("tags", {"duel": duel, "tag": tag, "by_rule": int(by_rule)})

    async def mark_trained_on(self, duel: str) -> None:
        await self._in._insert("trained_on", {"duel": duel})

    async def tags(self, limit: int = 500) -> list[str]:
        """Tags in use, the most frequent first."""
        sql = "SELECT tag FROM tags GROUP BY tag ORDER BY count(*) DESC, tag LIMIT ?"
        return [row["tag"] for row in await self._in._rows(sql, (limit,))]

    async def teams(self, limit: int = 500) -> list[str]:
        sql = "SELECT team FROM posts WHERE team IS NOT NULL GROUP BY team ORDER BY count(*) DESC LIMIT ?"
        return [row["team"] for row in await self._in._rows(sql, (limit,))]

    # --- contestants

    async def contestants(self) -> dict[str, Met]:
        """All that ever met, the earliest first."""
        rows = await self._in._rows("SELECT * FROM contestants ORDER BY first_met_at, id")
        return {row["id"]: _contestant(row) for row in rows}

    async def met(self, after: int, upto: int) -> list[Meeting]:
        """Contestants (in the order of their ids) and teams that closed duels with these closing numbers."""
        rows = await self._in._rows(
            "SELECT min(first, second) AS one, max(first, second) AS other, team, count(*) AS duels, min(closing) AS began, "
            "max(closing) AS last, min(closed_at) AS began_at, max(closed_at) AS last_at "
            "FROM outcomes WHERE closing > ? AND closing <= ? GROUP BY one, other, team",
            (after, upto),
        )
        moments = ("began_at", "last_at")
        return [
            Meeting(
                (row["one"], row["other"]),
                row["team"],
                row["duels"],
                row["began"],
                row["last"],
                *(datetime.fromisoformat(row[name]) for name in moments),
            )
            for row in rows
        ]

    async def live(self, contestant: str, ready_at: datetime, now: datetime) -> None:
        """Note when a contestant first could answer; later notes change nothing."""
        row = {"contestant": contestant, "ready_at": stamp(min(ready_at, now)), "live_at": stamp(now)}
        await self._in._insert("lives", row, "ON CONFLICT (contestant) DO NOTHING")

    async def lives(self) -> list[Life]:
        """In the order in which they went live."""
        rows = await self._in._rows("SELECT lives.*, arm FROM lives JOIN contestants ON id = contestant ORDER BY live_at")
        moments = (("ready_at", "live_at"),)
        return [
            Life(row["contestant"], Arm(row["arm"]), *(datetime.fromisoformat(row[name]) for names in moments for name in names))
            for row in rows
        ]

    # --- replays

    async def to_replay(self, pair: Sequence[str], most: int) -> tuple[int, list[str]]:
        """How many duels of this pair were replayed, and the latest ones to replay next, up to `most` in all."""
        met = (
            "FROM answers AS a JOIN answers AS b ON b.duel = a.duel AND b.entrant = 1 JOIN duels ON duels.id = a.duel "
            "WHERE a.entrant = 0 AND (a.contestant, b.contestant) IN (VALUES (?1, ?2), (?2, ?1)) "
        )
        [row] = await self._in._rows(f"SELECT count(*) AS done {met} AND a.duel IN (SELECT duel FROM replays)", tuple(pair))
        left = max(0, most - row["done"])
        rows = await self._in._rows(
            f"SELECT a.duel {met} AND state IN ('open', 'closed') AND request != '' AND a.duel NOT IN (SELECT duel FROM replays) "
            "ORDER BY asked_at DESC LIMIT ?3",
            (*pair, left),
        )
        return row["done"], [row["duel"] for row in rows]

    async def put_replays(self, duel: str, replays: Sequence[Replay], now: datetime) -> None:
        for each in replays:
            times = {"first_token_s": each.first_token_s, "total_s": each.total_s, "first": int(each.first)}
            await self._in._insert("replays", {"duel": duel, "contestant": each.contestant, **times, "replayed_at": stamp(now)})

    async def alone(self, pair: Sequence[str]) -> list[tuple[tuple[float, float], tuple[float, float]]]:
        """Seconds to the first token and in full, both sides in the order of the pair, of every replay."""
        rows = await self._in._rows(
            "SELECT a.first_token_s AS one, b.first_token_s AS other, a.total_s AS one_total, b.total_s AS other_total "
            "FROM replays AS a JOIN replays AS b ON b.duel = a.duel WHERE a.contestant = ? AND b.contestant = ? ORDER BY a.replayed_at",
            tuple(pair),
        )
        return [((row["one"], row["other"]), (row["one_total"], row["other_total"])) for row in rows]

    # --- money and rates

    async def asked_since(self, since: datetime) -> int:
        """Duels asked since then, of everybody."""
        [row] = await self._in._rows("SELECT count(*) AS asked FROM duels WHERE asked_at >= ?", (stamp(since),))
        return int(row["asked"])

    async def spent_since(self, since: datetime, team: str | None) -> float:
        """US dollars that answers cost since then: of one team, or (None) of all that was asked outside of teams."""
        [row] = await self._in._rows(
            "SELECT coalesce(sum(usd), 0) AS usd FROM duels JOIN answers ON answers.duel = duels.id "
            "LEFT JOIN posts ON posts.duel = duels.id WHERE asked_at >= ? AND posts.team IS ?",
            (stamp(since), team),
        )
        return float(row["usd"])

    async def team_of(self, duel: str) -> str | None:
        rows = await self._in._rows("SELECT team FROM posts WHERE duel = ?", (duel,))
        return rows[0]["team"] if rows else None


def _values(scope: Scope) -> dict[str, Any]:
    """What _SCOPE asks for."""
    return {
        "one": scope.pair[0],
        "other": scope.pair[1],
        "team": scope.team,
        "tag": scope.tag,
        "since": scope.since and stamp(scope.since),
        "until": scope.until and stamp(scope.until),
    }


def _speaks(row: sqlite3.Row) -> bool:
    return bool((row["ballots"] or row["by_hand"]) and not row["identical"] and not row["trained_on"])


def _sample(row: sqlite3.Row) -> Sample | None:
    """In the order of the duel's entrants; None when a side's usage is unknown."""
    if row["first_total_s"] is None or row["second_total_s"] is None:
        return None
    names = ("prompt_tokens", "first_token_s", "total_s", "usd")
    return Sample(*((row[f"first_{name}"], row[f"second_{name}"]) for name in names))


def _filed(row: sqlite3.Row, ballots: tuple[Ballot, ...], guesses: tuple[tuple[str, bool | None], ...], repeated: bool) -> Filed:
    took: Sequence[Took] = [
        Took(row[f"{one}_characters"], row[f"{one}_first_token_s"], row[f"{one}_total_s"], row[f"{one}_usd"]) for one in ("first", "second")
    ]
    duel = ClosedDuel(
        number=row["closing"],
        entrants=(row["first"], row["second"]),
        left=row["left_entrant"],
        ballots=ballots,
        took=(took[0], took[1]),
        tag=row["tag"],
        identical=bool(row["identical"]),
        trained_on=bool(row["trained_on"]),
        by_hand=bool(row["by_hand"]),
        repeated=repeated,
        guesses=guesses,
    )
    return Filed(duel, _sample(row))


def _contestant(row: sqlite3.Row) -> Met:
    return Met(
        who=who_of(row, row["id"]),
        recipe=json.loads(row["recipe"]),
        recipe_digest=row["recipe_digest"],
        adapter_digest=row["adapter_digest"],
        adapter_folder=row["adapter_folder"],
        base_name=row["base_name"],
        base_revision=row["base_revision"],
        first_met_at=datetime.fromisoformat(row["first_met_at"]),
    )
