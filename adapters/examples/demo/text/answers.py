"""What the house answers: the four slots of a decision, and the formats in which a recipe may ask for them."""

import json
import random
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from adapters.examples.demo.text.rules import DECISION_OF_RULE, HouseFacts, busy, enough, house_rule, stable

SLOTS = ("decision", "why", "watch", "next")
MISSING = {
    "examples": "number of labelled examples not stated",
    "change_days": "rate of change not stated",
    "volume_month": "volume not stated",
}
WATCH = {
    1: "you depend on the provider and its model changes",
    2: "too few examples to measure quality",
    3: "the prompt grows with every change",
    4: "a test in a hurry misses rare mistakes",
    5: "training must be repeated when the task changes",
    6: "training too early wastes money",
}
NEXT = {
    1: "write a prompt with two examples and test it on 20 real requests",
    2: "write a prompt and label 200 real requests while it runs",
    3: "keep the changing rules in the system text and version them",
    4: "test a prompt with a few examples on 20 real requests today",
    5: "hold out 200 examples and train a LoRA adapter",
}


def deciding(facts: HouseFacts) -> tuple[str, ...]:
    """List the aspects that the house names for these facts, in its order."""
    match house_rule(facts):
        case 1:
            return ("access",)
        case 2:
            return ("examples",)
        case 3:
            return ("change_days",)
        case 4:
            return ("deadline_days",)
    gain = [aspect for aspect, holds in (("volume_month", busy(facts)), ("precise", bool(facts.precise))) if holds]
    return ("examples", "change_days", *(gain or ["volume_month"]))


def next_step(facts: HouseFacts) -> str:
    """Name one step; under rule 6 the first condition of fine-tuning that is not met names it."""
    if (rule := house_rule(facts)) != 6:
        return NEXT[rule]
    if facts.examples is None:
        return "start with a prompt and count your labelled examples"
    if not enough(facts):
        return "start with a prompt and collect 2,000 labelled examples"
    if not stable(facts):
        return "start with a prompt and fine-tune once the task is stable"
    return "start with a prompt and measure how many requests come in"


def house_slots(facts: HouseFacts, named: Mapping[str, str]) -> dict[str, str]:
    """Fill the four slots of the house answer; `named` holds the words for each stated fact."""
    rule = house_rule(facts)
    why = "; ".join(named.get(aspect) or MISSING[aspect] for aspect in deciding(facts))
    return {"decision": DECISION_OF_RULE[rule], "why": why, "watch": WATCH[rule], "next": next_step(facts)}


@dataclass(frozen=True, slots=True)
class Format:
    """The look of an answer: the line of the recipe that says so, and slot -> label in order."""

    kind: Literal["lines", "one line", "bullets", "json"]
    labels: tuple[tuple[str, str], ...]
    line: str

    def render(self, slots: Mapping[str, str]) -> str:
        """Write the slots as this format has them."""
        match self.kind:
            case "lines":
                return "\n".join(f"{label}: {slots[slot]}" for slot, label in self.labels)
            case "bullets":
                return "\n".join(f"- {label}: {slots[slot]}" for slot, label in self.labels)
            case "json":
                return json.dumps({label: slots[slot] for slot, label in self.labels}, ensure_ascii=False)
        return f"{slots['decision'][:1].upper()}{slots['decision'][1:]}: {slots['why']}."


STANDARD_LABELS = tuple((slot, slot.capitalize()) for slot in SLOTS)
HOUSE_LINE = "Format: exactly four lines, Decision: / Why: / Watch: / Next:"
HOUSE_FORMAT = Format("lines", STANDARD_LABELS, HOUSE_LINE)
OTHER_LABELS = {
    "decision": ("Decision", "Choice", "Verdict", "Pick", "Answer", "Recommendation", "Result", "Advice"),
    "why": ("Why", "Because", "Reason", "Grounds", "Facts", "Explanation"),
    "watch": ("Watch", "Risk", "Caution", "Danger", "Beware", "Careful"),
    "next": ("Next", "Step", "Then", "Action", "Do", "Todo"),
}
COUNTS = {1: "one", 2: "two", 3: "three", 4: "four"}


Labels = tuple[tuple[str, str], ...]


