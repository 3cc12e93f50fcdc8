"""What is right about an answer: its decision, its format, and the facts that it names."""

import json
import re

from adapters.examples.demo.text.answers import MISSING
from adapters.examples.demo.text.numbers import read
from adapters.examples.demo.text.rules import (
    DECISIONS,
    FEW_EXAMPLES,
    HIGH_VOLUME_MONTH,
    LATER,
    MANY_EXAMPLES,
    PROMPT,
    QUARTER_DAYS,
    TUNE,
    WEEK_DAYS,
    HouseFacts,
)
from adapters.examples.demo.text.statements import UNITS

FOUR_LINES = re.compile(rf"Decision: ({'|'.join(DECISIONS)})\nWhy: .+\nWatch: .+\nNext: .+")
CHANGE_DAYS: dict[str, tuple[float, float]] = {  # what the answer says of change -> the days between two changes for which it is true
    "changes daily": (0, 1.5),
    "changes every few days": (1, 6.9),
    "changes weekly": (3, 7),
    "changes every two weeks": (8, 20),
    "changes monthly": (20, 45),
    "changes every two months": (45, 80),
    "changes quarterly": (80, 120),
    "changes twice a year": (120, 250),
    "changes yearly": (250, 400),
    "changes every few years": (400, 999),
    "stable task": (QUARTER_DAYS, 10_000),
}
DEADLINE_DAYS: dict[str, tuple[float, float]] = {  # what the answer says of the deadline -> the days from now for which it is true
    "needed today": (0, 0.9),
    "needed tomorrow": (0.5, 1.5),
    "needed in two days": (1.5, 2.5),
    "needed in three days": (2.5, 3.5),
    "needed within a week": (0, WEEK_DAYS),
}


def decision_of(answer: str) -> str | None:
    """Find the decision that an answer gives in any format; None where it names none or two."""
    text = answer.lower()
    head = next((line for line in text.splitlines() if "decision" in line), text)
    found = {name for name in (PROMPT, TUNE) if name in head.replace(LATER, "")} | ({LATER} if LATER in head else set())
    return found.pop() if len(found) == 1 else None


def four_lines(answer: str) -> bool:
    """Whether an answer is the four lines of the house, to the character."""
    return FOUR_LINES.fullmatch(answer) is not None


def follows(kind: str, answer: str) -> bool:
    """Whether an answer has the changed format and a decision in it."""
    if decision_of(answer) is None:
        return False
    lines = answer.splitlines()
    match kind:
        case "one line":
            return len(lines) == 1 and not answer.startswith(("{", "- "))
        case "bullets":
            return len(lines) > 1 and all(re.match(r"[-*•] \S", line) for line in lines)
    try:
        return isinstance(json.loads(answer), dict)
    except ValueError:
        return False


def why_of(answer: str) -> tuple[str, ...]:
    """List the facts that a four-line answer names."""
    match = re.search(r"^Why: (.+)$", answer, re.MULTILINE)
    return tuple(match[1].split("; ")) if match else ()


def is_true(clause: str, facts: HouseFacts) -> bool:
    """Whether a named fact is one of the request."""
    if clause in MISSING.values():
        aspect = next(name for name, words in MISSING.items() if words == clause)
        return getattr(facts, aspect) is None
    match clause:
        case "no access to weights or training":
            return facts.access is False
        case "access to the weights":
            return facts.access is True
        case "no labelled examples":
            return facts.examples == 0
        case "only a few labelled examples":
            return facts.examples is not None and 0 < facts.examples < FEW_EXAMPLES
        case "hundreds of labelled examples":
            return facts.examples is not None and FEW_EXAMPLES <= facts.examples < MANY_EXAMPLES
        case "thousands of labelled examples":
            return facts.examples is not None and facts.examples >= MANY_EXAMPLES
        case "high volume" | "low volume":
            return facts.volume_month is not None and (facts.volume_month >= HIGH_VOLUME_MONTH) == (clause == "high volume")
        case "special domain" | "strict precision":
            return facts.precise is True
    if span := CHANGE_DAYS.get(clause):
        return facts.change_days is not None and span[0] <= facts.change_days <= span[1]
    if span := DEADLINE_DAYS.get(clause):
        return facts.deadline_days is not None and span[0] <= facts.deadline_days <= span[1]
    return number_is_true(clause, facts)


def number_is_true(clause: str, facts: HouseFacts) -> bool:
    """Whether a clause names a count of examples or requests, and the request has it."""
    try:
        if match := re.fullmatch(r"(?:only )?(.+) labelled examples", clause):
            return read(match[1]) == facts.examples
        if (match := re.fullmatch(r"(.+) requests (an? \w+)", clause)) and facts.volume_month is not None:
            return abs(read(match[1]) / UNITS[match[2]][0] / facts.volume_month - 1) < 0.15
    except (ValueError, KeyError):
        pass
    return False
