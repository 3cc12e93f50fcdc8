"""What is known to hurt in a prompt, found before it is kept. Pure.

    for finding in lint(recipe, rows=rows, metric=metric):
        print(finding.place, finding.words)

Every finding names its place: "system", "template", "sampling" or "example 3"; `line_numbers` tells the lines of these places in a TOML
text. A finding is advice: nothing is forbidden by it.
"""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from engine.ledger import RoleLedger
from engine.near import near
from engine.optimise.choosing import roughly
from engine.parsing import shown, shown_all
from engine.recipes import Example, Recipe
from engine.rows import Row
from engine.scoring import Metric, json_table, lines_of

SMALL = 1_000_000_000  # parameters, below which greedy answers without a penalty are known to run in circles
LONG_ANSWER = 48  # tokens of room from which on they have the time to
HOT = 1.2  # temperature above which small models lose the thread
HARSH = 1.3  # repetition penalty above which a form that repeats its signs breaks
WORDY = 12  # words of an answer, mean of the examples, above which hardly any answer is equal to another
NUMBERS = {"one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8, "nine": 9, "ten": 10}
_NUMBER = r"(\d{1,4}|" + "|".join(NUMBERS) + ")"
_EXACTLY = re.compile(rf"\b(?:exactly|in|always|only)\s+{_NUMBER}\s+(lines?|sentences?|words?|paragraphs?)\b", re.IGNORECASE)
_MOST = re.compile(
    rf"\b(?:at most|no more than|fewer than|under|up to|maximum of)\s+{_NUMBER}\s+(lines?|sentences?|words?)\b", re.IGNORECASE
)
_LEAST = re.compile(rf"\b(?:at least|no fewer than|more than|minimum of)\s+{_NUMBER}\s+(lines?|sentences?|words?)\b", re.IGNORECASE)
_LIST = re.compile(r"\bone of(?: these)?[^:\n.]{0,40}:\s*([^\n]+?)(?:\.(?:\s|$)|\n|$)", re.IGNORECASE)
_JSON = re.compile(r"(?<!no )(?<!not )(?<!without )\bJSON\b", re.IGNORECASE)
_ENDED = re.compile(r"[.!?]+(?=\s|$)")
OPPOSED = (  # two rules that no answer can keep, with what both are about
    (r"\b(?:brief|short|concise)(?:ly)?\b", r"\b(?:in detail|detailed|at length|thorough(?:ly)?|comprehensive(?:ly)?)\b", "length"),
    (
        r"\bnothing else\b|\bonly the (?:answer|label|JSON)\b",
        r"\bexplain (?:your|why)\b|\bstep by step\b|\breason(?:ing)? first\b",
        "what else is said",
    ),
    (r"\bin English\b", r"\bin (?:German|French|Spanish|Italian|Dutch)\b|\bin the (?:language of|customer's language)\b", "language"),
    (r"\bnever apologi[sz]e\b|\bdo not apologi[sz]e\b", r"\balways apologi[sz]e\b|\bsay (?:that )?(?:we are|you are) sorry\b", "apologies"),
    (r"\bplain text\b|\bno markdown\b|\bwithout markdown\b", r"\b(?:use|in) markdown\b|\bbullet points?\b", "markdown"),
    (r"\bformal(?:ly)?\b", r"\b(?:informal|casual)(?:ly)?\b", "tone"),
)


class LintKind(StrEnum):
    """Kinds of findings."""

    FORMAT = "format"  # an example that breaks the format of the others, or of the instruction
    CONTRADICTION = "contradiction"
    LEAK = "leak"  # an example that is also measured on
    SAMPLING = "sampling"
    METRIC = "metric"  # answers that the metric cannot read


@dataclass(frozen=True, slots=True)
class LintFinding:
    """One thing that is likely to hurt, where, and what to do."""

    kind: LintKind
    place: str  # "system", "template", "sampling", "example 3"
    words: str  # a sentence or two


def lint(
    recipe: Recipe, *, rows: Sequence[Row] = (), metric: Metric | None = None, parameters: int | None = None
) -> tuple[LintFinding, ...]:
    """Find what is known to hurt in a recipe, in the order of its places.

    rows: those that the recipe is measured on, with their roles. metric: by which it is. parameters: of the base; None: it may be small.
    """
    found = (
        *_contradictions(recipe),
        *_formats(recipe),
        *_limits(recipe),
        *_lists(recipe),
        *_leaks(recipe, rows),
        *(_unreadable(recipe, metric) if metric else ()),
        *_sampling(recipe, parameters),
    )
    places = [*("system", "template"), *(f"example {number}" for number in range(1, len(recipe.examples) + 1)), "sampling"]
    return tuple(sorted(found, key=lambda finding: places.index(finding.place)))


def line_numbers(text: str) -> dict[str, int]:
    """Find the line of each place of a recipe's TOML text, from 1; a place that is not written down is missing."""
    found: dict[str, int] = {}
    examples = 0
    for number, line in enumerate(text.splitlines(), 1):
        if line.strip() == "[[examples]]":
            examples += 1
            found[f"example {examples}"] = number
        elif named := re.match(r"\s*(?:\[(sampling)\]|(system|template)\s*=)", line):
            found.setdefault(named[1] or named[2], number)
    return found


def _numbered(recipe: Recipe) -> list[tuple[str, Example]]:
    return [(f"example {number}", example) for number, example in enumerate(recipe.examples, 1)]


def _contradictions(recipe: Recipe) -> Iterator[LintFinding]:
    for one, other, about in OPPOSED:
        first, second = re.search(one, recipe.system, re.IGNORECASE), re.search(other, recipe.system, re.IGNORECASE)
        if first and second:
            yield LintFinding(
                LintKind.CONTRADICTION, "system", f"It says “{first[0]}” and “{second[0]}”, which are two rules on {about}. Keep one."
            )
    exact: dict[str, set[int]] = {}
    for number, unit in _EXACTLY.findall(recipe.system):
        exact.setdefault(unit.casefold().rstrip("s"), set()).add(_count(number))
    for unit, numbers in exact.items():
        if len(numbers) > 1:
            said = " and ".join(map(str, sorted(numbers)))
            yield LintFinding(LintKind.CONTRADICTION, "system", f"It asks for {said} {unit}s. Keep one number.")
    yield from _answered_twice(recipe)


def _answered_twice(recipe: Recipe) -> Iterator[LintFinding]:
    """Examples whose request came before, with another answer or with the same."""
    for number, example in enumerate(recipe.examples):
        for earlier, other in enumerate(recipe.examples[:number]):
            if near(example.user, other.user):
                same = example.assistant.strip() == other.assistant.strip()
                says = "says the same as" if same else "answers nearly the same request otherwise than"
                kind = LintKind.FORMAT if same else LintKind.CONTRADICTION
                yield LintFinding(kind, f"example {number + 1}", f"It {says} example {earlier + 1}. Keep one of them.")
                break


def _count(number: str) -> int:
    return NUMBERS.get(number.casefold()) or int(number)


def _formats(recipe: Recipe) -> Iterator[LintFinding]:
    """Examples that are not in the form of most, or of the instruction."""
    examples = _numbered(recipe)
    tables = {place: json_table(example.assistant) for place, example in examples}
    most = len(examples) / 2
    if _JSON.search(recipe.system) or sum(table is not None for table in tables.values()) > most:
        yield from (
            LintFinding(LintKind.FORMAT, place, "Its answer is no JSON object, as the instruction or the other examples have it.")
            for place, table in tables.items()
            if table is None
        )
        named = {place: frozenset(table) for place, table in tables.items() if table is not None}
    else:
        named = {place: frozenset(lines_of(example.assistant)) for place, example in examples}
    usual = frozenset(name for name, count in Counter(name for names in named.values() for name in names).items() if count > most)
    for place, names in named.items():
        if missing := usual - names:
            yield LintFinding(LintKind.FORMAT, place, f"Its answer lacks {shown_all(missing)}, which the other examples have.")


def _limits(recipe: Recipe) -> Iterator[LintFinding]:
    """Examples that are longer or shorter than the instruction says."""
    rules = [
        *((number, unit, 0) for number, unit in _EXACTLY.findall(recipe.system)),
        *((number, unit, 1) for number, unit in _MOST.findall(recipe.system)),
        *((number, unit, -1) for number, unit in _LEAST.findall(recipe.system)),
    ]
    for number, unit, side in rules:
        wanted, kind = _count(number), unit.casefold().rstrip("s")
        for place, example in _numbered(recipe):
            has = _size(example.assistant, kind)
            if (side == 0 and has != wanted) or (side > 0 and has > wanted) or (side < 0 and has < wanted):
                how = ("exactly", "at most", "at least")[side]
                yield LintFinding(
                    LintKind.FORMAT, place, f"Its answer has {has} {kind}{'s' * (has != 1)}, and the system text asks for {how} {wanted}."
                )


def _size(text: str, kind: str) -> int:
    match kind:
        case "line":
            return sum(bool(line.strip()) for line in text.splitlines())
        case "paragraph":
            return sum(bool(part.strip()) for part in re.split(r"\n\s*\n", text))
        case "word":
            return len(text.split())
    return max(1, len(_ENDED.findall(text.strip())))


def _lists(recipe: Recipe) -> Iterator[LintFinding]:
    """Examples with a value that the instruction's list does not have."""
    for listed in _LIST.findall(recipe.system):
        values = {value.strip(" \"'`.“”").casefold() for value in re.split(r",|\bor\b", listed)} - {""}
        if len(values) < 3:
            continue
        own = {place: _values(example.assistant) for place, example in _numbered(recipe)}
        if sum(bool(each & values) for each in own.values()) * 2 <= len(own):
            continue  # the list is about something else
        for place, each in own.items():
            if not each & values:
                yield LintFinding(LintKind.FORMAT, place, f"None of the listed values ({shown(listed)}) is in its answer.")


def _values(answer: str) -> set[str]:
    table = json_table(answer)
    values = [str(value) for value in table.values()] if table is not None else [answer, *lines_of(answer).values()]
    return {value.strip().strip(".").casefold() for value in values}


def _leaks(recipe: Recipe, rows: Sequence[Row]) -> Iterator[LintFinding]:
    ledger = RoleLedger()
    for row in rows:
        if row.role in ("dev", "test"):
            ledger.take(row.text, "test" if row.role == "test" else "dev", f"line {row.line}")
    for place, example in _numbered(recipe):
        if uses := ledger.uses(example.user):
            yield LintFinding(
                LintKind.LEAK, place, f"Its request {uses[0].words}, so the prompt would be measured on what it shows. Take another."
            )


def _unreadable(recipe: Recipe, metric: Metric) -> Iterator[LintFinding]:
    """Answers that the metric gives no point even when they are compared with themselves, or hardly ever could."""
    for place, example in _numbered(recipe):
        if metric.score(example.assistant, (example.assistant,)) < 1:
            yield LintFinding(LintKind.METRIC, place, f"The metric {metric.name} cannot read its answer ({metric.words}).")
        elif metric.name == "json" and json_table(example.assistant) is None:
            yield LintFinding(LintKind.METRIC, place, f"The metric {metric.name} compares JSON objects, and its answer is none.")
    words = [len(example.assistant.split()) for example in recipe.examples]
    if metric.name == "exact" and words and sum(words) / len(words) > WORDY:
        yield LintFinding(
            LintKind.METRIC,
            "system",
            f"The metric exact wants the same words, and answers have {sum(words) / len(words):.0f} here; f1 or line:NAME can tell them.",
        )
    if not recipe.examples and metric.line and metric.line not in recipe.system:
        yield LintFinding(
            LintKind.METRIC, "system", f"It asks for no line {shown(metric.name.removeprefix('line:'))}, which the metric looks for."
        )


def _sampling(recipe: Recipe, parameters: int | None) -> Iterator[LintFinding]:
    sampling = recipe.sampling
    longest = max((roughly(example.assistant) for example in recipe.examples), default=0)
    small = parameters is None or parameters < SMALL
    said = []
    if (
        small
        and sampling.temperature == 0
        and sampling.repetition_penalty == 1
        and sampling.max_new_tokens >= LONG_ANSWER
        and not _short(recipe)
    ):
        said.append(
            "Temperature 0 without a repetition_penalty lets a small model say the same again and again; set repetition_penalty = 1.05, "
            "or a temperature of 0.3."
        )
    if small and sampling.temperature > HOT:
        said.append(f"A temperature of {sampling.temperature:g} is more than a small model keeps a thread at; {HOT:g} is much already.")
    if sampling.repetition_penalty > HARSH:
        said.append(
            f"A repetition_penalty of {sampling.repetition_penalty:g} forbids signs that a form repeats, as quotes and commas; 1.1 is much."
        )
    if longest * 2 // 3 > sampling.max_new_tokens:  # the estimate is high
        said.append(f"max_new_tokens = {sampling.max_new_tokens} cuts answers as long as the longest example (about {longest} tokens).")
    if sampling.temperature > 0 and sampling.top_k == 1:
        said.append("top_k = 1 leaves one token to choose from, so the temperature does nothing.")
    yield from (LintFinding(LintKind.SAMPLING, "sampling", words) for words in said)


def _short(recipe: Recipe) -> bool:
    """Whether all examples have answers too short to run in circles."""
    return bool(recipe.examples) and all(roughly(example.assistant) < LONG_ANSWER for example in recipe.examples)
