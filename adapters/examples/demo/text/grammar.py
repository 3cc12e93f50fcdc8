"""A tiny text grammar, and the ways in which hurried people bend what it writes."""

import random
import re
from collections.abc import Callable, Mapping

from adapters.examples.demo.text.numbers import NUMBER_WORDS

CHOICE = re.compile(r"\[([^\[\]]*)\]")
BLANKS = re.compile(r" {2,}")
LOOSE_MARK = re.compile(r"\s+([,.?!]|'ve)")
SLOT = re.compile(r"\{(\w+)\}")
Slots = Mapping[str, str | Callable[[], str]]  # what stands for a name, or how to draw it, once for a pattern that has it
TIME_WORDS = """no not never none only can cannot every week weekly day daily month monthly year yearly hour quarter quarterly twice once
tomorrow tonight monday tuesday wednesday thursday friday saturday sunday"""
SYLLABLE = tuple(
    part.split(" ")
    for part in (
        "b bl br c ch d dr f fl g gr h j k l m n p pl pr r s sh sk sl st t th tr v w z",
        "a e i o u ai ea ee oo ou",
        "  n r l m s t ck",  # two of them empty
    )
)
KEPT_WORDS = NUMBER_WORDS | set(TIME_WORDS.split())


def lines(block: str) -> list[str]:
    """Split a block into its lines, without blank ones."""
    return [line.strip() for line in block.splitlines() if line.strip()]


def items(block: str) -> list[str]:
    """Split a block at semicolons."""
    return [" ".join(item.split()) for item in block.split(";") if item.strip()]


def expand(rng: random.Random, pattern: str, slots: Slots) -> str:
    """Choose one of each [a|b|], innermost first, then fill {slots}; doubled blanks fall together."""
    while match := CHOICE.search(pattern):
        pattern = pattern[: match.start()] + rng.choice(match[1].split("|")) + pattern[match.end() :]
    for name in dict.fromkeys(SLOT.findall(pattern)):
        if (value := slots.get(name)) is not None:
            pattern = pattern.replace("{" + name + "}", value if isinstance(value, str) else value())
    return LOOSE_MARK.sub(r"\1", BLANKS.sub(" ", pattern)).strip()


def capital(text: str) -> str:
    """Begin with a capital letter."""
    return text[:1].upper() + text[1:]


def articles(text: str) -> str:
    """Write an for a where the next word begins with a vowel's sound, roughly."""
    return re.sub(r"\b([Aa]) (?=(?!uni|use|usu|U[XS]|eu|one\b|once)[aeiouAEIO]|HR\b|ML\b|LLM|SM|NG)", r"\1n ", text)


def invented(rng: random.Random) -> str:
    """Draw a word that does not exist, and so stands for all that the model never read."""

    def part() -> str:
        return rng.choice(SYLLABLE[0]) + rng.choice(SYLLABLE[1]) + rng.choice(SYLLABLE[2])

    return "".join(part() for _ in range(rng.choice((1, 2, 2, 3))))


def misspell(rng: random.Random, text: str, kept: str, rate: float) -> str:
    """Put typos into a share of the longer words; numbers, times and the words of `kept` stay as they are."""
    safe = KEPT_WORDS | set(re.findall(r"[a-z']+", kept.lower()))

    def bend(match: re.Match[str]) -> str:
        word = match[0]
        if word.lower() in safe or rng.random() > rate:
            return word
        at = rng.randrange(1, len(word) - 1)
        match rng.randrange(4):
            case 0:
                return word[:at] + word[at + 1] + word[at] + word[at + 2 :]
            case 1:
                return word[:at] + word[at + 1 :]
            case 2:
                return word[:at] + word[at] + word[at:]
            case _:
                return word[:at] + rng.choice("aeioustrnl") + word[at + 1 :]

    return re.sub(r"[A-Za-z]{5,}", bend, text)
