"""How one fact, or several at once, are stated: the sentence that a person types, and the words by which the answer names the fact."""

import random
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

from adapters.examples.demo.text.grammar import articles, expand, invented
from adapters.examples.demo.text.numbers import around, say, words
from adapters.examples.demo.text.phrases import phrase, sections
from adapters.examples.demo.text.rules import FEW_EXAMPLES, HIGH_VOLUME_MONTH, MANY_EXAMPLES, HouseFacts

ASPECTS = ("access", "examples", "change_days", "deadline_days", "volume_month", "precise")
FILES = dict(zip(ASPECTS, ("access", "examples", "change", "deadline", "volume", "precise"), strict=True))
STABLE_DAYS = 1000.0
PERIODS: dict[float, str] = {  # days between two changes -> how the answer names it; how people say it is in phrases/change.txt
    0.3: "changes daily",
    1: "changes daily",
    3.5: "changes every few days",
    7: "changes weekly",
    14: "changes every two weeks",
    30: "changes monthly",
    60: "changes every two months",
    90: "changes quarterly",
    180: "changes twice a year",
    365: "changes yearly",
    730: "changes every few years",
}
DEADLINES: dict[float, str] = {  # days -> how the answer names them; how people say them is in phrases/deadline.txt
    0.5: "needed today",
    1: "needed tomorrow",
    2: "needed in two days",
    3: "needed in three days",
    4: "needed within a week",
    5: "needed within a week",
    6: "needed within a week",
    7: "needed within a week",
    14: "needed in two weeks",
    21: "needed in three weeks",
    30: "needed in a month",
    60: "needed in two months",
    90: "needed in three months",
    120: "needed in a few months",
    180: "needed in half a year",
    365: "needed in a year",
}
RELAXED_DAYS = 30  # a later deadline may be told as no hurry
UNITS: dict[str, tuple[float, str]] = {  # named unit -> months in it, how people say it
    "a month": (1, "[a month|a month|per month|per month|monthly|each month|every month|/month|in a month]"),
    "a week": (12 / 52, "[a week|per week|weekly|each week|every week]"),
    "a day": (12 / 365, "[a day|per day|daily|each day|every day|/day]"),
    "a year": (12, "[a year|per year|yearly|each year|every year]"),
    "an hour": (12 / 365 / 24, "[an hour|per hour|every hour|hourly]"),
}
SPAN_UNITS = r"hours?|\d+h|days?|weeks?|wks|months?|quarters?|years?|fortnight"
SPAN = re.compile(rf"(?:in|within|inside) (?!the\b)(?:just |only |about |exactly |roughly )?(.+(?:{SPAN_UNITS})(?: or (?:two|so))?)")
WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday")


@dataclass(frozen=True, slots=True)
class Backdrop:
    """The things that all statements of a situation share. Every aspect has its own dice, so one fact can change alone."""

    seed: str
    thing: str
    use: str
    expert: bool

    def dice(self, aspect: str) -> random.Random:
        """Make the dice of one aspect, the same each time."""
        return random.Random(f"{self.seed}/{aspect}")

    def slots(self, rng: random.Random) -> dict[str, str | Callable[[], str]]:
        """Fill everything that a phrase may leave open, apart from the facts."""
        return {
            "thing": self.thing,
            "use": self.use,
            **loose_slots(rng),
            "agent": lambda: agent(rng),
            "doing": lambda: phrase(rng, "framing", "doings"),
            "expert": self.thing if self.expert else lambda: phrase(rng, "framing", "expert things"),
        }


def draw_backdrop(rng: random.Random, facts: HouseFacts) -> Backdrop:
    """Draw what a situation is about."""
    expert = bool(facts.precise) and rng.random() < 0.5
    thing = phrase(rng, "framing", "expert things" if expert else "things")
    if not expert and rng.random() < 0.2:
        thing = f"{any_word(rng)} {thing.split()[-1]}" if rng.random() < 0.85 else f"{invented(rng)}s"
    return Backdrop(f"{rng.random()}", thing, phrase(rng, "framing", "uses"), expert)


def any_word(rng: random.Random) -> str:
    """Draw a noun of everyday life, or a word that nobody knows: what a task is about tells it from no other subject."""
    return rng.choice(everyday()) if rng.random() < 0.6 else invented(rng)


@cache
def everyday() -> tuple[str, ...]:
    """List the nouns of everyday life that are one word."""
    return tuple(word for word in sections("chat")["words"] if " " not in word)


def agent(rng: random.Random) -> str:
    """Name a task after the tool that shall do it: "tax chatbot", "poem writer"."""
    what = any_word(rng) if rng.random() < 0.6 else phrase(rng, "framing", rng.choice(("fields", "places")))
    return f"{what} {phrase(rng, 'framing', 'agents')}"


# one fact, as a person states it and as the answer names it -----------------------------------------------------


