"""A value that fits a JSON Schema, made without a model: the smallest one, with text taken from the prompt.

Knows the keywords that structured output uses. What it can't satisfy (a pattern, say) is left to the
validation that follows, which tells the host.
"""

from collections.abc import Callable, Mapping
from typing import Any

_MAX_DEPTH = 32
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
    return _draft(schema, schema, " ".join(text.split()), _MAX_DEPTH)


def _draft(schema: Any, root: Mapping[str, Any], text: str, depth: int) -> Any:
    if not isinstance(schema, Mapping) or depth == 0:
        return None
    schema = _resolve(schema, root)
    for keyword in ("const", "default"):
        if keyword in schema:
            return schema[keyword]
    if schema.get("enum"):
        return schema["enum"][0]
    for keyword in ("anyOf", "oneOf"):
        if schema.get(keyword):
            return _draft(schema[keyword][0], root, text, depth - 1)
    kind = schema.get("type")
    if isinstance(kind, list):
        kind = kind[0] if kind else None
    if kind is None:
        kind = "object" if "properties" in schema or "required" in schema else "null"
    make = _MAKERS.get(kind)
    return make(schema, root, text, depth) if make is not None else None


def _resolve(schema: Mapping[str, Any], root: Mapping[str, Any]) -> Mapping[str, Any]:
    """Follow local references and flatten `allOf`."""
    merged = dict(schema)
    for _ in range(_MAX_DEPTH):
        reference = merged.pop("$ref", None)
        parts = merged.pop("allOf", [])
        if reference is None and not parts:
            break
        if isinstance(reference, str) and reference.startswith("#"):
            parts = [_find(root, reference), *parts]
        for part in parts:
            merged = {**part, **merged, "properties": {**part.get("properties", {}), **merged.get("properties", {})}}
            merged["required"] = [*part.get("required", []), *schema.get("required", [])]
    return {name: value for name, value in merged.items() if value not in ({}, []) or name not in schema}


def _find(root: Mapping[str, Any], reference: str) -> Mapping[str, Any]:
    found: Any = root
    for part in reference.removeprefix("#").strip("/").split("/"):
        if part:
            found = found.get(part.replace("~1", "/").replace("~0", "~"), {}) if isinstance(found, Mapping) else {}
    return found if isinstance(found, Mapping) else {}


def _object(schema: Mapping[str, Any], root: Mapping[str, Any], text: str, depth: int) -> dict[str, Any]:
    properties = schema.get("properties", {})
    return {name: _draft(properties.get(name, {}), root, text, depth - 1) for name in schema.get("required", [])}


def _array(schema: Mapping[str, Any], root: Mapping[str, Any], text: str, depth: int) -> list[Any]:
    return [_draft(schema.get("items", {}), root, text, depth - 1) for _ in range(schema.get("minItems", 0))]


def _string(schema: Mapping[str, Any], _root: Mapping[str, Any], text: str, _depth: int) -> str:
    value = _FORMATS.get(schema.get("format", ""), text or "draft")
    value = value[: schema.get("maxLength", len(value))]
    return value.ljust(schema.get("minLength", 0), ".")


def _number(schema: Mapping[str, Any], _root: Mapping[str, Any], _text: str, _depth: int) -> Any:
    step = schema.get("multipleOf", 1)
    low = schema.get("minimum", schema.get("exclusiveMinimum", -step) + step)
    high = schema.get("maximum", schema.get("exclusiveMaximum", step) - step)
    value = low if "minimum" in schema or "exclusiveMinimum" in schema else min(0, high)
    return -(-value // step) * step if value % step else value


_MAKERS: dict[str, Callable[[Mapping[str, Any], Mapping[str, Any], str, int], Any]] = {
    "object": _object,
    "array": _array,
    "string": _string,
    "integer": _number,
    "number": _number,
    "boolean": lambda *_: False,
    "null": lambda *_: None,
}
