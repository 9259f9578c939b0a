"""What the contract is made of: the part of JSON Schema 2020-12 that Pydantic writes, as a few frozen shapes.

Reading is strict. A keyword that went unread would silently widen a type on the other side of the wire, so whatever
this module doesn't know raises `UnsupportedSchemaError`, which names the place as a JSON pointer.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

Json: TypeAlias = Mapping[str, Any]
Scalar: TypeAlias = str | int | float | bool | None

# Pydantic's definition of any JSON value: no definition of ours, but a type that both files have anyhow.
JSON_VALUE = "JsonValue"
# Keywords that describe a value and don't constrain it.
ANNOTATIONS = frozenset({"description", "default", "deprecated", "examples", "readOnly", "writeOnly"})
# `password` and the paths say how to treat a text, not how to check it.
FORMATS = frozenset({"date", "date-time", "uri", "uuid", "password", "path", "directory-path", "file-path"})

# Pydantic's patterns are Rust's or Python's; these constructs of theirs are none of ECMAScript's.
_FOREIGN_PATTERN = re.compile(r"\\[AZz]|\(\?P|\(\?[a-zA-Z-]+[:)]|\[\[:")
_REFERENCE = "#/$defs/"


class UnsupportedSchemaError(ValueError):
    """The bundle holds something that the generated TypeScript would not say."""

    def __init__(self, at: str, problem: str) -> None:
        super().__init__(f"{at}: {problem}")


@dataclass(frozen=True, slots=True)
class Docs:
    """What a person is told about a value; `default` and `examples` are JSON texts.

    A default of null is none: that is how Pydantic says that a member may be left out.
    """

    description: str
    default: str | None
    examples: tuple[str, ...]
    deprecated: bool


@dataclass(frozen=True, slots=True)
class Anything:
    """Any JSON value."""


@dataclass(frozen=True, slots=True)
class Null:
    """The value null."""


@dataclass(frozen=True, slots=True)
class Boolean:
    """True or false."""


@dataclass(frozen=True, slots=True)
class Reference:
    name: str


@dataclass(frozen=True, slots=True)
class Literal:
    """One of a few values: `enum`, or `const` when there is one."""

    values: tuple[Scalar, ...]


@dataclass(frozen=True, slots=True)
class Text:
    """A string; its lengths are in code points."""

    min_length: int | None
    max_length: int | None
    pattern: str | None
    format: str | None


@dataclass(frozen=True, slots=True)
class Number:
    integer: bool
    minimum: float | None
    maximum: float | None
    exclusive_minimum: float | None
    exclusive_maximum: float | None
    multiple_of: float | None


@dataclass(frozen=True, slots=True)
class Array:
    items: Shape
    min_items: int | None
    max_items: int | None


@dataclass(frozen=True, slots=True)
class Map:
    """An object whose keys are data. `keys` is None where any text will do."""

    keys: Shape | None
    values: Shape


@dataclass(frozen=True, slots=True)
class Member:
    name: str
    shape: Shape
    required: bool
    docs: Docs


@dataclass(frozen=True, slots=True)
class Object:
    """An object whose keys are names. A closed one refuses the names it doesn't know, an open one ignores them."""

    members: tuple[Member, ...]
    closed: bool


@dataclass(frozen=True, slots=True)
class Union:
    """One of several shapes, told apart by the member called `discriminator` where there is one."""

    options: tuple[Shape, ...]
    discriminator: str | None = None


Shape: TypeAlias = Anything | Null | Boolean | Reference | Literal | Text | Number | Array | Map | Object | Union


def read_shape(schema: object, at: str) -> Shape:
    """The shape of one schema, found at the JSON pointer `at`.

    Raises:
        UnsupportedSchemaError: it holds a keyword, or a use of one, that isn't known here.
    """
    if schema is True:
        return Anything()
    if not isinstance(schema, Mapping):
        raise UnsupportedSchemaError(at, f"expected a schema, found {json.dumps(schema)}")
    keywords = schema.keys() - ANNOTATIONS
    if not keywords:
        return Anything()
    kind = next((keyword for keyword in _BY_KEYWORD if keyword in keywords), schema.get("type"))
    reader = _READERS.get(kind) if isinstance(kind, str) else None
    if reader is None:
        raise UnsupportedSchemaError(at, f"unsupported schema with the keywords {', '.join(sorted(keywords))}")
    if unknown := keywords - reader.keywords:
        raise UnsupportedSchemaError(at, f"unsupported keywords beside {kind!r}: {', '.join(sorted(unknown))}")
    return reader.read(schema, at)


def read_docs(schema: Json | bool) -> Docs:
    """What the annotations of `schema` say; nothing where they are missing."""
    notes: Json = schema if isinstance(schema, Mapping) else {}
    return Docs(
        description=notes.get("description", "").strip(),
        default=None if notes.get("default") is None else json.dumps(notes["default"], ensure_ascii=False),
        examples=tuple(json.dumps(example, ensure_ascii=False) for example in notes.get("examples", ())),
        deprecated=notes.get("deprecated", False),
    )


def references(shape: Shape) -> Iterator[str]:
    """The names that `shape` refers to, in their order, with repetitions."""
    match shape:
        case Reference(name):
            yield name
        case Array(items=part):
            yield from references(part)
        case Map(keys=keys, values=values):
            if keys is not None:
                yield from references(keys)
            yield from references(values)
        case Object(members=members):
            for member in members:
                yield from references(member.shape)
        case Union(options=options):
            for option in options:
                yield from references(option)