def state(shared: Backdrop, facts: HouseFacts, aspect: str, form: str) -> tuple[str, str]:
    """State one fact in one form (sentence, note, followup), and name it. A class without follow-ups is put into a frame."""
    rng = shared.dice(aspect)
    kind, filled, name = worded(rng, getattr(facts, aspect), aspect, shared.expert)
    known = sections(FILES[aspect])
    slots = {**shared.slots(rng), **filled}
    if form == "followup" and (f"{kind} followup" not in known or rng.random() < 0.4):
        return framed(rng, expand(rng, rng.choice(known[f"{kind} sentence"]), slots)), name
    text = expand(rng, rng.choice(known[f"{kind} {form}"]), slots)
    return (articles(text), name)


def worded(rng: random.Random, value: float | bool, aspect: str, expert: bool) -> tuple[str, dict[str, str], str]:
    """Choose the section that says this value, what fills its slots, and the name."""
    match aspect:
        case "access":
            return ("yes", {}, "access to the weights") if value else ("no", {}, "no access to weights or training")
        case "examples":
            return worded_examples(rng, int(value))
        case "change_days" if value == STABLE_DAYS:
            return "stable", {}, "stable task"
        case "change_days":
            return "period", {"period": period(rng, value)}, PERIODS[value]
        case "deadline_days":
            if value > RELAXED_DAYS and rng.random() < 0.35:
                return "relaxed", {}, "no hurry"
            by = due(rng, value)
            if (left := time_left(by)) and rng.random() < 0.6:
                return "left", {"left": left}, DEADLINES[value]
            return "by", {"by": by}, DEADLINES[value]
        case "volume_month":
            return worded_volume(rng, int(value))
    if value and expert:
        return "domain", {}, "special domain"
    if value and rng.random() < 0.4:
        return "field", {"field": phrase(rng, "framing", "fields")}, "special domain"
    return ("strict", {}, "strict precision") if value else ("loose", {}, "no strict precision")


def worded_examples(rng: random.Random, count: int) -> tuple[str, dict[str, str], str]:
    """Choose the words for so many examples: none, a number, or only a word for how many."""
    if count == 0:
        return "none", {}, "no labelled examples"
    vague = rng.random()
    if count < 40 and vague < 0.3:
        return "few", {}, "only a few labelled examples"
    if 300 <= count <= 900 and vague < 0.1:
        return "hundreds", {}, "hundreds of labelled examples"
    if count > MANY_EXAMPLES + 500 and vague < 0.1:
        return "many", {}, "thousands of labelled examples"
    n = say(rng, count)
    return "count", {"n": n}, examples_name(n, count)


def examples_name(n: str, count: int) -> str:
    """Name so many examples as the answer does; `n` is the number as the person wrote it."""
    return f"{'only ' if count < FEW_EXAMPLES else ''}{n} labelled examples"


def worded_volume(rng: random.Random, month: int) -> tuple[str, dict[str, str], str]:
    """Choose the words for a volume: a number and its unit, or only a word for high or low."""
    if month > 200_000 and rng.random() < 0.2:
        return "high", {}, "high volume"
    if month < 2_000 and rng.random() < 0.3:
        return "low", {}, "low volume"
    n, unit, name = spoken_volume(rng, month)
    return "count", {"n": n, "unit": unit}, f"{n} requests {name}"


def spoken_volume(rng: random.Random, month: int) -> tuple[str, str, str]:
    """Draw the number and its unit as written, and the unit's name; other units only well off the threshold."""
    name = "a month"
    if not 0.7 < month / HIGH_VOLUME_MONTH < 1.5 and rng.random() < 0.35:
        name = rng.choice([unit for unit, (months, _) in UNITS.items() if month * months >= 5])
    months, forms = UNITS[name]
    n = month if name == "a month" else around(rng, month * months * 0.95, month * months * 1.05 + 1)
    return say(rng, n), expand(rng, forms, {}), name


def corrected(rng: random.Random, thing: str, aspect: str, old: float | None, new: float) -> tuple[str, str] | None:
    """State a bare value that takes another's place ("monthly, not weekly"), and name it; None where it has no such form."""
    before = value_alone(rng, thing, aspect, old) if old is not None else None
    # Where no number of examples was told before, a number alone could be one of anything.
    if (spoken := value_alone(rng, thing, aspect, new, whole=before is None)) is None:
        return None
    fitting = [line for line in sections("framing")["corrections"] if before or "{old}" not in line]
    return expand(rng, rng.choice(fitting), {"new": spoken[0], "old": before[0] if before else ""}), spoken[1]


def value_alone(rng: random.Random, thing: str, aspect: str, value: float, whole: bool = False) -> tuple[str, str] | None:
    """Write a value without a verb, and name the fact; `whole`: with a noun that tells what is counted."""
    match aspect:
        case "examples" if value:
            n = say(rng, int(value))
            noun = rng.choice((" labels", " examples", f" labelled {thing}", " labelled ones", *(() if whole else (" of them", "", ""))))
            return n + noun, examples_name(n, int(value))
        case "change_days" if value != STABLE_DAYS:
            return period(rng, value), PERIODS[value]
        case "deadline_days":
            return due(rng, value), DEADLINES[value]
        case "volume_month":
            n, unit, name = spoken_volume(rng, int(value))
            return f"{n} {unit}", f"{n} requests {name}"
    return None


