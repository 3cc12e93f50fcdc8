"""Whether a JSON value fits a JSON Schema (2020-12, or the draft that its $schema names). The jsonschema library does the work."""

from collections.abc import Iterator
from typing import Any

from jsonschema import Draft202012Validator, SchemaError
from jsonschema.validators import validator_for
from referencing import Registry, Resource
from referencing.exceptions import Unresolvable
from referencing.jsonschema import DRAFT202012

from engine.errors import BadRequest


def check_schema(schema: Any) -> None:
    """Raises BadRequest for what is no schema, and for a reference that leads out of it: nothing is fetched from anywhere."""
    if isinstance(schema, bool):
        return
    if not isinstance(schema, dict):
        raise BadRequest("A schema must be an object.")
    try:
        validator_for(schema, default=Draft202012Validator).check_schema(schema)
    except SchemaError as error:
        where = "/".join(str(part) for part in error.absolute_path) or "the top"
        raise BadRequest(f"The schema is wrong at {where}: {error.message}.") from error
    resolver = Registry().with_resource("", Resource.from_contents(schema, default_specification=DRAFT202012)).resolver()
    for reference in _references(schema):
        try:
            resolver.lookup(reference)
        except Unresolvable as error:
            raise BadRequest(f"The schema refers to {reference!r}, which is not in it.") from error


def fits(value: Any, schema: Any) -> bool:
    """Whether the value is valid; the schema has been checked."""
    valid: bool = validator_for(schema, default=Draft202012Validator)(schema, registry=Registry()).is_valid(value)
    return valid


def _references(schema: Any) -> Iterator[str]:
    if isinstance(schema, dict):
        if isinstance(schema.get("$ref"), str):
            yield schema["$ref"]
        schema = list(schema.values())
    if isinstance(schema, list):
        for part in schema:
            yield from _references(part)
