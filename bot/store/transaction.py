"""What can be asked of the store and changed in it, inside one transaction. All of the product's SQL."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

import aiosqlite

from bot.ballots import Ballot, Entrant
from bot.errors import UnknownDuel
from bot.store.records import AnswerRecord, DuelRecord, answer_of, answer_row, ballot_of, duel_of, duel_row, stamp
from bot.views import DuelSummary
from engine.contestants import Contestant
from engine.cost import Spent

_MET = "(SELECT contestant FROM answers WHERE duel = duels.id AND entrant = 0) AS first, "
_MET += "(SELECT contestant FROM answers WHERE duel = duels.id AND entrant = 1) AS second"

LOOKED_AT = 1000  # duels
OFFERED_CHARACTERS = 300  # a longer request is none that a button can hold


class Transaction:
    """Lives as long as the `reading` or `writing` block that gave it."""

    def __init__(self, connection: aiosqlite.Connection) -> None:
        self._connection = connection

    async def _rows(self, sql: str, values: Sequence[Any] | Mapping[str, Any] = ()) -> list[Any]:
        """Run a statement and return its rows. values: for ?, or in their order for ?1, ?2 …; a mapping for :name."""
        if "?1" in sql and not isinstance(values, Mapping):  # Python takes these for names, and from 3.14 on no sequence for names
            values = {str(number): value for number, value in enumerate(values, 1)}
        return list(await self._connection.execute_fetchall(sql, values))

    async def _insert(self, table: str, row: Mapping[str, Any], conflict: str = "") -> None:
        names = ", ".join(row)
        await self._connection.execute(
            f"INSERT INTO {table} ({names}) VALUES ({', '.join('?' * len(row))}) {conflict}", tuple(row.values())
        )

    # --- duels

    async def duel(self, duel_id: str) -> DuelRecord:
        """Raises UnknownDuel."""
        found = await self._duels("duels.id = ?", (duel_id,))
        if not found:
            raise UnknownDuel("There is no duel with this address.")
        return found[0]

    async def conversation(self, conversation: str) -> list[DuelRecord]:
        """Its duels in order. Raises UnknownDuel."""
        found = await self._duels("duels.conversation = ?", (conversation,))
        if not found:
            raise UnknownDuel("There is no conversation with this address.")
        return found

    async def _duels(self, where: str, values: Sequence[Any]) -> list[DuelRecord]:
        rows = await self._rows(f"SELECT * FROM duels WHERE {where} ORDER BY turn", values)
        answers: dict[str, dict[Entrant, AnswerRecord]] = {row["id"]: {} for row in rows}
        ballots: dict[str, list[Ballot]] = {row["id"]: [] for row in rows}
        for row in await self._rows(
            "SELECT answers.*, arm, recipe_name, recipe_version, adapter_name, adapter_version FROM duels "
            "JOIN answers ON answers.duel = duels.id JOIN contestants ON contestants.id = answers.contestant "
            f"WHERE {where} ORDER BY entrant",
            values,
        ):
            answers[row["duel"]][row["entrant"]] = answer_of(row)
        for row in await self._rows(f"SELECT ballots.* FROM duels JOIN ballots ON ballots.duel = duels.id WHERE {where}", values):
            ballots[row["duel"]].append(ballot_of(row))
        return [duel_of(row, answers[row["id"]], tuple(ballots[row["id"]])) for row in rows]

    async def start_conversation(self, conversation: str, now: datetime) -> None:
        await self._insert("conversations", {"id": conversation, "started_at": stamp(now)})

    async def add(self, duel: DuelRecord) -> None:
        """A new duel, without answers."""
        await self._insert("duels", duel_row(duel))

    async def save(self, duel: DuelRecord) -> None:
        """Write what may change in a duel: its state and all that comes with it. Answers and ballots have their own verbs."""
        row = duel_row(duel)
        names = ("state", "note", "answered_at", "closed_at", "closing", "closed_by", "identical", "carried", "carried_by")
        await self._connection.execute(
            f"UPDATE duels SET {', '.join(f'{name} = ?' for name in names)} WHERE id = ?", (*(row[name] for name in names), duel.id)
        )

    async def first_asked(self, request_key: str) -> str | None:
        """The first duel with this request, if there is one."""
        rows = await self._rows("SELECT id FROM duels WHERE request_key = ? ORDER BY rowid LIMIT 1", (request_key,))
        return rows[0]["id"] if rows else None

    async def asked_before(self, duel_id: str, request_keys: Sequence[str]) -> set[str]:
        """Which of these requests had been asked when this duel was."""
        rows = await self._rows(
            f"SELECT DISTINCT request_key FROM duels WHERE request_key IN ({', '.join('?' * len(request_keys))}) "
            "AND rowid < (SELECT rowid FROM duels WHERE id = ?)",
            (*request_keys, duel_id),
        )
        return {row["request_key"] for row in rows}

    async def differed_before(self, duel_id: str) -> str:
        """The latest request, of those that began a conversation on page or terminal, on which the two of this duel had differed.

        "": there is none among their latest LOOKED_AT, or this duel was asked in a channel: what is asked there is not told elsewhere.
        """
        rows = await self._rows(
            "SELECT request FROM (SELECT o.duel FROM outcomes AS own JOIN outcomes AS o "
            "  ON (o.first, o.second) = (own.first, own.second) AND o.closing < own.closing "
            f"  WHERE own.duel = ?1 AND NOT o.identical ORDER BY o.closing DESC LIMIT {LOOKED_AT}) "
            f"JOIN duels ON duels.id = duel WHERE turn = 1 AND length(request) BETWEEN 1 AND {OFFERED_CHARACTERS} "
            "AND NOT EXISTS (SELECT 1 FROM posts WHERE posts.duel IN (duels.id, ?1)) ORDER BY duels.closing DESC LIMIT 1",
            (duel_id,),
        )
        return rows[0]["request"] if rows else ""

    async def next_closing(self) -> int:
        """The number of the next duel to close."""
        [row] = await self._rows("SELECT coalesce(max(closing), 0) + 1 FROM duels")
        return int(row[0])

    async def void_unfinished(self, note: str) -> int:
        """Duels that a process left while they were being answered become void. Returns how many."""
        cursor = await self._connection.execute("UPDATE duels SET state = 'void', note = ? WHERE state = 'answering'", (note,))
        return cursor.rowcount

    # --- contestants, answers, ballots

    async def meet(self, contestants: Iterable[Contestant], now: datetime) -> None:
        """Spell the contestants out, so that any of their duels can be replayed. A new name for the same content replaces the old."""
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
            await self._insert(
                "contestants", row, f"ON CONFLICT (id) DO UPDATE SET {', '.join(f'{name} = excluded.{name}' for name in names)}"
            )

    async def add_answers(self, duel_id: str, answers: Mapping[Entrant, AnswerRecord]) -> None:
        for entrant, answer in sorted(answers.items()):  # entrant order, whoever came first
            await self._insert("answers", answer_row(duel_id, entrant, answer))

    async def put_ballot(self, ballot: Ballot) -> None:
        """Cast, or replace what the same voter cast before."""
        row = asdict(ballot) | {"cast_at": stamp(ballot.cast_at)}
        row = {"duel": row.pop("duel_id"), **row}
        await self._insert(
            "ballots",
            row,
            "ON CONFLICT (duel, voter) DO UPDATE SET verdict = excluded.verdict, entrant = excluded.entrant, cast_at = excluded.cast_at",
        )

    # --- over many duels

    async def history(self, limit: int, before: datetime | None, search: str) -> list[DuelSummary]:
        """Newest first; `search` is found in requests whatever its case."""
        rows = await self._rows(
            "SELECT *, (SELECT count(*) FROM ballots WHERE duel = duels.id) AS cast FROM duels "
            "WHERE (?1 IS NULL OR asked_at < ?1) AND (?2 = '' OR instr(fold(request), fold(?2))) "
            "ORDER BY asked_at DESC, rowid DESC LIMIT ?3",
            (before and stamp(before), search, limit),
        )
        return [
            DuelSummary(
                row["id"],
                row["conversation"],
                row["turn"],
                row["request"],
                datetime.fromisoformat(row["asked_at"]),
                row["state"],
                row["cast"],
            )
            for row in rows
        ]

    async def spent(self, pair: Sequence[str], limit: int) -> list[Spent]:
        """What the latest duels that this pair of contestants answered in full took, newest first."""
        rows = await self._rows(
            "SELECT max(queued_s + total_s) AS total_s, CASE WHEN count(usd) = 2 THEN sum(usd) END AS usd "
            "FROM duels JOIN answers ON answers.duel = duels.id WHERE duels.id IN ("
            f"  SELECT id FROM (SELECT id, asked_at, {_MET} FROM duels WHERE state IN ('open', 'closed')) "
            "   WHERE (first, second) IN (VALUES (?1, ?2), (?2, ?1)) ORDER BY asked_at DESC LIMIT ?3) "
            "GROUP BY duels.id ORDER BY asked_at DESC",
            (*pair, limit),
        )
        return [Spent(row["total_s"], row["usd"]) for row in rows]
