"""What a fine-tune will reach, told before it is made: a linear probe on what a base's lower layers give, for answers from a closed set.

Which answer is right is read off the frozen base's states by a linear layer, over growing numbers of rows. LoRA comes out near it.
"""

import math
from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from adapters.train.paying import ProbedShare

MOST_ANSWERS = 100  # different ones, of a closed set
ROWS_AN_ANSWER = 2  # at least, on average; free text repeats itself less
LEAST_ROWS = 12  # of which anything can be told
FOLDS, DRAWS = 5, 3
STEPS, RATE, DECAY = 150, 1e-2, 0.1  # of the probe's AdamW
MOST_TESTED = 300  # rows that a draw is measured on
MODEL_ERROR = 0.06  # by how much LoRA was off the probe's figure at most, where both were measured
Z = 1.96  # of a normal distribution: 95 % lie within


def is_closed(answers: Sequence[str]) -> bool:
    """Whether the answers come from a set small enough to be told apart: no free text."""
    kinds = len(set(answers))
    return 2 <= kinds <= MOST_ANSWERS and len(answers) >= max(LEAST_ROWS, ROWS_AN_ANSWER * kinds)


def curve(features: Tensor, answers: Sequence[str], seed: int = 0) -> tuple[ProbedShare, ...]:
    """Estimate for growing numbers of rows, up to all, how many of new requests a fine-tune answers right.

    features: (rows, width). Smaller numbers are drawn from the rows and measured on the others; all rows are measured in five parts.
    """
    kinds = {answer: number for number, answer in enumerate(sorted(set(answers)))}
    labels = torch.tensor([kinds[answer] for answer in answers])
    rows = len(answers)
    dice = torch.Generator().manual_seed(seed)
    counts = [count for count in (LEAST_ROWS * 2**power for power in range(20)) if count <= rows / 2]
    points = []
    for count in counts:
        hits = [_drawn(features, labels, count, dice) for _ in range(DRAWS)]
        points.append(_point(count, sum(float(each.mean()) for each in hits) / DRAWS, len(hits[0])))
    order = torch.randperm(rows, generator=dice)
    folds = [_hits(features, labels, torch.cat([order[:at], order[to:]]), order[at:to]) for at, to in _folds(rows)]
    return (*points, _point(rows, float(torch.cat(folds).mean()), rows))


def _folds(rows: int) -> list[tuple[int, int]]:
    return [(rows * fold // FOLDS, rows * (fold + 1) // FOLDS) for fold in range(FOLDS)]


def _drawn(features: Tensor, labels: Tensor, count: int, dice: torch.Generator) -> Tensor:
    order = torch.randperm(len(labels), generator=dice)
    return _hits(features, labels, order[:count], order[count : count + MOST_TESTED])


def _hits(features: Tensor, labels: Tensor, learned: Tensor, tested: Tensor) -> Tensor:
    """Train a probe on some rows and try it on others. Returns 1 or 0 for each of these."""
    mean, spread = features[learned].mean(0), features[learned].std(0) + 1e-4
    inputs = (features - mean) / spread
    kinds = int(labels.max()) + 1
    weight = torch.zeros(inputs.shape[1], kinds, requires_grad=True)
    shift = torch.zeros(kinds, requires_grad=True)
    optimizer = torch.optim.AdamW([weight, shift], lr=RATE, weight_decay=DECAY)
    for _ in range(STEPS):
        optimizer.zero_grad()
        cross_entropy(inputs[learned] @ weight + shift, labels[learned]).backward()  # type: ignore[no-untyped-call]
        optimizer.step()
    with torch.no_grad():
        return ((inputs[tested] @ weight + shift).argmax(1) == labels[tested]).float()


def _point(rows: int, right: float, tested: int) -> ProbedShare:
    """Put the 95 % range around a share (Wilson 1927), and the probe's own error."""
    center = (right + Z * Z / (2 * tested)) / (1 + Z * Z / tested)
    half = Z / (1 + Z * Z / tested) * math.sqrt(right * (1 - right) / tested + Z * Z / (4 * tested * tested))
    half = math.hypot(half, MODEL_ERROR)
    return ProbedShare(rows, right, max(0.0, min(right, center - half)), min(1.0, max(right, center + half)))
