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

A key that is not known is an error. The text is turned into tokens by the backend, through the chat
template that came with the model; this file only says who says what.
"""

import hashlib
import json
import tomllib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, Literal

from engine.errors import BadRecipe
from engine.request import Request

SHIPPED = Path(__file__).with_name("recipes")


@dataclass(frozen=True, slots=True)
class Message:
    """One entry of a chat, as chat templates take it."""

    role: Literal["system", "user", "assistant"]
    content: str


@dataclass(frozen=True, slots=True)
class Sampling:
    """How tokens are drawn. Both sides of a duel must use the same."""

    temperature: float = 0.0  # 0 takes the likeliest token
    top_p: float = 1.0  # keep the smallest set of tokens with this probability; 1 keeps all
    top_k: int = 0  # keep this many likeliest tokens; 0 keeps all
    max_new_tokens: int = 128

    def __post_init__(self) -> None:
        for name, good, meaning in (
            ("temperature", 0 <= self.temperature <= 5, "between 0 and 5"),
            ("top_p", 0 < self.top_p <= 1, "above 0 and at most 1"),
            ("top_k", self.top_k >= 0, "0 or more"),
            ("max_new_tokens", 1 <= self.max_new_tokens <= 8192, "between 1 and 8192"),
        ):
            if not good:
                raise BadRecipe(f"sampling.{name} is {getattr(self, name)}; it must be {meaning}.")


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

    @property
    def digest(self) -> str:
        """First 16 hex digits of the SHA-256 of everything but name and version."""
        content = {k: v for k, v in asdict(self).items() if k not in ("name", "version")}
        return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:16]

    def messages(self, request: Request) -> tuple[Message, ...]:
        """Who says what: system text, examples, earlier turns, the request."""

        def asked(text: str) -> Message:
            return Message("user", self.template.replace("{request}", text))

        chat = [Message("system", self.system)] if self.system else []
        for example in self.examples:
            chat += [asked(example.user), Message("assistant", example.assistant)]
        for turn in request.history:
            chat.append(asked(turn.text) if turn.role == "user" else Message("assistant", turn.text))
        return (*chat, asked(request.text))


def load_recipe(name_or_path: str) -> Recipe:
    """A shipped recipe by its name, or any recipe by the path of its TOML file. Raises BadRecipe."""
    path = Path(name_or_path)
    if path.suffix != ".toml":
        path = SHIPPED / f"{name_or_path}.toml"
        if not path.is_file():
            known = ", ".join(sorted(p.stem for p in SHIPPED.glob("*.toml")))
            raise BadRecipe(f"There is no shipped recipe {name_or_path!r} (there are: {known}); give a name or the path of a .toml file.")
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise BadRecipe(f"Recipe {path} cannot be read: {error.strerror}.") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise BadRecipe(f"Recipe {path} is not valid TOML: {error}.") from error
    try:
        return parse_recipe(table)
    except BadRecipe as error:
        raise BadRecipe(f"Recipe {path}: {error}") from error


def parse_recipe(table: Mapping[str, Any]) -> Recipe:
    """A recipe from parsed TOML. Raises BadRecipe for missing, unknown and mistyped keys."""
    _check(table, Recipe, "the recipe", required=("name", "version"))
    for key in ("name", "version", "system", "template"):
        if not isinstance(table.get(key, ""), str):
            raise BadRecipe(f"{key} must be text.")
    template = table.get("template", "{request}")
    if template.count("{request}") != 1:
        raise BadRecipe("template must hold {request} exactly once.")
    examples = table.get("examples", [])
    if not isinstance(examples, list):
        raise BadRecipe("examples must be a list of [[examples]] tables.")
    for example in examples:
        _check(example, Example, "an example", required=("user", "assistant"))
        if not all(isinstance(value, str) for value in example.values()):
            raise BadRecipe("user and assistant of an example must be text.")
    sampling = table.get("sampling", {})
    _check(sampling, Sampling, "sampling")
    for field in fields(Sampling):
        whole = isinstance(field.default, int)
        value = sampling.get(field.name, field.default)
        if isinstance(value, bool) or not isinstance(value, int if whole else (int, float)):
            raise BadRecipe(f"sampling.{field.name} must be a {'whole number' if whole else 'number'}.")
    variables = table.get("chat_template", {})
    if not isinstance(variables, dict):
        raise BadRecipe("chat_template must be a table of variables.")
    try:
        json.dumps(variables, allow_nan=False)
    except (TypeError, ValueError) as error:
        raise BadRecipe(
            "chat_template takes text, numbers and truth values, and lists and tables of them; write dates in quotes."
        ) from error
    return Recipe(
        name=table["name"],
        version=table["version"],
        system=table.get("system", ""),
        template=template,
        examples=tuple(Example(**example) for example in examples),
        sampling=Sampling(**sampling),
        chat_template=tuple(sorted(variables.items())),
    )


def _check(table: Any, kind: Any, what: str, required: tuple[str, ...] = ()) -> None:
    if not isinstance(table, dict):
        raise BadRecipe(f"{what} must be a table.")
    known = {field.name for field in fields(kind)}
    if unknown := sorted(table.keys() - known):
        raise BadRecipe(f"unknown key {', '.join(unknown)} in {what} (known: {', '.join(sorted(known))}).")
    if missing := sorted(set(required) - table.keys()):
        raise BadRecipe(f"{what} lacks {', '.join(missing)}.")
