"""Evaluation sets: rows with references, answered and scored without votes."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from bot.store.records import stamp
from bot.store.transaction import Queries


@dataclass(frozen=True, slots=True)
class Evaluated:
    """One row answered by one contestant."""

    row: str
    contestant: str
    text: str
    failure: str | None
    scores: Mapping[str, float]  # by metric, 0 to 1; all 0 of a failed answer: one that did not come is wrong
    tags: tuple[str, ...]
    first_token_s: float | None
    total_s: float | None
    usd: float | None


class EvaluationRows(Queries):
    """Queries on evaluation sets."""

    async def begin(self, evaluation: str, name: str, rows: int, now: datetime) -> None:
        """Keep that a set is worked on from now; rows: how many it has."""
        row = {"id": evaluation, "name": name, "rows": rows, "begun_at": stamp(now)}
        await self._in.insert("evaluations", row, "ON CONFLICT (id) DO UPDATE SET begun_at = excluded.begun_at")

    async def done(self, evaluation: str) -> set[tuple[str, str]]:
        """Find rows and contestants that have been answered. What failed has not: it is asked again."""
        found = await self._in.rows("SELECT row, contestant FROM evaluated WHERE evaluation = ? AND failure IS NULL", (evaluation,))
        return {(row["row"], row["contestant"]) for row in found}

    async def put(self, evaluation: str, one: Evaluated) -> None:
        """Keep an answer, in place of an earlier failure."""
        row = {name: getattr(one, name) for name in Evaluated.__slots__}
        row |= {"evaluation": evaluation, "scores": json.dumps(dict(one.scores)), "tags": json.dumps(one.tags)}
        again = ", ".join(f"{name} = excluded.{name}" for name in row)
        await self._in.insert("evaluated", row, f"ON CONFLICT (evaluation, row, contestant) DO UPDATE SET {again}")

    async def latest(self, pair: Sequence[str]) -> tuple[str, int] | None:
        """Find the evaluation begun last that both contestants answered rows of, and count its answers of them."""
        found = await self._in.rows(
            "SELECT evaluation, count(*) AS answers FROM evaluated JOIN evaluations ON evaluations.id = evaluation "
            "WHERE contestant IN (?, ?) GROUP BY evaluation HAVING count(DISTINCT contestant) = 2 ORDER BY begun_at DESC LIMIT 1",
            tuple(pair),
        )
        return (found[0]["evaluation"], found[0]["answers"]) if found else None

    async def answers(self, evaluation: str, contestants: Sequence[str]) -> list[Evaluated]:
        """Read what these contestants answered, in the order of rows."""
        marks = ", ".join("?" * len(contestants))
        rows = await self._in.rows(
            f"SELECT * FROM evaluated WHERE evaluation = ? AND contestant IN ({marks}) ORDER BY row, contestant", (evaluation, *contestants)
        )
        return [
            Evaluated(
                row=row["row"],
                contestant=row["contestant"],
                text=row["text"],
                failure=row["failure"],
                scores=json.loads(row["scores"]),
                tags=tuple(json.loads(row["tags"])),
                first_token_s=row["first_token_s"],
                total_s=row["total_s"],
                usd=row["usd"],
            )
            for row in rows
        ]


def pairs_of(answers: Sequence[Evaluated], pair: Sequence[str]) -> dict[str, list[tuple[float, float]]]:
    """Collect, per metric, both sides' scores of every row that both have answered."""
    by_row: dict[str, dict[str, Evaluated]] = {}
    for one in answers:
        by_row.setdefault(one.row, {})[one.contestant] = one
    scores: dict[str, list[tuple[float, float]]] = {}
    for both in by_row.values():
        if set(both) >= set(pair):
            first, second = (both[each].scores for each in pair)
            for metric in first:
                if metric in second:
                    scores.setdefault(metric, []).append((first[metric], second[metric]))
    return scores
