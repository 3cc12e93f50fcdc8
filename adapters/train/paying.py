"""Whether a fine-tune will pay, from the shares of right answers that a probe expects of so many rows. No torch."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise


@dataclass(frozen=True, slots=True)
class ProbedShare:
    """The share of right answers that is expected of so many rows."""

    rows: int
    right: float
    least: float  # of 95 %
    most: float


def rows_needed(points: Sequence[ProbedShare], right: float) -> int | None:
    """Estimate the number of rows from which on a share of right answers is reached; None where the curve does not rise to it.

    Between two points it goes by the logarithm of the rows; beyond the last, the error falls as a power of them.
    """
    for before, after in pairwise(points):
        if before.right <= right < after.right:
            part = (right - before.right) / (after.right - before.right)
            return round(before.rows * math.pow(after.rows / before.rows, part))
    if points[0].right > right:
        return points[0].rows
    if points[-1].right > right or right >= 1:
        return None
    slope = _slope(points)
    if slope <= 0.02:
        return None
    last = points[-1]
    return math.ceil(last.rows * math.pow((1 - last.right) / (1 - right), 1 / slope))


def _slope(points: Sequence[ProbedShare]) -> float:
    """Fit error ~ rows ** -slope."""
    known = [(math.log(point.rows), math.log(max(1e-3, 1 - point.right))) for point in points]
    if len(known) < 2:
        return 0.5
    mean_x, mean_y = sum(x for x, _ in known) / len(known), sum(y for _, y in known) / len(known)
    above = sum((x - mean_x) * (y - mean_y) for x, y in known)
    return -above / sum((x - mean_x) * (x - mean_x) for x, _ in known)


def reached(points: Sequence[ProbedShare], rows: int) -> str:
    """Word what a fine-tune of these rows would reach, without an end."""
    now = points[-1]
    of = f"{now.rows:,} of {rows:,}" if now.rows < rows else f"{rows:,}"
    return f"With {of} rows a fine-tune would be right on about {now.right:.0%} ({now.least:.0%} to {now.most:.0%})"


def will_it_pay(points: Sequence[ProbedShare], rows: int, prompt_right: float | None) -> str:
    """Word what a fine-tune of these rows would reach, and whether that beats the prompt; prompt_right: its share of right answers."""
    if not points:
        untold = "so a probe tells nothing of what a fine-tune would reach"
        return f"The answers are free text, not from a closed set, {untold}: --pilot trains on parts of the rows."
    now, reach = points[-1], reached(points, rows)
    if prompt_right is None:
        return f"{reach}. To know whether that pays, give your prompt's share on the same rows: --prompt-right PERCENT."
    needed = rows_needed(points, prompt_right)
    versus = f"{reach}, your prompt on {prompt_right:.0%}"
    if now.right > prompt_right:
        since = f" It passes your prompt near {needed:,} rows." if needed else ""
        sure = "it would pay" if now.least > prompt_right else "it would likely pay, though the two are close"
        return f"{versus}: {sure}.{since}"
    more = f" It passes your prompt near {needed:,} rows; label {needed - rows:,} more." if needed and needed > rows else ""
    sure = "it would not pay yet" if now.most < prompt_right else "likely not yet"
    return f"{versus}: {sure}.{more}"
