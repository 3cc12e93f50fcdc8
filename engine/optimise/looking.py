"""What is asked of a model that can say how likely an answer is, and the score that comes of it. Pure.

A look reads what an answer would read and writes nothing, so it takes less time, and it tells how near the model was to the wanted answer.
"""

from dataclasses import dataclass
from math import exp, fsum, log1p

from engine.backends.base import Likelihood
from engine.rows import Row
from engine.scoring import Metric, line_span

# The temperature at which greedy answers are looked at. Measured on 20 recipes for 17 teams with SmolLM2-135M: their scores of 24 rows
# foretold the share of right greedy answers to other rows better than as many answers did, by a tenth; at 1 the chance of the whole text
# foretold nothing of it.
SOFT = 0.25
MOST = 700.0  # of an exponent


@dataclass(frozen=True, slots=True)
class Target:
    """The part of a row's answer that a metric looks at, as a text that the model may write."""

    text: str
    given: str = ""  # of the answer, before it
    ends: bool = True  # whether the answer ends with it


def target_of(metric: Metric, row: Row) -> Target | None:
    """Find what of a row's first answer is right or wrong; None where the metric knows no such text, and where the row has none.

    Of an answer in lines it is the line that the metric names, from its beginning to its end, behind the lines before it.
    """
    if not metric.counts or not row.references:
        return None
    answer = row.references[0].strip()
    if not (name := metric.line):
        return Target(answer)
    if (span := line_span(answer, name)) is None:
        return None
    first, (blank, end, _) = answer.rfind("\n", 0, span[0]) + 1, answer[span[1] :].partition("\n")
    return Target(answer[first : span[1]] + blank + end, answer[:first], ends=not end)


def chance_of(told: Likelihood, *, greedy: bool) -> float:
    """Turn what a model tells of a text into a score from 0 to 1.

    Where answers are drawn, it is the text's chance, so its mean over rows is the expected share of right answers. Where they are
    greedy, it is the product over its tokens of the chance of each against the likeliest other one alone: nearly 1 where greedy decoding
    writes the text, nearly 0 where it does not, and between them where it is nearly so.
    """
    return exp(-fsum(log1p(exp(min(MOST, -lead))) for lead in told.leads)) if greedy else exp(fsum(told.logs))
