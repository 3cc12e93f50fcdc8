"""The end of an export: how many rows of every table it holds, and a digest of what they say, whatever the form. Pure."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any

from engine.errors import BadRequest


class ExportSeal:
    """Counts and digests rows while they are written or read. Line ends, spaces and the order of keys change neither."""

    def __init__(self, tables: Sequence[str]) -> None:
        self.tables = tuple(tables)
        self.counts = dict.fromkeys(tables, 0)
        self._digests = {table: hashlib.sha256() for table in tables}

    def add(self, table: str, row: Mapping[str, Any]) -> None:
        self.counts[table] += 1
        self._digests[table].update(json.dumps(row, sort_keys=True).encode() + b"\n")

    def json(self) -> dict[str, dict[str, Any]]:
        return {table: {"rows": self.counts[table], "sha256": self._digests[table].hexdigest()} for table in self.tables}

    def check(self, end: Any, source: str) -> None:
        """Raise BadRequest when these are not the rows that were written."""
        own = self.json()
        if not isinstance(end, dict) or set(end) != set(own):
            raise BadRequest(f"The end of {source} is not what export wrote. Nothing was imported.")
        for table, given in end.items():
            if given != own[table]:
                rows = given.get("rows") if isinstance(given, dict) else None
                less = type(rows) is int and rows != self.counts[table]
                how = f"holds {self.counts[table]:,} rows of {table} where {rows:,} were written" if less else f"says other {table}"
                raise BadRequest(f"{source} {how}{'' if less else ' than were written'}: it was damaged or changed. Nothing was imported.")
