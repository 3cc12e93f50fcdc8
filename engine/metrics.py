"""How an answer is scored against its row: each metric gives a share in [0, 1]. Pure; no code of the row is run."""

import logging
import unicodedata
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import regex  # type: ignore[import-untyped]

from engine.errors import BadRequest
from engine.parsing import Malformed, is_text, json_value, shown
from engine.patterns import Pattern, compile_pattern

PATTERN_S = 0.5  # time of a row's pattern on one answer, in seconds
ALIKE = str.maketrans(
    dict.fromkeys("‘’‚‛′ʹʻʼʽ`´", "'") | dict.fromkeys("“”„‟″«»", '"') | dict.fromkeys("‐‑‒–—−", "-") | {"\N{FRACTION SLASH}": "/"}
)  # one sign in several shapes: quotes, dashes and minus, the slash of a fraction

# Scripts that put no space between words are counted by character, with its marks; a Katakana long mark belongs to two of them.
_TOKEN = regex.compile(
    r"[\p{Han}\p{Hiragana}\p{Katakana}ー\p{Bopomofo}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}\p{Tibetan}]\p{M}*"
    r"|[^\s\p{Han}\p{Hiragana}\p{Katakana}ー\p{Bopomofo}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}\p{Tibetan}]+"
)
# Punctuation of all scripts, accents that stand alone, and the symbols that SQuAD drops; a minus before a number is none.
_PUNCTUATION = regex.compile(r"(?!(?<!\w)-\d)[\p{P}\p{Sk}$+<=>^`|~]")
_FENCED = regex.compile(r"\s*```(?:json)?\s*\n(.*)\n\s*```\s*", regex.DOTALL)
log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Expected:
    """The expectations of a row; a metric is used where its part is given."""

    reference: tuple[str, ...] = ()  # any of these is right
    pattern: Pattern | None = None
    schema: Any = None
    required: tuple[str, ...] = ()
    forbidden: tuple[str, ...] = ()
    tags: tuple[str, ...] = field(default=())


def metrics_of(expected: Expected) -> tuple[str, ...]:
    """Name the metrics that the row allows, in a fixed order."""
    given = {
        "exact match": expected.reference,
        "token F1": expected.reference,
        "pattern": expected.pattern is not None,
        "JSON schema": expected.schema is not None,
        "rubric": expected.required or expected.forbidden,
    }
    return tuple(name for name, there in given.items() if there)


def score(answer: str, expected: Expected) -> dict[str, float]:
    """Score an answer by every metric that the row allows, but for one that cannot be decided in time: the log names it."""
    scores: dict[str, float] = {}
    if expected.reference:
        scores["exact match"] = max(exact_match(answer, each) for each in expected.reference)
        scores["token F1"] = max(token_f1(answer, each) for each in expected.reference)
    if expected.pattern is not None:
        try:
            scores["pattern"] = float(expected.pattern.found_in(answer, PATTERN_S))
        except TimeoutError:
            log.warning(
                "The pattern %s takes longer than %g s on an answer, which is not scored by it.", expected.pattern.source, PATTERN_S
            )
    if expected.schema is not None:
        from engine.schema import Undecided  # jsonschema is for those rows alone that have a schema

        try:
            scores["JSON schema"] = json_valid(answer, expected.schema)
        except Undecided:
            log.warning("A schema takes too long on an answer, which is not scored by it.")
    if expected.required or expected.forbidden:
        scores["rubric"] = rubric(answer, expected.required, expected.forbidden)
    return scores


def plain(text: str) -> str:
    """Bring a text into one form: compatible characters as one (NFKC), quotes and dashes alike, no case, single spaces."""
    text = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text.translate(ALIKE)).casefold()).translate(ALIKE)
    return " ".join("".join(mark for mark in text if unicodedata.category(mark) != "Cf").split())


def normal(text: str) -> list[str]:
    """Split a text into words without punctuation and English articles, as in SQuAD (Rajpurkar et al. 2016), for every script."""
    return [word for word in _TOKEN.findall(_PUNCTUATION.sub(" ", plain(text))) if word not in ("a", "an", "the")]


def exact_match(answer: str, reference: str) -> float:
    """Give 1 when both have the same words; a reference of signs alone is compared by them."""
    wanted = normal(reference)
    return float(normal(answer) == wanted if wanted else plain(answer) == plain(reference))


def token_f1(answer: str, reference: str) -> float:
    """Compute the harmonic mean of precision and recall over words, with their counts; two empty texts agree."""
    said, wanted = Counter(normal(answer)), Counter(normal(reference))
    if not wanted:
        return exact_match(answer, reference)
    shared = (said & wanted).total()
    return 2 * shared / (said.total() + wanted.total())


def json_valid(answer: str, schema: Any) -> float:
    """Give 1 when the answer, perhaps in a code fence, is JSON that fits the schema. Raises Undecided."""
    from engine.schema import fits

    fenced = _FENCED.fullmatch(answer)
    try:
        return float(fits(json_value(fenced[1] if fenced else answer), schema))
    except Malformed:
        return 0.0


def rubric(answer: str, required: tuple[str, ...], forbidden: tuple[str, ...]) -> float:
    """Compute the share of phrases that are as they should be: required ones there, forbidden ones not; case and quotes do not matter."""
    text = plain(answer)
    held = [plain(phrase) in text for phrase in required] + [plain(phrase) not in text for phrase in forbidden]
    return sum(held) / len(held)


def expected_of(references: tuple[str, ...], tags: tuple[str, ...], more: Mapping[str, Any]) -> Expected:
    """Read what a row expects; more: its pattern, schema, required and forbidden phrases. Raises BadRequest."""
    made = Expected(
        references,
        _pattern(more.get("pattern")),
        _schema(more["schema"]) if "schema" in more else None,
        _texts(more.get("required", []), "required"),
        _texts(more.get("forbidden", []), "forbidden"),
        tags,
    )
    if not metrics_of(made):
        raise BadRequest("it expects nothing: give a reference, a pattern, a schema, or required or forbidden phrases.")
    return made


def _pattern(given: Any) -> Pattern | None:
    if given is None:
        return None
    if not isinstance(given, str):
        raise BadRequest("pattern must be text.")
    try:
        return compile_pattern(given)
    except Malformed as error:
        raise BadRequest(f"{shown(given)} is no regular expression. {error}") from error


def _schema(given: Any) -> Any:
    """A schema, or its text: a cell of a CSV holds nothing else."""
    if isinstance(given, str):
        try:
            given = json_value(given)
        except Malformed as error:
            raise BadRequest(f"The schema is not JSON. {error}") from error
    from engine.schema import check_schema

    check_schema(given)
    return given


def _texts(given: Any, name: str) -> tuple[str, ...]:
    texts = [given] if isinstance(given, str) else given
    if not isinstance(texts, list) or not all(is_text(text) and plain(text) for text in texts):
        raise BadRequest(f"{name} must be text or a list of texts.")
    return tuple(texts)
