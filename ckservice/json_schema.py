"""Validation against JSON Schemas that others wrote. Slow to import (jsonschema): import it where it is needed.

Neither a schema nor a value can make it take for ever: it gives up in time, and regular expressions are matched in
linear time. The exceptions are those with look-around, back-references or nested brackets, and the names in
`patternProperties`: Python's own engine matches them, and while it does the whole process stands still.
"""

import re
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from copy import deepcopy
from functools import lru_cache
from time import thread_time
from typing import Any

from jsonschema import Draft202012Validator, SchemaError, ValidationError
from jsonschema.protocols import Validator
from jsonschema.validators import extend, validator_for
from pydantic_core import SchemaError as UnknownRegex, SchemaValidator, core_schema
from referencing import Registry
from referencing.exceptions import Unresolvable

Problem = dict[str, str]
"""`{path, message}`: where something does not fit, as a JSON path, and what."""

_MAX_PROBLEMS = 50
_MAX_SECONDS = 5
"""Of work: a machine that is busy with something else does not count against a schema."""

_deadline: ContextVar[float] = ContextVar("deadline")

_OTHERWISE = re.compile(r"\[[^\]\\]*\[|&&|--|~~|\\[<>]")
"""What means something else in Rust's regular expressions, https://docs.rs/regex/latest/regex/#syntax."""

_Keyword = Callable[[Any, Any, Any, Any], Iterator[ValidationError] | None]


class Undecidable(Exception):
    """It can't be said whether anything fits a schema; `message` says why."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


def schema_problem(schema: dict[str, Any]) -> str | None:
    """Why a schema is not one; `None` if it is."""
    try:
        validator_for(schema, default=Draft202012Validator).check_schema(schema)
    except SchemaError as error:
        return f"is not a valid JSON Schema at {error.json_path}"
    except RecursionError:
        return "is nested too deeply"
    return None


def problems(value: Any, schema: dict[str, Any], *, max_seconds: float = _MAX_SECONDS) -> list[Problem]:
    """What about a value does not fit, in the order of the paths.

    Raises:
        Undecidable: the schema can't be applied, or not in `max_seconds`.
    """
    return _listed(_errors(value, schema, max_seconds))


def fitted(value: Any, schema: dict[str, Any]) -> tuple[Any, list[Problem]]:
    """A value without the nulls that are refused where nothing would not be, and what does not fit even so.

    Raises:
        Undecidable: the schema can't be applied.
    """
    found = _errors(value, schema)
    nulls = [list(error.absolute_path) for error in found if error.instance is None and error.absolute_path]
    members = [path for path in nulls if isinstance(path[-1], str)]
    if members:
        fewer = deepcopy(value)
        for *parents, name in members:
            holder = fewer
            for part in parents:
                holder = holder[part]
            holder.pop(name, None)
        if not _errors(fewer, schema):
            return fewer, []
    return value, _listed(found)


def _listed(found: list[ValidationError]) -> list[Problem]:
    return [{"path": error.json_path, "message": error.message[:500]} for error in found[:_MAX_PROBLEMS]]


def _errors(value: Any, schema: dict[str, Any], max_seconds: float = _MAX_SECONDS) -> list[ValidationError]:
    # With an empty registry nothing is fetched, whatever the schema refers to.
    validator = _bounded(validator_for(schema, default=Draft202012Validator))(schema, registry=Registry())
    token = _deadline.set(thread_time() + max_seconds)
    try:
        return sorted(validator.iter_errors(value), key=lambda error: error.json_path)
    except Unresolvable as error:
        raise Undecidable(f"the schema refers to {error.ref}, which it does not define") from None
    except RecursionError:
        raise Undecidable("the schema refers to itself without end, or the value is nested too deeply") from None
    except re.error:  # where the metaschema does not ask for a regular expression
        raise Undecidable("the schema holds a pattern that is no regular expression") from None
    finally:
        _deadline.reset(token)


@lru_cache
def _bounded(validator: type[Validator]) -> type[Validator]:
    """The validator of a draft, in bounded time."""
    keywords: dict[str, _Keyword] = {**dict(validator.VALIDATORS), "pattern": _pattern}
    bounded: type[Validator] = extend(  # type: ignore[no-untyped-call] # the stubs leave its types out
        validator, {name: _within_time(keyword) for name, keyword in keywords.items()}
    )
    return bounded


def _within_time(keyword: _Keyword) -> _Keyword:
    def checked(validator: Any, rule: Any, instance: Any, schema: Any) -> Iterator[ValidationError] | None:
        if thread_time() > _deadline.get():
            raise Undecidable("it takes too long to find out whether the value fits the schema")
        return keyword(validator, rule, instance, schema)

    return checked


def _pattern(validator: Any, pattern: str, instance: Any, _schema: Any) -> Iterator[ValidationError]:
    if validator.is_type(instance, "string") and not _matcher(pattern)(instance):
        yield ValidationError(f"{instance!r} does not match {pattern!r}")


@lru_cache
def _matcher(pattern: str) -> Callable[[str], object]:
    if _OTHERWISE.search(pattern):
        return re.compile(pattern).search
    try:
        return SchemaValidator(core_schema.str_schema(pattern=pattern, regex_engine="rust-regex")).isinstance_python
    except UnknownRegex:
        return re.compile(pattern).search
