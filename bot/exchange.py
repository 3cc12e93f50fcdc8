"""All that a team owns, out and in again: JSONL (one file), CSV (a folder, one file a table), and pairs for preference training.

The tables read back into an empty store give the same verdict. The files name askers and voters as the store does; whoever gets
one can read every request, answer and ballot.

    jsonl   {"duelbot": 3} and then {"table": "duels", "id": …} a line, tables in an order in which each refers to earlier ones
    csv     duels.csv, answers.csv, …; \\N stands for no value, and a text that begins with a backslash has one more
    dpo     {"prompt": [{"role": …, "content": …}, …], "chosen": [{…}], "rejected": [{…}], …} for every duel with a clear winner
"""

import csv
import json
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import Any

from bot.app.talk import turns_of
from bot.ballots import Verdict as Said
from bot.errors import StoreError
from bot.store import DuelRecord, Store, Transaction
from bot.store.exchange import BATCH, TABLES, Dump
from bot.store.opening import migrations
from bot.verdict import outcome
from engine.errors import BadRequest
from engine.report import json_line

FORMATS = ("jsonl", "csv", "dpo")
NULL = "\\N"
Tell = Callable[[str], None]


async def export(store: Store, form: str, out: Path) -> dict[str, int]:
    """Write the store's tables, or its preference pairs, to `out`. How many rows of what. Raises StoreError, BadRequest."""
    if out.exists() and (form != "csv" or any(out.iterdir() if out.is_dir() else [out])):
        raise BadRequest(f"{out} is there already; name another place, and nothing is written over.")
    try:
        async with store.reading() as look:
            match form:
                case "csv":
                    return await _to_csv(Dump(look), out)
                case "dpo":
                    return await _to_pairs(look, out)
                case _:
                    return await _to_jsonl(Dump(look), out)
    except OSError as error:
        raise BadRequest(f"{out} cannot be written: {error.strerror}.") from error


async def _to_jsonl(dump: Dump, out: Path) -> dict[str, int]:
    counts = dict.fromkeys(TABLES, 0)
    with out.open("x", encoding="utf-8", newline="\n") as file:
        file.write(json_line({"duelbot": len(migrations())}) + "\n")
        for table in TABLES:
            async for row in dump.rows(table):
                file.write(json_line({"table": table, **row}) + "\n")
                counts[table] += 1
    return counts


async def _to_csv(dump: Dump, out: Path) -> dict[str, int]:
    counts = dict.fromkeys(TABLES, 0)
    out.mkdir(parents=True, exist_ok=True)
    for table in TABLES:
        with (out / f"{table}.csv").open("x", encoding="utf-8", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(await dump.columns(table))
            async for row in dump.rows(table):
                writer.writerow([_cell(value) for value in row.values()])
                counts[table] += 1
    return counts


def _cell(value: Any) -> str:
    if value is None:
        return NULL
    if isinstance(value, float):
        return repr(value)  # reads back as the same number
    return f"\\{value}" if isinstance(value, str) and value.startswith("\\") else str(value)


def _value(cell: str, kind: str) -> Any:
    if cell == NULL:
        return None
    match kind:
        case "INTEGER":
            return int(cell)
        case "REAL":
            return float(cell)
        case _:
            return cell.removeprefix("\\")


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
    """Every conversation with what was said before its first request."""
    prologues = {row["conversation"]: json.loads(row["turns"]) for row in await look._rows("SELECT * FROM prologues")}
    for row in await look._rows("SELECT DISTINCT conversation FROM duels WHERE state = 'closed' ORDER BY conversation"):
        name = row["conversation"]
        yield await look.conversation(name), [{"role": role, "content": text} for role, text in prologues.get(name, [])]


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


async def read_back(store: Store, source: Path) -> dict[str, int]:
    """Import what export wrote as jsonl or csv into an empty store, all or nothing. Raises StoreError, BadRequest."""
    if not source.exists():
        raise BadRequest(f"There is no {source}.")
    async with store.writing() as change:
        dump = Dump(change)
        if not await dump.is_empty():
            raise StoreError(f"The store {store.path} is not empty. Set DUEL_STORE_PATH to a new file to import into.")
        columns = {table: await dump.columns(table) for table in TABLES}
        with ExitStack() as stack:
            rows = _from_csv(source, columns, stack) if source.is_dir() else _from_jsonl(source, stack)
            counts = await _insert_all(dump, rows, source)
        await dump.start_over()
    return counts


async def _insert_all(dump: Dump, rows: Iterator[tuple[str, dict[str, Any]]], source: Path) -> dict[str, int]:
    counts = dict.fromkeys(TABLES, 0)
    try:
        for table, group in groupby(rows, key=itemgetter(0)):
            if table not in TABLES:
                raise BadRequest(f"{source} holds rows of {table!r}, which is no table of Duelbot.")
            batch: list[dict[str, Any]] = []
            for _, row in group:
                batch.append(row)
                if len(batch) == BATCH:
                    await dump.insert(table, batch)
                    counts[table] += len(batch)
                    batch = []
            await dump.insert(table, batch)
            counts[table] += len(batch)
    except OSError as error:
        raise BadRequest(f"{source} cannot be read: {error.strerror}.") from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise BadRequest(f"{source} is not what export wrote: {error}.") from error
    return counts


def _from_jsonl(source: Path, stack: ExitStack) -> Iterator[tuple[str, dict[str, Any]]]:
    lines = stack.enter_context(source.open(encoding="utf-8", newline="\n"))
    for number, line in enumerate(lines, 1):
        try:
            row = json.loads(line)
            if number == 1:
                _check_version(row.get("duelbot"), source)
            else:
                yield row.pop("table"), row
        except (ValueError, AttributeError, KeyError, TypeError) as error:
            raise BadRequest(f"Line {number:,} of {source} is not what export wrote.") from error


def _check_version(given: Any, source: Path) -> None:
    known = len(migrations())
    if given != known:
        raise BadRequest(f"{source} is no export of this version of Duelbot (it says {given!r}, this is {known}).")


def _from_csv(source: Path, columns: dict[str, dict[str, str]], stack: ExitStack) -> Iterator[tuple[str, dict[str, Any]]]:
    csv.field_size_limit(1 << 30)
    for table in TABLES:
        rows = csv.reader(stack.enter_context((source / f"{table}.csv").open(encoding="utf-8", newline="")))
        names = next(rows, [])
        if set(names) != set(columns[table]):
            raise BadRequest(f"{source / f'{table}.csv'} must have exactly the columns {', '.join(columns[table])}.")
        for number, cells in enumerate(rows, 2):
            try:
                yield table, {name: _value(cell, columns[table][name]) for name, cell in zip(names, cells, strict=True)}
            except ValueError as error:
                raise BadRequest(f"Row {number:,} of {source / f'{table}.csv'} is not what export wrote: {error}.") from error
