"""The situation language: facts in, what a person could type out, with the words that name each fact."""

import random
import re
from dataclasses import dataclass, replace

from adapters.examples.demo.text.chat import story
from adapters.examples.demo.text.grammar import Slots, articles, capital, expand, misspell
from adapters.examples.demo.text.numbers import around
from adapters.examples.demo.text.phrases import phrase, sections
from adapters.examples.demo.text.rules import HouseFacts, house_rule
from adapters.examples.demo.text.statements import (
    ASPECTS,
    DEADLINES,
    FILES,
    PERIODS,
    STABLE_DAYS,
    Backdrop,
    corrected,
    draw_backdrop,
    joint,
    loose_slots,
    state,
)

# Words of the house subject. Where no fact is stated, only they tell a situation from any other question.
HOUSE_WORD = re.compile(
    r"prompt|tun|train|model|llm|gpt|\bai\b|bot\b|assistant|label|weights|lora\b|adapter|\bsft\b|few.?shot", re.IGNORECASE
)

# Behind the words that state a fact while a message is put together, so that its place is known in the end; no one types these.
MARKS = {aspect: chr(0xE000 + at) for at, aspect in enumerate(ASPECTS)}
MARK = re.compile(f"[{''.join(MARKS.values())}]")


@dataclass(frozen=True, slots=True)
class Situation:
    """A message of a person, the facts in it, the words that name each stated fact, and where which facts have been stated."""

    text: str
    facts: HouseFacts
    named: dict[str, str]
    stated: tuple[tuple[int, str], ...] = ()  # characters of the text up to which this aspect has been told, in order


def draw_facts(rng: random.Random, rule: int) -> HouseFacts:
    """Draw facts for which `rule` is the first match; what later rules look at is drawn freely."""
    while True:
        facts = free_facts(rng, rule)
        if house_rule(facts) == rule:
            return facts


def free_facts(rng: random.Random, rule: int) -> HouseFacts:
    """Draw facts leaning to the rule, so that a few draws meet it; near and far from every threshold.

    In three of ten all speaks for fine-tuning but what the rule looks at, so that this one fact must be read.
    """
    near = rng.random() < 0.3
    density = 0.9 if near else rng.choice((0.0, 0.1, 0.25, 0.4, 0.55, 0.75, 0.9))
    said = {aspect: rng.random() < density for aspect in ASPECTS}
    many = ((2_000, 9_999), (2_000, 500_000), (1_000, 4_000))
    low, high = rng.choice(many if near and rule != 2 else ((1, 199), (200, 1_999), (200, 1_999), *many, (100, 400)))
    examples = 0 if rule == 2 and rng.random() < 0.4 else around(rng, low, high)
    volume = around(rng, *rng.choice(((100, 49_000), (50_000, 3_000_000), (10_000, 49_000), (50_000, 120_000))))
    seldom = rule == 5 or (near and rule != 3)
    periods = (90, 180, 365, 365, 730) if seldom else (*PERIODS, 365)
    change = rng.choice((*periods, STABLE_DAYS, STABLE_DAYS, STABLE_DAYS))
    return HouseFacts(
        access=rng.random() < (0.1 if rule == 1 else 0.95) if said["access"] or rule == 1 else None,
        examples=examples if said["examples"] or rule in (2, 5) else None,
        change_days=change if said["change_days"] or rule in (3, 5) else None,
        deadline_days=rng.choice(tuple(DEADLINES)) if (said["deadline_days"] and rng.random() < 0.6) or rule == 4 else None,
        volume_month=volume if said["volume_month"] else None,
        precise=rng.random() < 0.5 if said["precise"] and rng.random() < (0.8 if near else 0.6) else None,
    )


def few_facts(rng: random.Random, facts: HouseFacts) -> HouseFacts:
    """Keep at most two of these facts: a hurried question states no more."""
    stated = [aspect for aspect in ASPECTS if getattr(facts, aspect) is not None]
    kept = rng.sample(stated, min(len(stated), rng.choices((0, 1, 2), (40, 38, 22))[0]))
    return HouseFacts(**{aspect: getattr(facts, aspect) for aspect in kept})


def situation(rng: random.Random, facts: HouseFacts, shared: Backdrop | None = None) -> Situation:
    """Write a whole message in one register: prose, clipped notes, a list, prose and notes mixed, or one short line."""
    shared = shared or draw_backdrop(rng, facts)
    dice = shared.dice("style")
    style = dice.choices(("prose", "notes", "list", "mixed"), (55, 20, 7, 18))[0]
    order = [aspect for aspect in ASPECTS if getattr(facts, aspect) is not None]
    dice.shuffle(order)
    parts: list[tuple[str, bool]] = []  # text, is it a sentence
    named: dict[str, str] = {}
    if dice.random() < 0.4 and (together := joint(shared, facts)) is not None:
        named |= together[1]
        parts.append((together[0] + "".join(MARKS[aspect] for aspect in together[1]), True))
    for aspect in order:
        if aspect in named:
            continue
        sentence = style == "prose" or (style == "mixed" and dice.random() < 0.5)
        text, named[aspect] = state(shared, facts, aspect, "sentence" if sentence else "note")
        parts.insert(dice.randrange(len(parts) + 1), (text + MARKS[aspect], sentence))
    if len(order) <= 2 and dice.random() < 0.65:
        text = one_line(dice, [text for text, _ in parts], shared.slots(dice))
    else:
        for filler in fillers(shared, facts, len(parts)):
            parts.insert(dice.randrange(len(parts) + 1), filler)
        text = assemble(dice, parts, style, shared.slots(dice))
    while not HOUSE_WORD.search(text) and not order:
        text = f"{text} {capital(expand(dice, phrase(dice, 'framing', 'questions'), shared.slots(dice)))}"
    return unmarked(finish(dice, Situation(text, facts, named)))


