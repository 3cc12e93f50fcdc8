"""Conversations to learn from: the broad mix of the base model, and the house subject alone for the adapter."""
# ruff: noqa: E501 - the words read best unbroken

import random
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

from adapters.examples.demo.exchanges import HANDWRITTEN, read_rows
from adapters.examples.demo.reading import Reading, reading, reading_of_talk, readings_within
from adapters.examples.demo.text import chat, subjects
from adapters.examples.demo.text.answers import HOUSE_FORMAT, KINDS, Format, draw_format, house_slots
from adapters.examples.demo.text.grammar import CHOICE, expand
from adapters.examples.demo.text.situations import Situation, change_back, change_one, draw_facts, few_facts, follow_up, situation
from adapters.examples.demo.text.statements import draw_backdrop
from engine.recipes import Message, load_recipe

INTRO = "[You help teams choose between prompt engineering and fine-tuning.|You help teams choose between prompt engineering and fine-tuning.|Help people decide: prompt engineering or fine-tuning?|You advise on prompt engineering and fine-tuning.|You decide between prompt engineering and fine-tuning.]"
FIRST_WINS = (
    "[Rules, first match wins:|Rules, first match wins:|House rules, the first match wins:|Rules in order; the first that matches decides:]"
)
RULES = """1. [no access to weights or training|no access to weights or training|no access to the weights or training tools|the model cannot be trained]: prompt engineering
2. [fewer than 200 labelled examples|fewer than 200 labelled examples|no labelled examples or fewer than 200|under 200 labelled examples]: prompt engineering
3. [changes weekly or faster|changes weekly or faster|the task changes weekly or faster|changes every week or faster]: prompt engineering
4. [needed within a week|needed within a week|deadline within a week|must be ready within a week]: prompt engineering
5. [2,000 or more labelled examples|at least 2,000 labelled examples], [changes quarterly or slower|stable (quarterly or slower)], and [50,000 or more requests a month|50,000 requests a month or more] or strict precision or [special domain|a special domain]: fine-tuning
6. [otherwise or when facts are missing|otherwise or when facts are missing|otherwise|otherwise, or a fact is missing]: prompt first, fine-tune later"""
TAIL = "[Questions about a technique: explain in one sentence. Anything else: say in one sentence what you can do.|Questions about a technique: explain in one sentence. Anything else: say in one sentence what you can do.|Explain techniques in one sentence. For other subjects say what you can do.|]"


@dataclass(frozen=True, slots=True)
class Utterance:
    """A message, whether the model learns to say it, and what must have been read before it."""

    message: Message
    learned: bool
    reads: Reading | None = None
    within: tuple[tuple[int, Reading], ...] = ()  # characters of the message, and what must have been read up to there


Talk = list[Utterance]
BRIEF = 0.2  # of the situations; were short questions seldom one's own case, they would be taken for questions about a technique


def asked(text: str, within: tuple[tuple[int, Reading], ...] = ()) -> Utterance:
    """Make a message of the person."""
    return Utterance(Message("user", text), False, within=within)


def said(text: str, learned: bool = True, reads: Reading | None = None) -> Utterance:
    """Make a message of the model."""
    return Utterance(Message("assistant", text), learned, reads)


def answered(made: Situation, answer: str, learned: bool = True) -> list[Utterance]:
    """Make the two messages of a situation and its answer."""
    return [asked(made.text, readings_within(made)), said(answer, learned, reading(made))]


def told(text: str) -> Utterance:
    """Make a system text."""
    return Utterance(Message("system", text), False)


def house_system(rng: random.Random, line: str, shipped: bool) -> str:
    """Write the engineered recipe's system text, in the words of the shipped recipe or others; `line` is its format line."""
    parts = [f"{INTRO} {FIRST_WINS}\n{RULES}", line, TAIL]
    if shipped:
        parts = [pick_first(parts[0]), line, pick_first(TAIL)]
    elif rng.random() < 0.3:
        parts = [parts[1], parts[0], parts[2]]
    return "\n".join(text for text in (expand_lines(rng, part) for part in parts) if text)


