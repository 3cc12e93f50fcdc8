"""Everything that is not a situation: the eight aspects of both techniques, greetings, and other subjects."""

import random
import re

from adapters.examples.demo.text.grammar import articles, capital, expand, invented, misspell
from adapters.examples.demo.text.numbers import around, say
from adapters.examples.demo.text.phrases import phrase, sections
from adapters.examples.demo.text.rules import PROMPT, TUNE, HouseFacts
from adapters.examples.demo.text.statements import draw_backdrop

ABLE = (
    "I am a small demonstration model: I can only help you choose between prompt engineering and fine-tuning, so describe your situation."
)
HELLO = "Hello! Describe your situation, and I say whether prompt engineering or fine-tuning fits; I am a small demonstration model."
EXPLAINED: dict[tuple[str, str], str] = {
    (
        PROMPT,
        "definition",
    ): "Prompt engineering means writing instructions and examples into the request, so that an unchanged model does the task.",
    (TUNE, "definition"): "Fine-tuning means training a model further on labelled examples, so that its weights learn the task.",
    (PROMPT, "purpose"): "The purpose of prompt engineering is to steer a ready model toward the answer you want without training it.",
    (TUNE, "purpose"): "The purpose of fine-tuning is to make a model better at one task than instructions alone can make it.",
    (PROMPT, "complexity"): "The complexity of prompt engineering is low: it needs clear writing and testing, no training skills.",
    (
        TUNE,
        "complexity",
    ): "The complexity of fine-tuning is high: it needs labelled data, training code and someone who can judge the result.",
    (PROMPT, "cost"): "The cost of prompt engineering is low at the start, but a long prompt is paid again with every request.",
    (TUNE, "cost"): "The cost of fine-tuning is high at the start for data and computing, but each request is cheaper with a short prompt.",
    (PROMPT, "time"): "The time for prompt engineering is short: hours to days until a first version works.",
    (TUNE, "time"): "The time for fine-tuning is long: weeks to collect examples, train and check the model.",
    (PROMPT, "flexibility"): "The flexibility of prompt engineering is high: you edit the text, and the next answer changes.",
    (TUNE, "flexibility"): "The flexibility of fine-tuning is low: a new requirement needs new examples and another training run.",
    (
        PROMPT,
        "use cases",
    ): "Use cases for prompt engineering are first versions, changing tasks, many small tasks and models that you cannot train.",
    (
        TUNE,
        "use cases",
    ): "Use cases for fine-tuning are stable tasks with many examples, high volume, strict precision or a special domain.",
    (
        PROMPT,
        "dependency",
    ): "Prompt engineering has a dependency on the model as it is: access to it is enough, but a new version can break the prompt.",
    (
        TUNE,
        "dependency",
    ): "Fine-tuning has a dependency on access to the weights, training tools and at least 2,000 good labelled examples.",
}
PART = {PROMPT: "prompt", TUNE: "tune"}  # technique -> its sections in phrases/chat.txt


def aspect_question(rng: random.Random) -> tuple[str, str]:
    """Draw a question about one aspect of one technique, and its answer. In `ask prompt` and `ask tune` a line says its aspect first."""
    technique, aspect = rng.choice(tuple(EXPLAINED))
    own = [line.split("::")[1] for line in sections("chat")[f"ask {PART[technique]}"] if line.split("::")[0].strip() == aspect]
    if own and rng.random() < 0.35:
        question = expand(rng, rng.choice(own), {})
    else:
        name = expand(rng, phrase(rng, "chat", f"{PART[technique]} names"), {})
        question = expand(rng, phrase(rng, "chat", f"ask {aspect}"), {"t": name})
    return dressed(rng, question), EXPLAINED[technique, aspect]


def greeting(rng: random.Random) -> tuple[str, str]:
    """Draw a greeting or a question about the model itself, and its answer."""
    if rng.random() < 0.4:
        return dressed(rng, expand(rng, phrase(rng, "chat", "greetings"), {})), HELLO
    question = expand(rng, phrase(rng, "chat", "about itself"), {})
    return dressed(rng, question + "?" * (question[-1].isalpha() and rng.random() < 0.6)), ABLE


def everyday_slots(rng: random.Random) -> dict[str, str]:
    """Draw places, things and numbers of everything that is no house subject."""
    nouns, places = sections("chat")["words"], sections("chat")["world places"]
    return {
        "place": rng.choice(places),
        "place2": rng.choice(places),
        "word": rng.choice(nouns),
        "word2": rng.choice(nouns) if rng.random() < 0.85 else invented(rng),
        "n": say(rng, around(rng, 2, 90_000)),
        "m": str(rng.randint(2, 99)),
        "year": str(rng.randint(1500, 2024)),
        "small": str(rng.randint(2, 12)),
    }


def story(rng: random.Random) -> str:
    """Draw a statement about the person's life or work that decides nothing, wherever it stands."""
    return articles(expand(rng, phrase(rng, "chat", "outside contexts"), everyday_slots(rng)))


def outside_question(rng: random.Random) -> str:
    """Draw a question that lies outside the house subject."""
    nouns, slots = sections("chat")["words"], everyday_slots(rng)
    text = expand(rng, phrase(rng, "chat", "outside"), slots)
    if rng.random() < 0.15:
        mark = "?" * text.endswith("?")
        text = f"{text.rstrip('?')} {expand(rng, phrase(rng, 'chat', 'outside spans'), slots)}{mark}"
    if rng.random() < 0.3:
        text = swap_word(rng, text, invented(rng) if rng.random() < 0.5 else rng.choice(nouns))
    text = articles(text)
    if rng.random() < 0.3:
        text = beside(rng, text)
    return dressed(rng, text)


def beside(rng: random.Random, text: str) -> str:
    """Add a second sentence that decides nothing, about the person or as situations have it, or take this sentence alone."""
    kind = rng.random()
    if kind < 0.1:
        other = expand(rng, phrase(rng, "chat", "outside claims"), everyday_slots(rng))  # beside a situation, they would be facts
    elif kind < 0.75:
        other = story(rng)
        if rng.random() < 0.15:
            return other
    else:
        other = articles(expand(rng, phrase(rng, "framing", "fillers"), draw_backdrop(rng, HouseFacts()).slots(rng)))
    if rng.random() < 0.25:
        return text + ("" if text.endswith(("?", "!")) else ".") + " " + capital(other)
    mark = rng.choice((". ", ". ", ". ", "! ", ", ", " and ", " - "))
    return other + mark + (capital(text) if mark[0] in ".!" else text)


def swap_word(rng: random.Random, text: str, word: str) -> str:
    """Replace one of the longer words: a question is known by what it does not speak of, whatever it speaks of."""
    longer = [match.span() for match in re.finditer(r"\b[a-z]{4,}\b", text)]
    if not longer:
        return text
    start, end = rng.choice(longer)
    return text[:start] + word + text[end:]


def dressed(rng: random.Random, text: str) -> str:
    """Add capitals, end marks, openers, thanks and typos as they come."""
    if rng.random() < 0.5:
        text = capital(text)
    if rng.random() < 0.25:
        text = text.rstrip("?")
    if text[-1:].isalnum() and rng.random() < 0.45:
        text += rng.choice((".", ".", ".", ".", ".", "!", "...", " please", " please.", ", please", ", please.", " thanks", ". Thanks!"))
    if rng.random() < 0.12:
        text = rng.choice(("Hi! ", "hello, ", "Quick question: ", "please, ", "ok, ", "so ", "Hey, ")) + text
    if rng.random() < 0.15:
        text = text.lower()
    return misspell(rng, text, "", 0.08) if rng.random() < 0.2 else text
