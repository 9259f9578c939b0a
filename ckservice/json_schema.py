"""Validation against JSON Schemas that others wrote. Slow to import (jsonschema): import it where it is needed.

Neither a schema nor a value can make it take for ever: it gives up in time, and regular expressions are matched in
linear time or not at all (`patterns.matcher`).
"""

import re
from collections.abc import Callable, Hashable, Iterator, Mapping
from contextvars import ContextVar
from copy import deepcopy
from functools import lru_cache
from itertools import islice
from time import thread_time
from typing import Any

from jsonschema import Draft202012Validator, SchemaError, ValidationError
from jsonschema.exceptions import UnknownType
from jsonschema.protocols import Validator
from jsonschema.validators import extend, validator_for
from referencing import Registry, Resource
from referencing.exceptions import NoSuchResource, Unresolvable
from referencing.jsonschema import DRAFT202012, specification_with

from ckservice.nesting import is_deeper
from ckservice.patterns import FORMATS, Unmatchable, matcher

Problem = dict[str, str]
"""`{path, message}`: where something does not fit, as a JSON path, and what."""

_MAX_PROBLEMS = 50
_MAX_ERRORS = 1000
_MAX_SECONDS = 5
"""Of work: a machine that is busy with something else does not count against a schema."""

_MODEST_DEPTH = 20
"""A schema that refers to itself without end does so even for a value that goes no deeper."""

_deadline: ContextVar[float] = ContextVar("deadline")

_Keyword = Callable[[Any, Any, Any, Any], Iterator[ValidationError] | None]


class Undecidable(Exception):
    """It can't be said whether anything fits a schema.

    Attributes:
        message: why.
        in_schema: whether it is the schema's own fault, whatever the value.
    """

    def __init__(self, message: str, *, in_schema: bool = True) -> None:
        super().__init__(message)
        self.message = message
        self.in_schema = in_schema


class TooSlow(Undecidable):
    """It takes too long to find out."""


class Checker:
    """A schema, ready for many values. Any number of threads may share it.

    Args:
        schema: that fits its metaschema.
        related: the documents that it may refer to, by their names or `$id`; nothing else is ever fetched.
    """

    def __init__(self, schema: Mapping[str, Any], related: Mapping[str, Any] | None = None) -> None:
        draft = validator_for(schema, default=Draft202012Validator)
        self._validator = _bounded(draft, checks_formats=True)(schema, registry=_registry(schema, related or {}))

    def errors(self, value: Any, *, max_seconds: float = _MAX_SECONDS) -> list[ValidationError]:
        """What about a value does not fit, in no certain order; of very many errors only the first.

        Raises:
            Undecidable: the schema can't be applied, or not in `max_seconds`.
        """
        return _run(self._validator, value, max_seconds, _MAX_ERRORS)


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
    return sorted(_run(validator, value, max_seconds), key=lambda error: error.json_path)


def _run(validator: Any, value: Any, max_seconds: float, limit: int | None = None) -> list[ValidationError]:
    token = _deadline.set(thread_time() + max_seconds)
    try:
        return list(islice(validator.iter_errors(value), limit))
    except Unresolvable as error:
        raise Undecidable(f"the schema refers to {error.ref}, which it does not define") from None
    except RecursionError:
        message = "the schema refers to itself without end, or the value is nested too deeply"
        raise Undecidable(message, in_schema=not is_deeper(value, _MODEST_DEPTH)) from None
    except Unmatchable as error:
        raise Undecidable(f"the schema holds a pattern that can't be matched: {error}") from None
    except re.error:  # in a keyword that jsonschema matches by itself
        raise Undecidable("the schema holds a pattern that is no regular expression") from None
    except UnknownType as error:
        raise Undecidable(f"the schema names a type that does not exist: {error.type}") from None
    except (AttributeError, LookupError, TypeError, ValueError):
        # The metaschema does not look where references lead: jsonschema stumbles over what is no schema there.
        raise Undecidable("the schema, or one that it refers to, has a part that is none") from None
    finally:
        _deadline.reset(token)


@lru_cache
def _bounded(validator: type[Validator], *, checks_formats: bool = False) -> type[Validator]:
    """The validator of a draft, in bounded time."""
    keywords: dict[str, _Keyword] = {**dict(validator.VALIDATORS), **_OWN_KEYWORDS}
    if checks_formats:
        keywords["format"] = _format
    bounded: type[Validator] = extend(  # type: ignore[no-untyped-call] # the stubs leave its types out
        validator, {name: _within_time(keyword) for name, keyword in keywords.items()}
    )
    return bounded


