"""Whether new answers are as long and as laid out as those that people chose: a training on preferences can overshoot them."""

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

LEAST, MOST = 0.05, 0.95  # of the chosen answers lie below the range, and below its upper end
ENOUGH = 0.75  # share of new answers that must lie within; of the chosen ones about 0.9 do
ASKED = 40  # requests of the held-out rows at most


@dataclass(frozen=True, slots=True)
class Shape:
    """The length and layout of an answer."""

    tokens: int
    lines: int  # with words on them


@dataclass(frozen=True, slots=True)
class Likeness:
    """New answers against the range in which nine of ten chosen ones lie."""

    asked: int
    tokens_least: int
    tokens_most: int
    lines_least: int
    lines_most: int
    tokens_inside: float  # share of the new answers
    lines_inside: float

    def table(self) -> dict[str, Any]:
        """The figures as a card's training part holds them."""
        return asdict(self)

    @property
    def warning(self) -> str:
        """A sentence where too many new answers lie outside; else ""."""
        off = [
            f"{1 - inside:.0%} have fewer or more {what} than the chosen ones usually have ({least:,} to {most:,})"
            for what, inside, least, most in (
                ("tokens", self.tokens_inside, self.tokens_least, self.tokens_most),
                ("lines", self.lines_inside, self.lines_least, self.lines_most),
            )
            if inside < ENOUGH
        ]
        return f"Of {self.asked:,} new answers {', and '.join(off)}." if off else ""


def shape(answer: str, tokens: int) -> Shape:
    """Measure an answer of so many tokens."""
    return Shape(tokens, sum(bool(line.strip()) for line in answer.splitlines()))


def likeness(chosen: Sequence[Shape], new: Sequence[Shape]) -> Likeness | None:
    """Compare new answers with chosen ones; None where one of them is missing."""
    if not chosen or not new:
        return None
    (tokens_least, tokens_most), (lines_least, lines_most) = (
        _range([each.tokens for each in chosen]),
        _range([each.lines for each in chosen]),
    )
    return Likeness(
        asked=len(new),
        tokens_least=tokens_least,
        tokens_most=tokens_most,
        lines_least=lines_least,
        lines_most=lines_most,
        tokens_inside=sum(tokens_least <= each.tokens <= tokens_most for each in new) / len(new),
        lines_inside=sum(lines_least <= each.lines <= lines_most for each in new) / len(new),
    )


def _range(values: Sequence[int]) -> tuple[int, int]:
    ordered = sorted(values)
    last = len(ordered) - 1
    return ordered[math.floor(LEAST * last)], ordered[math.ceil(MOST * last)]