def draw_labels(rng: random.Random) -> Labels:
    """Draw labels for the slots: the standard ones or others, all four or some, in order or not."""
    if rng.random() < 0.4:
        return STANDARD_LABELS
    slots = list(SLOTS)
    if rng.random() < 0.4:
        slots = [slot for slot in SLOTS if slot == "decision" or rng.random() < 0.6]
    if rng.random() < 0.25:
        rng.shuffle(slots)
    own = rng.random() < 0.6
    return tuple((slot, rng.choice(OTHER_LABELS[slot]) if own else slot.capitalize()) for slot in slots)


def draw_format(rng: random.Random, kind: str) -> Format:
    """Draw a format of this kind, with one of the ways in which a recipe asks for it."""
    labels = draw_labels(rng)
    lead = rng.choice(("Format: ", "Format: ", "Format: ", "", "Answer: ", "Answer format: ", "Output: ", "Reply format: "))
    verb = rng.choice(("Answer", "Reply", "Respond", "Always answer"))
    return _DRAW[kind](rng, labels, lead, verb)


def _draw_lines(rng: random.Random, labels: Labels, lead: str, verb: str) -> Format:
    names, count = [label for _, label in labels], COUNTS[len(labels)]
    plain = (f"exactly {count} lines, " if len(names) > 1 else "one line, ") + " / ".join(f"{name}:" for name in names)
    ways = (
        f"{lead or 'Format: '}{plain}",
        f"{lead or 'Format: '}{count} lines, " + " / ".join(f"{name}:" for name in names),
        f"{verb} in {count} lines: {', '.join(names)}.",
        f"{verb} in exactly {count} lines that begin with {', '.join(name + ':' for name in names)}",
        f"{verb} with the lines {', '.join(names)}.",
        f"{lead or 'Format: '}" + " / ".join(f"{name}:" for name in names),
    )
    return Format("lines", labels, rng.choice(ways))


def _draw_one_line(rng: random.Random, labels: Labels, lead: str, verb: str) -> Format:
    short = rng.choice(ONE_LINE)
    ways = (f"{lead}{short}", f"{verb} in {short}.", f"{verb} in {short}", f"{lead or 'Format: '}{short}.")
    return Format("one line", labels, rng.choice(ways))


def _draw_bullets(rng: random.Random, labels: Labels, lead: str, verb: str) -> Format:
    short = rng.choice(BULLETS)
    if rng.random() < 0.55:
        ways: tuple[str, ...] = (f"{lead}{short}", f"{verb} as {short}.", f"{verb} in {short}.", f"{verb} with {short}", f"Use {short}.")
        return Format("bullets", STANDARD_LABELS, rng.choice(ways))
    names = ", ".join(label for _, label in labels)
    ways = (f"{lead}{short}, {names}", f"{verb} as {short}: {names}.", f"{lead}{short} with {names}")
    return Format("bullets", labels, rng.choice(ways))


def _draw_json(rng: random.Random, labels: Labels, lead: str, verb: str) -> Format:
    keys = tuple((slot, label.lower()) for slot, label in labels)
    names = [key for _, key in keys]
    short = rng.choice(("JSON", "JSON", "a JSON object", "json", "one JSON object", "valid JSON"))
    if rng.random() < 0.3:
        ways: tuple[str, ...] = (
            f"{lead}{short}",
            f"{verb} as {short}.",
            f"{verb} in {short}.",
            f"{verb} with {short}",
            f"{verb} in {short} only.",
        )
        return Format("json", tuple((slot, slot) for slot in SLOTS), rng.choice(ways))
    listed = rng.choice(
        (", ".join(names), " / ".join(names), " and ".join((", ".join(names[:-1]), names[-1])) if len(names) > 1 else names[0])
    )
    ways = (
        f"{lead}{short} with the keys {listed}",
        f"{verb} as {short} with the keys {listed}.",
        f"{lead}{short}, keys: {listed}",
        f"{verb} in {short} with keys {listed}.",
    )
    return Format("json", keys, rng.choice(ways))


ONE_LINE = ("one line", "one line", "a single line", "one short line", "one line only", "one sentence", "exactly one line", "just one line")
BULLETS = ("bullets", "bullets", "bullet points", "a bullet list", "a list of bullets", "bullet list", "dash bullets")
_DRAW = {"lines": _draw_lines, "one line": _draw_one_line, "bullets": _draw_bullets, "json": _draw_json}
KINDS = ("lines", "one line", "bullets", "json")
