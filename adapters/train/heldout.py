"""Rows that are kept apart, and how right a model is on them: exact match and loss, the answer given step by step."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from adapters.data.join import near_groups
from adapters.data.rows import answered, asked, classes_of
from adapters.data.split import split
from adapters.train.exercises import Exercise
from engine.errors import BadRequest
from engine.rows import Row

BATCH_ROWS = 16
Logits = Callable[[Sequence[int]], tuple[Tensor, Tensor]]  # places -> logits of their answers' tokens, and the tokens that are wanted


@dataclass(frozen=True, slots=True)
class RowParts:
    """Rows by what a training does with them; no request, nor a near-duplicate of it, is in two of them."""

    train: tuple[Row, ...]
    dev: tuple[Row, ...]
    test: tuple[Row, ...]

    @property
    def held_out(self) -> tuple[Row, ...]:
        """The rows that are measured on: the test's, else those of dev."""
        return self.test or self.dev


@dataclass(frozen=True, slots=True)
class Score:
    """How right a model is on rows."""

    rows: int
    exact: float  # share of rows whose whole answer is the likeliest one, token by token
    loss: float  # nats a token, over all tokens of the answers


def parted(rows: Sequence[Row]) -> RowParts:
    """Part rows by the roles that the file gives them, and by the split where it gives none; an example teaches nothing here.

    Raises BadRequest for a request with two roles, and for rows of which none is to be learned.
    """
    groups = near_groups([asked(row) for row in rows])
    found = split(rows, groups, classes_of([answered(row) for row in rows]).of)
    train, dev, test = (
        tuple(row for row, given in zip(rows, found.roles, strict=True) if given == role) for role in ("train", "dev", "test")
    )
    if not train:
        raise BadRequest("No row is there to learn from: none has the role train.")
    return RowParts(train, dev, test)


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