def unmarked(made: Situation) -> Situation:
    """Take the marks out and keep their places."""
    aspects = {mark: aspect for aspect, mark in MARKS.items()}
    stated = tuple((mark.start() - before, aspects[mark[0]]) for before, mark in enumerate(MARK.finditer(made.text)))
    return replace(made, text=MARK.sub("", made.text), stated=stated)


def fillers(shared: Backdrop, facts: HouseFacts, stated: int) -> list[tuple[str, bool]]:
    """Draw sentences that decide nothing, facts said to be unknown, and the task itself."""
    rng = shared.dice("fillers")
    chosen = [
        (articles(expand(rng, phrase(rng, "framing", "fillers"), shared.slots(rng))), True)
        for _ in range(rng.choices((0, 1, 2, 3), (42, 32, 17, 9))[0])
    ]
    for aspect, file in FILES.items():
        if getattr(facts, aspect) is None and rng.random() < 0.1 and (unknown := sections(file).get("unknown sentence")):
            chosen.append((expand(rng, rng.choice(unknown), shared.slots(rng)), True))
    # They stand beside other subjects, too, and so tell neither from the other.
    chosen += [(story(rng), True) for _ in range(rng.choices((0, 1, 2, 3), (84, 9, 4, 3))[0])]
    if not (facts.precise and shared.expert) and rng.random() < (0.4 if stated else 0.75):
        chosen.append((articles(expand(rng, phrase(rng, "framing", "tasks"), shared.slots(rng))), rng.random() < 0.8))
    return chosen


def assemble(rng: random.Random, parts: list[tuple[str, bool]], style: str, slots: Slots) -> str:
    """Join parts, an opener and a closer now and then, and the question in front, behind, on both sides or nowhere."""
    asked = "questions about" if rng.random() < (0.2 if parts else 0.6) else "questions"  # about: with the task in it
    question = articles(expand(rng, phrase(rng, "framing", asked), slots))
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


def one_line(rng: random.Random, stated: list[str], slots: Slots) -> str:
    """Write what is typed into a chat in a hurry: the question with the task in it, or a fact or two or the task beside a question."""
    if not stated and rng.random() < 0.65:
        return articles(expand(rng, phrase(rng, "framing", "questions about"), slots))
    body = rng.choice((", ", ", ", " and ", " - ")).join(stated or [expand(rng, phrase(rng, "framing", "tasks"), slots)])
    question = expand(rng, phrase(rng, "framing", "questions"), slots)
    if stated and rng.random() < 0.12 and HOUSE_WORD.search(body):
        return articles(body)
    if rng.random() < 0.2:
        text = question.rstrip("?") + rng.choice(("? ", "? ", ": ", ", ", " - ")) + body
    else:
        mark = rng.choice((", ", ", ", ", so ", ", so ", ". So ", ". ", ": ", " - ", "; "))
        text = body + mark + (capital(question) if mark == ". " else question)
    return articles(text if rng.random() < 0.4 else capital(text))


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
    return [piece if MARK.sub("", piece).endswith(("?", "!")) else piece + end for piece in pieces]


def finish(rng: random.Random, made: Situation) -> Situation:
    """Bend the text as hands do: first person singular, lower case, lost apostrophes and full stops, typos."""
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


def follow_up(rng: random.Random, before: Situation, facts: HouseFacts) -> Situation:
    """Write a next turn that changes one fact of `before`; `facts` are the facts with that change."""
    changed = next(aspect for aspect in ASPECTS if getattr(facts, aspect) != getattr(before.facts, aspect))
    shared = draw_backdrop(rng, replace(HouseFacts(), precise=facts.precise if changed == "precise" else None))
    bare = corrected(rng, shared.thing, changed, getattr(before.facts, changed), getattr(facts, changed)) if rng.random() < 0.3 else None
    text, name = bare or state(shared, facts, changed, "followup")
    bent = finish(rng, Situation(capital(text), facts, {changed: name}))
    return replace(bent, named={**before.named, **bent.named})


def change_one(rng: random.Random, facts: HouseFacts) -> HouseFacts:
    """Change one of the facts, so that the rule differs where a few draws can make it differ."""
    for attempt in range(12):
        aspect = rng.choice(("access", "examples", "examples", "change_days", "change_days", "deadline_days", "volume_month", "precise"))
        value = getattr(draw_facts(rng, rng.randint(1, 6)), aspect)
        other = replace(facts, **{aspect: value})
        if aspect == "precise" and facts.precise:
            continue  # a special domain stays one
        if value is not None and value != getattr(facts, aspect) and (house_rule(other) != house_rule(facts) or attempt > 8):
            return other
    return replace(facts, access=not facts.access)


def change_back(rng: random.Random, facts: HouseFacts) -> HouseFacts | None:
    """Draw facts under another rule from which a change of one leads to these; None where a few draws find none."""
    stated = [aspect for aspect in ASPECTS if getattr(facts, aspect) is not None and (aspect != "precise" or facts.precise)]
    for _ in range(24 if stated else 0):
        aspect = rng.choice(stated)
        value = getattr(draw_facts(rng, rng.randint(1, 6)), aspect)
        before = replace(facts, **{aspect: value})
        if value != getattr(facts, aspect) and house_rule(before) != house_rule(facts):
            return before
    return None
