"""Instructions for a task, written from the answers that its rows want: several, of which the search takes the best. Pure."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from engine.parsing import Malformed, json_value
from engine.scoring import Metric, guess_kind, lines_of

MOST_LISTED = 40  # different values that an instruction lists
MOST_OF_LIST = 1500  # characters of such a list


@dataclass(frozen=True, slots=True)
class Wording:
    """The text around the examples: what the system says, and what wraps each request."""

    made: str  # how it was made, for people
    system: str
    template: str = "{request}"


@dataclass(frozen=True, slots=True)
class AnswerPart:
    """A part of an answer with a name: a key of its JSON, or the name of its line. An answer without parts is one without a name."""

    name: str
    values: tuple[str, ...] = ()  # all that there are, the most frequent first, where they are few

    @property
    def listed(self) -> str:
        """The values as a sentence lists them; "" where they are not few."""
        text = ", ".join(self.values)
        return text if len(self.values) <= MOST_LISTED and len(text) <= MOST_OF_LIST else ""


def parts_of(answers: Sequence[str], metric: Metric) -> tuple[AnswerPart, ...]:
    """Find the parts of the answers, with their values where few of them are all there is."""
    match guess_kind(answers):
        case "JSON":
            tables = [table for answer in answers if isinstance(table := _json(answer), dict)]
            names = dict.fromkeys(key for table in tables for key in table)
            return tuple(AnswerPart(name, _few([_word(table[name]) for table in tables if name in table], len(answers))) for name in names)
        case "closed set":
            return (AnswerPart("", _few(answers, len(answers))),)
        case _:
            lines = [lines_of(answer) for answer in answers]
            often = [name for name, count in Counter(name for each in lines for name in each).items() if count >= 0.9 * len(answers)]
            return tuple(
                AnswerPart(name.capitalize(), _few([each[name] for each in lines if name in each], len(answers))) for name in often
            )


def _json(answer: str) -> Any:
    try:
        return json_value(answer)
    except Malformed:
        return None


def _word(value: Any) -> str:
    return value if isinstance(value, str) else repr(value)


def _few(values: Sequence[str], rows: int) -> tuple[str, ...]:
    """The different values, the most frequent first, where there is a third as many as rows at most."""
    counts = Counter(values)
    return tuple(value for value, _ in sorted(counts.items(), key=lambda item: (-item[1], item[0]))) if len(counts) * 3 <= rows else ()


def wordings(answers: Sequence[str], metric: Metric) -> tuple[Wording, ...]:
    """Write several wordings for these answers; the first is the one that a first recipe takes."""
    parts, kind = parts_of(answers, metric), guess_kind(answers)
    form = _form(kind, parts, answers)
    lists = " ".join(f"{part.name or 'The answer'} is one of: {part.listed}." for part in parts if part.listed)
    sorts = "Sort each message." if lists else "Answer each message as the examples do."
    found = [Wording("what to do, format line", f"{sorts} {form}")]
    if lists:
        found.insert(0, Wording("what to do, format line, list of values", f"{sorts} {form} {lists}"))
        found.append(Wording("list of values alone", lists))
        found.append(Wording("for an expert, list of values first", f"You are an expert in sorting messages. {lists} {form}"))
    found.append(Wording("format line alone", form))
    found.append(Wording("format line, requests marked", form, "Message: {request}\nAnswer:"))
    return tuple(found)


def _form(kind: str, parts: Sequence[AnswerPart], answers: Sequence[str]) -> str:
    """The sentence that says how an answer looks."""
    match kind:
        case "JSON":
            table = ", ".join(f'"{part.name}": "…"' for part in parts)
            return f"Answer with JSON and nothing else: {{{table}}}" if parts else "Answer with JSON and nothing else."
        case "closed set":
            return "Answer with the right value and nothing else."
        case "lines":
            names = "\n".join(f"{part.name}: …" for part in parts)
            return f"Answer in exactly {_count(len(parts))}:\n{names}\n"
    words = sorted(len(answer.split()) for answer in answers)[len(answers) * 9 // 10]
    return f"Answer in at most {max(5, words)} words."


def _count(number: int) -> str:
    return f"{('one', 'two', 'three', 'four')[number - 1] if 1 <= number <= 4 else number} {'line' if number == 1 else 'lines'}"
