"""The rows of an evaluation set: a JSONL file, checked whole before anything is answered.

{"request": "…", "reference": "…", "tags": ["billing"]}
{"id": "7", "request": "…", "pattern": "^\\\\d+$"}
{"request": "…", "schema": {"type": "object", "required": ["total"]}}
{"request": "…", "required": ["refund"], "forbidden": ["as an AI"]}
"""

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from bot.evaluation.metrics import Expected, expected_of
from engine.errors import BadRequest
from engine.request import Request

KEYS = {"id", "request", "reference", "pattern", "schema", "required", "forbidden", "tags"}


@dataclass(frozen=True, slots=True)
class Row:
    """One request with what is expected of an answer."""

    id: str
    request: str
    expected: Expected


@dataclass(frozen=True, slots=True)
class EvaluationSet:
    """All rows, and the id that their content gives: the same rows go on where they were left."""

    id: str
    name: str
    rows: tuple[Row, ...]


def read_rows(lines: Iterable[bytes], name: str) -> EvaluationSet:
    """Raises BadRequest with the number of the first line that is no row."""
    rows: dict[str, Row] = {}
    digest = hashlib.sha256()
    for number, line in enumerate(lines, 1):
        if not line.strip().removeprefix(b"\xef\xbb\xbf"):
            continue
        try:
            table = json.loads(line.decode("utf-8-sig"))
            row = _row(table, number)
        except BadRequest as error:
            raise BadRequest(f"Line {number:,} of {name}: {error.words}") from error
        except (ValueError, RecursionError) as error:
            raise BadRequest(f'Line {number:,} of {name} is not JSON. A row looks like {{"request": "…", "reference": "…"}}.') from error
        if row.id in rows:
            raise BadRequest(f"Line {number:,} of {name} has the id {row.id!r} of an earlier line.")
        rows[row.id] = row
        digest.update(json.dumps([row.id, table], sort_keys=True).encode())
    if not rows:
        raise BadRequest(f"{name} holds no rows.")
    return EvaluationSet(digest.hexdigest()[:16], name, tuple(rows.values()))


def _row(table: Any, number: int) -> Row:
    if not isinstance(table, dict) or not isinstance(table.get("request"), str):
        raise BadRequest('a row is an object with a "request".')
    if unknown := sorted(table.keys() - KEYS):
        raise BadRequest(f"unknown key {', '.join(unknown)} (known: {', '.join(sorted(KEYS))}).")
    name = table.get("id", number)
    if isinstance(name, bool) or not isinstance(name, str | int) or name == "":
        raise BadRequest("id must be text or a whole number.")
    return Row(str(name), Request.of(table["request"]).text, expected_of(table))