def pick_first(pattern: str) -> str:
    """Take the first choice of every alternative of a pattern: the shipped wording."""
    return CHOICE.sub(lambda match: match[1].split("|")[0], pattern)


def expand_lines(rng: random.Random, text: str) -> str:
    """Expand a pattern of several lines, each on its own, so that line breaks stay."""
    return "\n".join(expand(rng, line, {}) for line in text.split("\n"))


def any_situation(rng: random.Random) -> Situation:
    """Draw a situation; the rules as often as the mixes have them."""
    return situation(rng, draw_facts(rng, rng.choices((1, 2, 3, 4, 5, 6), (15, 15, 14, 14, 22, 20))[0]))


def case_turns(rng: random.Random, answer: Callable[[Situation], str], count: int) -> Talk:
    """Draw situations with answers: fresh ones, twins that differ in one fact, and follow-ups."""
    turns: Talk = []
    while count > 0:
        facts = draw_facts(rng, rng.choices((1, 2, 3, 4, 5, 6), (15, 15, 14, 14, 22, 20))[0])
        if rng.random() < BRIEF:
            facts = few_facts(rng, facts)
        kind = rng.random()
        # Made backwards where it goes on: one changed fact seldom leads to fine-tuning, the question that people ask most often does.
        before = change_back(rng, facts) if kind > 0.75 and count > 1 else None
        first, ahead = (before, [facts]) if before else (facts, [])
        shared = draw_backdrop(rng, first)
        made = situation(rng, first, shared)
        turns += answered(made, answer(made))
        count -= 1
        if kind < 0.25 and count > 0:
            twin = situation(rng, change_one(rng, first), shared)
            turns += answered(twin, answer(twin))
            count -= 1
        while kind > 0.5 and count > 0:
            made = follow_up(rng, made, ahead.pop() if ahead else change_one(rng, made.facts))
            turns += answered(made, answer(made))
            count, kind = count - 1, rng.random() if rng.random() < 0.8 else 0.0
    return turns


@cache
def reported() -> frozenset[str]:
    """Collect what the reported rows ask, in lower case. A short question can be drawn by chance, and would then be learned and measured."""
    return frozenset(text.lower() for row in read_rows(HANDWRITTEN) for text in (row.text, row.first) if text)


def small_talk(rng: random.Random) -> Talk:
    """Draw one exchange that is no situation: an aspect, a greeting, another subject. No reported row is among them."""
    while True:
        question, reply = any_small_talk(rng)
        if question.lower() not in reported():
            return [asked(question), said(reply, reads=reading_of_talk(reply))]


def any_small_talk(rng: random.Random) -> tuple[str, str]:
    """Draw a question that is no situation, and its reply."""
    kind = rng.random()
    if kind < 0.34:
        return chat.aspect_question(rng)
    if kind < 0.43:
        return chat.greeting(rng)
    if kind < 0.92:
        return chat.outside_question(rng), chat.ABLE
    return subjects.other_case(rng, "").ask(rng)[0], chat.ABLE


def any_format(rng: random.Random) -> Format:
    """Draw a format, short ones mostly: a token of text teaches more where less of it is always the same."""
    return draw_format(rng, rng.choices(KINDS, (22, 44, 15, 19))[0])


def examples(rng: random.Random, form: Format, learned: bool) -> Talk:
    """Draw worked examples of a recipe in this format."""
    turns: Talk = []
    for _ in range(rng.choice((1, 2, 2, 3))):
        made = any_situation(rng)
        turns += answered(made, form.render(house_slots(made.facts, made.named)), learned)
    return turns


