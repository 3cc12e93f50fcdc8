"""Duels and ballots as files. Pure."""

import csv
import io
import json
from collections.abc import Mapping, Sequence
from typing import Any

from bot.app.exporting import Export
from bot.cells import cell_of


def files_of(found: Export) -> dict[str, bytes]:
    """Write duels and ballots, each as .csv and .jsonl, in UTF-8. Returns the files by their names."""
    files: dict[str, bytes] = {}
    for name, rows in (("duels", found.duels), ("ballots", found.ballots)):
        files[f"{name}.csv"] = as_csv(rows)
        files[f"{name}.jsonl"] = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows).encode()
    return files


def as_csv(rows: Sequence[Mapping[str, Any]]) -> bytes:
    """Write CSV with the mark by which spreadsheets know UTF-8. A cell never begins like a formula; no value is an empty cell."""
    out = io.StringIO()
    if rows:
        writer = csv.DictWriter(out, fieldnames=list(rows[0]))
        writer.writeheader()
        writer.writerows({name: "" if value is None else cell_of(value) for name, value in row.items()} for row in rows)
    return out.getvalue().encode("utf-8-sig")