def _within_time(keyword: _Keyword) -> _Keyword:
    def checked(validator: Any, rule: Any, instance: Any, schema: Any) -> Iterator[ValidationError] | None:
        if thread_time() > _deadline.get():
            raise TooSlow("it takes too long to find out whether the value fits the schema", in_schema=False)
        return keyword(validator, rule, instance, schema)

    return checked


def _pattern(validator: Any, pattern: str, instance: Any, _schema: Any) -> Iterator[ValidationError]:
    if validator.is_type(instance, "string") and not matcher(pattern)(instance):
        yield ValidationError(f"{instance!r} does not match {pattern!r}")


def _pattern_properties(validator: Any, patterns: Any, instance: Any, _schema: Any) -> Iterator[ValidationError]:
    if validator.is_type(instance, "object"):
        for pattern, schema in patterns.items():
            matches = matcher(pattern)
            for name in filter(matches, instance):
                yield from validator.descend(instance[name], schema, path=name, schema_path=pattern)


def _additional_properties(validator: Any, rule: Any, instance: Any, schema: Any) -> Iterator[ValidationError]:
    others = unknown_names(instance, schema) if validator.is_type(instance, "object") else []
    if validator.is_type(rule, "object"):
        for name in others:
            yield from validator.descend(instance[name], rule, path=name)
    elif not rule and others:
        yield ValidationError(f"Additional properties are not allowed: {', '.join(map(repr, others))}")


def unknown_names(instance: Any, schema: Any) -> list[str]:
    """The members of an object that neither `properties` nor `patternProperties` speak of.

    Raises:
        Unmatchable: a name in `patternProperties` can't be matched.
    """
    patterns = [matcher(pattern) for pattern in schema.get("patternProperties", {})]
    others = [name for name in instance if name not in schema.get("properties", {})]
    return [name for name in others if not any(matches(name) for matches in patterns)]


def _unique_items(validator: Any, is_wanted: bool, instance: Any, _schema: Any) -> Iterator[ValidationError]:
    # jsonschema compares each mapping with each other one.
    if is_wanted and validator.is_type(instance, "array") and len({_frozen(item) for item in instance}) < len(instance):
        yield ValidationError(f"{instance!r} has non-unique elements")


def _frozen(value: Any) -> Hashable:
    """What is equal for the same values of JSON only: 1 is 1.0, and not true."""
    if isinstance(value, dict):
        return "object", frozenset((name, _frozen(item)) for name, item in value.items())
    if isinstance(value, list):
        return "array", tuple(_frozen(item) for item in value)
    return isinstance(value, bool), value


def _format(_validator: Any, name: str, instance: Any, _schema: Any) -> Iterator[ValidationError]:
    if isinstance(instance, str) and name in FORMATS and not FORMATS[name](instance):
        yield ValidationError(f"{instance!r} is not a {name!r}")


_OWN_KEYWORDS: dict[str, _Keyword] = {
    "additionalProperties": _additional_properties,
    "pattern": _pattern,
    "patternProperties": _pattern_properties,
    "uniqueItems": _unique_items,
}
"""Those that jsonschema would take too long for."""


def _registry(schema: Mapping[str, Any], related: Mapping[str, Any]) -> Registry[Any]:
    draft = specification_with(str(schema.get("$schema", "")), default=DRAFT202012)
    resources: dict[str, Resource[Any]] = {}
    for name, document in related.items():
        specification = specification_with(str(document.get("$schema", "")), default=draft)
        resource: Resource[Any] = Resource(document, specification)  # type: ignore[call-arg] # mypy can't see attrs
        resources[name] = resources[str(document.get("$id", name))] = resource

    def retrieve(uri: str) -> Resource[Any]:
        # A schema with an absolute `$id` refers to the file beside it by an absolute URI.
        found = resources.get(uri.rpartition("/")[2])
        if found is None:
            raise NoSuchResource(ref=uri)  # type: ignore[call-arg] # as above
        return found

    registry: Registry[Any] = Registry(retrieve=retrieve)  # type: ignore[call-arg] # as above
    return registry.with_resources(resources.items())
