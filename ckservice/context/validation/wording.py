"""What does not fit a schema, in one plain sentence."""

from collections.abc import Callable, Mapping
from typing import Any

from ckservice.context.fields import format_path
from ckservice.context.validation.issue import MAX_MESSAGE, Issue, counted, listed, shortened, shown
from ckservice.context.validation.violations import Violation
from ckservice.context.yaml.reading import FieldPath

_TYPES = {
    "array": "a list",
    "boolean": "true or false",
    "integer": "a whole number",
    "null": "nothing",
    "number": "a number",
    "object": "a mapping",
    "string": "text",
}
_FORMATS = {
    "date": "a date such as 2025-12-31",
    "date-time": "a time such as 2025-12-31T23:59:00Z",
    "uri": "a URI such as https://example.com/a",
    "email": "an e-mail address",
}


def issue_of(violation: Violation) -> Issue:
    """What to tell people about a violation, and where."""
    if violation.keyword in ("required", "dependentRequired") and violation.key is not None:
        path = (*violation.path, violation.key)
        return _issue(path, f"{shortened(format_path(path), 160)} is missing{_wanted(violation)}")
    if violation.keyword == "additionalProperties" and violation.key is not None:
        return _unknown_key(violation, violation.key)
    expectation = _EXPECTATIONS.get(violation.keyword)
    subject = shortened(format_path(violation.path), 160) or "The entity"
    if expectation is None:
        return _issue(violation.path, f"{subject} does not fit the schema: {shortened(violation.message, 300)}")
    return _issue(violation.path, f"{subject} is {shown(violation.found)}; expected {expectation(violation)}")


def _issue(path: FieldPath, message: str) -> Issue:
    return Issue("schema", "error", path, shortened(message, MAX_MESSAGE))


def _unknown_key(violation: Violation, key: str) -> Issue:
    path = (*violation.path, key)
    guess = _closest(key, [name for name in violation.known if name not in violation.found])
    hint = (
        f'did you mean "{guess}"?'
        if guess
        else f"expected {listed(violation.known)}"
        if violation.known
        else "expected none"
    )
    message = f"{shortened(format_path(path), 160)} is not a key that the schema knows; {hint}"
    return Issue("schema", "error", path, shortened(message, MAX_MESSAGE), at_key=True)


def _wanted(violation: Violation) -> str:
    """What should be in a missing member; or a misspelt one that may be meant to be it."""
    guess = _closest(violation.key or "", [name for name in violation.found if name not in violation.known])
    if guess:
        return f'; is "{shortened(guess)}" meant to be it?'
    if violation.keyword == "dependentRequired":
        return f"; expected it beside {shortened(violation.expected)}"
    schema = violation.expected if isinstance(violation.expected, dict) else {}
    if isinstance(schema.get("enum"), list) and schema["enum"]:
        return f"; expected {_choice(schema['enum'])}"
    return f"; expected {_types(schema['type'])}" if "type" in schema else ""


def _closest(name: str, names: list[str]) -> str | None:
    from difflib import get_close_matches  # noqa: PLC0415 - only where something is wrong

    lowered = {other.lower(): other for other in names[:200]}
    found = get_close_matches(name.lower()[:100], lowered, n=1, cutoff=0.7)
    return lowered[found[0]] if found else None


def _type(violation: Violation) -> str:
    if violation.expected == "string" and isinstance(violation.found, int | float):
        return "text in quotes"
    return _types(violation.expected)


def _types(names: Any) -> str:
    return listed([_TYPES.get(name, str(name)) for name in (names if isinstance(names, list) else [names])])


def _one_of(violation: Violation) -> str:
    members = violation.expected
    names = [member for member in members if isinstance(member, str)]
    guess = _closest(violation.found, names) if isinstance(violation.found, str) and len(members) > 1 else None
    return _choice(members) + (f'; did you mean "{guess}"?' if guess else "")


def _choice(members: list[Any]) -> str:
    if len(members) == 1:
        return shown(members[0])
    texts = [shortened(member) if isinstance(member, str) and member else shown(member) for member in members]
    return f"one of {', '.join(texts[:20])}" + (f" and {len(members) - 20} more" if len(members) > 20 else "")


def _unique(violation: Violation) -> str:
    seen: list[Any] = []
    for item in violation.found[:1000]:
        if item in seen:
            return f"each item once, but {shown(item)} is in it twice"
        seen.append(item)
    return "each item once"


def _at_least(noun: str) -> Callable[[Violation], str]:
    return lambda violation: f"at least {counted(violation.expected, noun)}"


def _at_most(noun: str) -> Callable[[Violation], str]:
    return lambda violation: f"at most {counted(violation.expected, noun)}"


_EXPECTATIONS: Mapping[str, Callable[[Violation], str]] = {
    "const": lambda violation: shown(violation.expected),
    "enum": _one_of,
    "exclusiveMaximum": lambda violation: f"less than {violation.expected}",
    "exclusiveMinimum": lambda violation: f"more than {violation.expected}",
    "format": lambda violation: _FORMATS[violation.expected],
    "maxItems": _at_most("item"),
    "maxLength": _at_most("character"),
    "maxProperties": _at_most("key"),
    "maximum": lambda violation: f"at most {violation.expected}",
    "minItems": _at_least("item"),
    "minLength": _at_least("character"),
    "minProperties": _at_least("key"),
    "minimum": lambda violation: f"at least {violation.expected}",
    "multipleOf": lambda violation: f"a multiple of {violation.expected}",
    "pattern": lambda violation: f"text that matches {shortened(violation.expected, 200)}",
    "type": _type,
    "uniqueItems": _unique,
}
