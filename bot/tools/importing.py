"""What export wrote, read back into an empty store: every row is checked, and all of them come in or none."""

import csv
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NoReturn

from bot.cells import EARLY_MARK, MARK, value_of
from bot.errors import StoreError
from bot.seal import ExportSeal
from bot.store import Store
from bot.store.checking import Column, fault_of
from bot.store.exchange import BATCH, RowRefused, Tables, tables_of
from bot.store.opening import migrations
from engine.errors import BadRequest

Tell = Callable[[str], None]
Columns = Mapping[str, Mapping[str, Column]]
NOTHING = "Nothing was imported."


@dataclass(frozen=True, slots=True)
class Found:
    """A row and where it stands."""

    line: int
    table: str
    row: dict[str, Any]


@dataclass(slots=True)
class GivenExport:
    """A file or a folder that export wrote."""

    source: Path
    version: int = 0  # of the tables
    end: Any = None  # as it was written; None: it has none
    _folder: bool = field(init=False)

    def __post_init__(self) -> None:
        self._folder = self.source.is_dir()

    def place(self, found: Found) -> str:
        return f"Line {found.line:,} of {self.source / f'{found.table}.csv' if self._folder else self.source}"

    def open(self) -> None:
        """Read which version wrote it. Raises BadRequest."""
        if not self.source.exists():
            raise BadRequest(f"There is no {self.source}.")
        if not self._folder:
            with self.source.open(encoding="utf-8-sig", newline="\n") as lines:
                self.version = self._version(next((self._read(line, 1) for line in lines if line.strip()), {}))
        elif (manifest := self.source / "export.json").exists():
            said = self._read(manifest.read_text(encoding="utf-8-sig"), 1)
            self.version, self.end = self._version(said), said.get("end")
        else:
            self.version = len(migrations())

    def rows(self, columns: Columns) -> Iterator[Found]:
        """Every row in order. Raises BadRequest, OSError, UnicodeDecodeError, csv.Error."""
        return self._csv(columns) if self._folder else self._jsonl()

    def _version(self, said: dict[str, Any]) -> int:
        known, given = len(migrations()), said.get("duelbot")
        if type(given) is not int or not 1 <= given <= known:
            raise BadRequest(f"{self.source} is no export that this version of Duelbot reads (it says {given!r}, this is {known}).")
        return given

    def _jsonl(self) -> Iterator[Found]:
        self.end = None
        with self.source.open(encoding="utf-8-sig", newline="\n") as lines:
            written = ((number, line) for number, line in enumerate(lines, 1) if line.strip())
            next(written)
            for number, line in written:
                row = self._read(line, number)
                if self.end is not None:
                    self._refuse(number, "it comes after the end")
                if set(row) == {"end"}:
                    self.end = row["end"]
                elif type(table := row.pop("table", None)) is str:
                    yield Found(number, table, row)
                else:
                    self._refuse(number, "it names no table")

    def _csv(self, columns: Columns) -> Iterator[Found]:
        csv.field_size_limit(1 << 30)
        mark = EARLY_MARK if self.end is None else MARK
        for table, known in columns.items():
            file = self.source / f"{table}.csv"
            with file.open(encoding="utf-8-sig", newline="") as text:
                reader = csv.reader(text, strict=True)
                names = next(reader, [])
                if sorted(names) != sorted(known):
                    raise BadRequest(f"{file} must have exactly the columns {', '.join(known)}. {NOTHING}")
                for cells in filter(None, reader):
                    if len(cells) != len(names):
                        raise BadRequest(f"Line {reader.line_num:,} of {file} has {len(cells)} cells, not {len(names)}. {NOTHING}")
                    row = {name: value_of(cell, known[name].kind, mark) for name, cell in zip(names, cells, strict=True)}
                    yield Found(reader.line_num, table, row)

    def _read(self, line: str, number: int) -> dict[str, Any]:
        try:
            row = json.loads(line, object_pairs_hook=_once, parse_constant=_no_number)
        except (ValueError, RecursionError) as error:
            self._refuse(number, f"it is no JSON ({error})", error)
        if not isinstance(row, dict):
            self._refuse(number, "it is no object")
        return row

    def _refuse(self, number: int, why: str, error: Exception | None = None) -> NoReturn:
        raise BadRequest(f"Line {number:,} of {self.source} is not what export wrote: {why}. {NOTHING}") from error


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    row = dict(pairs)
    if len(row) < len(pairs):
        raise ValueError("a name stands twice")
    return row