def period(rng: random.Random, days: float) -> str:
    """Draw how people say the days between two changes."""
    return expand(rng, phrase(rng, "change", f"period {days:g}"), {"weekday": rng.choice(WEEKDAYS)})


def due(rng: random.Random, days: float) -> str:
    """Draw how people say a deadline in so many days."""
    return expand(rng, phrase(rng, "deadline", f"by {days:g}"), {"weekday": rng.choice(WEEKDAYS)})


def time_left(by: str) -> str:
    """Find the span in a deadline that is a span ("in two days" -> "two days"); empty for a date."""
    match = SPAN.fullmatch(by)
    return match[1] if match else ""


def loose_slots(rng: random.Random) -> dict[str, str | Callable[[], str]]:
    """Fill numbers and names that decide nothing; drawn where a phrase has them, for most phrases have none."""

    def few() -> str:
        n = rng.randint(2, 12)
        return rng.choice((str(n), words(n)))

    def money() -> str:
        amount = say(rng, around(rng, 500, 900_000))
        return rng.choice((f"{amount} dollars", f"{amount} euros", f"${amount}", f"{amount} pounds", f"€{amount}"))

    return {
        "place": lambda: phrase(rng, "framing", "places"),
        "role": lambda: phrase(rng, "framing", "roles"),
        "field": lambda: phrase(rng, "framing", "fields"),
        "people": lambda: str(around(rng, 3, 900)) if rng.random() < 0.5 else words(rng.randint(3, 20)),
        "small": few,
        "money": money,
        "year": lambda: str(rng.randint(1985, 2025)),
        "years": few,
        "pages": lambda: say(rng, around(rng, 2, 3_000)),
        "big": lambda: rng.choice((say(rng, around(rng, 1_000, 5_000_000)), "thousands of", "millions of")),
        "weekday": lambda: rng.choice(WEEKDAYS),
    }


# two and more facts in one sentence ------------------------------------------------------------------------------


def joint(shared: Backdrop, facts: HouseFacts) -> tuple[str, dict[str, str]] | None:
    """State several of these facts in one sentence, and name them; None where no section says them."""
    rng = shared.dice("joint")
    fitting = [section for section in sections("joint") if all(says(facts, shared, part) for part in section.split())]
    if not fitting:
        return None
    section = rng.choice(fitting)
    slots, named = shared.slots(rng), {}
    for part in section.split():
        aspect = next(name for name in ASPECTS if FILES[name] == part.split("=")[0])
        value = getattr(facts, aspect)
        match part:
            case "examples=count":
                slots["n"] = n = say(rng, value)
                named[aspect] = examples_name(n, value)
            case "volume=count":
                slots["v"], slots["unit"], unit = spoken_volume(rng, value)
                named[aspect] = f"{slots['v']} requests {unit}"
            case "deadline=by":
                slots["by"] = due(rng, value)
                named[aspect] = DEADLINES[value]
            case "change=period":
                slots["period"] = period(rng, value)
                named[aspect] = PERIODS[value]
            case _:
                named[aspect] = NAMES[part]
    return articles(expand(rng, phrase(rng, "joint", section), slots)), named


NAMES = {
    "access=no": "no access to weights or training",
    "access=yes": "access to the weights",
    "examples=none": "no labelled examples",
    "change=stable": "stable task",
    "deadline=relaxed": "no hurry",
    "precise=strict": "strict precision",
    "precise=field": "special domain",
    "precise=loose": "no strict precision",
}


def says(facts: HouseFacts, shared: Backdrop, part: str) -> bool:
    """Whether these facts are what this part of a section's name says."""
    match part:
        case "access=no":
            return facts.access is False
        case "access=yes":
            return facts.access is True
        case "examples=count":
            return bool(facts.examples)
        case "examples=none":
            return facts.examples == 0
        case "change=period":
            return facts.change_days is not None and facts.change_days != STABLE_DAYS
        case "change=stable":
            return facts.change_days == STABLE_DAYS
        case "deadline=by":
            return facts.deadline_days is not None
        case "deadline=relaxed":
            return facts.deadline_days is not None and facts.deadline_days > RELAXED_DAYS
        case "volume=count":
            return facts.volume_month is not None
        case "precise=strict":
            return facts.precise is True and not shared.expert
        case "precise=field":
            return facts.precise is True
    return part == "precise=loose" and facts.precise is False


def framed(rng: random.Random, statement: str) -> str:
    """Put a fact into the next message: what if, suppose, correction ..."""
    if rng.random() < 0.5:
        statement = in_the_past(statement)
    return expand(rng, phrase(rng, "framing", "follow frames"), {"fact": statement}) + rng.choice(("", "", "?", "."))


def in_the_past(text: str) -> str:
    """Put what follows an if into the past, roughly."""
    for present, past in (
        ("have got", "had"),
        ("have", "had"),
        ("can", "could"),
        ("get", "got"),
        ("change", "changed"),
        ("is", "was"),
        ("are", "were"),
    ):
        text = re.sub(rf"\b(we|it|there|task|rules|categories|deadline|{present}) {present}\b", rf"\1 {past}", text)
    return text
