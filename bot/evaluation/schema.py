"""Whether a JSON value fits a schema: the everyday part of JSON Schema (2020-12). A keyword that is not known is an error, not ignored."""

import re
from collections.abc import Callable, Iterator
from typing import Any

from engine.errors import BadRequest

_TYPES: dict[str, Callable[[Any], bool]] = {
    "object": lambda value: isinstance(value, dict),
    "array": lambda value: isinstance(value, list),
    "string": lambda value: isinstance(value, str),
    "number": lambda value: isinstance(value, int | float) and not isinstance(value, bool),
    "integer": lambda value: isinstance(value, int | float) and not isinstance(value, bool) and value == int(value),
    "boolean": lambda value: isinstance(value, bool),
    "null": lambda value: value is None,
}
_RULES: dict[str, Callable[[Any, Any], bool]] = {
    "enum": lambda value, given: value in given,
    "const": lambda value, given: value == given,
    "minimum": lambda value, given: not _TYPES["number"](value) or value >= given,
    "maximum": lambda value, given: not _TYPES["number"](value) or value <= given,
    "minLength": lambda value, given: not isinstance(value, str) or len(value) >= given,
    "maxLength": lambda value, given: not isinstance(value, str) or len(value) <= given,
    "pattern": lambda value, given: not isinstance(value, str) or re.search(given, value) is not None,
    "minItems": lambda value, given: not isinstance(value, list) or len(value) >= given,
    "maxItems": lambda value, given: not isinstance(value, list) or len(value) <= given,
    "required": lambda value, given: not isinstance(value, dict) or set(given) <= set(value),
}
_SILENT = frozenset({"$schema", "$id", "title", "description", "examples", "default"})
_NESTED = frozenset({"type", "properties", "additionalProperties", "items", "anyOf"})


def check_schema(schema: Any) -> None:
    """Raises BadRequest for what is no schema, or uses a keyword outside the part that is known."""
    if isinstance(schema, bool):
        return
    if not isinstance(schema, dict):
        raise BadRequest("A schema must be an object.")
    if unknown := sorted(schema.keys() - _RULES.keys() - _SILENT - _NESTED):
        raise BadRequest(f"The schema uses {', '.join(unknown)}, which is not known here (known: {', '.join(sorted(_RULES | _TYPES_OF))}).")
    if bad := [name for name in _names(schema.get("type", [])) if name not in _TYPES]:
        raise BadRequest(f"The schema names the type {bad[0]!r}; there are {', '.join(_TYPES)}.")
    for inner in _inner(schema):
        check_schema(inner)


_TYPES_OF = dict.fromkeys(_NESTED)


def fits(value: Any, schema: Any) -> bool:
    """Whether the value is valid; the schema has been checked."""
    if isinstance(schema, bool):
        return schema
    names = _names(schema.get("type", []))
    if names and not any(_TYPES[name](value) for name in names):
        return False
    if not all(rule(value, schema[name]) for name, rule in _RULES.items() if name in schema):
        return False
    if "anyOf" in schema and not any(fits(value, option) for option in schema["anyOf"]):
        return False
    if isinstance(value, list) and "items" in schema:
        return all(fits(item, schema["items"]) for item in value)
    if isinstance(value, dict):
        known, others = schema.get("properties", {}), schema.get("additionalProperties", True)
        return all(fits(item, known.get(name, others)) for name, item in value.items())
    return True


def _names(given: Any) -> list[Any]:
    return given if isinstance(given, list) else [given]


def _inner(schema: dict[str, Any]) -> Iterator[Any]:
    properties = schema.get("properties", {})
    if not isinstance(properties, dict) or not isinstance(schema.get("anyOf", []), list):
        raise BadRequest("In a schema, properties must be an object and anyOf a list.")
    yield from properties.values()
    yield from schema.get("anyOf", [])
    for name in ("items", "additionalProperties"):
        if name in schema:
            yield schema[name]