def _no_number(name: str) -> NoReturn:
    raise ValueError(f"{name} is no number")


async def read_back(store: Store, source: Path, tell: Tell, *, unsealed: bool = False) -> dict[str, int]:
    """Import what export wrote as jsonl or csv into an empty store, all or nothing. How many rows of what.

    unsealed: also what does not end with its seal, or with another one. Raises StoreError, BadRequest.
    """
    try:
        given = GivenExport(source)
        given.open()
        async with store.writing() as change:
            dump = Tables(change)
            if not await dump.is_empty():
                raise StoreError(f"The store {store.path} is not empty. Set DUEL_STORE_PATH to a new file to import into.")
            counts = await _take(given, dump, tell, unsealed)
            await dump.start_over()
    except OSError as error:
        raise BadRequest(f"{source} cannot be read: {error.strerror}. {NOTHING}") from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise BadRequest(f"{source} is not what export wrote: {error}. {NOTHING}") from error
    return counts


async def _take(given: GivenExport, dump: Tables, tell: Tell, unsealed: bool) -> dict[str, int]:
    if given.version == len(migrations()):
        return await _insert(given, dump, tell, unsealed)
    async with tables_of(given.version) as (early, up):
        await _insert(given, early, tell, unsealed)
        await up()
        return await _copy(early, dump)


async def _insert(given: GivenExport, dump: Tables, tell: Tell, unsealed: bool) -> dict[str, int]:
    columns = {table: await dump.columns(table) for table in await dump.tables()}
    seal, batch = ExportSeal(list(columns)), list[Found]()
    for found in given.rows(columns):
        if batch and (len(batch) == BATCH or batch[0].table != found.table):
            await _insert_batch(given, dump, batch)
            batch = []
        batch.append(_checked(given, found, columns))
        seal.add(found.table, batch[-1].row)
    await _insert_batch(given, dump, batch)
    if unsealed:
        tell(f"Read without looking at the seal: whether {given.source} is whole and unchanged is not known.")
    elif given.end is None:
        raise BadRequest(
            f"{given.source} does not end as export ends a file: it was cut, or written by an early version. {NOTHING} "
            "To take what there is of it, say --unsealed."
        )
    else:
        seal.check(given.end, str(given.source))
    await _fit(given, dump, columns)
    return seal.counts


def _checked(given: GivenExport, found: Found, columns: Columns) -> Found:
    """The row with its columns in order, and whole numbers as what their column holds."""
    if found.table not in columns:
        raise BadRequest(f"{given.place(found)} is a row of {found.table!r}, which is no table of Duelbot. {NOTHING}")
    known = columns[found.table]
    if why := fault_of(found.row, known):
        raise BadRequest(f"{given.place(found)}, a row of {found.table}: {why}. {NOTHING}")
    row = {name: float(found.row[name]) if _is_whole_real(found.row[name], each) else found.row[name] for name, each in known.items()}
    return Found(found.line, found.table, row)


def _is_whole_real(value: Any, column: Column) -> bool:
    return type(value) is int and column.kind == "REAL"


async def _insert_batch(given: GivenExport, dump: Tables, batch: list[Found]) -> None:
    try:
        if batch:
            await dump.insert(batch[0].table, [found.row for found in batch])
    except RowRefused as error:
        raise BadRequest(f"{given.place(batch[error.at])}, a row of {batch[0].table}: {error.why}. {NOTHING}") from error


async def _fit(given: GivenExport, dump: Tables, columns: Columns) -> None:
    """Refuse rows that do not fit one another."""
    if odd := await dump.odd():
        table, (key, value), why = odd
        rows = given.rows(columns)
        place = next(given.place(found) for found in rows if found.table == table and found.row[key] == value)
        raise BadRequest(f"{place}, a row of {table}: {why}. {NOTHING}")


async def _copy(early: Tables, dump: Tables) -> dict[str, int]:
    counts = dict.fromkeys(await dump.tables(), 0)
    for table in counts:
        batch: list[dict[str, Any]] = []
        async for row in early.rows(table):
            batch.append(row)
            if len(batch) == BATCH:
                await dump.insert(table, batch)
                batch = []
            counts[table] += 1
        await dump.insert(table, batch)
    return counts
