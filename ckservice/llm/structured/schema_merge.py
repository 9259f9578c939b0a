"""One schema instead of several that must all be fitted: `allOf`, and keywords beside a `$ref`.

https://json-schema.org/draft/2020-12/json-schema-core#section-10.2.1
"""

from collections.abc import Callable, Mapping
from itertools import product
from typing import Any

from ckservice.llm.structured.schema_image import is_of_type
from ckservice.llm.structured.schema_words import ANNOTATIONS, in_words

_MAX_BRANCHES = 64
"""Of a union that is made of several."""

_MAX_COMPARISONS = 1_000_000
"""Of the values of two enumerations with each other."""


class Inexpressible(Exception):
    """A schema, or a part of one, can't be said in a dialect."""


class Never(Inexpressible):
    """No value fits."""


def pointed_at(root: Mapping[str, Any], reference: Any) -> Any:
    """What a `$ref` points at: a JSON pointer (RFC 6901) into the same document.

    Raises:
        Inexpressible: it points elsewhere, or at nothing.
    """
    if not isinstance(reference, str) or not (reference == "#" or reference.startswith("#/")):
        raise Inexpressible
    found: Any = root
    for part in reference.split("/")[1:]:
        name = part.replace("~1", "/").replace("~0", "~")
        try:
            found = found[int(name)] if isinstance(found, list) else found[name]
        except (LookupError, TypeError, ValueError):
            raise Inexpressible from None
    return found


def merged(root: Mapping[str, Any], schema: Mapping[str, Any]) -> dict[str, Any]:
    """The same schema without `allOf` and `oneOf`; a `$ref` is left only where nothing but annotations stand beside it.

    `oneOf` becomes `anyOf`: that only one branch may fit is left to the validation of the answer.

    Raises:
        Never: the parts contradict each other.
        Inexpressible: a `$ref` leads nowhere.
    """
    parts = _parts(schema)
    ruling = [part for part in parts if not ANNOTATIONS.issuperset(part)]
    if len(ruling) == 1 and set(ruling[0]) - ANNOTATIONS == {"$ref"}:
        return {key: value for part in reversed(parts) for key, value in part.items()}
    seen: set[str] = set()
    result: dict[str, Any] = {}
    for part in parts:  # which grows on the way
        reference = part.get("$ref")
        if reference is not None and reference not in seen:
            seen.add(reference)
            parts.extend(_parts(pointed_at(root, reference)))
        _merge(result, {key: value for key, value in part.items() if key != "$ref"})
    return result


def values_of(schema: Mapping[str, Any]) -> list[Any]:
    """What `const` and `enum` leave, and `type` allows.

    Raises:
        Never: nothing.
    """
    values = schema.get("enum", [schema.get("const")])
    if "const" in schema:
        values = [value for value in values if value == schema["const"]]
    kinds = schema.get("type")
    if kinds is not None:
        kinds = kinds if isinstance(kinds, list) else [kinds]
        values = [value for value in values if any(is_of_type(value, kind) for kind in kinds)]
    if not values:
        raise Never
    return list(values)


def _parts(schema: Any) -> list[dict[str, Any]]:
    """A schema and all that its `allOf` asks for, each without `allOf`."""
    if schema is False:
        raise Never
    if schema is True:
        return []
    if not isinstance(schema, Mapping):
        raise Inexpressible
    own = {key: value for key, value in schema.items() if key not in ("allOf", "oneOf")}
    unions = [{"anyOf": schema["oneOf"]}] if "oneOf" in schema else []
    return [own, *unions, *(part for inner in schema.get("allOf", ()) for part in _parts(inner))]


def _merge(into: dict[str, Any], part: Mapping[str, Any]) -> None:
    _close(into, part)
    for key, value in part.items():
        if key not in into:
            into[key] = value
        elif into[key] != value:
            into[key] = _both(into, key, value)


def _close(one: dict[str, Any], other: Mapping[str, Any]) -> None:
    """What one part has no member for, and allows no other members, the other part can't have either."""
    own, others = one.get("properties", {}), other.get("properties", {})
    refused = {name for name in others if name not in own and _is_closed(one)}
    refused |= {name for name in own if name not in others and _is_closed(other)}
    if refused:
        one["properties"] = {**own, **dict.fromkeys(sorted(refused), False)}


def _is_closed(schema: Mapping[str, Any]) -> bool:
    return schema.get("additionalProperties") is False and "patternProperties" not in schema


def _both(into: dict[str, Any], key: str, value: Any) -> Any:
    combine = _COMBINE.get(key)
    if combine is not None:
        return combine(into[key], value)
    if key not in ANNOTATIONS and into[key] != value:
        into["description"] = f"{into.get('description', '')} {in_words(key, value)}".strip()
    return into[key]


def _all_of(one: Any, other: Any) -> Any:
    if one is False or other is False:
        return False
    return other if one is True else one if other is True else {"allOf": [one, other]}


def _members(one: dict[str, Any], other: dict[str, Any]) -> dict[str, Any]:
    return {**one, **{name: _all_of(one[name], value) if name in one else value for name, value in other.items()}}


def _types(one: Any, other: Any) -> list[str]:
    wanted = other if isinstance(other, list) else [other]
    both = [name for name in (one if isinstance(one, list) else [one]) if _is_within(name, wanted)]
    both += [name for name in wanted if name == "integer" and name not in both and "number" in one]
    return both or _never()


def _is_within(name: str, types: list[str]) -> bool:
    return name in types or (name == "integer" and "number" in types)


def _enum(one: list[Any], other: list[Any]) -> list[Any]:
    if len(one) * len(other) > _MAX_COMPARISONS:
        raise Inexpressible
    return [value for value in one if value in other] or _never()


def _branches(one: list[Any], other: list[Any]) -> list[Any]:
    if len(one) * len(other) > _MAX_BRANCHES:
        raise Inexpressible
    return [{"allOf": list(pair)} for pair in product(one, other)]


def _never(*_: Any) -> Any:
    raise Never


_COMBINE: dict[str, Callable[[Any, Any], Any]] = {
    "type": _types,
    "enum": _enum,
    "const": lambda one, other: one if one == other else _never(),
    "anyOf": _branches,
    "properties": _members,
    "patternProperties": _members,
    "additionalProperties": _all_of,
    "items": _all_of,
    "propertyNames": _all_of,
    "required": lambda one, other: list(dict.fromkeys([*one, *other])),
    "uniqueItems": lambda one, other: one or other,
    **dict.fromkeys(("minimum", "exclusiveMinimum", "minLength", "minItems", "minProperties"), max),
    **dict.fromkeys(("maximum", "exclusiveMaximum", "maxLength", "maxItems", "maxProperties"), min),
}
