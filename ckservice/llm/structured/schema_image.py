"""Schemas as `strict_schema` writes them: what fits one, and how large it is.

They are made of `type` (one name), `properties`, `required`, `items`, `enum`, `anyOf` and `$ref` into `$defs`; what else
they may hold only narrows that down.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

Image = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Limits:
    """How large a schema a provider takes.

    Attributes:
        levels: of objects and arrays within each other; a `$ref` does not count.
        optional: members that may be left out.
        unions: members, items or answers that may be of several forms.
        chars: of the names of members and the values of `enum`.
    """

    properties: int = 5000
    levels: int = 10
    enum_values: int = 1000
    optional: int = 5000
    unions: int = 5000
    chars: int = 120_000

    def allow(self, image: Image) -> bool:
        """Whether a whole schema, with its `$defs`, is small enough."""
        parts = list(_parts(image, 0))
        names = [name for part, _ in parts for name in part.get("properties", ())]
        values = [value for part, _ in parts for value in part.get("enum", ())]
        required = sum(len(part.get("required", ())) for part, _ in parts)
        return (
            len(names) <= self.properties
            and max(level for _, level in parts) <= self.levels
            and len(values) <= self.enum_values
            and len(names) - required <= self.optional
            and sum("anyOf" in part for part, _ in parts) <= self.unions
            and sum(len(str(text)) for text in (*names, *values)) <= self.chars
        )


def _parts(image: Image, level: int) -> Iterator[tuple[Image, int]]:
    """A schema and all that are in it, each with the number of objects and arrays it stands in, its own included."""
    level += image.get("type") in ("object", "array")
    yield image, level
    for inner in image.get("properties", {}).values():
        yield from _parts(inner, level)
    for inner in image.get("anyOf", ()):
        yield from _parts(inner, level)
    if "items" in image:
        yield from _parts(image["items"], level)
    for inner in image.get("$defs", {}).values():
        yield from _parts(inner, 0)


def references(image: Image) -> set[str]:
    """The names in `$defs` that a schema points at, by itself."""
    return {part["$ref"].removeprefix("#/$defs/") for part, _ in _parts(image, 0) if "$ref" in part}


def fits(value: Any, image: Image, find: Callable[[str], Image]) -> bool:
    """Whether a value has the form of a schema: bounds, patterns and formats are not looked at.

    `find` knows the definitions by name.
    """
    return _Fit(find).fits(value, image)


class _Fit:
    """One question: each pair of value and schema is looked at once, or unions in unions would take for ever."""

    def __init__(self, find: Callable[[str], Image]) -> None:
        self._find = find
        self._known: dict[tuple[int, int], bool] = {}

    def fits(self, value: Any, image: Image) -> bool:
        key = (id(value), id(image))
        if key not in self._known:
            self._known[key] = False  # for a schema that asks for nothing but itself
            self._known[key] = self._look(value, image)
        return self._known[key]

    def _look(self, value: Any, image: Image) -> bool:
        if "$ref" in image:
            return self.fits(value, self._find(image["$ref"].removeprefix("#/$defs/")))
        if "anyOf" in image:
            return any(self.fits(value, branch) for branch in image["anyOf"])
        if not is_of_type(value, image["type"]) or ("enum" in image and value not in image["enum"]):
            return False
        if isinstance(value, list):
            return all(self.fits(item, image["items"]) for item in value)
        if isinstance(value, dict):
            members: dict[str, Image] = image["properties"]
            return members.keys() >= value.keys() >= set(image["required"]) and all(
                self.fits(member, members[name]) for name, member in value.items()
            )
        return True


def is_of_type(value: Any, name: str) -> bool:
    """Whether a value is of a type of JSON Schema."""
    if isinstance(value, bool):
        return name == "boolean"
    if name == "integer":
        return isinstance(value, int) or (isinstance(value, float) and value.is_integer())
    return isinstance(value, _TYPES[name])


_TYPES: dict[str, Any] = {
    "object": dict,
    "array": list,
    "string": str,
    "number": (int, float),
    "null": type(None),
    "boolean": (),
}
