"""What an optimisation may spend, and what it has spent. Pure.

Calls are the answers of the search. Tokens (prompt and answer), minutes and dollars are those of everything, the measurement on test rows
included: the search leaves a share of them for it.
"""

from dataclasses import dataclass, replace

from engine.errors import SettingsError

SEARCH_SHARE = 0.6  # of tokens, minutes and dollars, that the search may use; the rest is for the measurement on test rows
MOST_CALLS = 1_000_000  # of one search
LOOKS_A_CALL = 4  # a look reads what an answer reads and writes nothing: a quarter of an answer's time, measured on SmolLM2-135M
SPARE_S = 0.25  # seconds before the end of the minutes at which answers are stopped, as that takes a step of the engine


@dataclass(frozen=True, slots=True)
class Budget:
    """Limits that are never exceeded; None is no limit."""

    calls: int  # answers of the search, those of the measurement not included
    tokens: int | None = None
    minutes: float | None = None
    usd: float | None = None

    def __post_init__(self) -> None:
        for name, given, good in (
            ("calls", self.calls, 1 <= self.calls <= MOST_CALLS),
            ("tokens", self.tokens, self.tokens is None or self.tokens >= 1),
            ("minutes", self.minutes, self.minutes is None or self.minutes > 0),
            ("usd", self.usd, self.usd is None or self.usd > 0),
        ):
            if not good:
                raise SettingsError(
                    f"The budget's {name} must be above 0{f' and at most {MOST_CALLS:,}' if name == 'calls' else ''}, not {given}."
                )

    @property
    def searching(self) -> "Budget":
        """What the search may spend of it."""
        return self.part(SEARCH_SHARE)

    def part(self, share: float) -> "Budget":
        """Take a share of its tokens, minutes and dollars; calls are for the search alone, and stay."""
        return Budget(
            self.calls,
            None if self.tokens is None else max(1, int(self.tokens * share)),
            None if self.minutes is None else self.minutes * share,
            None if self.usd is None else self.usd * share,
        )


@dataclass(frozen=True, slots=True)
class Outlay:
    """What has been spent."""

    calls: int = 0  # answers
    tokens: int = 0
    usd: float = 0.0  # 0 where no price is known
    looks: int = 0

    @property
    def counted(self) -> int:
        """What answers and looks count as, in calls of a budget."""
        return self.calls + -(-self.looks // LOOKS_A_CALL)

    def plus(self, tokens: int, usd: float, *, look: bool = False) -> "Outlay":
        """Add one answer, or one look."""
        more = replace(self, tokens=self.tokens + tokens, usd=self.usd + usd)
        return replace(more, looks=self.looks + 1) if look else replace(more, calls=self.calls + 1)

    def fits(self, budget: Budget) -> bool:
        """Whether this much may be spent."""
        return (
            self.counted <= budget.calls
            and (budget.tokens is None or self.tokens <= budget.tokens)
            and (budget.usd is None or self.usd <= budget.usd)
        )
