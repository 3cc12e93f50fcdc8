"""A recipe written as TOML that reads well and comes back the same, and what a person must put right before a recipe is kept. Pure."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import Any

from engine.errors import BadRecipe
from engine.placeholders import GIVEN, REQUEST, unknown_in
from engine.recipes import Recipe, Sampling

ALWAYS = ("temperature", "max_new_tokens")  # of [sampling], written also where they are the usual ones
_ESCAPES = {"\\": "\\\\", "\b": "\\b", "\t": "\\t", "\f": "\\f", "\r": "\\r"}
_SPECIAL = re.compile("[\\\\\x00-\x08\x09\x0b-\x1f\x7f]")  # all but the end of a line
_BARE = re.compile(r"[A-Za-z0-9_-]+")


def toml_of(recipe: Recipe) -> str:
    """Write a recipe as TOML; engine.recipes.parse_recipe reads it back."""
    lines = [f"name = {_text(recipe.name)}", f"version = {_text(recipe.version)}"]
    if recipe.system:
        lines.append(f"system = {_text(recipe.system)}")
    if recipe.template != "{request}":
        lines.append(f"template = {_text(recipe.template)}")
    for example in recipe.examples:
        lines += ["", "[[examples]]", f"user = {_text(example.user)}", f"assistant = {_text(example.assistant)}"]
    usual = Sampling()
    sampling = {each.name: getattr(recipe.sampling, each.name) for each in fields(Sampling)}
    lines += _table("sampling", {name: value for name, value in sampling.items() if name in ALWAYS or value != getattr(usual, name)})
    lines += _table("chat_template", dict(recipe.chat_template))
    lines += _table("placeholders", dict(recipe.placeholders))
    return "\n".join(lines) + "\n"


def toml_values(values: Mapping[str, Any]) -> dict[str, str]:
    """Write each value as TOML has it, on one line, by the key as TOML has it."""
    return {_key(key): _inline(value) for key, value in values.items()}


def _table(name: str, values: Mapping[str, Any]) -> list[str]:
    return ["", f"[{name}]", *(f"{_key(key)} = {_value(value)}" for key, value in values.items())] if values else []


def _key(key: str) -> str:
    return key if _BARE.fullmatch(key) else _line(key)


def _value(value: Any) -> str:
    match value:
        case bool():
            return "true" if value else "false"
        case str():
            return _text(value)
        case Mapping():
            return "{ " + ", ".join(f"{_key(key)} = {_inline(each)}" for key, each in value.items()) + " }" if value else "{}"
        case Sequence():
            return "[" + ", ".join(map(_inline, value)) + "]"
        case _:
            return repr(value)


def _inline(value: Any) -> str:
    return _line(value) if isinstance(value, str) else _value(value)


def _text(text: str) -> str:
    """Over several lines where the text has several."""
    if "\n" not in text:
        return _line(text)
    body = _escaped(text).replace('"""', '\\"\\"\\"')
    return f'"""\n{body[:-1]}\\""""' if body.endswith('"') else f'"""\n{body}"""'


def _line(text: str) -> str:
    return '"' + _escaped(text).replace('"', '\\"').replace("\n", "\\n") + '"'


def _escaped(text: str) -> str:
    return _SPECIAL.sub(lambda found: _ESCAPES.get(found[0], f"\\u{ord(found[0]):04x}"), text)


def check_placeholders(recipe: Recipe) -> None:
    """Raise BadRecipe for what looks like a placeholder and is none, with its place and the ways out."""
    own = [name for name, _ in recipe.placeholders]
    for place, text in recipe.texts:
        known = {*GIVEN, *own}
        if REQUEST in {each[2:-2] for each in unknown_in(text, known)}:
            raise BadRecipe(f"In {place} stands {{{{request}}}}, which the template alone may hold: it wraps every request.")
        if unknown := unknown_in(text, known):
            there = ", ".join(f"{{{{{name}}}}}" for name in ("today", "team", *own))
            raise BadRecipe(
                f"In {place} stands {unknown[0]}, which nothing fills. There are {there}; add one of your own under [placeholders], where "
                "a name without braces gets a text. To have the braces themselves said, let its text be them."
            )
