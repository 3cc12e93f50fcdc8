"""A recipe: prompt engineering as data, in TOML, named and versioned.

    name = "house"
    version = "1"
    system = "..."                  # optional
    template = "{request}"          # optional; wraps every request, examples and earlier turns too
    [[examples]]                    # optional, in order
    user = "..."
    assistant = "..."
    [sampling]                      # optional; defaults on Sampling
    temperature = 0.0
    [chat_template]                 # optional; variables for the model's own chat template
    enable_thinking = false
    [placeholders]                  # optional; texts of the recipe's own that {{shop}} stands for, beside {{today}} and {{team}}
    shop = "Lime & Loom"

A key that is not known is an error. The text is turned into tokens by the backend, through the chat
template that came with the model; this file only says who says what. Roles take turns: what one of them
says in a row is one message, as many models' templates refuse anything else.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from itertools import groupby
from operator import attrgetter
from pathlib import Path
from typing import Any, Literal

from engine.errors import BadRecipe
from engine.named import Named
from engine.parsing import Malformed, shown_all, taken, toml_table
from engine.placeholders import GIVEN, NAME, REQUEST, filled
from engine.request import Request, Turn

SHIPPED = Path(__file__).with_name("recipes")
MOST_TOKENS = 1_000_000  # of a vocabulary; none is larger
DEEPEST = 16  # tables and lists within each other in [chat_template]

MOST_STOPS = 8  # texts that end an answer
LATER: dict[str, Any] = {"repetition_penalty": 1.0, "min_p": 0.0, "stop": (), "seed": -1}  # rules that came later, with their usual values


@dataclass(frozen=True, slots=True)
class Message:
    """One entry of a chat, in the form that chat templates take."""

    role: Literal["system", "user", "assistant"]
    content: str


@dataclass(frozen=True, slots=True)
class Sampling:
    """Rules by which tokens are drawn. Both sides of a duel must use the same. 0 and 0.0 are one temperature."""

    temperature: float = 0.0  # 0 takes the likeliest token
    top_p: float = 1.0  # keep the smallest set of tokens with this probability; 1 keeps all
    top_k: int = 0  # keep this many likeliest tokens; 0 keeps all
    max_new_tokens: int = 128
    repetition_penalty: float = 1.0  # makes each token that the answer holds already less likely (Keskar et al. 2019); 1: none
    min_p: float = 0.0  # keep tokens at least so many times as likely as the likeliest (Nguyen et al. 2024); 0 keeps all
    stop: tuple[str, ...] = ()  # texts at which an answer ends; they are no part of it
    seed: int = -1  # of the random draws, the same for every answer; -1: each answer has one of its own

    def __post_init__(self) -> None:
        for name, good, meaning in (
            ("temperature", 0 <= self.temperature <= 5, "between 0 and 5"),
            ("top_p", 0 < self.top_p <= 1, "above 0 and at most 1"),
            ("top_k", 0 <= self.top_k <= MOST_TOKENS, f"between 0 and {MOST_TOKENS:,}"),
            ("max_new_tokens", 1 <= self.max_new_tokens <= 8192, "between 1 and 8192"),
            ("repetition_penalty", 1 <= self.repetition_penalty <= 2, "between 1 and 2"),
            ("min_p", 0 <= self.min_p < 1, "at least 0 and below 1"),
            ("stop", len(self.stop) <= MOST_STOPS and all(self.stop), f"at most {MOST_STOPS} texts, none of them empty"),
            ("seed", -1 <= self.seed < 2**48, "between 0 and 281,474,976,710,655, or -1 for one of each answer's own"),
        ):
            if not good:  # the value is not shown: a number can be too long for that
                raise BadRecipe(f"sampling.{name} must be {meaning}.")
        object.__setattr__(self, "temperature", float(self.temperature) + 0.0)  # -0.0 becomes 0.0
        object.__setattr__(self, "top_p", float(self.top_p))
        object.__setattr__(self, "repetition_penalty", float(self.repetition_penalty))
        object.__setattr__(self, "stop", tuple(self.stop))  # a list, as JSON has it
        object.__setattr__(self, "min_p", float(self.min_p) + 0.0)

    @property
    def parts(self) -> dict[str, Any]:
        """The rules for digests. Those that came later are left out at their usual values, so that digests from before them stay true."""
        values = {each.name: getattr(self, each.name) for each in fields(self)}
        return {name: value for name, value in values.items() if name not in LATER or value != LATER[name]}


@dataclass(frozen=True, slots=True)
class Example:
    """A worked example that a recipe shows the model before the request."""

    user: str
    assistant: str


@dataclass(frozen=True, slots=True)
class Recipe:
    """Prompt engineering as data. `digest` names the content: an edited recipe is another contestant."""

    name: str
    version: str
    system: str = ""
    template: str = "{request}"
    examples: tuple[Example, ...] = ()
    sampling: Sampling = Sampling()
    chat_template: tuple[tuple[str, Any], ...] = ()  # sorted pairs, so that a recipe can be hashed
    placeholders: tuple[tuple[str, str], ...] = ()  # its own, with their texts; sorted pairs

    @property
    def named(self) -> Named:
        """Its name and version."""
        return Named(self.name, self.version)

    @property
    def digest(self) -> str:
        """First 16 hex digits of the SHA-256 of everything but name and version."""
        content: dict[str, Any] = {each.name: getattr(self, each.name) for each in fields(self) if each.name not in ("name", "version")}
        content["examples"] = [{"user": each.user, "assistant": each.assistant} for each in self.examples]
        content["sampling"] = self.sampling.parts
        if not self.placeholders:  # they came later, and digests from before them stay true
            del content["placeholders"]
        return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:16]

    def messages(self, request: Request) -> tuple[Message, ...]:
        """Lay out who says what: system text, examples, earlier turns, the request. After the system text user and assistant alternate.

        What the user says in a row (a message that was replied to, and the request) is one text, and the template wraps it once.
        Placeholders are filled in the recipe's own texts; one that the request has no value for stays as it is written.
        """
        values = {**dict(self.placeholders), **dict(request.given)}
        before, _, after = (filled(part, values) for part in self.template.partition("{request}"))

        def said(turn: Turn) -> Message:
            return Message(turn.role, f"{before}{turn.text}{after}" if turn.role == "user" else turn.text)

        examples = [(filled(each.user, values), filled(each.assistant, values)) for each in self.examples]
        shown = [turn for user, assistant in examples for turn in (Turn("user", user), Turn("assistant", assistant))]
        asked = alternating((*request.history, Turn("user", request.text)))
        system = (Message("system", filled(self.system, values)),) if self.system else ()
        return (*system, *(said(turn) for turn in alternating((*shown, *asked))))

    @property
    def texts(self) -> tuple[tuple[str, str], ...]:
        """All that it says itself, each with the words for its place: the system text, the template, its examples."""
        examples = [
            (f"example {number}, {what}", text)
            for number, example in enumerate(self.examples, 1)
            for what, text in (("request", example.user), ("answer", example.assistant))
        ]
        return (("the system text", self.system), ("the template", self.template), *examples)


def alternating(turns: Sequence[Turn]) -> tuple[Turn, ...]:
    """Join turns of one role in a row, with an empty line between their texts."""
    groups = ((role, [turn.text for turn in group]) for role, group in groupby(turns, key=attrgetter("role")))
    return tuple(Turn(role, "\n\n".join(texts)) for role, texts in groups)


def shipped_recipes() -> tuple[str, ...]:
    """List the names of the recipes that ship."""
    return tuple(sorted(path.stem for path in SHIPPED.glob("*.toml")))


def ships(recipe: Recipe) -> bool:
    """Tell whether a recipe is one of those that ship, unchanged."""
    return recipe.name in shipped_recipes() and load_recipe(recipe.name).digest == recipe.digest


def load_recipe(name_or_path: str) -> Recipe:
    """Load a shipped recipe by its name, or any recipe by the path of its TOML file. Raises BadRecipe."""
    path = Path(name_or_path)
    if path.suffix != ".toml":
        known = shipped_recipes()
        if name_or_path not in known:
            raise BadRecipe(
                f"There is no shipped recipe {name_or_path!r} (there are: {', '.join(known)}); give a name or the path of a .toml file."
            )
        path = SHIPPED / f"{name_or_path}.toml"
    try:
        return parse_recipe(_read_toml(path))
    except (OSError, ValueError) as error:  # ValueError: a path with a NUL
        raise BadRecipe(f"Recipe {path} cannot be read: {getattr(error, 'strerror', None) or error}.") from error
    except BadRecipe as error:
        raise BadRecipe(f"Recipe {path}: {error}") from error


def _read_toml(path: Path) -> dict[str, Any]:
    """A TOML file, with or without a byte order mark. Raises OSError and BadRecipe."""
    try:
        return toml_table(path.read_bytes())
    except Malformed as error:
        raise BadRecipe(f"it is not valid TOML: {error}") from error


def parse_recipe(table: Mapping[str, Any]) -> Recipe:
    """Build a recipe from parsed TOML. Raises BadRecipe for missing, unknown and mistyped keys."""
    _check(table, Recipe, "the recipe", required=("name", "version"))
    for key in ("name", "version", "system", "template"):
        if not isinstance(table.get(key, ""), str):
            raise BadRecipe(f"{key} must be text.")
    if not (table["name"].strip() and table["version"].strip()):
        raise BadRecipe("name and version must not be empty.")
    return Recipe(
        name=table["name"],
        version=table["version"],
        system=table.get("system", ""),
        template=_template(table.get("template", "{request}")),
        examples=_examples(table.get("examples", [])),
        sampling=_sampling(table.get("sampling", {})),
        chat_template=_variables(table.get("chat_template", {})),
        placeholders=_placeholders(table.get("placeholders", {})),
    )


def _template(template: str) -> str:
    template = template.replace("{{request}}", "{request}")  # one placeholder with two ways to write it, and one digest
    if template.count("{request}") != 1:
        raise BadRecipe("template must hold {request} exactly once.")
    return template


def _examples(examples: Any) -> tuple[Example, ...]:
    if not isinstance(examples, list):
        raise BadRecipe("examples must be a list of [[examples]] tables.")
    for example in examples:
        _check(example, Example, "an example", required=("user", "assistant"))
        if not all(isinstance(value, str) for value in example.values()):
            raise BadRecipe("user and assistant of an example must be text.")
    return tuple(Example(**example) for example in examples)


def _sampling(sampling: Any) -> Sampling:
    _check(sampling, Sampling, "sampling")
    for field in fields(Sampling):
        if field.name == "stop":
            continue
        whole = isinstance(field.default, int)
        value = sampling.get(field.name, field.default)
        if isinstance(value, bool) or not isinstance(value, int if whole else (int, float)):
            raise BadRecipe(f"sampling.{field.name} must be a {'whole number' if whole else 'number'}.")
    return Sampling(**sampling | {"stop": _stop(sampling.get("stop", []))})


def _stop(texts: Any) -> tuple[str, ...]:
    if not isinstance(texts, list) or not all(isinstance(text, str) for text in texts):
        raise BadRecipe("sampling.stop must be a list of texts.")
    return tuple(texts)


def _variables(variables: Any) -> tuple[tuple[str, Any], ...]:
    if not isinstance(variables, dict):
        raise BadRecipe("chat_template must be a table of variables.")
    try:
        if _depth(variables) > DEEPEST:
            raise BadRecipe(f"chat_template is nested too deeply; {DEEPEST} tables and lists within each other are read.")
        json.dumps(variables, allow_nan=False)
    except (TypeError, ValueError) as error:
        raise BadRecipe(
            "chat_template takes text, numbers and truth values, and lists and tables of them; write dates in quotes."
        ) from error
    return tuple(sorted(variables.items()))


def _placeholders(table: Any) -> tuple[tuple[str, str], ...]:
    if not isinstance(table, dict) or not all(isinstance(text, str) for text in table.values()):
        raise BadRecipe("placeholders must be a table of texts.")
    for name in table:
        if name == REQUEST or name in GIVEN:
            raise BadRecipe(f"placeholders sets {name}, which is filled by itself. Give yours another name.")
        if not NAME.fullmatch(name):
            raise BadRecipe(f"placeholders has the name {shown_all([name])}; write lower-case letters, digits and _, a letter first.")
    return tuple(sorted(table.items()))


def _depth(value: Any) -> int:
    """Tables and lists within each other, looked at level by level, so that no depth is too much for it."""
    depth, level = 0, [value]
    while level := [inner for one in level if isinstance(one, dict | list) for inner in (one.values() if isinstance(one, dict) else one)]:
        depth += 1
    return depth


def _check(table: Any, kind: Any, what: str, required: tuple[str, ...] = ()) -> None:
    _, unknown = taken(table, kind, what, BadRecipe, required)
    if unknown:
        known = ", ".join(sorted(field.name for field in fields(kind)))
        raise BadRecipe(f"unknown key {shown_all(unknown)} in {what} (known: {known}).")
