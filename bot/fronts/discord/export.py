"""A team's duels and ballots as files. Voters are numbered in the order they first voted, never named. Pure."""

import csv
import io
import json
from collections.abc import Mapping, Sequence
from typing import Any

from bot.ballots import choice_of
from bot.store import DuelRecord
from bot.store.cells import cell_of
from engine.duel import Side

ExportRow = Mapping[str, Any]


def files_of(records: Sequence[DuelRecord]) -> dict[str, bytes]:
    """Write duels and ballots, each as .csv and .jsonl, in UTF-8. Only closed votes have ballots in it."""
    tables = {"duels": [duel_row(duel) for duel in records], "ballots": ballot_rows(records)}
    files: dict[str, bytes] = {}
    for name, rows in tables.items():
        files[f"{name}.csv"] = as_csv(rows)
        files[f"{name}.jsonl"] = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows).encode()
    return files


def duel_row(duel: DuelRecord) -> ExportRow:
    """Make the row of one duel. While its vote is open, nothing in it tells the sides apart."""
    row: dict[str, Any] = {
        "duel": duel.id,
        "conversation": duel.conversation,
        "turn": duel.turn,
        "asked_at": duel.asked_at.isoformat(),
        "closed_at": duel.closed_at and duel.closed_at.isoformat(),
        "state": duel.state,
        "identical": duel.identical,
        "ballots": len(duel.ballots),
        "request": duel.request,
    }
    for side in Side:
        answer = duel.answers.get(duel.seats[side])
        row[f"{side.value}_text"] = answer and answer.text
        shown = answer if duel.state == "closed" else None
        row[f"{side.value}_contestant"] = shown and shown.who.id
        row[f"{side.value}_arm"] = shown and str(shown.who.arm)
        row[f"{side.value}_recipe"] = shown and str(shown.who.recipe)
        row[f"{side.value}_adapter"] = shown and str(shown.who.adapter or "")
        row[f"{side.value}_total_s"] = shown and shown.usage and shown.usage.total_s
        row[f"{side.value}_new_tokens"] = shown and shown.usage and shown.usage.new_tokens
        row[f"{side.value}_usd"] = shown and shown.cost and shown.cost.usd
    return row


def ballot_rows(records: Sequence[DuelRecord]) -> list[ExportRow]:
    """Make a row for each ballot: what was chosen, by which number, and the contestant that it prefers."""
    numbers: dict[str, int] = {}
    rows: list[ExportRow] = []
    for duel in records:
        for ballot in sorted(duel.ballots, key=lambda each: each.cast_at) if duel.state == "closed" else ():
            better = None if ballot.entrant is None else duel.answers[ballot.entrant].who
            rows.append(
                {
                    "duel": duel.id,
                    "voter": numbers.setdefault(ballot.voter, len(numbers) + 1),
                    "choice": choice_of(ballot, duel.seats).value,
                    "better_arm": better and str(better.arm),
                    "better_contestant": better and better.id,
                    "cast_at": ballot.cast_at.isoformat(),
                }
            )
    return rows


def as_csv(rows: Sequence[ExportRow]) -> bytes:
    """Write CSV with the mark by which spreadsheets know UTF-8. A cell never begins like a formula; no value is an empty cell."""
    out = io.StringIO()
    if rows:
        writer = csv.DictWriter(out, fieldnames=list(rows[0]))
        writer.writeheader()
        writer.writerows({name: "" if value is None else cell_of(value) for name, value in row.items()} for row in rows)
    return out.getvalue().encode("utf-8-sig")
