"""Whether a JSON value fits a JSON Schema (2020-12, or the draft that its $schema names), within a time. jsonschema does the work."""

import json
import threading
from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from time import thread_time
from typing import Any

from jsonschema import Draft202012Validator, SchemaError, ValidationError
from jsonschema.validators import extend, validator_for
from referencing import Registry, Resource
from referencing.exceptions import Unresolvable
from referencing.jsonschema import DRAFT202012

from engine.errors import BadRequest
from engine.parsing import Malformed, shown
from engine.patterns import compile_pattern

LIMIT_S = 0.5  # for one value against one schema: schemas can refer to themselves without an end
REFERENCES = ("$ref", "$dynamicRef", "$recursiveRef")
Keyword = Callable[[Any, Any, Any, Any], Iterator[Any] | None]


class Undecided(Exception):
    """No answer in time to whether a value fits."""


def check_schema(schema: Any) -> None:
    """Check a schema, fetching nothing. Raises BadRequest for what is no schema, and for a reference that leads out of it."""
    if isinstance(schema, bool):
        return
    if not isinstance(schema, dict):
        raise BadRequest("A schema must be an object.")
    _checked(json.dumps(schema, sort_keys=True))


def fits(value: Any, schema: Any, limit_s: float = LIMIT_S) -> bool:
    """Whether the value is valid; the schema has been checked. Raises Undecided."""
    _clock.ends = thread_time() + limit_s
    try:
        valid: bool = _timed(_kind(schema))(schema, registry=Registry()).is_valid(value)
    except (RecursionError, TimeoutError, ArithmeticError, Unresolvable) as error:
        raise Undecided from error
    return valid


@lru_cache(maxsize=256)
def _checked(text: str) -> None:
    """Once for all rows with the same schema, in JSON."""
    schema = json.loads(text)
    _clock.ends = thread_time() + LIMIT_S
    try:
        kind = _kind(schema)
        for error in _timed(_kind(kind.META_SCHEMA))(kind.META_SCHEMA, format_checker=kind.FORMAT_CHECKER).iter_errors(schema):
            raise SchemaError.create_from(error)
        _check_references(schema)
        _check_patterns(schema)
    except SchemaError as error:
        where = "/".join(str(part) for part in error.absolute_path) or "the top"
        raise BadRequest(f"The schema is wrong at {where[:100]}: {error.message[:200]}.") from error
    except RecursionError as error:
        raise BadRequest("The schema is nested too deeply.") from error
    except TimeoutError as error:
        raise BadRequest("The schema takes too long to check.") from error


def _kind(schema: Any) -> Any:
    """The draft's validator. Raises BadRequest for a draft that is not known."""
    name = schema.get("$schema") if isinstance(schema, Mapping) else None
    known: Any = validator_for
    kind = known(schema, default=None) if isinstance(name, str) else Draft202012Validator
    if kind is None or not isinstance(name, str | None):
        raise BadRequest(f"The schema is written in {shown(name)}, which is no known draft of JSON Schema.")
    return kind


def _check_references(schema: Any) -> None:
    try:
        resolver = Registry().with_resource("", Resource.from_contents(schema, default_specification=DRAFT202012)).resolver()
        for reference in _found(schema, REFERENCES):
            if isinstance(reference, str):
                resolver.lookup(reference)
    except (Unresolvable, ValueError) as error:  # ValueError: an address that is none
        which = getattr(error, "ref", str(error))
        raise BadRequest(f"The schema refers to {shown(which)}, which is not in it.") from error


def _check_patterns(schema: Any) -> None:
    groups = [group for group in _found(schema, ("patternProperties",)) if isinstance(group, dict)]
    if groups and any(True for _ in _found(schema, ("unevaluatedProperties",))):
        raise BadRequest("A schema with patternProperties and unevaluatedProperties together is not understood here.")
    patterns = [pattern for pattern in _found(schema, ("pattern",)) if isinstance(pattern, str)]
    for pattern in [*patterns, *(pattern for group in groups for pattern in group)]:
        try:
            compile_pattern(pattern)
        except Malformed as error:
            raise BadRequest(f"The pattern {shown(pattern)} in the schema cannot be used. {error}") from error


def _found(schema: Any, keys: tuple[str, ...]) -> Iterator[Any]:
    """What stands under these keys, anywhere in a schema."""
    if isinstance(schema, dict):
        yield from (schema[key] for key in keys if key in schema)
        schema = list(schema.values())
    if isinstance(schema, list):
        for part in schema:
            yield from _found(part, keys)


# --- jsonschema's keywords, with a clock in front of each, and patterns that stop when told


class _Clock(threading.local):
    ends = 0.0

    @property
    def left_s(self) -> float:
        """Raises TimeoutError when nothing is left."""
        if (left := self.ends - thread_time()) <= 0:
            raise TimeoutError
        return left


_clock = _Clock()


@lru_cache(maxsize=16)
def _timed(kind: Any) -> Any:
    own = {"pattern": _pattern, "patternProperties": _pattern_properties, "additionalProperties": _additional_properties}
    keywords = {name: own.get(name, keyword) for name, keyword in kind.VALIDATORS.items()}
    return extend(kind, {name: _clocked(keyword) for name, keyword in keywords.items()})  # type: ignore[no-untyped-call]


def _clocked(keyword: Keyword) -> Keyword:
    def check(validator: Any, value: Any, instance: Any, schema: Any) -> Iterator[Any]:
        _ = _clock.left_s
        yield from keyword(validator, value, instance, schema) or ()

    return check


@lru_cache(maxsize=256)
def _search(pattern: str) -> Callable[[str, float], bool]:
    return compile_pattern(pattern).found_in


def _pattern(validator: Any, pattern: Any, instance: Any, schema: Any) -> Iterator[Any]:
    if validator.is_type(instance, "string") and not _search(pattern)(instance, _clock.left_s):
        yield ValidationError("the pattern is not found")


def _pattern_properties(validator: Any, groups: Any, instance: Any, schema: Any) -> Iterator[Any]:
    if validator.is_type(instance, "object"):
        for pattern, below in groups.items():
            for key, value in instance.items():
                if _search(pattern)(key, _clock.left_s):
                    yield from validator.descend(value, below, path=key, schema_path=pattern)


def _additional_properties(validator: Any, below: Any, instance: Any, schema: Any) -> Iterator[Any]:
    if not validator.is_type(instance, "object"):
        return
    known, patterns = schema.get("properties", {}), schema.get("patternProperties", {})
    for key, value in instance.items():
        if key not in known and not any(_search(pattern)(key, _clock.left_s) for pattern in patterns):
            yield from validator.descend(value, below, path=key)
