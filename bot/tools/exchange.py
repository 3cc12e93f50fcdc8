"""All that a team owns, out and in again: JSONL (one file), CSV (a folder, one file a table), and pairs for preference training.

The tables read back into an empty store give the same verdict. The files name askers and voters as the store does; whoever gets
one can read every request, answer and ballot.

    jsonl   {"duelbot": 8}, then {"table": "duels", "id": …} a line, tables in an order in which each refers to earlier ones, then
            {"end": {"duels": {"rows": …, "sha256": …}, …}}: how many rows of each table there are, and what they hold
    csv     duels.csv, answers.csv, … in the form of bot/store/cells.py, and the first and the last line of the above in export.json
    dpo     {"prompt": [{"role": …, "content": …}, …], "chosen": [{…}], "rejected": [{…}], …} for every duel with a clear winner
"""

import csv
import shutil
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from bot.app.ending import turns_of
from bot.ballots import Said, outcome
from bot.cells import cell_of
from bot.seal import ExportSeal
from bot.store import DuelRecord, Store, Transaction
from bot.store.conversations import ConversationRows
from bot.store.duels import DuelRows
from bot.store.exchange import Tables
from bot.store.opening import migrations
from engine.errors import BadRequest
from engine.report import json_line

FORMATS = ("jsonl", "csv", "dpo")


async def export(store: Store, form: str, out: Path) -> dict[str, int]:
    """Write the store's tables, or its preference pairs, to `out`. How many rows of what. Raises StoreError, BadRequest."""
    if out.exists() and (form != "csv" or any(out.iterdir() if out.is_dir() else [out])):
        raise BadRequest(f"{out} is there already; name another place, and nothing is written over.")
    try:
        with _in_parts(out) as part:
            async with store.reading() as look:
                match form:
                    case "csv":
                        return await _to_csv(Tables(look), part)
                    case "dpo":
                        return await _to_pairs(look, part)
                    case _:
                        return await _to_jsonl(Tables(look), part)
    except OSError as error:
        raise BadRequest(f"{out} cannot be written: {error.strerror}.") from error


@contextmanager
def _in_parts(out: Path) -> Iterator[Path]:
    """Where to write; it gets its name when all of it is there."""
    part = out.with_name(f"{out.name}.part")
    _remove(part)
    try:
        yield part
        part.replace(out)
    finally:
        _remove(part)


def _remove(place: Path) -> None:
    if place.is_dir():
        shutil.rmtree(place)
    else:
        place.unlink(missing_ok=True)


async def _to_jsonl(dump: Tables, out: Path) -> dict[str, int]:
    seal = ExportSeal(await dump.tables())
    with out.open("x", encoding="utf-8", newline="\n") as file:
        file.write(json_line({"duelbot": len(migrations())}) + "\n")
        for table in seal.tables:
            async for row in dump.rows(table):
                file.write(json_line({"table": table, **row}) + "\n")
                seal.add(table, row)
        file.write(json_line({"end": seal.json()}) + "\n")
    return seal.counts


async def _to_csv(dump: Tables, out: Path) -> dict[str, int]:
    seal = ExportSeal(await dump.tables())
    out.mkdir(parents=True)
    for table in seal.tables:
        with (out / f"{table}.csv").open("x", encoding="utf-8", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(await dump.columns(table))
            async for row in dump.rows(table):
                writer.writerow([cell_of(value) for value in row.values()])
                seal.add(table, row)
    (out / "export.json").write_text(json_line({"duelbot": len(migrations()), "end": seal.json()}) + "\n", encoding="utf-8")
    return seal.counts


async def _to_pairs(look: Transaction, out: Path) -> dict[str, int]:
    """One line for every closed duel that more voters decided for one side, in the form that preference trainers take."""
    written = 0
    with out.open("x", encoding="utf-8", newline="\n") as file:
        async for talk, said in _talks(look):
            for duel in talk:
                if pair := pair_of(duel, talk, said):
                    file.write(json_line(pair) + "\n")
                    written += 1
    return {"pairs": written}


async def _talks(look: Transaction) -> AsyncIterator[tuple[list[DuelRecord], list[dict[str, str]]]]:
    """Go through the conversations in which a vote has closed, each with what was said before its first request."""
    conversations = ConversationRows(look)
    for name in await conversations.decided():
        before = await conversations.prologue(name)
        yield await DuelRows(look).conversation(name), [{"role": turn.role, "content": turn.text} for turn in before]


def pair_of(duel: DuelRecord, talk: list[DuelRecord], before: list[dict[str, str]]) -> dict[str, Any] | None:
    """Prompt, chosen and rejected; None for a duel without a winner, and for one whose request was forgotten."""
    winner = outcome(duel.ballots)
    if duel.state != "closed" or winner is None or isinstance(winner, Said) or not duel.request:
        return None
    chosen, rejected = duel.answers[winner], duel.answers[0 if winner == 1 else 1]
    said = [{"role": turn.role, "content": turn.text} for turn in turns_of(talk[: duel.turn - 1])]
    return {
        "prompt": [*before, *said, {"role": "user", "content": duel.request}],
        "chosen": [{"role": "assistant", "content": chosen.text}],
        "rejected": [{"role": "assistant", "content": rejected.text}],
        "chosen_arm": chosen.who.arm,
        "rejected_arm": rejected.who.arm,
        "ballots": len(duel.ballots),
        "for_chosen": sum(ballot.entrant == winner for ballot in duel.ballots),
        "duel": duel.id,
    }
