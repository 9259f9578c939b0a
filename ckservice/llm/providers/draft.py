"""A value that fits a JSON Schema, made without a model: the smallest one, with text taken from the prompt.

Knows the keywords that structured output uses. What it can't satisfy (a pattern, say) is left to the
validation that follows, which tells the host.
"""

from collections.abc import Callable, Mapping
from typing import Any

_MAX_DEPTH = 32
_MAX_PARTS = 64
"""References and members of `allOf` that one schema may be made of."""

_ROOM = 10_000
"""Values, and characters of padding, in one draft: a schema can ask for more than fits in memory."""

_TEXT_CHARS = 1000

_FORMATS = {
    "date": "2000-01-01",
    "date-time": "2000-01-01T00:00:00Z",
    "email": "nobody@example.com",
    "time": "00:00:00Z",
    "uri": "https://example.com/",
    "uuid": "00000000-0000-4000-8000-000000000000",
}


def draft(schema: Mapping[str, Any], text: str) -> Any:
    """Make a value for a schema; strings without another rule hold the beginning of `text`."""
    try:
        return _Draft(schema, " ".join(text.split())[:_TEXT_CHARS]).make(schema, _MAX_DEPTH)
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError):
        return None  # a reference into what is no schema, or a dialect in which the keywords mean something else


class _Draft:
    """One draft: the schema that references point into, and how much may still be made."""

    def __init__(self, root: Mapping[str, Any], text: str) -> None:
        self._root = root
        self._text = text
        self._room = _ROOM

    def make(self, schema: Any, depth: int) -> Any:
        self._room -= 1
        if not isinstance(schema, Mapping) or depth == 0 or self._room < 0:
            return None
        schema = self._resolve(schema)
        for keyword in ("const", "default"):
            if keyword in schema:
                return schema[keyword]
        if schema.get("enum"):
            return schema["enum"][0]
        for keyword in ("anyOf", "oneOf"):
            if schema.get(keyword):
                return self.make(schema[keyword][0], depth - 1)
        kind = schema.get("type")
        if isinstance(kind, list):
            kind = kind[0] if kind else None
        if kind is None:
            kind = "object" if "properties" in schema or "required" in schema else "null"
        make = _MAKERS.get(kind)
        return make(self, schema, depth) if make is not None else None

    def _resolve(self, schema: Mapping[str, Any]) -> Mapping[str, Any]:
        """Follow local references and flatten `allOf`; what comes first goes first."""
        merged: dict[str, Any] = {}
        parts: list[Any] = [schema]
        for part in parts:  # which grows on the way
            if not isinstance(part, Mapping):
                continue
            for name, value in part.items():
                if name == "properties":
                    merged[name] = {**value, **merged.get(name, {})}
                elif name == "required":
                    merged[name] = list(dict.fromkeys([*merged.get(name, ()), *value]))
                else:
                    merged.setdefault(name, value)
            reference = part.get("$ref")
            further = [self._find(reference)] if isinstance(reference, str) and reference.startswith("#") else []
            parts.extend([*further, *part.get("allOf", ())][: _MAX_PARTS - len(parts)])
        return merged

    def _find(self, reference: str) -> Any:
        found: Any = self._root
        for part in reference.removeprefix("#").strip("/").split("/"):
            if part:
                found = found.get(part.replace("~1", "/").replace("~0", "~")) if isinstance(found, Mapping) else None
        return found

    def object(self, schema: Mapping[str, Any], depth: int) -> dict[str, Any]:
        properties = schema.get("properties", {})
        return {name: self.make(properties.get(name, {}), depth - 1) for name in schema.get("required", [])}

    def array(self, schema: Mapping[str, Any], depth: int) -> list[Any]:
        size = min(schema.get("minItems", 0), max(self._room, 0))
        return [self.make(schema.get("items", {}), depth - 1) for _ in range(size)]

    def string(self, schema: Mapping[str, Any], _depth: int) -> str:
        value: str = _FORMATS.get(schema.get("format", ""), self._text or "draft")
        value = value[: schema.get("maxLength", len(value))]
        missing: int = min(max(schema.get("minLength", 0) - len(value), 0), max(self._room, 0))
        self._room -= missing
        return value + "." * missing

    def number(self, schema: Mapping[str, Any], _depth: int) -> Any:
        step = schema.get("multipleOf", 1)
        low = schema.get("minimum", schema.get("exclusiveMinimum", -step) + step)
        high = schema.get("maximum", schema.get("exclusiveMaximum", step) - step)
        value = low if "minimum" in schema or "exclusiveMinimum" in schema else min(0, high)
        return -(-value // step) * step if value % step else value


_MAKERS: dict[str, Callable[[_Draft, Mapping[str, Any], int], Any]] = {
    "object": _Draft.object,
    "array": _Draft.array,
    "string": _Draft.string,
    "integer": _Draft.number,
    "number": _Draft.number,
    "boolean": lambda *_: False,
    "null": lambda *_: None,
}
