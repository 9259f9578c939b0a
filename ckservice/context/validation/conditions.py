"""The conditions of governance rules: a path, an operator, a value to compare with."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import isfinite, nan
from typing import Any

from ckservice.context.fields import find, is_path, parse_path
from ckservice.context.validation.issue import shortened, shown
from ckservice.context.yaml.comparing import same
from ckservice.context.yaml.reading import FieldPath
from ckservice.patterns import matcher

_Test = Callable[[Any], bool]

_COMPARING = frozenset({"equals", "notEquals", "includes", "matches", "greaterThan", "lessThan"})


class Unevaluable(Exception):
    """A condition that can't be checked.

    Attributes:
        key: the part of the condition that is to blame.
    """

    def __init__(self, key: str, message: str) -> None:
        super().__init__(message)
        self.key = key
        self.message = message


@dataclass(frozen=True, slots=True)
class Condition:
    """One condition, ready for many entities.

    Attributes:
        field: where the value stands; for `acceptanceCriteria.length` that of the list.
        is_length: the path ends in `.length`.
    """

    text: str
    field: FieldPath
    is_length: bool
    message: str | None
    expectation: str
    test: _Test

    def holds(self, data: Any) -> bool:
        """Whether it is true of an entity; of what is missing only `notEquals` is."""
        return self.test(self._value(data))

    def complaint(self, data: Any) -> str:
        """What to tell people where it does not hold."""
        if self.message:
            return self.message
        value = self._value(data)
        found = "missing" if value is None else shown(value)
        return f"{shortened(self.text)} is {found}; expected {self.expectation}"

    def _value(self, data: Any) -> Any:
        value = find(data, self.field)
        if not self.is_length:
            return value
        return len(value) if isinstance(value, list | str) else find(data, (*self.field, "length"))


def read_condition(data: Mapping[str, Any]) -> Condition:
    """A condition as it stands in a rule.

    Raises:
        Unevaluable: its operator is unknown, or has a value that it can't compare with.
    """
    text, operator = data.get("path"), data.get("operator")
    path = parse_path(text) if isinstance(text, str) and is_path(text) else ()
    if not path or not isinstance(text, str):
        raise Unevaluable("path", f"path is {shown(text)}; expected a path such as related.features[0]")
    make = _OPERATORS.get(operator) if isinstance(operator, str) else None
    if make is None:
        raise Unevaluable("operator", f"operator is {shown(operator)}; expected one of {', '.join(_OPERATORS)}")
    if "value" not in data and operator in _COMPARING:
        raise Unevaluable("value", "value is missing; expected what to compare with")
    expectation, test = make(data.get("value"))
    message = data.get("message")
    is_length = len(path) > 1 and path[-1] == "length"
    return Condition(
        text,
        path[:-1] if is_length else path,
        is_length,
        message if isinstance(message, str) else None,
        expectation,
        test,
    )


def _exists(_expected: Any) -> tuple[str, _Test]:
    return "a value", lambda value: value is not None


def _non_empty(_expected: Any) -> tuple[str, _Test]:
    def test(value: Any) -> bool:
        return value is not None and (not isinstance(value, str | list | dict) or bool(_stripped(value)))

    return "something in it", test


def _stripped(value: str | list[Any] | dict[str, Any]) -> object:
    return value.strip() if isinstance(value, str) else value


def _equals(expected: Any) -> tuple[str, _Test]:
    return shown(expected), lambda value: same(value, expected)


def _not_equals(expected: Any) -> tuple[str, _Test]:
    return f"anything but {shown(expected)}", lambda value: not same(value, expected)


def _includes(expected: Any) -> tuple[str, _Test]:
    def test(value: Any) -> bool:
        if isinstance(value, str):
            return isinstance(expected, str) and expected in value
        return isinstance(value, list) and any(same(item, expected) for item in value)

    return f"{shown(expected)} to be in it", test


def _matches(expected: Any) -> tuple[str, _Test]:
    if not isinstance(expected, str):
        raise Unevaluable("value", f"value is {shown(expected)}; expected a regular expression")
    try:
        search = matcher(expected)
    except ValueError as error:
        raise Unevaluable("value", f"value is {shown(expected)}, and {error}") from None
    expectation = f"text that matches {shortened(expected)}"
    return expectation, lambda value: isinstance(value, str) and bool(search(value))


def _greater(expected: Any) -> tuple[str, _Test]:
    bound = _bound(expected)

    def test(value: Any) -> bool:
        size = _size(value)
        return size is not None and size > bound

    return f"more than {bound:g}", test


def _less(expected: Any) -> tuple[str, _Test]:
    bound = _bound(expected)

    def test(value: Any) -> bool:
        size = _size(value)
        return size is not None and size < bound

    return f"less than {bound:g}", test


def _bound(expected: Any) -> float:
    try:
        bound = float(expected) if isinstance(expected, int | float | str) and not isinstance(expected, bool) else nan
    except (OverflowError, ValueError):
        bound = nan
    if isfinite(bound):
        return bound
    raise Unevaluable("value", f"value is {shown(expected)}; expected a number")


def _size(value: Any) -> float | None:
    """A number itself, the length of a list or a text; `None` for what has no size."""
    if isinstance(value, list | str):
        return len(value)
    return value if isinstance(value, int | float) and not isinstance(value, bool) else None


_OPERATORS: Mapping[str, Callable[[Any], tuple[str, _Test]]] = {
    "exists": _exists,
    "nonEmpty": _non_empty,
    "equals": _equals,
    "notEquals": _not_equals,
    "includes": _includes,
    "matches": _matches,
    "greaterThan": _greater,
    "lessThan": _less,
}
