"""The situation language: facts in, what a person could type out, with the words that name each fact."""

import random
import re
from collections.abc import Callable
from dataclasses import dataclass, replace

from adapters.demo import framing
from adapters.demo import phrases as p
from adapters.demo.grammar import capital, expand, items, lines, misspell
from adapters.demo.numbers import around, say, words
from adapters.demo.rules import FEW_EXAMPLES, HIGH_VOLUME_MONTH, Facts, house_rule

ASPECTS = ("access", "examples", "change_days", "deadline_days", "volume_month", "precise")
STABLE_DAYS = 1000.0
PERIODS: dict[float, tuple[str, str]] = {  # days -> how people say it, how the answer names it
    0.3: (
        "[several times a day|every few hours|every hour|hourly|many times a day|all day long|all the time|constantly|permanently]",
        "changes daily",
    ),
    1: (
        "[daily|every day|every day|each day|from day to day|almost every day|every single day|every night|on a daily basis]",
        "changes daily",
    ),
    3.5: ("[twice a week|every few days|every other day|two or three times a week|every three days]", "changes every few days"),
    7: (
        "[weekly|every week|every week|each week|once a week|every {weekday}|on a weekly basis|from week to week|every 7 days]",
        "changes weekly",
    ),
    14: ("[every two weeks|every other week|twice a month|every second week|every 2 weeks|fortnightly]", "changes every two weeks"),
    30: ("[monthly|every month|every month|once a month|each month|on a monthly basis|from month to month]", "changes monthly"),
    60: ("[every two months|every other month|every 2 months]", "changes every two months"),
    90: ("[quarterly|every quarter|every three months|once a quarter|each quarter|four times a year|every 3 months]", "changes quarterly"),
    180: ("[twice a year|every six months|every half year|two times a year|every 6 months]", "changes twice a year"),
    365: (
        "[once a year|once a year|yearly|every year|annually|each year|only once a year|every 12 months|every January]",
        "changes yearly",
    ),
    730: ("[every two years|every few years|every other year|every five years|once in a decade|every 3 years]", "changes every few years"),
}
DEADLINES: dict[float, str] = {
    0.5: "[as soon as possible|asap|immediately|today|tonight|this evening|this afternoon|right now|by tonight|at once|within hours]",
    1: "[tomorrow|by tomorrow|tomorrow morning|within a day|in a day|within 24 hours|by tomorrow evening]",
    2: "[in two days|in 2 days|in 48 hours|the day after tomorrow|within 48 hours|within two days]",
    3: "[in three days|in 3 days|within three days|in 72 hours|within 3 days]",
    4: "[in four days|in 4 days|within 4 days|in a few days|within days]",
    5: "[in five days|in 5 days|by {weekday}|by {weekday}|on {weekday}|this {weekday}|by the end of the week|this week|before the weekend]",
    6: "[in six days|in 6 days|within six days|by this weekend|before {weekday}]",
    7: "[within a week|within the week|in a week|within one week|within 7 days|in seven days|inside a week]",
    14: "[in two weeks|within two weeks|in 2 weeks|in a fortnight|in 14 days]",
    21: "[in three weeks|in 3 weeks|within 3 weeks]",
    30: "[in a month|within a month|next month|in four weeks|in 30 days|by the end of next month]",
    60: "[in two months|in 2 months|within 8 weeks|in six weeks|in 6 weeks]",
    90: "[in three months|in 3 months|next quarter|in a quarter|within three months]",
    120: "[in four months|in 4 months|by summer|in spring|in autumn|by winter|in five months]",
    180: "[in six months|in half a year|in 6 months|within half a year|later this year]",
    365: "[next year|in a year|in about a year|in 12 months|within a year]",
}
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


def scene(rng: random.Random, facts: Facts) -> Scene:
    expert = bool(facts.precise) and rng.random() < 0.5
    thing = rng.choice(items(framing.EXPERT if expert else framing.EVERYDAY))
    return Scene(f"{rng.random()}", thing, rng.choice(items(framing.USES)), expert)


def draw_facts(rng: random.Random, rule: int) -> Facts:
    """Facts for which `rule` is the first match; what later rules look at is drawn freely."""
    while True:
        facts = free_facts(rng, rule)
        if house_rule(facts) == rule:
            return facts


