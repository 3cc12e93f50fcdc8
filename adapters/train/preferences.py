"""Answers that people chose and rejected, as rows and as tokens.

{"request": "…", "chosen": "…", "rejected": "…"}    a pair, for dpo; kto takes it as one good and one bad answer
{"request": "…", "answer": "…", "good": false}      one answer that was judged, for kto
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from adapters.data.join import near_groups
from adapters.data.rows import asked
from adapters.data.split import Shares, split
from adapters.train.exercises import Exercise, exercises_of
from adapters.train.heldout import RowParts
from engine.backends.local.chat import Chat
from engine.errors import BadRequest
from engine.parsing import is_text
from engine.recipes import Recipe
from engine.rows import Row, read_rows

Method = Literal["sft", "dpo", "kto"]
KEYS = ("chosen", "rejected", "good")
SHARES = Shares(0.8, 0.2, 0.0)  # learned, and held out for the decision when to end


@dataclass(frozen=True, slots=True)
class Pair:
    """Two answers to one request."""

    chosen: Exercise
    rejected: Exercise

    def __len__(self) -> int:
        return len(self.chosen) + len(self.rejected)


@dataclass(frozen=True, slots=True)
class Judged:
    """One answer, and whether people found it good."""

    exercise: Exercise
    good: bool

    def __len__(self) -> int:
        return len(self.exercise)


def read_preferences(path: Path, method: Method) -> tuple[Row, ...]:
    """Read pairs, or judged answers; a row's reference is the chosen or the judged answer. Raises BadRequest, OSError."""
    with path.open("rb") as file:
        rows = read_rows(file, path.name, more=KEYS).rows
    if method == "dpo":
        return tuple(_pair(row) for row in rows)
    return tuple(each for row in rows for each in _judged(row))


def good(row: Row) -> bool:
    """Whether the answer that is a row's reference is one that people want."""
    return bool(row.more.get("good", True))


def parted_preferences(rows: Sequence[Row]) -> RowParts:
    """Part rows by the roles that the file gives them; of those without one a fifth is held out (dev), near-duplicates together.

    Raises BadRequest for a request with two roles, and where none is to be learned.
    """
    found = split(rows, near_groups([asked(row) for row in rows]), [""] * len(rows), SHARES)
    train, dev, test = (
        tuple(row for row, given in zip(rows, found.roles, strict=True) if given == role) for role in ("train", "dev", "test")
    )
    if not train:
        raise BadRequest("No row is there to learn from: none has the role train.")
    return RowParts(train, dev, test)


def pairs_of(rows: Sequence[Row], recipe: Recipe, chat: Chat, ends: frozenset[int], longest_tokens: int) -> tuple[Pair, ...]:
    """Render pairs as the engine renders requests. Raises what `exercises_of` raises."""
    rejected = [replace(row, references=(row.more["rejected"],)) for row in rows]
    both = exercises_of([*rows, *rejected], recipe, chat, ends, longest_tokens)
    return tuple(Pair(*each) for each in zip(both[: len(rows)], both[len(rows) :], strict=True))


def judged_of(rows: Sequence[Row], recipe: Recipe, chat: Chat, ends: frozenset[int], longest_tokens: int) -> tuple[Judged, ...]:
    """Render judged answers as the engine renders requests. Raises what `exercises_of` raises."""
    rendered = exercises_of(rows, recipe, chat, ends, longest_tokens)
    return tuple(Judged(each, good(row)) for each, row in zip(rendered, rows, strict=True))


def weights_of(rows: Sequence[Judged]) -> tuple[float, float]:
    """Compute kto's weights of good and of bad answers, so that both kinds weigh the same in all (Ethayarajh et al. 2024, equation 8).

    Raises BadRequest where one kind is missing.
    """
    good_ones = sum(each.good for each in rows)
    bad_ones = len(rows) - good_ones
    if not good_ones or not bad_ones:
        raise BadRequest(
            f"kto learns from good and from bad answers, and all {len(rows):,} rows to learn are {'good' if good_ones else 'bad'}."
        )
    return max(1.0, bad_ones / good_ones), max(1.0, good_ones / bad_ones)


def _pair(row: Row) -> Row:
    chosen, rejected = (_text(row, key) for key in ("chosen", "rejected"))
    if "good" in row.more or row.references:
        raise BadRequest(f"Line {row.line:,} has chosen and rejected beside an answer of its own. Keep the pair.")
    if chosen == rejected:
        raise BadRequest(f"Line {row.line:,}: chosen and rejected are the same, which teaches nothing.")
    return replace(row, references=(chosen,))


def _judged(row: Row) -> Iterator[Row]:
    if "good" not in row.more:
        pair = _pair(row)
        yield replace(pair, more={"good": True})
        yield replace(pair, references=(pair.more["rejected"],), more={"good": False})
        return
    if not isinstance(row.more["good"], bool) or not row.references:
        raise BadRequest(f"Line {row.line:,} needs an answer, and good as true or false.")
    yield row


def _text(row: Row, key: str) -> str:
    given: Any = row.more.get(key)
    if not is_text(given) or not given:
        raise BadRequest(f"Line {row.line:,} needs {key} as text. A pair is a request with chosen and rejected.")
    return str(given)
