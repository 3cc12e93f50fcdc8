"""Evidence: what closed duels of a scope say, in closing order, whole or summed up."""

import json
import sqlite3
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from bot.ballots import Ballot
from bot.evidence.duels import ClosedDuel, Took
from bot.store.records import ballot_of, stamp
from bot.store.transaction import Queries
from bot.verdict import Filed, Sample, Scope, Told, repeats
from bot.verdict.outcomes import BY_HAND, IDENTICAL, LEFT, LONGER, SAYS_WHO, SHIFT, STRAIGHT, TRAINED_ON

SLICE = 2000  # closing numbers read at a time, so that a long rebuild lets others in between

_SCOPE = """
    (o.first = :one AND o.second = :other OR o.first = :other AND o.second = :one)
    AND (:team IS NULL OR o.team = :team) AND (:tag IS NULL OR o.tag = :tag)
    AND (:since IS NULL OR o.closed_at >= :since) AND (:until IS NULL OR o.closed_at < :until)
"""
_BETWEEN = "o.closing > :after AND o.closing <= :upto"
_SAYS_WHO = "o.duel IN (SELECT id FROM duels WHERE says_who != '')"
_SPEAKS = f"(o.ballots > 0 OR o.by_hand) AND NOT o.identical AND NOT o.trained_on AND NOT {_SAYS_WHO}"
_PACKED = (
    f"(o.closing * {SHIFT} + {LONGER} * CASE sign(o.second_characters - o.first_characters) WHEN 0 THEN 0 WHEN -1 THEN 1 ELSE 2 END "
    f"+ {BY_HAND} * o.by_hand + {TRAINED_ON} * o.trained_on + {IDENTICAL} * o.identical "
    f"+ {SAYS_WHO} * ({_SAYS_WHO}) + {LEFT} * o.left_entrant "
    f"+ {STRAIGHT} * (o.first = :one))"
)
_ANSWERS = f"""
SELECT o.*, {_SAYS_WHO} AS says_who,
    a.prompt_tokens AS first_prompt_tokens, b.prompt_tokens AS second_prompt_tokens,
    a.first_token_s AS first_first_token_s, b.first_token_s AS second_first_token_s,
    a.total_s AS first_total_s, b.total_s AS second_total_s, a.usd AS first_usd, b.usd AS second_usd,
    EXISTS (SELECT 1 FROM rematches WHERE rematches.duel = o.duel)
        OR EXISTS (SELECT 1 FROM duels WHERE duels.id = o.duel AND served IS NOT NULL) AS apart  -- answers of different moments
FROM outcomes AS o
    CROSS JOIN answers AS a ON a.duel = o.duel AND a.entrant = 0
    CROSS JOIN answers AS b ON b.duel = o.duel AND b.entrant = 1
"""


