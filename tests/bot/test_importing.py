"""Damaged exports: each is refused in words and leaves nothing, or says the same as the whole one."""

import csv
import json
import random
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from bot.cells import EARLY_MARK, FORMULA, cell_of, value_of
from bot.seal import ExportSeal
from bot.store import Store
from bot.store.duels import DuelRows
from bot.store.exchange import Tables
from bot.store.records import stamp
from bot.tools.exchange import export
from bot.tools.importing import read_back
from engine.errors import DuelbotError
from tests.bot.test_exchange import lived_in
from tests.bot.test_store import NOW

DAMAGES = [90, pytest.param(300, marks=pytest.mark.process)]  # ten of each way at any time; the longer walk begins with the same ones
SEED = 20261128


@asynccontextmanager
async def opened(path: Path) -> AsyncIterator[Store]:
    store = await Store.open(path)
    try:
        yield store
    finally:
        await store.aclose()


async def content(store: Store) -> dict[str, list[dict[str, Any]]]:
    async with store.reading() as look:
        dump = Tables(look)
        return {table: [row async for row in dump.rows(table)] for table in await dump.tables()}


async def empty(store: Store) -> bool:
    async with store.reading() as look:
        return await Tables(look).is_empty()


async def exported(tmp_path: Path, form: str, duels: int = 4) -> Path:
    await lived_in(tmp_path / "one", duels)
    async with opened(tmp_path / "one") as store:
        await export(store, form, tmp_path / "out")
    return tmp_path / "out"


def drop(lines: list[bytes], rng: random.Random) -> list[bytes]:
    at = rng.randrange(len(lines))
    return lines[:at] + lines[at + 1 :]


def double(lines: list[bytes], rng: random.Random) -> list[bytes]:
    at = rng.randrange(len(lines))
    return lines[: at + 1] + lines[at:]


def cut(lines: list[bytes], rng: random.Random) -> list[bytes]:
    whole = b"\n".join(lines)
    return [whole[: rng.randrange(len(whole) - 1)]]


def cut_between_lines(lines: list[bytes], rng: random.Random) -> list[bytes]:
    return lines[: rng.randrange(len(lines))]


def flip(lines: list[bytes], rng: random.Random) -> list[bytes]:
    whole = bytearray(b"\n".join(lines))
    whole[rng.randrange(len(whole))] ^= 1 << rng.randrange(8)
    return [bytes(whole)]


def swap(lines: list[bytes], rng: random.Random) -> list[bytes]:
    one, other = rng.randrange(len(lines)), rng.randrange(len(lines))
    lines = list(lines)
    lines[one], lines[other] = lines[other], lines[one]
    return lines


def on_a_value(change: Callable[[Any, random.Random, list[dict[str, Any]]], Any]) -> Callable[[list[bytes], random.Random], list[bytes]]:
    def damage(lines: list[bytes], rng: random.Random) -> list[bytes]:
        rows = [json.loads(line) for line in lines]
        at = rng.randrange(1, len(rows) - 1)
        name = rng.choice(sorted(set(rows[at]) - {"table"}))
        rows[at][name] = change(rows[at][name], rng, [row for row in rows if row.get("table") == rows[at]["table"] and name in row])
        rows[at] = {key: value for key, value in rows[at].items() if value is not ...}
        return [json.dumps(row).encode() for row in rows]

    damage.__name__ = change.__name__
    return damage


def other_type(value: Any, rng: random.Random, _: list[dict[str, Any]]) -> Any:
    return rng.choice([None, 7, -1, 0.5, "", "yes", True, [value], {"a": value}, str(value), 1e400, 10**30, ...])


def nudge(value: Any, rng: random.Random, _: list[dict[str, Any]]) -> Any:
    return value + rng.choice([1, -1]) if type(value) in (int, float) else f"{value or ''}x"


def someone_elses(value: Any, rng: random.Random, rows: list[dict[str, Any]]) -> Any:
    return next(iter(rng.choice(rows).values())) if rng.random() < 0.2 else list(rng.choice(rows).values())[1]


WAYS = (drop, double, cut, cut_between_lines, flip, swap, *map(on_a_value, (other_type, nudge, someone_elses)))


