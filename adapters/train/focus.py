"""Answer tokens that weigh more than the others: those of the line by which an answer is right or wrong."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from adapters.train.exercises import Exercise
from adapters.train.plan import BadPlan, FocusPlan
from engine.scoring import line_span


@dataclass(frozen=True, slots=True)
class Focus:
    """For each exercise which of its answer's tokens are in focus, and what these weigh."""

    inside: Sequence[Tensor]  # (answer tokens,) booleans
    weight: float  # of the mean loss of the tokens in focus, beside the mean of the others

    def weighed(self, losses: Tensor, places: Sequence[int]) -> Tensor:
        """Compute the loss of a batch from that of each answer token, (tokens,)."""
        inside = torch.cat([self.inside[place] for place in places]).to(losses.device)
        if not bool(inside.any()):
            return losses.mean()
        return losses[~inside].mean() + self.weight * losses[inside].mean()


def focus_on(exercises: Sequence[Exercise], tokenizer: Any, plan: FocusPlan) -> Focus | None:
    """Find the tokens of the line's value; None where the plan names no line. Raises BadPlan for a line that no answer has."""
    if not plan.line:
        return None
    inside = [_of_line(each, tokenizer, plan.line) for each in exercises]
    if not any(bool(each.any()) for each in inside):
        raise BadPlan(f"focus.line is “{plan.line}”, and no answer has a line that begins with that and a colon.")
    return Focus(inside, plan.weight)


def _of_line(exercise: Exercise, tokenizer: Any, line: str) -> Tensor:
    """Which tokens of an answer reach into the line's value; the last token ends the answer and is of no line."""
    said = exercise.answer[:-1]
    text, found, end = tokenizer.decode(said), torch.zeros(len(exercise.answer), dtype=torch.bool), 0
    span = line_span(text, line)
    if span is None:
        return found
    for at in range(len(said)):
        begin, end = end, len(tokenizer.decode(said[: at + 1]))
        found[at] = begin < span[1] and end > span[0]
    return found