def _reference(schema: Json, at: str) -> Shape:
    target = schema["$ref"]
    if not target.startswith(_REFERENCE):
        raise UnsupportedSchemaError(at, f"a reference leads out of $defs: {target!r}")
    name = target.removeprefix(_REFERENCE)
    return Anything() if name == JSON_VALUE else Reference(name)


def _literal(schema: Json, at: str) -> Shape:
    values = tuple(schema["enum"]) if "enum" in schema else (schema["const"],)
    if not values or not all(value is None or isinstance(value, str | int | float) for value in values):
        raise UnsupportedSchemaError(at, f"only scalars can be literals: {json.dumps(values)}")
    return Literal(values)


def _any_of(schema: Json, at: str) -> Shape:
    options = [read_shape(option, f"{at}/anyOf/{index}") for index, option in enumerate(schema["anyOf"])]
    return Union(tuple(options))


def _one_of(schema: Json, at: str) -> Shape:
    if "discriminator" not in schema:
        raise UnsupportedSchemaError(at, "oneOf without a discriminator: TypeScript has no exclusive unions")
    options = [read_shape(option, f"{at}/oneOf/{index}") for index, option in enumerate(schema["oneOf"])]
    return Union(tuple(options), schema["discriminator"]["propertyName"])


def _text(schema: Json, at: str) -> Shape:
    pattern, form = schema.get("pattern"), schema.get("format")
    if pattern is not None and _FOREIGN_PATTERN.search(pattern.replace("\\\\", "")):
        raise UnsupportedSchemaError(at, f"pattern {pattern!r} isn't an ECMAScript one")
    if form is not None and form not in FORMATS:
        raise UnsupportedSchemaError(at, f"unsupported format {form!r}")
    return Text(schema.get("minLength"), schema.get("maxLength"), pattern, form)


def _number(schema: Json, _at: str) -> Shape:
    return Number(
        integer=schema["type"] == "integer",
        minimum=schema.get("minimum"),
        maximum=schema.get("maximum"),
        exclusive_minimum=schema.get("exclusiveMinimum"),
        exclusive_maximum=schema.get("exclusiveMaximum"),
        multiple_of=schema.get("multipleOf"),
    )


def _array(schema: Json, at: str) -> Shape:
    items = read_shape(schema.get("items", True), f"{at}/items")
    return Array(items, schema.get("minItems"), schema.get("maxItems"))


def _object(schema: Json, at: str) -> Shape:
    extra = schema.get("additionalProperties", True)
    if not isinstance(extra, bool) or not (schema.get("properties") or extra is False):
        return _map(schema, at)
    properties, required = schema.get("properties", {}), frozenset(schema.get("required", ()))
    if unknown := required - properties.keys():
        raise UnsupportedSchemaError(at, f"required but not described: {', '.join(sorted(unknown))}")
    if "propertyNames" in schema:
        raise UnsupportedSchemaError(at, "propertyNames beside properties")
    members = [
        Member(name, read_shape(member, f"{at}/properties/{name}"), name in required, read_docs(member))
        for name, member in properties.items()
    ]
    return Object(tuple(members), closed=extra is False)


def _map(schema: Json, at: str) -> Shape:
    if schema.get("properties"):
        # An index signature must cover the named members too, so TypeScript can only say this by lying about both.
        raise UnsupportedSchemaError(at, "named properties beside a schema for the others")
    return Map(
        keys=_names(schema["propertyNames"], f"{at}/propertyNames") if "propertyNames" in schema else None,
        values=read_shape(schema.get("additionalProperties", True), f"{at}/additionalProperties"),
    )


def _names(schema: Json, at: str) -> Shape:
    # Names are strings by nature, so Pydantic may leave the type out.
    return read_shape(schema if "$ref" in schema else {"type": "string", **schema}, at)


@dataclass(frozen=True, slots=True)
class _Reader:
    """Reads one kind of schema, all of whose keywords it knows."""

    read: Callable[[Json, str], Shape]
    keywords: frozenset[str]


_NUMBER = frozenset({"type", "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"})
_BY_KEYWORD = ("$ref", "const", "enum", "anyOf", "oneOf")
_READERS: Mapping[str, _Reader] = {
    "$ref": _Reader(_reference, frozenset({"$ref"})),
    "const": _Reader(_literal, frozenset({"const", "type"})),
    "enum": _Reader(_literal, frozenset({"enum", "type"})),
    "anyOf": _Reader(_any_of, frozenset({"anyOf"})),
    "oneOf": _Reader(_one_of, frozenset({"oneOf", "discriminator"})),
    "null": _Reader(lambda _schema, _at: Null(), frozenset({"type"})),
    "boolean": _Reader(lambda _schema, _at: Boolean(), frozenset({"type"})),
    "string": _Reader(_text, frozenset({"type", "minLength", "maxLength", "pattern", "format"})),
    "integer": _Reader(_number, _NUMBER),
    "number": _Reader(_number, _NUMBER),
    "array": _Reader(_array, frozenset({"type", "items", "minItems", "maxItems"})),
    "object": _Reader(_object, frozenset({"type", "properties", "required", "additionalProperties", "propertyNames"})),
}