def rows_of(data: bytes) -> list[Any]:
    rows = (json.loads(line, parse_int=float) for line in data.split(b"\n") if line.strip())
    return sorted(json.dumps(row, sort_keys=True) for row in rows if "table" in row)


@pytest.mark.parametrize("unsealed", [False, True])
@pytest.mark.parametrize("damages", DAMAGES)
async def test_a_damaged_export_is_refused_in_words_or_says_the_same(tmp_path: Path, unsealed: bool, damages: int) -> None:
    """Without the seal nobody can tell a changed letter: then what is accepted must be kept as the file says it."""
    whole = (await exported(tmp_path, "jsonl", duels=2)).read_bytes()
    lines, rng, told = whole.rstrip(b"\n").split(b"\n"), random.Random(SEED), list[str]()
    async with opened(tmp_path / "one") as store:
        before = await content(store)
    file, accepted, store = tmp_path / "damaged", 0, await Store.open(tmp_path / "s")
    try:
        for number in range(damages):
            way = WAYS[number % len(WAYS)]
            file.write_bytes(b"\n".join(way(lines, rng)) + b"\n")
            try:
                await read_back(store, file, told.append, unsealed=unsealed)
            except DuelbotError as error:
                assert str(error).endswith((".", "--unsealed.")) and "\n" not in str(error), (number, way.__name__)
                assert await empty(store), (number, way.__name__)
                continue
            await export(store, "jsonl", again := tmp_path / f"again{number}")
            accepted, after = accepted + 1, await content(store)
            assert rows_of(again.read_bytes()) == rows_of(file.read_bytes()) if unsealed else after == before, (number, way.__name__)
            await store.aclose()
            store = await Store.open(tmp_path / f"s{number}")
    finally:
        await store.aclose()
    print(f"{accepted} of {damages} accepted")
    assert accepted < (damages // 2 if unsealed else damages // 10)


@pytest.mark.parametrize(
    ("table", "change", "why"),
    [
        ("answers", lambda row: None if row["entrant"] else row, "a row of duels: it has not the answers"),
        ("duels", lambda row: row | {"closed_at": None}, "a row of duels: its state and its close do not fit"),
        ("duels", lambda row: row | {"turn": row["turn"] + 5}, "a row of duels: its conversation lacks a turn"),
        ("duels", lambda row: row | {"closing": row["closing"] and row["closing"] + 100}, "above the number of closed duels"),
        ("duels", lambda row: row | {"state": "won"}, "CHECK constraint failed: state IN"),
        ("duels", lambda row: row | {"conversation": "nowhere"}, "conversation is 'nowhere', and conversations has no such row"),
        ("duels", lambda row: row | {"identical": 1}, "its answers are identical, and it was voted on"),
        ("contestants", lambda row: row | {"recipe": "[]"}, "a row of contestants: its arm, recipe and adapter do not fit"),
        ("answers", lambda row: row | {"total_s": -1.0}, "total_s is -1.0, which is no number from 0 up"),
    ],
)
async def test_a_row_that_does_not_fit_is_named_with_its_line(
    tmp_path: Path, table: str, change: Callable[[dict[str, Any]], dict[str, Any] | None], why: str
) -> None:
    file = await exported(tmp_path, "jsonl")
    rows = [json.loads(line) for line in file.read_bytes().splitlines()]
    rows = [new for row in rows if (new := change(row) if row.get("table") == table else row)]
    file.write_text("\n".join(map(json.dumps, rows)))
    async with opened(tmp_path / "two") as store:
        with pytest.raises(DuelbotError, match=f"Line [0-9]+ of {file}.*{why}"):
            await read_back(store, file, print, unsealed=True)
        assert not any((await content(store)).values())


@pytest.mark.parametrize("form", ["jsonl", "csv"])
async def test_a_mark_at_the_beginning_other_line_ends_and_blank_lines_change_nothing(tmp_path: Path, form: str) -> None:
    out = await exported(tmp_path, form)
    for file in out.iterdir() if form == "csv" else [out]:
        data = file.read_bytes()
        file.write_bytes(b"\xef\xbb\xbf" + (data.replace(b"\n", b"\r\n\r\n") if form == "jsonl" else data) + b"\r\n\r\n")
    async with opened(tmp_path / "one") as one, opened(tmp_path / "two") as two:
        await read_back(two, out, print)
        assert await content(two) == await content(one)


@pytest.mark.parametrize("damage", ["a row", "a cell", "a quote", "a file", "the seal"])
async def test_damaged_csv_is_refused(tmp_path: Path, damage: str) -> None:
    out = await exported(tmp_path, "csv")
    file = out / "duels.csv"
    data = file.read_bytes()
    match damage:
        case "a row":
            file.write_bytes(data[: data.rstrip().rindex(b"\r\n")])
        case "a cell":
            file.write_bytes(data.replace(b",closed,", b",", 1))
        case "a quote":
            file.write_bytes(data + b'"')
        case "a file":
            file.unlink()
        case _:
            (out / "export.json").unlink()
    async with opened(tmp_path / "two") as store:
        with pytest.raises(DuelbotError, match="Nothing was imported"):
            await read_back(store, out, print)
        assert not any((await content(store)).values())


async def test_no_cell_begins_like_a_formula_and_every_text_comes_back(tmp_path: Path) -> None:
    texts = [f"{mark}1+1" for mark in FORMULA] + ["\\", "\\N", "\\=1", "'=1", "'", "", "plain", *FORMULA]
    for text in texts:
        cell = cell_of(text)
        assert not cell.startswith(FORMULA) and value_of(cell, "TEXT") == text
    assert value_of("\\\\N", "TEXT", EARLY_MARK) == "\\N" and value_of("'twas", "TEXT", EARLY_MARK) == "'twas"
    for number, kind in ((-3, "INTEGER"), (7, "INTEGER"), (-0.5, "REAL"), (1e-300, "REAL"), (0.1 + 0.2, "REAL"), (None, "REAL")):
        cell = cell_of(number)
        assert not cell.startswith(FORMULA) and value_of(cell, kind) == number and type(value_of(cell, kind)) is type(number)
    out = await exported(tmp_path, "csv")
    for file in out.glob("*.csv"):
        with file.open(newline="", encoding="utf-8") as text_:
            assert not [cell for row in csv.reader(text_) for cell in row if cell.startswith(FORMULA)]


async def test_an_early_export_is_brought_to_the_present_tables(tmp_path: Path) -> None:
    moment = stamp(NOW)
    duel = {
        **{"id": "d", "conversation": "c", "turn": 1, "asker": "ann", "request": "Hello?", "asked_at": moment, "left_entrant": 0},
        **{"quorum": 1, "state": "answering", "note": "", "answered_at": None, "closed_at": None, "closing": None, "identical": 0},
        **{"carried": None, "carried_by": None},
    }
    post = {
        **{"duel": "d", "event": "message:1", "team": "red", "channel": "c", "message": None, "private": 0, "lasting": 1, "tag": "billing"},
        **{"closes_at": None, "shown": "", "told": 0},
    }
    rows = [{"table": "conversations", "id": "c", "started_at": moment}, {"table": "duels", **duel}, {"table": "posts", **post}]
    (tmp_path / "in").write_text("\n".join(map(json.dumps, [{"duelbot": 3}, *rows])))
    async with opened(tmp_path / "s") as store:
        with pytest.raises(DuelbotError, match=r"written by an early version.*--unsealed"):
            await read_back(store, tmp_path / "in", print)
        told: list[str] = []
        await read_back(store, tmp_path / "in", told.append, unsealed=True)
        assert "not known" in told[0]
        async with store.reading() as look:
            assert (await DuelRows(look).duel("d")).request == "Hello?"
        assert len((await content(store))["posts"]) == 1


def test_a_seal_sees_every_change_of_a_value() -> None:
    row = {"a": "text", "b": 1.5, "c": None}
    for other in (row | {"a": "texT"}, row | {"b": 1.25}, row | {"c": ""}):
        one, two = ExportSeal(["t"]), ExportSeal(["t"])
        one.add("t", row)
        two.add("t", other)
        assert one.json() != two.json()
