"""From what jsonschema says of a value to one violation for each wrong place in it."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from jsonschema import ValidationError

from ckservice.context.yaml.reading import FieldPath
from ckservice.json_schema import unknown_names

_RANKS = {"type": 0, "const": 1, "enum": 1, "pattern": 2, "format": 3}
"""What says most of a value that does not fit in several ways."""


@dataclass(frozen=True, slots=True)
class Violation:
    """One way in which a value does not fit.

    Attributes:
        path: of what does not fit.
        keyword: of the schema, as `required`.
        key: the member that is missing there, or should not be there.
        found: the value at the path.
        expected: what the keyword asks for; for a missing member its schema, or the member that asks for it.
        known: names of the members that the schema has for the value.
        message: jsonschema's own words.
    """

    path: FieldPath
    keyword: str
    key: str | None
    found: Any
    expected: Any
    known: tuple[str, ...]
    message: str


def violations(errors: Iterable[ValidationError]) -> list[Violation]:
    """What is wrong, by path: of several things about one value only that which says most."""
    found: dict[tuple[FieldPath, str | None], Violation] = {}
    for violation in (violation for error in errors for violation in _violations(error)):
        place = (violation.path, violation.key)
        if place not in found or _rank(violation) < _rank(found[place]):
            found[place] = violation
    wrong = {path for path, key in found if key is None}
    kept = [violation for (path, key), violation in found.items() if key is None or path not in wrong]
    return sorted(kept, key=_place)


def _place(violation: Violation) -> tuple[list[tuple[bool, str | int]], str]:
    return [(isinstance(part, str), part) for part in violation.path], violation.key or ""


def _rank(violation: Violation) -> int:
    if violation.found is None and violation.keyword in ("const", "enum"):
        return -1  # what is missing has no type: what may stand there says more
    return _RANKS.get(violation.keyword, len(_RANKS))


def _violations(error: ValidationError) -> Iterator[Violation]:
    if error.validator in ("anyOf", "oneOf") and error.context:
        yield from _of_alternatives(error)
    elif error.validator == "required":
        for name in _missing(error.validator_value, error.instance):
            yield _violation(error, key=name, expected=_member(error.schema, name))
    elif error.validator in ("dependencies", "dependentRequired") and not error.relative_path:
        for name, asking in _lacking(error.validator_value, error.instance):
            yield _violation(error, key=name, keyword="dependentRequired", expected=asking)
    elif error.validator == "additionalProperties" and error.validator_value is False:
        for name in unknown_names(error.instance, error.schema):
            yield _violation(error, key=name)
    else:
        yield _violation(error)


def _member(schema: Any, name: str) -> Any:
    """The schema of a member; an empty one where there is none."""
    return schema.get("properties", {}).get(name, {})


def _missing(required: Any, instance: Any) -> list[str]:
    return [name for name in required if name not in instance]


def _lacking(rule: Any, instance: Any) -> list[tuple[str, str]]:
    """Members that others ask for, and those that ask."""
    asked = [
        (name, asking)
        for asking, names in rule.items()
        if asking in instance and isinstance(names, list)
        for name in names
    ]
    return [(name, asking) for name, asking in asked if name not in instance]


def _of_alternatives(error: ValidationError) -> Iterator[Violation]:
    """What is wrong with the alternative that the value comes closest to."""
    branches: dict[Any, list[ValidationError]] = {}
    for inner in error.context:
        branches.setdefault(inner.relative_schema_path[0], []).append(inner)
    likely = [branch for branch in branches.values() if not any(_is_of(inner, "type") for inner in branch)]
    if not likely:
        yield from _merged(error, "type", error.context)
    elif all(any(_is_of(inner, "const", "enum") for inner in branch) for branch in likely):
        yield from _merged(error, "enum", [inner for branch in likely for inner in branch])
    else:
        for inner in min(likely, key=_distance):
            yield from _violations(inner)


def _is_of(error: ValidationError, *keywords: str) -> bool:
    """Whether the value of the alternatives itself does not fit, by one of these keywords."""
    return not error.relative_path and error.validator in keywords


def _distance(branch: Iterable[ValidationError]) -> tuple[int, int]:
    errors = list(branch)
    return sum(error.validator in ("const", "enum") for error in errors), len(errors)


def _merged(error: ValidationError, keyword: str, alternatives: Iterable[ValidationError]) -> Iterator[Violation]:
    expected: list[Any] = []
    for inner in alternatives:
        if _is_of(inner, keyword, "const" if keyword == "enum" else keyword):
            asked = inner.validator_value
            expected += asked if isinstance(asked, list) else [asked]
    yield _violation(error, keyword=keyword, expected=list({repr(item): item for item in expected}.values()))


def _violation(
    error: ValidationError, *, key: str | None = None, keyword: str | None = None, expected: Any = None
) -> Violation:
    return Violation(
        path=tuple(error.absolute_path),
        keyword=keyword or str(error.validator),
        key=key,
        found=error.instance,
        expected=error.validator_value if expected is None else expected,
        known=tuple(error.schema.get("properties", ())) if isinstance(error.schema, dict) else (),
        message=error.message,
    )