def free_facts(rng: random.Random, rule: int) -> Facts:
    """Facts leaning to the rule, so that a few draws meet it; near and far from every threshold."""
    said = {aspect: rng.random() < rng.choice((0.3, 0.65, 0.9)) for aspect in ASPECTS}
    low, high = rng.choice(((1, 199), (200, 1_999), (200, 1_999), (2_000, 9_999), (2_000, 500_000), (1_000, 4_000), (100, 400)))
    examples = 0 if rule == 2 and rng.random() < 0.4 else around(rng, low, high)
    volume = around(rng, *rng.choice(((100, 49_000), (50_000, 3_000_000), (10_000, 49_000), (50_000, 120_000))))
    change = (
        rng.choice((*PERIODS, STABLE_DAYS, STABLE_DAYS, 365))
        if rule != 5
        else rng.choice((90, 180, 365, 365, 730, STABLE_DAYS, STABLE_DAYS))
    )
    return Facts(
        access=rng.random() < (0.1 if rule == 1 else 0.95) if said["access"] or rule == 1 else None,
        examples=examples if said["examples"] or rule in (2, 5) else None,
        change_days=change if said["change_days"] or rule in (3, 5) else None,
        deadline_days=rng.choice(tuple(DEADLINES)) if (said["deadline_days"] and rng.random() < 0.6) or rule == 4 else None,
        volume_month=volume if said["volume_month"] else None,
        precise=rng.random() < 0.75 if said["precise"] and rng.random() < 0.6 else None,
    )


Say = Callable[..., str]
"""Chooses one way to state a fact and fills its slots."""


def state(scene: Scene, facts: Facts, aspect: str, form: str) -> tuple[str, str]:
    """One fact as a person states it, and as the answer names it."""
    rng = scene.dice(aspect)
    value = getattr(facts, aspect)
    slots = {"thing": scene.thing, "expert": scene.thing, "use": scene.use, **loose_slots(rng)}

    def said(forms: dict[str, str], **more: str) -> str:
        return expand(rng, rng.choice(lines(forms[form])), {**slots, **more})

    match aspect:
        case "access":
            return said(p.ACCESS_YES if value else p.ACCESS_NO), "access to the weights" if value else "no access to weights or training"
        case "examples":
            return state_examples(rng, value, said)
        case "change_days" if value == STABLE_DAYS:
            return said(p.STABLE), "stable task"
        case "change_days":
            return said(p.CHANGE, period=expand(rng, PERIODS[value][0], slots)), PERIODS[value][1]
        case "deadline_days":
            if value > 30 and rng.random() < 0.3:
                return said(p.NO_HURRY), "no hurry"
            by = expand(rng, DEADLINES[value], slots)
            return said(p.DEADLINE, by=by), f"needed {by}"
        case "volume_month":
            return state_volume(rng, value, said)
    if value and scene.expert:
        return said(p.DOMAIN), "special domain"
    if value and rng.random() < 0.4:
        return said(p.FIELD, field=rng.choice(items(framing.FIELDS))), "special domain"
    return said(p.STRICT if value else p.LOOSE), "strict precision" if value else "no strict precision"


def state_examples(rng: random.Random, count: int, said: Say) -> tuple[str, str]:
    """None, a number, or only a word for few or many."""
    if count == 0:
        return said(p.NO_EXAMPLES), "no labelled examples"
    if count < 40 and rng.random() < 0.25:
        return said(p.FEW), "only a few labelled examples"
    if count >= 2_500 and rng.random() < 0.06:
        return said(p.MANY), "thousands of labelled examples"
    n = say(rng, count)
    return said(p.EXAMPLES, n=n), f"{'only ' if count < FEW_EXAMPLES else ''}{n} labelled examples"


def state_volume(rng: random.Random, month: int, said: Say) -> tuple[str, str]:
    """A number and its unit, or only a word for high or low."""
    if month > 200_000 and rng.random() < 0.15:
        return said(p.HIGH), "high volume"
    if month < 2_000 and rng.random() < 0.25:
        return said(p.LOW), "low volume"
    n, unit, name = spoken_volume(rng, month)
    return said(p.VOLUME, n=n, unit=unit), f"{n} requests {name}"


def spoken_volume(rng: random.Random, month: int) -> tuple[str, str, str]:
    """The number as written, its unit as written, the unit's name; other units only well off the threshold."""
    name = "a month"
    if not 0.7 < month / HIGH_VOLUME_MONTH < 1.5 and rng.random() < 0.3:
        name = rng.choice([unit for unit, (months, _) in UNITS.items() if month * months >= 5])
    months, forms = UNITS[name]
    n = month if name == "a month" else around(rng, month * months * 0.95, month * months * 1.05 + 1)
    return say(rng, n), expand(rng, forms, {}), name


def loose_slots(rng: random.Random) -> dict[str, str]:
    """Numbers and names that decide nothing."""
    small = rng.randint(2, 12)
    return {
        "place": rng.choice(items(framing.PLACES)),
        "people": rng.choice((str(around(rng, 3, 900)), words(rng.randint(3, 20)))),
        "small": rng.choice((str(small), words(small))),
        "money": say(rng, around(rng, 500, 900_000)),
        "year": str(rng.randint(1995, 2025)),
        "years": rng.choice((str(small), words(small))),
        "pages": say(rng, around(rng, 2, 3_000)),
        "big": rng.choice((say(rng, around(rng, 1_000, 5_000_000)), "thousands of", "millions of")),
        "weekday": rng.choice(WEEKDAYS),
    }