class EvidenceRows(Queries):
    """Queries on closed duels as evidence, and on open ones that will be."""

    async def top(self) -> tuple[int, int]:
        """Read the epoch and the latest closing number."""
        [row] = await self._in.rows("SELECT (SELECT number FROM epochs) AS epoch, (SELECT coalesce(max(closing), 0) FROM duels) AS top")
        return row["epoch"], row["top"]

    async def before(self, since: datetime) -> int:
        """Find the closing number before the first duel that closed since then. Closing numbers rise with time."""
        sql = "SELECT coalesce(min(closing) - 1, (SELECT coalesce(max(closing), 0) FROM duels)) AS closing FROM duels "
        [row] = await self._in.rows(f"{sql} WHERE state = 'closed' AND closed_at >= ?", (stamp(since),))
        return int(row["closing"])

    async def filed(self, scope: Scope, after: int, upto: int) -> list[Filed]:
        """Read the scope's closed duels with closing numbers above `after` and up to `upto`, in that order."""
        values = _values(scope) | {"after": after, "upto": upto}
        where = f"WHERE {_BETWEEN} AND {_SCOPE} ORDER BY o.closing"
        rows = await self._in.rows(f"{_ANSWERS} {where}", values)
        if not rows:
            return []
        ids = (json.dumps([row["duel"] for row in rows]),)
        ballots: dict[str, list[Ballot]] = {}
        sql = "SELECT x.* FROM json_each(?) AS met CROSS JOIN ballots AS x ON x.duel = met.value"
        for row in await self._in.rows(sql, ids):
            ballots.setdefault(row["duel"], []).append(ballot_of(row))
        guesses: dict[str, list[tuple[str, bool | None]]] = {}
        for row in await self._in.rows(sql.replace("ballots", "guesses"), ids):
            right = None if row["entrant"] is None else row["entrant"] == 1
            guesses.setdefault(row["duel"], []).append((row["voter"], right))
        spent = await self.spent(scope, after, [row["unit"] for row in rows])
        repeated = repeats([row["unit"] for row in rows], [_speaks(row) for row in rows], spent)
        return [
            _filed(row, tuple(ballots.get(row["duel"], ())), tuple(guesses.get(row["duel"], ())), again)
            for row, again in zip(rows, repeated, strict=True)
        ]

    async def told(self, scope: Scope, after: int, upto: int) -> list[Told]:
        """Read the same as `filed`, summed up and packed for many duels at a time; in no order."""
        rows = await self._in.rows(
            f"SELECT group_concat({_PACKED} || ' ' || ballots, ' ') AS duels, group_concat(json_quote(tag), ',') AS tags, "
            f"group_concat(nullif(votes, ''), ' ') AS votes FROM outcomes AS o NOT INDEXED WHERE {_BETWEEN} AND {_SCOPE}",
            _values(scope) | {"after": after, "upto": upto},
        )
        return [Told(row["duels"], row["tags"], row["votes"] or "") for row in rows if row["duels"]]

    async def guessed(self, scope: Scope, after: int, upto: int) -> dict[int, float]:
        """Read means of the guesses at the fine-tune, by closing number, of those duels in which somebody was asked."""
        rows = await self._in.rows(
            f"SELECT closing, guess FROM outcomes AS o NOT INDEXED WHERE guess IS NOT NULL AND {_BETWEEN} AND {_SCOPE}",
            _values(scope) | {"after": after, "upto": upto},
        )
        return {row["closing"]: row["guess"] for row in rows}

    async def repeated(self, scope: Scope, after: int, upto: int) -> set[int]:
        """Find closing numbers of those duels whose request was spent by an earlier one of the scope."""
        rows = await self._in.rows(
            f"SELECT o.*, {_SAYS_WHO} AS says_who FROM outcomes AS o INDEXED BY outcomes_shared "
            f"WHERE shared AND {_BETWEEN} AND {_SCOPE} ORDER BY o.closing",
            _values(scope) | {"after": after, "upto": upto},
        )
        spent = await self.spent(scope, after, [row["unit"] for row in rows])
        again = repeats([row["unit"] for row in rows], [_speaks(row) for row in rows], spent)
        return {row["closing"] for row, repeated in zip(rows, again, strict=True) if repeated}

    async def voters(self) -> dict[int, str]:
        """Read voters' names by the numbers that stand for them in `told`."""
        return {row["number"]: row["name"] for row in await self._in.rows("SELECT * FROM voters")}

    async def spent(self, scope: Scope, upto: int, units: Iterable[str]) -> set[str]:
        """Find those of these units that the scope's duels up to this closing number have spoken on, or that a person read a single on."""
        among = "unit IN (SELECT value FROM json_each(:units)) AND closing <= :upto"
        sql = f"SELECT DISTINCT unit FROM outcomes AS o WHERE {among} AND {_SPEAKS}"
        values = _values(scope) | {"upto": upto, "units": json.dumps(list(units))}
        singles = "SELECT id AS unit FROM duels WHERE kind = 'single' AND id IN (SELECT value FROM json_each(:units))"
        return {row["unit"] for row in await self._in.rows(f"{sql} AND {_SCOPE} UNION {singles}" if upto else singles, values)}

    async def samples(self, scope: Scope, upto: int, most: int) -> list[Sample]:
        """Read what the scope's latest duels took, in closing order and in the order of the pair."""
        latest = f"SELECT closing FROM outcomes AS o NOT INDEXED WHERE closing <= :upto AND {_SCOPE} ORDER BY closing DESC LIMIT :most"
        rows = await self._in.rows(
            f"{_ANSWERS} WHERE o.closing IN ({latest}) ORDER BY o.closing DESC", _values(scope) | {"upto": upto, "most": most}
        )
        found = [(_sample(row), row["first"] == scope.pair[0]) for row in reversed(rows)]
        return [sample if straight else sample.flipped() for sample, straight in found if sample]

    async def open(self, scope: Scope) -> int:
        """Count votes of the scope that are still open."""
        [row] = await self._in.rows(
            "SELECT count(*) AS duels FROM (SELECT a.contestant AS first, b.contestant AS second, posts.team, "
            "coalesce(tags.tag, '') AS tag, d.asked_at AS closed_at FROM duels AS d "
            "CROSS JOIN answers AS a ON a.duel = d.id AND a.entrant = 0 CROSS JOIN answers AS b ON b.duel = d.id AND b.entrant = 1 "
            "LEFT JOIN posts ON posts.duel = d.id LEFT JOIN tags ON tags.duel = d.id WHERE d.state = 'open') AS o "
            f"WHERE {_SCOPE}",
            _values(scope),
        )
        return int(row["duels"])

    async def served(self, scope: Scope) -> int:
        """Count closed duels of the scope of which a program had got one answer at once."""
        [row] = await self._in.rows(
            "SELECT count(*) AS duels FROM duels CROSS JOIN outcomes AS o ON o.duel = duels.id "
            f"WHERE duels.served IS NOT NULL AND {_SCOPE}",
            _values(scope),
        )
        return int(row["duels"])

    async def requests(self) -> list[str]:
        """Read the requests of all closed duels that are evidence for somebody, each once, as they were first asked."""
        rows = await self._in.rows(
            "SELECT request FROM duels WHERE state = 'closed' AND request != '' AND id IN (SELECT duel FROM ballots) "
            "AND id NOT IN (SELECT duel FROM trained_on) GROUP BY request ORDER BY min(asked_at)"
        )
        return [row["request"] for row in rows]

    async def mark_trained_on(self, duel: str) -> None:
        """Keep that a side of this duel was made with its request, as training row or example, so that it is no evidence."""
        await self._in.insert("trained_on", {"duel": duel})


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
    left_out = row["identical"] or row["trained_on"] or row["says_who"]
    return bool((row["ballots"] or row["by_hand"]) and not left_out)


def _sample(row: sqlite3.Row) -> Sample | None:
    """In the order of the duel's entrants; None when a side's usage is unknown, or its answers were written at different times."""
    if row["apart"] or row["first_total_s"] is None or row["second_total_s"] is None:
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
        says_who=bool(row["says_who"]),
        by_hand=bool(row["by_hand"]),
        repeated=repeated,
        guesses=guesses,
    )
    return Filed(duel, _sample(row))
