"""Rows that are kept apart, and how right a model is on them: exact match and loss, the answer given step by step."""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from adapters.train.exercises import Exercise
from engine.errors import BadRequest
from engine.request import folded
from engine.rows import Row

LEAST_TO_SPLIT = 150  # rows; of fewer all are learned, and there is no figure on rows that were kept apart
KEPT_APART = 0.25  # share of the rows
BATCH_ROWS = 16
Logits = Callable[[Sequence[int]], tuple[Tensor, Tensor]]  # places -> logits of their answers' tokens, and the tokens that are wanted


@dataclass(frozen=True, slots=True)
class RowParts:
    """Rows to learn and rows to measure on; no request is in both."""

    train: tuple[Row, ...]
    held_out: tuple[Row, ...]


@dataclass(frozen=True, slots=True)
class Score:
    """How right a model is on rows."""

    rows: int
    exact: float  # share of rows whose whole answer is the likeliest one, token by token
    loss: float  # nats a token, over all tokens of the answers


def parted(rows: Sequence[Row]) -> RowParts:
    """Part rows by the roles that the file gives them; where it gives none, a quarter is kept apart, by the digest of the request.

    Rows of the role test are measured on, else those of dev; an example teaches nothing here. Raises BadRequest for a request with two
    roles, and for rows of which none is to be learned.
    """
    if any(row.role for row in rows):
        _check_roles(rows)
        measured = [row for row in rows if row.role == "test"] or [row for row in rows if row.role == "dev"]
        parts = RowParts(tuple(row for row in rows if row.role in ("train", "")), tuple(measured))
    elif len(rows) < LEAST_TO_SPLIT:
        parts = RowParts(tuple(rows), ())
    else:
        apart = [_share(row) < KEPT_APART for row in rows]
        parts = RowParts(
            tuple(row for row, is_apart in zip(rows, apart, strict=True) if not is_apart),
            tuple(row for row, is_apart in zip(rows, apart, strict=True) if is_apart),
        )
    if not parts.train:
        raise BadRequest("No row is there to learn from: none has the role train.")
    return parts


def score(logits: Logits, exercises: Sequence[Exercise]) -> Score | None:
    """Measure a model on exercises, by their places. None where there are none.

    Each token is guessed after the right ones before it: the whole answer is right so exactly when greedy writing says it.
    """
    if not exercises:
        return None
    right, loss, tokens = 0, 0.0, 0
    order = sorted(range(len(exercises)), key=lambda place: len(exercises[place]))
    with torch.no_grad():
        for at in range(0, len(order), BATCH_ROWS):
            places = order[at : at + BATCH_ROWS]
            given, wanted = logits(places)
            loss += float(cross_entropy(given.float(), wanted, reduction="sum"))
            hits = torch.split(given.argmax(-1) == wanted, [len(exercises[place].answer) for place in places])
            right += sum(bool(each.all()) for each in hits)
            tokens += len(wanted)
    return Score(len(exercises), right / len(exercises), loss / tokens)


def _share(row: Row) -> float:
    """Where a request falls between 0 and 1, whatever its case and spacing."""
    return int(hashlib.sha256(folded(row.text).encode(errors="replace")).hexdigest()[:8], 16) / 0x1_0000_0000


def _check_roles(rows: Sequence[Row]) -> None:
    first: dict[str, Row] = {}
    for row in rows:
        other = first.setdefault(folded(row.text), row)
        if (other.role or "train") != (row.role or "train"):
            raise BadRequest(
                f"Line {row.line:,} has the role {row.role or 'train'}, and line {other.line:,} asks the same with the role "
                f"{other.role or 'train'}. A request has one role; take one of them away."
            )
