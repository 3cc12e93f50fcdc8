"""Short instructions whose answers a rule can check, none about anybody's task: how much of following them a training has cost."""

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

Rule = Callable[[str], bool]


@dataclass(frozen=True, slots=True)
class Instruction:
    """A request, and the rule that tells whether an answer does what it asks."""

    text: str
    followed: Rule


def _words(least: int, most: int) -> Rule:
    return lambda answer: least <= len(answer.split()) <= most and "{" not in answer


def _bullets(count: int) -> Rule:
    return lambda answer: len(re.findall(r"^\s*(?:[-*•]|\d+[.)])\s+\S", answer, re.MULTILINE)) == count


def _holds(*parts: str) -> Rule:
    return lambda answer: all(part in answer.casefold() for part in parts)


def _matches(pattern: str) -> Rule:
    return lambda answer: re.fullmatch(pattern, answer.strip(), re.DOTALL) is not None


def _json_of(*keys: str) -> Rule:
    def followed(answer: str) -> bool:
        try:
            value = json.loads(answer.strip().removeprefix("```json").strip("`\n "))
        except ValueError:
            return False
        return isinstance(value, dict) and set(value) == set(keys)

    return followed


INSTRUCTIONS = (
    Instruction("Answer in one word: which season comes after winter?", _words(1, 1)),
    Instruction("Answer with yes or no only: is ice cold?", _matches(r"(?i)(yes|no)\.?")),
    Instruction("Answer with a number only: how many legs does a spider have?", _matches(r"\d+\.?")),
    Instruction("Write in capital letters only: good morning.", _matches(r"[^a-z]*GOOD MORNING[^a-z]*")),
    Instruction("Write in small letters only: HELLO WORLD.", _matches(r"[^A-Z]*hello world[^A-Z]*")),
    Instruction("List three colours as bullet points.", _bullets(3)),
    Instruction("List two fruits as bullet points.", _bullets(2)),
    Instruction("List four animals, one bullet point each.", _bullets(4)),
    Instruction('Give a JSON object with the one key "city".', _json_of("city")),
    Instruction('Give a JSON object with the keys "name" and "age".', _json_of("name", "age")),
    Instruction("Repeat this sentence: The river is wide.", _holds("the river is wide")),
    Instruction("Repeat the word blue three times.", lambda answer: len(re.findall(r"\bblue\b", answer.casefold())) == 3),
    Instruction("Begin your answer with the word Perhaps: will it rain?", lambda answer: answer.lstrip(" \"'").startswith("Perhaps")),
    Instruction("End your answer with an exclamation mark. Greet me.", lambda answer: answer.rstrip().endswith("!")),
    Instruction("Ask me one question.", lambda answer: answer.count("?") == 1 and answer.rstrip().endswith("?")),
    Instruction("Translate to French: thank you.", _holds("merci")),
    Instruction("Translate to Spanish: good day.", _holds("buen")),
    Instruction("Name the capital of France.", _holds("paris")),
    Instruction("Name the capital of Italy.", _holds("rome")),
    Instruction("What is two plus three?", lambda answer: "5" in answer or "five" in answer.casefold()),
    Instruction("What is ten minus four?", lambda answer: "6" in answer or "six" in answer.casefold()),
    Instruction("Write a sentence with the word lantern in it.", _holds("lantern")),
    Instruction("Write a sentence with the words dog and garden in it.", _holds("dog", "garden")),
    Instruction("Name three days of the week, with commas between them.", lambda answer: answer.count(",") >= 2 and "day" in answer),
    Instruction("Count from one to five in digits.", lambda answer: re.findall(r"\d", answer) == list("12345")),
    Instruction("Give the opposite of hot.", _holds("cold")),
    Instruction("Put this word in quotation marks: apple", lambda answer: re.search(r"[\"“']apple[\"”']", answer.casefold()) is not None),
    Instruction("Answer in at most five words: what is the sun?", _words(1, 5)),
    Instruction("Write exactly two words.", _words(2, 2)),
    Instruction("Write one sentence about the sea.", lambda answer: len(re.findall(r"[.!?](?:\s|$)", answer.strip())) == 1),
)


def followed(answers: Sequence[str]) -> tuple[bool, ...]:
    """Tell for each instruction, in order, whether its answer follows it."""
    return tuple(bool(each.followed(answer)) for each, answer in zip(INSTRUCTIONS, answers, strict=True))
