"""The house rules of the demo subject: facts of a situation in, one of three decisions out."""

from dataclasses import dataclass

PROMPT, TUNE, LATER = "prompt engineering", "fine-tuning", "prompt first, fine-tune later"
DECISIONS = (PROMPT, TUNE, LATER)
DECISION_OF_RULE = {1: PROMPT, 2: PROMPT, 3: PROMPT, 4: PROMPT, 5: TUNE, 6: LATER}

FEW_EXAMPLES, MANY_EXAMPLES = 200, 2_000
WEEK_DAYS, QUARTER_DAYS = 7, 85  # a quarter is 90 days; people round
HIGH_VOLUME_MONTH = 50_000


@dataclass(frozen=True, slots=True)
class HouseFacts:
    """The facts that a situation says. None: not stated, and then no condition over it holds."""

    access: bool | None = None  # to the weights and to training tools
    examples: int | None = None  # labelled
    change_days: float | None = None  # days between two changes of what is asked for
    deadline_days: float | None = None
    volume_month: int | None = None  # requests a month
    precise: bool | None = None  # strict precision or a special domain


def house_rule(facts: HouseFacts) -> int:
    """Find the first house rule that matches, 1 to 6."""
    if facts.access is False:
        return 1
    if facts.examples is not None and facts.examples < FEW_EXAMPLES:
        return 2
    if facts.change_days is not None and facts.change_days <= WEEK_DAYS:
        return 3
    if facts.deadline_days is not None and facts.deadline_days <= WEEK_DAYS:
        return 4
    return 5 if enough(facts) and stable(facts) and (busy(facts) or facts.precise) else 6


def enough(facts: HouseFacts) -> bool:
    """Whether enough labelled examples to fine-tune are stated."""
    return facts.examples is not None and facts.examples >= MANY_EXAMPLES


def stable(facts: HouseFacts) -> bool:
    """Whether the task is stated to change quarterly or slower."""
    return facts.change_days is not None and facts.change_days >= QUARTER_DAYS


def busy(facts: HouseFacts) -> bool:
    """Whether a high volume is stated."""
    return facts.volume_month is not None and facts.volume_month >= HIGH_VOLUME_MONTH


def decide(facts: HouseFacts) -> str:
    """Decide as the house does."""
    return DECISION_OF_RULE[house_rule(facts)]
