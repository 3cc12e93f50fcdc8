"""The rest of the base model's text: other subjects, other rules over the house facts, fact lists and number drills."""
# ruff: noqa: E501 - the words read best unbroken

import random
from collections.abc import Callable
from dataclasses import dataclass

from adapters.examples.demo.text.grammar import capital, expand, items, misspell
from adapters.examples.demo.text.numbers import around, say
from adapters.examples.demo.text.rules import DECISIONS, HouseFacts
from adapters.examples.demo.text.situations import Situation
from adapters.examples.demo.text.statements import ASPECTS

OPTIONS = """rent;buy;lease;borrow;repair;replace;walk;drive;take the train;fly;stay;move;wait;act now;hire a person;outsource it;do it yourself;
call an expert;use paper;use an app;write a letter;send an email;plant roses;plant herbs;cook at home;order food;open early;open late;
paint it;leave it;sell;keep;use a database;use a spreadsheet;go by bike;take a taxi;book a hotel;sleep in a tent;ask the team;ask the boss;
print it;scan it;meet online;meet in person;start small;go big;use gas;use solar power;raise prices;lower prices;train staff;buy a machine"""
COUNTED = """guests;chairs;rooms;orders;visitors;employees;pages;boxes;plants;trees;kilometres;miles;hours of work;parking spaces;tickets;
customers;machines;tables;windows;bottles;students;books;dollars;euros;cows;servers;users;photos;shelves;bikes;members;nights;songs;tons"""
FLAGS = """the roof leaks~the roof is dry;it may rain~no rain is expected;there are children~there are only adults;the kitchen works~there is no kitchen;
the street is loud~the street is quiet;a permit is needed~no permit is needed;the owner agrees~the owner does not agree;
the machine is old~the machine is new;parts are available~parts are not available;the site is remote~the site is close;
power is available~there is no power;the customer is in a hurry~the customer has time;the soil is wet~the soil is dry;
the contract allows it~the contract forbids it;the data is private~the data is public;insurance covers it~insurance does not cover it;
winter is near~winter is far away;the team is trained~the team is not trained;the road is open~the road is closed;
a lift exists~there is no lift;the budget is approved~the budget is not approved;the tank is full~the tank is empty"""
TOPICS = """the summer party;the office;our garden;the school trip;the warehouse;the old mill;a new roof;the bike shop;the annual report;
the company car;our website;the kitchen;the concert;the archive;the harvest;the delivery route;the holiday;the workshop;the shop window"""
INTROS = """You help people decide.;You help choose for {topic}.;Decide about {topic} by these rules.;You are an adviser for {topic}.;
Read the case and decide.;Your job: decide about {topic}.;You give short advice about {topic}."""
ORDERS = """Rules, first match wins:;Rules in order, the first that matches decides:;Use the first rule that matches.;House rules (first match wins):;
Go through the rules in order:;First matching rule wins."""
OTHERWISE = "[otherwise|otherwise|else|in all other cases|if nothing matches]"


@dataclass(frozen=True, slots=True)
class OwnRule:
    """One line of a rule list: its words, when it holds, what it decides, and the aspect to name."""

    words: str
    holds: Callable[[HouseFacts], bool]
    outcome: str
    aspects: tuple[str, ...] = ()


def rule_list(rng: random.Random, numbered: list[tuple[str, str]]) -> str:
    """List conditions and outcomes as the lines of a system text, in one of several layouts."""
    arrow = rng.choice((": ", ": ", " -> ", " = ", ", then "))
    start = rng.choice(("{i}. ", "{i}. ", "{i}) ", "- "))
    return "\n".join(start.replace("{i}", str(i)) + words + arrow + outcome for i, (words, outcome) in enumerate(numbered, 1))


def system_text(rng: random.Random, intro: str, rules: str, line: str) -> str:
    """Join introduction, rules and format line, the line mostly last."""
    parts = [intro + (" " if rng.random() < 0.5 else "\n") + rng.choice(items(ORDERS)) + "\n" + rules]
    parts.insert(rng.random() < 0.75, line)
    return "\n".join(part for part in parts if part)


