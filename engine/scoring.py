"""One figure for an answer: the metric by which choices are made, guessed from the answers that rows want, or named by a person. Pure."""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any, Literal

from engine.errors import BadRequest
from engine.metrics import exact_match, token_f1
from engine.parsing import Malformed, json_value, shown

Kind = Literal["closed set", "JSON", "lines", "short answers", "free text"]  # of answers
MOST_ANSWERS = 200  # different ones of a closed set
ROWS_AN_ANSWER = 3  # on average at least; fewer, and the answers are texts of their own
SHORT_WORDS = 4  # of an answer that is looked up or copied, and right or wrong as a whole
MOST_ALIKE = 0.9  # share of the rows that must show what a guess says
NAMES = "exact, json, f1, or line:NAME for a line that begins with NAME and a colon"
_LINE = re.compile(r"^[ \t]*([^\s:][^:\n]{0,39}?)[ \t]*:[ \t]*(\S.*?)[ \t]*$", re.MULTILINE)
_FENCED = re.compile(r"\s*```(?:json)?\s*\n(.*)\n\s*```\s*", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Metric:
    """A way to score an answer against references, of which any is right; each score lies in [0, 1]."""

    name: str  # as people name it

    @property
    def words(self) -> str:
        """What a score of 1 means, as the end of "right means …"."""
        if line := self.line:
            return f"the line “{line}” is the wanted one"
        return {
            "exact": "the same words as the wanted answer",
            "json": "the same JSON as the wanted answer",
            "f1": "how many words it shares with the wanted answer (F1)",
        }[self.name]

    @property
    def counts(self) -> bool:
        """Whether a score is 1 or 0, so that a mean is a share of right answers."""
        return self.name != "f1"

    @property
    def line(self) -> str:
        """The name of the line that it looks at; "" where it looks at the whole answer."""
        return self.name.partition(":")[2].strip()

    def score(self, answer: str, references: Sequence[str]) -> float:
        """Score an answer by the best of the references."""
        return max((self._one(answer, reference) for reference in references), default=0.0)

    def _one(self, answer: str, reference: str) -> float:
        if line := self.line:
            wanted = lines_of(reference).get(line.casefold())
            return float(wanted is not None and exact_match(lines_of(answer).get(line.casefold(), ""), wanted))
        match self.name:
            case "json":
                return _json_match(answer, reference)
            case "f1":
                return token_f1(answer, reference)
            case _:
                return exact_match(answer, reference)


def metric_named(name: str) -> Metric:
    """Find the metric that a person names. Raises BadRequest."""
    if name in ("exact", "json", "f1") or (name.startswith("line:") and name.removeprefix("line:").strip()):
        return Metric(name)
    raise BadRequest(f"There is no metric {shown(name)}; there are {NAMES}.")


def lines_of(text: str) -> dict[str, str]:
    """Read lines of the form "Name: value"; the first of each name, in small letters."""
    found: dict[str, str] = {}
    for name, value in _LINE.findall(text):
        found.setdefault(name.casefold(), value)
    return found


def line_span(text: str, name: str) -> tuple[int, int] | None:
    """Find where the value of the first line of this name stands, in characters; None where there is no such line."""
    found = next((each for each in _LINE.finditer(text) if each[1].casefold() == name.casefold()), None)
    return found.span(2) if found else None


def key_of(metric: Metric, answer: str) -> str:
    """Find what of an answer the metric looks at, as a class of its own: the line, else the whole answer."""
    if line := metric.line:
        return lines_of(answer).get(line.casefold(), "")
    return answer.strip()


def guess_kind(answers: Sequence[str]) -> Kind:
    """Guess what kind of answers these are."""
    enough = MOST_ALIKE * len(answers)
    if sum(isinstance(_json(answer), dict | list) for answer in answers) >= enough:
        return "JSON"
    if _is_closed(answers):
        return "closed set"
    names = Counter(name for answer in answers for name in lines_of(answer))
    if any(count >= enough for count in names.values()) and _told_by_line(answers):
        return "lines"
    return "short answers" if median(len(answer.split()) for answer in answers) <= SHORT_WORDS else "free text"


def guess_metric(answers: Sequence[str]) -> Metric:
    """Guess the metric from the answers that rows want: JSON, the line from a closed set, a short answer as a whole, else shared words."""
    match guess_kind(answers):
        case "JSON":
            return Metric("json")
        case "closed set" | "short answers":
            return Metric("exact")
        case "lines":
            return Metric(f"line:{_told_by_line(answers)}")
        case _:
            return Metric("f1")


def _told_by_line(answers: Sequence[str]) -> str:
    """The name of the line whose values are a closed set, as the answers write it; "" where there is none."""
    tables = [lines_of(answer) for answer in answers]
    for name in dict.fromkeys(name for table in tables for name in table):
        values = [table[name] for table in tables if name in table]
        if len(values) >= MOST_ALIKE * len(answers) and _is_closed(values):
            written = next(found for answer in answers for found, _ in _LINE.findall(answer) if found.casefold() == name)
            return str(written)
    return ""


def _is_closed(values: Sequence[str]) -> bool:
    kinds = len(set(values))
    return 2 <= kinds <= MOST_ANSWERS and len(values) >= ROWS_AN_ANSWER * kinds


def _json(answer: str) -> Any:
    """The value of an answer that is JSON, perhaps in a code fence; None for one that is none."""
    fenced = _FENCED.fullmatch(answer)
    text = (fenced[1] if fenced else answer).strip()
    try:
        return json_value(text) if text[:1] in ("{", "[") else None
    except Malformed:
        return None


def json_table(answer: str) -> dict[str, Any] | None:
    """Read an answer that is a JSON object, perhaps in a code fence; None for any other."""
    value = _json(answer)
    return value if isinstance(value, dict) else None


def _json_match(answer: str, reference: str) -> float:
    said, wanted = _json(answer), _json(reference)
    return exact_match(answer, reference) if wanted is None else float(said == wanted)
