"""How an answer is scored against its row: each metric gives a share in [0, 1]. Pure; no code of the row is run."""

import json
import re
import string
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from bot.evaluation.schema import check_schema, fits
from engine.errors import BadRequest


@dataclass(frozen=True, slots=True)
class Expected:
    """What a row expects; a metric is used where its part is given."""

    reference: tuple[str, ...] = ()  # any of these is right
    pattern: re.Pattern[str] | None = None
    schema: Any = None
    required: tuple[str, ...] = ()
    forbidden: tuple[str, ...] = ()
    tags: tuple[str, ...] = field(default=())


def score(answer: str, expected: Expected) -> dict[str, float]:
    """Every metric that the row allows, in a fixed order."""
    scores: dict[str, float] = {}
    if expected.reference:
        scores["exact match"] = max(exact_match(answer, each) for each in expected.reference)
        scores["token F1"] = max(token_f1(answer, each) for each in expected.reference)
    if expected.pattern is not None:
        scores["pattern"] = float(expected.pattern.search(answer) is not None)
    if expected.schema is not None:
        scores["JSON schema"] = json_valid(answer, expected.schema)
    if expected.required or expected.forbidden:
        scores["rubric"] = rubric(answer, expected.required, expected.forbidden)
    return scores


def normal(text: str) -> list[str]:
    """Lower-case words without punctuation and articles, as in SQuAD (Rajpurkar et al. 2016)."""
    bare = "".join(" " if mark in string.punctuation else mark for mark in text.casefold())
    return [word for word in bare.split() if word not in ("a", "an", "the")]


def exact_match(answer: str, reference: str) -> float:
    return float(normal(answer) == normal(reference))


def token_f1(answer: str, reference: str) -> float:
    """Harmonic mean of precision and recall over words, with their counts; two empty texts agree."""
    said, wanted = Counter(normal(answer)), Counter(normal(reference))
    if not said or not wanted:
        return float(said == wanted)
    shared = (said & wanted).total()
    return 2 * shared / (said.total() + wanted.total())


def json_valid(answer: str, schema: Any) -> float:
    """1 when the answer, perhaps in a code fence, is JSON that fits the schema."""
    fenced = re.fullmatch(r"\s*```(?:json)?\s*\n(.*)\n\s*```\s*", answer, re.DOTALL)
    try:
        return float(fits(json.loads(fenced[1] if fenced else answer), schema))
    except (ValueError, RecursionError):
        return 0.0


def rubric(answer: str, required: tuple[str, ...], forbidden: tuple[str, ...]) -> float:
    """Share of the phrases that are as they should be: required ones there, forbidden ones not; whatever their case."""
    text = " ".join(answer.casefold().split())
    held = [phrase_in(phrase, text) for phrase in required] + [not phrase_in(phrase, text) for phrase in forbidden]
    return sum(held) / len(held)


def phrase_in(phrase: str, text: str) -> bool:
    return " ".join(phrase.casefold().split()) in text


def expected_of(row: dict[str, Any]) -> Expected:
    """The row's expectations. Raises BadRequest."""
    reference = row.get("reference", [])
    patterns = row.get("pattern")
    if patterns is not None and not isinstance(patterns, str):
        raise BadRequest("pattern must be text.")
    if "schema" in row:
        check_schema(row["schema"])
    try:
        pattern = None if patterns is None else re.compile(patterns)
    except re.error as error:
        raise BadRequest(f"{patterns!r} is no regular expression ({error}).") from error
    lists = {name: _texts(row.get(name, []), name) for name in ("required", "forbidden", "tags")}
    made = Expected(_texts(reference, "reference"), pattern, row.get("schema"), **lists)
    if not (made.reference or made.pattern or made.schema is not None or made.required or made.forbidden):
        raise BadRequest("it expects nothing: give a reference, a pattern, a schema, or required or forbidden phrases.")
    return made


def _texts(given: Any, name: str) -> tuple[str, ...]:
    texts = [given] if isinstance(given, str) else given
    if not isinstance(texts, list) or not all(isinstance(text, str) and text for text in texts):
        raise BadRequest(f"{name} must be text or a list of texts.")
    return tuple(texts)
