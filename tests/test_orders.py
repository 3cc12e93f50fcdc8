"""The example for which a prompt is enough: every row's answer stands in its request, and the roles are as many as were asked for."""

import subprocess
import sys
from collections import Counter
from pathlib import Path

from adapters.data.check import check_rows
from engine.rows import read_rows

SCRIPT = Path(__file__).parents[1] / "examples" / "orders.py"


def test_orders_are_rows_with_their_number_in_the_request() -> None:
    def drawn(*options: str) -> bytes:
        return subprocess.run([sys.executable, SCRIPT, *options], capture_output=True, check=True).stdout

    read = read_rows(drawn("--learn", "2", "--choose", "20", "--measure", "150").splitlines(keepends=True), "orders.jsonl")
    assert Counter(row.role for row in read.rows) == {"train": 2, "dev": 20, "test": 150}
    assert all(row.references[0] in row.text and len(row.references[0]) == 5 for row in read.rows)
    assert not check_rows(read).wrong, "a decision may be made on them"
    assert drawn() == drawn() != drawn("--seed", "1"), "the same rows for the same seed"