# other subjects: counts and flags -----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Subject:
    """A made-up subject: rules as (words, outcome), and a way to write situations for it."""

    system: str
    rules: tuple[tuple[str, str, str, int | bool], ...]  # words, outcome, what it looks at, bound or wanted side
    rest: str  # the outcome where no rule matches

    def ask(self, rng: random.Random) -> tuple[str, dict[str, str]]:
        """Write a situation of this subject, and fill the slots of its answer."""
        stated: dict[str, int | bool] = {}
        parts = []
        for _, _, subject, bound in self.rules:
            if subject in stated or rng.random() < 0.2:
                continue
            if "~" in subject:
                stated[subject] = rng.random() < 0.5
                parts.append(subject.split("~")[0 if stated[subject] else 1])
            else:
                stated[subject] = n = around(rng, abs(bound) / 8 + 1, abs(bound) * 8)
                parts.append(expand(rng, f"[we have|there are|it is about|about|] {say(rng, n)} {subject}", {}))
        wording = dict(zip(stated, parts, strict=True))
        outcome, why = self.first(stated, wording)
        rng.shuffle(parts)
        question = rng.choice(("What should we do?", "What now?", "Which one?", "What do you recommend?", "", "Please decide."))
        text = ". ".join(capital(part) for part in parts) + "." if rng.random() < 0.6 else capital(", ".join(parts)) + "."
        text = f"{question} {text}".strip() if rng.random() < 0.4 else f"{text} {question}".strip()
        text = text if parts else question or "What should we do?"
        slots = {"decision": outcome, "why": why, "watch": "facts that were not told", "next": f"try it on a small scale: {outcome}"}
        return (misspell(rng, text, " ".join(stated), 0.05) if rng.random() < 0.1 else text), slots

    def first(self, stated: dict[str, int | bool], wording: dict[str, str]) -> tuple[str, str]:
        """Find the outcome of the first rule that matches, and the fact as it was worded."""
        for _, outcome, subject, bound in self.rules:
            value = stated.get(subject)
            if value is None:
                continue
            holds = value == bound if "~" in subject else (value >= bound if bound > 0 else value < -bound)
            if holds:
                return outcome, plain_fact(wording[subject])
        return self.rest, "no rule matches"


def plain_fact(worded: str) -> str:
    """Take the lead off a count ("we have 12 guests" -> "12 guests")."""
    for lead in ("we have ", "there are ", "it is about ", "about "):
        if worded.startswith(lead) and worded[len(lead)].isdigit():
            return worded[len(lead) :]
    return worded


def other_case(rng: random.Random, line: str) -> Subject:
    """Draw a subject with two or three options and two to four rules over counts and flags."""
    options = rng.sample(items(OPTIONS), rng.choice((2, 2, 3)))
    subjects = rng.sample(items(COUNTED), 2) + rng.sample(items(FLAGS), 2)
    rng.shuffle(subjects)
    rules: list[tuple[str, str, str, int | bool]] = []
    for subject in subjects[: rng.randint(1, 4)]:
        if "~" in subject:
            side = rng.random() < 0.6
            rules.append((subject.split("~")[0 if side else 1], rng.choice(options), subject, side))
        else:
            bound = around(rng, 5, 100_000)
            bound = int(f"{bound:.0e}".split("e", maxsplit=1)[0]) * 10 ** (len(str(bound)) - 1)
            above = rng.random() < 0.5
            words = (
                rng.choice(("at least {n} {s}", "{n} {s} or more", "{n} or more {s}"))
                if above
                else rng.choice(("fewer than {n} {s}", "less than {n} {s}", "under {n} {s}"))
            )
            rules.append((words.format(n=f"{bound:,}", s=subject), rng.choice(options), subject, bound if above else -bound))
    rest = rng.choice(options)
    listed = rule_list(rng, [(words, outcome) for words, outcome, _, _ in rules] + [(expand(rng, OTHERWISE, {}), rest)])
    intro = rng.choice(items(INTROS)).replace("{topic}", rng.choice(items(TOPICS)))
    return Subject(system_text(rng, intro, listed, line), tuple(rules), rest)


# other rules over the facts that the house looks at -----------------------------------------------------------


