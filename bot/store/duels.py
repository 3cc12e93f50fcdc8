"""Duels with their answers and ballots: read whole, begun, changed."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from bot.ballots import Entrant
from bot.errors import UnknownDuel
from bot.store.records import AnswerRecord, DuelRecord, answer_of, answer_row, duel_of, duel_row, stamp
from bot.store.transaction import Queries

LOOKED_AT = 1000  # duels of a pair, the latest, among which a request on which they differed is looked for
OFFERED_CHARACTERS = 300  # a longer request is none that a button can hold
CHANGING = (  # columns of a duel that change after it was asked
    *("kind", "state", "note", "answered_at", "closed_at", "closing", "closed_by", "identical", "carried", "carried_by", "says_who"),
    *("quorum", "ends_at"),
)


class DuelRows(Queries):
    """Queries on duels."""

    async def duel(self, duel: str) -> DuelRecord:
        """Read a duel. Raises UnknownDuel."""
        found = await self.matching("duels.id = ?", (duel,))
        if not found:
            raise UnknownDuel("There is no duel with this address.")
        return found[0]

    async def conversation(self, conversation: str) -> list[DuelRecord]:
        """Read a conversation's duels, in order. Raises UnknownDuel."""
        found = await self.matching("duels.conversation = ?", (conversation,))
        if not found:
            raise UnknownDuel("There is no conversation with this address.")
        return found

    async def matching(self, where: str, values: Sequence[Any]) -> list[DuelRecord]:
        """Read the duels for which this SQL condition holds, by their turns."""
        rows = await self._in.rows(f"SELECT * FROM duels WHERE {where} ORDER BY turn", values)
        answers: dict[str, dict[Entrant, AnswerRecord]] = {row["id"]: {} for row in rows}
        ballots: dict[str, list[Any]] = {row["id"]: [] for row in rows}
        for row in await self._in.rows(
            "SELECT answers.*, arm, recipe_name, recipe_version, adapter_name, adapter_version, base_name FROM duels "
            "JOIN answers ON answers.duel = duels.id JOIN contestants ON contestants.id = answers.contestant "
            f"WHERE {where} ORDER BY entrant",
            values,
        ):
            answers[row["duel"]][row["entrant"]] = answer_of(row)
        for row in await self._in.rows(
            "SELECT ballots.*, voter_names.name, reasons.kinds, reasons.words, reasons.blind FROM duels "
            "JOIN ballots ON ballots.duel = duels.id LEFT JOIN voter_names ON voter_names.voter = ballots.voter "
            f"LEFT JOIN reasons ON reasons.duel = duels.id AND reasons.voter = ballots.voter WHERE {where}",
            values,
        ):
            ballots[row["duel"]].append(row)
        return [duel_of(row, answers[row["id"]], ballots[row["id"]]) for row in rows]

    async def add(self, duel: DuelRecord) -> None:
        """Write a new duel, which has no answers yet."""
        await self._in.insert("duels", duel_row(duel))

    async def add_answers(self, duel: str, answers: Mapping[Entrant, AnswerRecord]) -> None:
        """Write both sides' answers or failures."""
        for entrant, answer in sorted(answers.items()):  # entrant order, whoever came first
            await self._in.insert("answers", answer_row(duel, entrant, answer))

    async def save(self, duel: DuelRecord) -> None:
        """Write what may change in a duel: its state and all that comes with it. Answers and ballots have verbs of their own."""
        row = duel_row(duel)
        changed = ", ".join(f"{name} = ?" for name in CHANGING)
        await self._in.run(f"UPDATE duels SET {changed} WHERE id = ?", (*(row[name] for name in CHANGING), duel.id))

    async def first_asked(self, request_key: str, *, by_program: bool = False) -> str | None:
        """Find the first duel with this request; None: there is none.

        For a person, a single that a person has read comes before all duels: who asks again may do so because of its answer.
        """
        rows = await self._in.rows(
            "SELECT id FROM duels WHERE request_key = ?1 AND (kind != 'single' OR NOT ?2 AND asker NOT LIKE 'key:%') "
            "ORDER BY kind != 'single', rowid LIMIT 1",
            (request_key, by_program),
        )
        return rows[0]["id"] if rows else None

    async def asked_before(self, duel: str, request_keys: Sequence[str]) -> set[str]:
        """Find which of these requests had been asked when this duel was."""
        rows = await self._in.rows(
            f"SELECT DISTINCT request_key FROM duels WHERE request_key IN ({', '.join('?' * len(request_keys))}) "
            "AND rowid < (SELECT rowid FROM duels WHERE id = ?)",
            (*request_keys, duel),
        )
        return {row["request_key"] for row in rows}

    async def differed_before(self, duel: str) -> str:
        """Find the latest request, of those that began a conversation on page or terminal, on which this duel's two had differed.

        "": there is none among their latest LOOKED_AT, or this duel was asked in a channel: what is asked there is not told elsewhere.
        """
        rows = await self._in.rows(
            "SELECT request FROM (SELECT o.duel FROM outcomes AS own JOIN outcomes AS o "
            "  ON (o.first, o.second) = (own.first, own.second) AND o.closing < own.closing "
            f"  WHERE own.duel = ?1 AND NOT o.identical ORDER BY o.closing DESC LIMIT {LOOKED_AT}) "
            f"JOIN duels ON duels.id = duel WHERE turn = 1 AND length(request) BETWEEN 1 AND {OFFERED_CHARACTERS} "
            "AND NOT EXISTS (SELECT 1 FROM posts WHERE posts.duel IN (duels.id, ?1)) ORDER BY duels.closing DESC LIMIT 1",
            (duel,),
        )
        return rows[0]["request"] if rows else ""

    async def ending(self, now: datetime) -> list[str]:
        """Find open duels outside of channels that close by themselves by now."""
        sql = "SELECT id FROM duels WHERE state = 'open' AND ends_at IS NOT NULL AND ends_at <= ? ORDER BY ends_at"
        return [row["id"] for row in await self._in.rows(sql, (stamp(now),))]

    async def next_ending(self) -> datetime | None:
        """Find when the next open duel outside of channels closes by itself; None: none does."""
        [row] = await self._in.rows("SELECT min(ends_at) FROM duels WHERE state = 'open' AND ends_at IS NOT NULL")
        return None if row[0] is None else datetime.fromisoformat(row[0])

    async def next_closing(self) -> int:
        """Count what has closed: the number of the next duel to close."""
        [row] = await self._in.rows("SELECT coalesce(max(closing), 0) + 1 FROM duels")
        return int(row[0])

    async def void_unfinished(self, note: str) -> None:
        """Make void what an earlier process left while it was being answered."""
        await self._in.run("UPDATE duels SET state = 'void', note = ? WHERE state = 'answering'", (note,))