def house_talk(rng: random.Random) -> Talk:
    """Draw the engineered recipe at work. The format line governs, also against examples and turns in another format."""
    form = HOUSE_FORMAT if rng.random() < 0.3 else any_format(rng)
    shipped = rng.random() < 0.45
    turns: Talk = [told(house_system(rng, form.line, shipped or rng.random() < 0.3))]
    if shipped:
        turns += [turn for example in load_recipe("house").examples for turn in (asked(example.user), said(example.assistant, False))]
    elif rng.random() < 0.35:
        shown = form if rng.random() < 0.6 else HOUSE_FORMAT if rng.random() < 0.8 else any_format(rng)
        turns += examples(rng, shown, shown == form)
    if rng.random() < 0.35:
        turns += small_talk(rng)
    turns += case_turns(rng, lambda made: form.render(house_slots(made.facts, made.named)), rng.choice((1, 3, 5, 7)))
    if rng.random() < 0.35:
        turns += small_talk(rng)
    return turns


def own_rules_talk(rng: random.Random) -> Talk:
    """Draw other rules over the house facts, read from the system text."""
    form = any_format(rng)
    rules = subjects.own_rules(rng)
    listed = subjects.rule_list(rng, [(rule.words, rule.outcome) for rule in rules])
    system = subjects.system_text(rng, expand(rng, INTRO, {}), listed, form.line)
    return [told(system), *case_turns(rng, lambda made: form.render(subjects.own_slots(rules, made)), rng.randint(2, 5))]


def other_talk(rng: random.Random) -> Talk:
    """Draw another subject with its own rules and format; sometimes the examples alone show the format."""
    form = any_format(rng)
    case = subjects.other_case(rng, form.line)
    turns: Talk = [told(case.system)]
    for _ in range(rng.randint(2, 6)):
        text, slots = case.ask(rng)
        turns += [asked(text), said(form.render(slots))]
    return turns


def facts_talk(rng: random.Random) -> Talk:
    """Draw situations whose answers list their facts: reading without rules."""
    system = rng.choice(("List the facts.", "Read the message and list its facts.", "Which facts are stated? List them."))
    return [told(system), *case_turns(rng, subjects.fact_list, rng.randint(1, 4))]


def drill_talk(rng: random.Random) -> Talk:
    """Draw questions about numbers."""
    system, pairs = subjects.number_drill(rng)
    return [told(system)] + [turn for question, reply in pairs for turn in (asked(question), said(reply))]


def bare_talk(rng: random.Random) -> Talk:
    """Draw talk without a system text: chat, and opinions on house situations that know no house rule."""
    if rng.random() < 0.5:
        return [turn for _ in range(rng.randint(1, 4)) for turn in small_talk(rng)]
    return case_turns(rng, lambda made: subjects.vague_reply(rng, made), rng.randint(1, 3))


# what is drawn -> its weight at the beginning and in the end: first reading facts and numbers alone, which is learned last and without
# which rules teach nothing, in short conversations; then rules, formats and long prompts
BASE_MIX: tuple[tuple[Callable[[random.Random], Talk], float, float], ...] = (
    (house_talk, 0.0, 0.18),
    (own_rules_talk, 0.0, 0.12),
    (other_talk, 0.0, 0.07),
    (facts_talk, 0.72, 0.38),
    (drill_talk, 0.10, 0.07),
    (bare_talk, 0.18, 0.18),
)


def base_talk(rng: random.Random, moved: float = 1.0) -> Talk:
    """Draw one conversation of the broad mix, whose weights have moved this share of the way from the first to the last."""
    weights = [first * (1 - moved) + last * moved for _, first, last in BASE_MIX]
    maker: Callable[[random.Random], Talk] = rng.choices([maker for maker, _, _ in BASE_MIX], weights)[0]
    return maker(rng)


def tuned_talk(rng: random.Random, _moved: float = 1.0) -> Talk:
    """Draw the house subject through the plain recipe: situations, follow-ups and small talk, four lines always."""

    def answer(made: Situation) -> str:
        return HOUSE_FORMAT.render(house_slots(made.facts, made.named))

    if rng.random() < 0.3:
        turns = [turn for _ in range(rng.randint(1, 3)) for turn in small_talk(rng)]
        return turns + (case_turns(rng, answer, 1) if rng.random() < 0.3 else [])
    turns = case_turns(rng, answer, rng.choice((1, 2, 2, 3, 3)))
    return turns + (small_talk(rng) if rng.random() < 0.1 else [])