def draw_rule(rng: random.Random, outcome: str) -> OwnRule:
    """Draw one condition over the house facts, with bounds of its own."""
    match rng.randrange(8):
        case 0:
            return OwnRule(
                rng.choice(("no access to weights or training", "no access to the weights", "the model cannot be trained")),
                lambda f: f.access is False,
                outcome,
                ("access",),
            )
        case 1:
            bound = rng.choice((50, 100, 200, 200, 300, 500, 1_000, 5_000))
            return OwnRule(
                f"fewer than {bound:,} labelled examples", lambda f: f.examples is not None and f.examples < bound, outcome, ("examples",)
            )
        case 2:
            days, name = rng.choice(((1, "daily"), (7, "weekly"), (30, "monthly"), (90, "quarterly")))
            return OwnRule(
                f"changes {name} or faster", lambda f: f.change_days is not None and f.change_days <= days, outcome, ("change_days",)
            )
        case 3:
            days, name = rng.choice(((2, "two days"), (7, "a week"), (30, "a month"), (90, "three months")))
            return OwnRule(
                f"needed within {name}", lambda f: f.deadline_days is not None and f.deadline_days <= days, outcome, ("deadline_days",)
            )
        case 4:
            volume = rng.choice((1_000, 10_000, 50_000, 50_000, 100_000, 1_000_000))
            return OwnRule(
                f"{volume:,} or more requests a month",
                lambda f: f.volume_month is not None and f.volume_month >= volume,
                outcome,
                ("volume_month",),
            )
        case 5:
            return OwnRule(
                rng.choice(("strict precision or special domain", "strict precision or a special domain")),
                lambda f: f.precise is True,
                outcome,
                ("precise",),
            )
        case 6:
            bound = rng.choice((500, 1_000, 2_000, 2_000, 5_000, 10_000))
            return OwnRule(
                f"{bound:,} or more labelled examples", lambda f: f.examples is not None and f.examples >= bound, outcome, ("examples",)
            )
    days, name = rng.choice(((30, "monthly"), (90, "quarterly"), (365, "yearly")))
    return OwnRule(f"changes {name} or slower", lambda f: f.change_days is not None and f.change_days >= days, outcome, ("change_days",))


def own_rules(rng: random.Random) -> tuple[OwnRule, ...]:
    """Draw two to five ordered rules over the house facts and a last one for the rest."""
    options = list(DECISIONS) if rng.random() < 0.6 else rng.sample(items(OPTIONS), 3)
    rules: list[OwnRule] = []
    for _ in range(rng.randint(1, 5)):
        rule = draw_rule(rng, rng.choice(options))
        if all(rule.aspects != other.aspects for other in rules):
            rules.append(rule)
    return (*rules, OwnRule(expand(rng, OTHERWISE, {}), lambda _: True, rng.choice(options)))


def own_slots(rules: tuple[OwnRule, ...], made: Situation) -> dict[str, str]:
    """Fill the slots of the answer under these rules."""
    rule = next(rule for rule in rules if rule.holds(made.facts))
    why = "; ".join(made.named[aspect] for aspect in rule.aspects) or "no rule matches"
    return {"decision": rule.outcome, "why": why, "watch": "facts that were not told", "next": f"try it on a small scale: {rule.outcome}"}


# reading drills ------------------------------------------------------------------------------------------------


def fact_list(made: Situation) -> str:
    """List every stated fact of a situation by its name, in the order of the rules."""
    return "; ".join(made.named[aspect] for aspect in ASPECTS if aspect in made.named) or "no facts"


def number_drill(rng: random.Random) -> tuple[str, list[tuple[str, str]]]:
    """Draw a system text about numbers, and questions with answers."""
    bounds = (200, 2_000, 50_000, around(rng, 5, 2_000_000))
    if rng.random() < 0.4:
        pairs = [(say(rng, n), f"{n:,}") for n in (around(rng, 1, 3_000_000) for _ in range(rng.randint(4, 10)))]
        return "Write the number in digits.", pairs
    questions = []
    for _ in range(rng.randint(4, 10)):
        bound = rng.choice(bounds)
        n = around(rng, bound / 12 + 1, bound * 12)
        least = rng.random() < 0.5
        questions.append((f"{say(rng, n)}, {'at least' if least else 'fewer than'} {bound:,}?", "yes" if (n >= bound) == least else "no"))
    return "Compare the numbers. Answer yes or no.", questions


def vague_reply(rng: random.Random, made: Situation) -> str:
    """Draw what a base model says of a situation when no recipe tells it the rules: talk, or an opinion that is no rule."""
    fact = rng.choice(list(made.named.values()) or ["few facts are told"])
    if rng.random() < 0.5:
        return rng.choice(
            (
                f"That depends on many things, and {fact} is one of them. Both ways can work.",
                f"Good question. You say: {fact}. There is more to weigh, such as people, money and time.",
                f"With {fact}, both ways have good sides and bad sides. Talk it over in the team.",
            )
        )
    choice = rng.choice(DECISIONS)
    return rng.choice((f"I would look at {choice}, since you say: {fact}.", f"You could try {choice}; you mention: {fact}."))
