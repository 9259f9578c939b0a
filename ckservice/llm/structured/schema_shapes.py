"""The forms that values take in the subset of JSON Schema that providers enforce, and the way back from each.

Objects are closed there, and every array has items of one kind. So a free-form object is a list of its entries, a value
of any kind is JSON in a string, a tuple is an object with its places as names, and a member that may be left out is one
that may be null.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from ckservice.llm.structured.schema_image import Image, fits

Restore = Callable[[Any], Any]


@dataclass(frozen=True, slots=True)
class Shape:
    """A schema in the subset, and how a value of that form is turned into what it stands for."""

    image: Image
    restore: Restore = lambda value: value


NULL: Image = {"type": "null"}
_REST = "additionalProperties"
_ANYTHING = "Any value, written as JSON text."


def anything() -> Shape:
    """A value of any kind, as JSON text."""
    return Shape({"type": "string", "description": _ANYTHING}, _from_text)


def literal(values: Sequence[Any]) -> Shape:
    """One of these values; all but null as JSON text where there are objects or arrays."""
    if any(isinstance(value, dict | list) for value in values):
        texts = [orjson.dumps(value).decode("utf-8") for value in values if value is not None]
        shape = Shape({"type": "string", "enum": list(dict.fromkeys(texts))}, _from_text)
        return nullable(shape) if None in values else shape
    by_type: dict[str, list[Any]] = {}
    for value in values:
        of_type = by_type.setdefault(_type_name(value), [])
        if value not in of_type:
            of_type.append(value)
    images = [NULL if name == "null" else {"type": name, "enum": of_type} for name, of_type in by_type.items()]
    return Shape(images[0] if len(images) == 1 else {"anyOf": images})


def union(shapes: Sequence[Shape], find: Callable[[str], Image]) -> Shape:
    """One of several forms: a value is restored as the first that it fits; `find` knows the definitions."""
    if len(shapes) == 1:
        return shapes[0]

    def restore(value: Any) -> Any:
        shape = next((shape for shape in shapes if fits(value, shape.image, find)), None)
        return value if shape is None else shape.restore(value)

    return Shape({"anyOf": [shape.image for shape in shapes]}, restore)


def nullable(shape: Shape) -> Shape:
    """The same, or null."""
    image = shape.image
    if set(image) == {"anyOf"}:
        return Shape({"anyOf": [*image["anyOf"], NULL]}, shape.restore)
    return Shape({"anyOf": [image, NULL]}, shape.restore)


def closed(members: Mapping[str, Shape], required: Sequence[str], absent_if_null: set[str]) -> Shape:
    """An object with these members.

    Args:
        members: by name.
        required: those that can't be left out.
        absent_if_null: those that are left out where they are null.
    """

    def restore(value: Any) -> Any:
        if not isinstance(value, dict):
            return value
        return {
            name: members[name].restore(member) if name in members else member
            for name, member in value.items()
            if not (member is None and name in absent_if_null)
        }

    properties = {name: shape.image for name, shape in members.items()}
    image = {"type": "object", "properties": properties, "required": list(required), "additionalProperties": False}
    return Shape(image, restore)


def entries(key: Shape, value: Shape) -> Shape:
    """An object with any names, as a list of `{key, value}`."""
    entry = closed({"key": key, "value": value}, ["key", "value"], set())

    def restore(found: Any) -> Any:
        if not isinstance(found, list) or not all(_is_entry(item) for item in found):
            return found
        return {item["key"]: value.restore(item["value"]) for item in found}

    return Shape({"type": "array", "items": entry.image}, restore)


def half_open(shape: Shape, rest: Shape) -> Shape:
    """An object with these members and others, which are in a member of their own, as entries."""
    image = shape.image
    name = _REST
    while name in image["properties"]:
        name += "_"

    def restore(value: Any) -> Any:
        if not isinstance(value, dict):
            return value
        others = rest.restore(value.get(name))
        named = shape.restore({key: member for key, member in value.items() if key != name})
        if not isinstance(others, dict):
            return named
        return {**{key: other for key, other in others.items() if key not in image["properties"]}, **named}

    properties = {**image["properties"], name: rest.image}
    return Shape({**image, "properties": properties, "required": [*image["required"], name]}, restore)


def array(item: Shape) -> Shape:
    """A list of items of one kind."""

    def restore(value: Any) -> Any:
        return [item.restore(inner) for inner in value] if isinstance(value, list) else value

    return Shape({"type": "array", "items": item.image}, restore)


def places(items: Sequence[Shape], rest: Shape | None) -> Shape:
    """A list with items of their own kinds, by place, and maybe more after them."""
    members = {str(place): item for place, item in enumerate(items)}
    whole = closed({**members, "rest": rest} if rest is not None else members, [*members], set())
    if rest is not None:
        whole.image["required"].append("rest")

    def restore(value: Any) -> Any:
        if not isinstance(value, dict) or not members.keys() <= value.keys():
            return value
        restored = whole.restore(value)
        more = restored.get("rest", [])
        return [*(restored[name] for name in members), *(more if isinstance(more, list) else ())]

    return Shape(whole.image, restore)


def alone(name: str, shape: Shape) -> Shape:
    """Something that is no object, as the only member of one."""
    whole = closed({name: shape}, [name], set())

    def restore(value: Any) -> Any:
        return whole.restore(value)[name] if isinstance(value, dict) and value.keys() == {name} else value

    return Shape(whole.image, restore)


def _is_entry(item: Any) -> bool:
    return isinstance(item, dict) and isinstance(item.get("key"), str) and "value" in item


def _from_text(value: Any) -> Any:
    try:
        return orjson.loads(value)
    except orjson.JSONDecodeError:
        return value


def _type_name(value: Any) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "boolean"
    return "string" if isinstance(value, str) else "integer" if isinstance(value, int) else "number"
