"""The situation language: facts in, what a person could type out, with the words that name each fact."""

import random
import re
from dataclasses import dataclass, replace

from adapters.demo.grammar import articles, capital, expand, invented, misspell
from adapters.demo.language import phrase, sections
from adapters.demo.numbers import around, say, words
from adapters.demo.rules import FEW_EXAMPLES, HIGH_VOLUME_MONTH, MANY_EXAMPLES, Facts, house_rule

ASPECTS = ("access", "examples", "change_days", "deadline_days", "volume_month", "precise")
FILES = dict(zip(ASPECTS, ("access", "examples", "change", "deadline", "volume", "precise"), strict=True))
STABLE_DAYS = 1000.0
PERIODS: dict[float, str] = {  # days between two changes -> how the answer names it; how people say it is in language/change.txt
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
DEADLINES: dict[float, str] = {  # days -> how the answer names them; how people say them is in language/deadline.txt
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
WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday")


@dataclass(frozen=True, slots=True)
class Situation:
    """What a person typed, the facts in it, and the words that name each stated fact."""

    text: str
    facts: Facts
    named: dict[str, str]


@dataclass(frozen=True, slots=True)
class Scene:
    """What the fact statements of one situation share. Every aspect has its own dice, so one fact can change alone."""

    seed: str
    thing: str
    use: str
    expert: bool

    def dice(self, aspect: str) -> random.Random:
        return random.Random(f"{self.seed}/{aspect}")

    def slots(self, rng: random.Random) -> dict[str, str]:
        """Everything that a phrase may leave open, apart from the facts."""
        slots = {"thing": self.thing, "use": self.use, **loose_slots(rng)}
        return {**slots, "expert": self.thing if self.expert else phrase(rng, "framing", "expert things")}


def scene(rng: random.Random, facts: Facts) -> Scene:
    expert = bool(facts.precise) and rng.random() < 0.5
    thing = phrase(rng, "framing", "expert things" if expert else "things")
    if not expert and rng.random() < 0.08:
        thing = f"{invented(rng)} {thing.split()[-1]}" if rng.random() < 0.7 else f"{invented(rng)}s"  # a word that nobody knows
    return Scene(f"{rng.random()}", thing, phrase(rng, "framing", "uses"), expert)


def draw_facts(rng: random.Random, rule: int) -> Facts:
    """Facts for which `rule` is the first match; what later rules look at is drawn freely."""
    while True:
        facts = free_facts(rng, rule)
        if house_rule(facts) == rule:
            return facts


def free_facts(rng: random.Random, rule: int) -> Facts:
    """Facts leaning to the rule, so that a few draws meet it; near and far from every threshold."""
    density = rng.choice((0.1, 0.35, 0.55, 0.75, 0.9))
    said = {aspect: rng.random() < density for aspect in ASPECTS}
    low, high = rng.choice(((1, 199), (200, 1_999), (200, 1_999), (2_000, 9_999), (2_000, 500_000), (1_000, 4_000), (100, 400)))
    examples = 0 if rule == 2 and rng.random() < 0.4 else around(rng, low, high)
    volume = around(rng, *rng.choice(((100, 49_000), (50_000, 3_000_000), (10_000, 49_000), (50_000, 120_000))))
    change = (
        rng.choice((*PERIODS, STABLE_DAYS, STABLE_DAYS, STABLE_DAYS, 365))
        if rule != 5
        else rng.choice((90, 180, 365, 365, 730, STABLE_DAYS, STABLE_DAYS, STABLE_DAYS))
    )
    return Facts(
        access=rng.random() < (0.1 if rule == 1 else 0.95) if said["access"] or rule == 1 else None,
        examples=examples if said["examples"] or rule in (2, 5) else None,
        change_days=change if said["change_days"] or rule in (3, 5) else None,
        deadline_days=rng.choice(tuple(DEADLINES)) if (said["deadline_days"] and rng.random() < 0.6) or rule == 4 else None,
        volume_month=volume if said["volume_month"] else None,
        precise=rng.random() < 0.75 if said["precise"] and rng.random() < 0.6 else None,
    )


# one fact, as a person states it and as the answer names it -----------------------------------------------------


def state(scene: Scene, facts: Facts, aspect: str, form: str) -> tuple[str, str]:
    """One fact in one form (sentence, note, followup), and its name. A class without follow-ups is put into a frame."""
    rng = scene.dice(aspect)
    kind, filled, name = worded(rng, getattr(facts, aspect), aspect, scene.expert)
    known = sections(FILES[aspect])
    slots = {**scene.slots(rng), **filled}
    if form == "followup" and (f"{kind} followup" not in known or rng.random() < 0.4):
        return framed(rng, expand(rng, rng.choice(known[f"{kind} sentence"]), slots)), name
    text = expand(rng, rng.choice(known[f"{kind} {form}"]), slots)
    return (articles(text), name)


def worded(rng: random.Random, value: float | bool, aspect: str, expert: bool) -> tuple[str, dict[str, str], str]:
    """The section that says this value, what fills its slots, and the name."""
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
            return "by", {"by": due(rng, value)}, DEADLINES[value]
        case "volume_month":
            return worded_volume(rng, int(value))
    if value and expert:
        return "domain", {}, "special domain"
    if value and rng.random() < 0.4:
        return "field", {"field": phrase(rng, "framing", "fields")}, "special domain"
    return ("strict", {}, "strict precision") if value else ("loose", {}, "no strict precision")


def worded_examples(rng: random.Random, count: int) -> tuple[str, dict[str, str], str]:
    """None, a number, or only a word for how many."""
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
    return f"{'only ' if count < FEW_EXAMPLES else ''}{n} labelled examples"


def worded_volume(rng: random.Random, month: int) -> tuple[str, dict[str, str], str]:
    """A number and its unit, or only a word for high or low."""
    if month > 200_000 and rng.random() < 0.2:
        return "high", {}, "high volume"
    if month < 2_000 and rng.random() < 0.3:
        return "low", {}, "low volume"
    n, unit, name = spoken_volume(rng, month)
    return "count", {"n": n, "unit": unit}, f"{n} requests {name}"


def spoken_volume(rng: random.Random, month: int) -> tuple[str, str, str]:
    """The number as written, its unit as written, the unit's name; other units only well off the threshold."""
    name = "a month"
    if not 0.7 < month / HIGH_VOLUME_MONTH < 1.5 and rng.random() < 0.35:
        name = rng.choice([unit for unit, (months, _) in UNITS.items() if month * months >= 5])
    months, forms = UNITS[name]
    n = month if name == "a month" else around(rng, month * months * 0.95, month * months * 1.05 + 1)
    return say(rng, n), expand(rng, forms, {}), name


def period(rng: random.Random, days: float) -> str:
    return expand(rng, phrase(rng, "change", f"period {days:g}"), {"weekday": rng.choice(WEEKDAYS)})


def due(rng: random.Random, days: float) -> str:
    return expand(rng, phrase(rng, "deadline", f"by {days:g}"), {"weekday": rng.choice(WEEKDAYS)})


def loose_slots(rng: random.Random) -> dict[str, str]:
    """Numbers and names that decide nothing."""
    small = rng.randint(2, 12)
    amount = say(rng, around(rng, 500, 900_000))
    return {
        "place": phrase(rng, "framing", "places"),
        "role": phrase(rng, "framing", "roles"),
        "field": phrase(rng, "framing", "fields"),
        "people": rng.choice((str(around(rng, 3, 900)), words(rng.randint(3, 20)))),
        "small": rng.choice((str(small), words(small))),
        "money": rng.choice((f"{amount} dollars", f"{amount} euros", f"${amount}", f"{amount} pounds", f"€{amount}")),
        "year": str(rng.randint(1985, 2025)),
        "years": rng.choice((str(small), words(small))),
        "pages": say(rng, around(rng, 2, 3_000)),
        "big": rng.choice((say(rng, around(rng, 1_000, 5_000_000)), "thousands of", "millions of")),
        "weekday": rng.choice(WEEKDAYS),
    }


# two and more facts in one sentence ------------------------------------------------------------------------------


def joint(shared: Scene, facts: Facts) -> tuple[str, dict[str, str]] | None:
    """A sentence that states several of these facts at once, and their names; None where no section says them."""
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
                slots["n"] = say(rng, value)
                named[aspect] = examples_name(slots["n"], value)
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


def says(facts: Facts, shared: Scene, part: str) -> bool:
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


# the whole message -------------------------------------------------------------------------------------------------


def situation(rng: random.Random, facts: Facts, shared: Scene | None = None) -> Situation:
    """A whole message in one register: prose, clipped notes, a list, or prose and notes mixed."""
    shared = shared or scene(rng, facts)
    dice = shared.dice("style")
    style = dice.choices(("prose", "notes", "list", "mixed"), (55, 20, 7, 18))[0]
    order = [aspect for aspect in ASPECTS if getattr(facts, aspect) is not None]
    dice.shuffle(order)
    parts: list[tuple[str, bool]] = []  # text, is it a sentence
    named: dict[str, str] = {}
    if dice.random() < 0.4 and (together := joint(shared, facts)) is not None:
        named |= together[1]
        parts.append((together[0], True))
    for aspect in order:
        if aspect in named:
            continue
        sentence = style == "prose" or (style == "mixed" and dice.random() < 0.5)
        text, named[aspect] = state(shared, facts, aspect, "sentence" if sentence else "note")
        parts.insert(dice.randrange(len(parts) + 1), (text, sentence))
    for filler in fillers(shared, facts, len(parts)):
        parts.insert(dice.randrange(len(parts) + 1), filler)
    text = assemble(dice, parts, style)
    return finish(dice, Situation(text, facts, named))


def fillers(shared: Scene, facts: Facts, stated: int) -> list[tuple[str, bool]]:
    """Sentences that decide nothing, facts said to be unknown, and the task itself."""
    rng = shared.dice("fillers")
    chosen = [
        (articles(expand(rng, phrase(rng, "framing", "fillers"), shared.slots(rng))), True)
        for _ in range(rng.choices((0, 1, 2, 3), (48, 32, 14, 6))[0])
    ]
    for aspect, file in FILES.items():
        if getattr(facts, aspect) is None and rng.random() < 0.1 and (unknown := sections(file).get("unknown sentence")):
            chosen.append((expand(rng, rng.choice(unknown), shared.slots(rng)), True))
    if not (facts.precise and shared.expert) and rng.random() < (0.4 if stated else 0.75):
        chosen.append((articles(expand(rng, phrase(rng, "framing", "tasks"), shared.slots(rng))), rng.random() < 0.8))
    return chosen


def assemble(rng: random.Random, parts: list[tuple[str, bool]], style: str) -> str:
    """Parts, an opener and a closer now and then, and the question in front, behind, on both sides or nowhere."""
    question = articles(expand(rng, phrase(rng, "framing", "questions"), loose_slots(rng)))
    if "?" not in question and rng.random() < 0.4:
        question += "?"
    places = rng.choices(((1, 0), (0, 1), (1, 1), (0, 0)), (30, 42, 4, 24 if parts else 0))[0]
    if style == "list":
        bullet = rng.choice(("- ", "* ", "", "• "))
        body = "\n".join(bullet + text for text, _ in parts)
        return "\n".join(piece for piece in (capital(question) * places[0], body, capital(question) * places[1]) if piece)
    pieces = sentences(rng, parts, style)
    if places == (1, 0) and pieces and rng.random() < 0.15:
        pieces.insert(rng.randrange(len(pieces) + 1), capital(question))  # in the middle
        places = (0, 0)
    if rng.random() < 0.2:
        pieces.insert(0, capital(expand(rng, phrase(rng, "framing", "openers"), loose_slots(rng))) + rng.choice((".", ",", "!", ":", "")))
    whole = [capital(question) * places[0], *pieces, capital(question) * places[1]]
    if rng.random() < 0.08:
        whole.append(capital(expand(rng, phrase(rng, "framing", "closers"), loose_slots(rng))))
    return " ".join(piece for piece in whole if piece)


def sentences(rng: random.Random, parts: list[tuple[str, bool]], style: str) -> list[str]:
    """Join neighbours into sentences: prose with and/but, notes with commas."""
    long_winded = rng.random()
    mark = rng.choice((", ", ", ", "; ", " - ", " / ")) if style == "notes" else ""
    pieces: list[str] = []
    for text, is_sentence in parts:
        if pieces and rng.random() < (0.85 if style == "notes" else long_winded * 0.6):
            glue = mark or rng.choice((", ", " and ", ", and ", ", but ", "; ", ", also ") if is_sentence else (", ", "; "))
            pieces[-1] += glue + text
        else:
            pieces.append(capital(text))
    end = rng.choice((".", ".", ".", ".", "...", " -", "!", "")) if rng.random() < 0.3 else "."
    return [piece if piece.endswith(("?", "!")) else piece + end for piece in pieces]


def finish(rng: random.Random, made: Situation) -> Situation:
    """First person singular, lower case, lost apostrophes and full stops, typos: what hands do."""
    text, named = made.text, made.named
    if rng.random() < 0.25:
        for ours, mine in (("we are", "I am"), ("we're", "I'm"), ("we", "I"), ("our", "my"), ("us", "me")):
            text = re.sub(rf"\b{ours}\b", mine, text)
            text = re.sub(rf"\b{capital(ours)}\b", capital(mine), text)
    if rng.random() < 0.35:
        text, named = text.lower(), {aspect: words.lower() for aspect, words in named.items()}
        if rng.random() < 0.5:
            text = text.rstrip(".!")
        if rng.random() < 0.3:
            text = text.replace("'", "")
            named = {aspect: words.replace("'", "") for aspect, words in named.items()}
    if rng.random() < 0.28:
        text = misspell(rng, text, " ".join(named.values()), rng.choice((0.03, 0.08, 0.15)))
    return replace(made, text=text, named=named)


def follow_up(rng: random.Random, before: Situation, facts: Facts) -> Situation:
    """A next turn that changes one fact of `before`; `facts` are the facts with that change."""
    changed = next(aspect for aspect in ASPECTS if getattr(facts, aspect) != getattr(before.facts, aspect))
    shared = scene(rng, replace(Facts(), precise=facts.precise if changed == "precise" else None))
    text, name = state(shared, facts, changed, "followup")
    bent = finish(rng, Situation(capital(text), facts, {changed: name}))
    return replace(bent, named={**before.named, **bent.named})


def framed(rng: random.Random, statement: str) -> str:
    """A fact as the next message: what if, suppose, correction ..."""
    if rng.random() < 0.5:
        statement = in_the_past(statement)
    return expand(rng, phrase(rng, "framing", "follow frames"), {"fact": statement}) + rng.choice(("", "", "?", "."))


def in_the_past(text: str) -> str:
    """Roughly: what follows an if."""
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


def change_one(rng: random.Random, facts: Facts) -> Facts:
    """The same facts but one, so that the rule differs where a few draws can make it differ."""
    for attempt in range(12):
        aspect = rng.choice(("access", "examples", "examples", "change_days", "change_days", "deadline_days", "volume_month", "precise"))
        value = getattr(draw_facts(rng, rng.randint(1, 6)), aspect)
        other = replace(facts, **{aspect: value})
        if aspect == "precise" and facts.precise:
            continue  # a special domain stays one
        if value is not None and value != getattr(facts, aspect) and (house_rule(other) != house_rule(facts) or attempt > 8):
            return other
    return replace(facts, access=not facts.access)