def situation(rng: random.Random, facts: Facts, shared: Scene | None = None) -> Situation:
    """A whole message in one register: prose, clipped notes, a list, or prose and notes mixed."""
    shared = shared or scene(rng, facts)
    dice = shared.dice("style")
    style = dice.choices(("prose", "notes", "list", "mixed"), (55, 20, 8, 17))[0]
    order = [aspect for aspect in ASPECTS if getattr(facts, aspect) is not None]
    dice.shuffle(order)
    parts: list[tuple[str, bool]] = []  # text, is it a sentence
    named: dict[str, str] = {}
    for aspect in order:
        sentence = style == "prose" or (style == "mixed" and dice.random() < 0.5)
        text, named[aspect] = state(shared, facts, aspect, "sentence" if sentence else "note")
        parts.append((text, sentence))
    for filler in fillers(shared, facts, len(parts)):
        parts.insert(dice.randrange(len(parts) + 1), filler)
    text = assemble(dice, parts, style)
    return finish(dice, Situation(text, facts, named))


def fillers(shared: Scene, facts: Facts, stated: int) -> list[tuple[str, bool]]:
    """Sentences that decide nothing, and the task itself."""
    rng = shared.dice("fillers")
    chosen = [
        (expand(rng, line, loose_slots(rng)), True)
        for line in rng.sample(lines(framing.FILLERS), rng.choices((0, 1, 2, 3), (50, 30, 14, 6))[0])
    ]
    chosen += [
        (expand(rng, rng.choice(lines(unknown)), {"thing": shared.thing}), True)
        for aspect, unknown in p.UNKNOWN.items()
        if getattr(facts, aspect) is None and rng.random() < 0.1
    ]
    if not (facts.precise and shared.expert) and rng.random() < (0.35 if stated else 0.6):
        form = "sentence" if rng.random() < 0.8 else "note"
        slots = {"thing": shared.thing, "use": shared.use}
        chosen.append((expand(rng, rng.choice(lines(p.TASK[form])), slots), form == "sentence"))
    return chosen


def assemble(rng: random.Random, parts: list[tuple[str, bool]], style: str) -> str:
    """Parts, an opener now and then, and the question in front, behind, on both sides or nowhere."""
    question = expand(rng, rng.choice(lines(framing.QUESTIONS)), {})
    places = rng.choices(((1, 0), (0, 1), (1, 1), (0, 0)), (33, 42, 4, 21 if parts else 0))[0]
    if style == "list":
        bullet = rng.choice(("- ", "* ", "", "• "))
        body = "\n".join(bullet + text for text, _ in parts)
        return "\n".join(piece for piece in (capital(question) * places[0], body, capital(question) * places[1]) if piece)
    pieces = sentences(rng, parts, style)
    if rng.random() < 0.16:
        pieces.insert(0, capital(rng.choice(items(framing.OPENERS))) + rng.choice((".", ",", "!", ":")))
    whole = [capital(question) * places[0], *pieces, capital(question) * places[1]]
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
    if rng.random() < 0.3:
        for ours, mine in (("we are", "I am"), ("we're", "I'm"), ("we", "I"), ("our", "my"), ("us", "me")):
            text = re.sub(rf"\b{ours}\b", mine, text)
            text = re.sub(rf"\b{capital(ours)}\b", capital(mine), text)
    if rng.random() < 0.3:
        text, named = text.lower(), {aspect: words.lower() for aspect, words in named.items()}
        if rng.random() < 0.5:
            text = text.rstrip(".!")
        if rng.random() < 0.3:
            text = text.replace("'", "")
    if rng.random() < 0.28:
        text = misspell(rng, text, " ".join(named.values()), rng.choice((0.03, 0.08, 0.15)))
    return replace(made, text=text, named=named)


def follow_up(rng: random.Random, before: Situation, facts: Facts) -> Situation:
    """A next turn that changes one fact of `before`; `facts` are the facts with that change."""
    changed = next(aspect for aspect in ASPECTS if getattr(facts, aspect) != getattr(before.facts, aspect))
    shared = scene(rng, replace(Facts(), precise=facts.precise if changed == "precise" else None))
    frame = rng.choice(lines(framing.FOLLOW))
    statement, name = state(shared, facts, changed, "note" if "{note}" in frame or rng.random() < 0.15 else "sentence")
    if rng.random() < 0.5:
        statement = in_the_past(statement)
    text = capital(expand(rng, frame, {"fact": statement, "note": statement})) + rng.choice(("?", "?", "?", "", "."))
    bent = finish(rng, Situation(text, facts, {changed: name}))
    return replace(bent, named={**before.named, **bent.named})


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
