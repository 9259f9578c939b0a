"""Entities in the style of the house: members in the order of the schema, and none that is empty without need."""

from collections.abc import Mapping
from typing import Any

from ckservice.generation.schema_parts import items, members, parts, required

_EMPTY: tuple[Any, ...] = (None, "", [], {})


def in_order(value: Any, root: Mapping[str, Any], *, kept: Any = None) -> Any:
    """A value with its members in the order in which the schema names them, others behind.

    Args:
        value: of a model.
        root: the schema.
        kept: what was there before; its members keep their places, and may be empty if they were.
    """
    return _ordered(value, root, root, kept)


def _ordered(value: Any, root: Mapping[str, Any], schema: Any, kept: Any) -> Any:
    found = parts(root, schema)
    if isinstance(value, list):
        inner, old = items(found), kept if isinstance(kept, list) else []
        return [
            _ordered(item, root, inner, old[place] if place < len(old) else None) for place, item in enumerate(value)
        ]
    if not isinstance(value, Mapping):
        return value
    named, needed = members(found), required(found)
    before = kept if isinstance(kept, Mapping) else {}
    ordered = {}
    for name in dict.fromkeys(name for name in (*before, *named, *value) if name in value):
        member = _ordered(value[name], root, named.get(name), before.get(name))
        if name in needed or name in before or member not in _EMPTY:
            ordered[name] = member
    return ordered
